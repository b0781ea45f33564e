package campaign

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/generators"
	"retain/harness"
	"retain/model"
)

// apartCases are what a second segment of [one] may be.
var apartCases = []struct {
	what   string
	change func(*Start)
	// differs is what is said to differ, "" for nothing that matters.
	differs string
}{
	{"the same", func(*Start) {}, ""},
	{"another seed", func(b *Start) { b.Seed = 4 }, "seed 9 and 4"},
	{"another number of shards", func(b *Start) { b.Shard.Of = 3 }, "number of shards 2 and 3"},
	{"other steps", func(b *Start) { b.RapidSteps = 7 }, "-rapid.steps 30 and 7"},
	{"another configuration", func(b *Start) { b.Server = "plain-4" }, "-config none and plain-4"},
	{"another share of faults of the service", func(b *Start) { b.ServiceFaults = 0.5 }, "-service.faults 0 and 0.5"},
	{"ambiguous ones left open", func(b *Start) { b.Unresolved = true }, "-unresolved false and true"},
	{"another runtime", func(b *Start) { b.Runtime = "container" }, "-runtime process and container"},
	{"a runtime that was not recorded", func(b *Start) { b.Runtime = "auto" }, ""},
	{"a runtime that was chosen", func(b *Start) { b.Flags = b.Flags[1:] }, ""},
	{"a file of another content", func(b *Start) { b.Altered = model.Settings{{Name: "-restate.config", Value: "f", SHA256: "22"}} }, "-restate.config (sha256) 11 and 22"},
	{"a hash that was not recorded", func(b *Start) { b.Altered = model.Settings{{Name: "-restate.config", Value: "f"}} }, ""},
	{"another version", func(b *Start) { b.Flags = append(b.Flags, "-restate.version=1.6.0") }, "-restate.version none and 1.6.0"},
	{"other variables", func(b *Start) { b.Flags[3] = "-restate.env=B=3" }, "-restate.env A=1 B=2 and A=1 B=3"},
	{"variables in another order", func(b *Start) { b.Flags[2], b.Flags[3] = b.Flags[3], b.Flags[2] }, ""},
	{"fields, as flags", func(b *Start) { b.Flags = append(b.Flags, "-config=", "-unresolved=false", "-rapid.steps=30") }, ""},
	{"what has nothing to do with it", func(b *Start) {
		b.Flags = append(b.Flags, "-keep.data=true", "-shrink.budget=9s", "-check.budget=9s", "-workers=8")
		b.Workers, b.Platform, b.Go, b.Duration = 8, "darwin/arm64 8 cpus", "go1.30", time.Minute
	}, ""},
	{"several", func(b *Start) { b.Seed, b.Flags = 4, nil }, "seed 9 and 4, -recovery.max 9s and none, -restate.env A=1 B=2 and none"},
}

func one() Start {
	b := begunAt(noon, "one")
	b.Shard, b.RapidSteps, b.Runtime = Shard{Of: 2}, 30, "process"
	b.Altered = model.Settings{{Name: "-restate.config", Value: "f", SHA256: "11"}}
	b.Flags = []string{"-runtime=process", "-recovery.max=9s", "-restate.env=A=1", "-restate.env=B=2"}
	return b
}

// The totals of two campaigns have no meaning.
func TestSegmentsOfTwoCampaignsAreNotMerged(t *testing.T) {
	for _, c := range apartCases {
		dir := t.TempDir()
		first := onDisk(t, filepath.Join(dir, "a"), one())
		b := one()
		b.Segment, b.At, b.Shard.Index = "other", noon.Add(time.Hour), 1
		c.change(&b)
		second := onDisk(t, filepath.Join(dir, "b"), b)
		_, err := Read(dir)
		if c.differs == "" {
			assert.NoError(t, err, c.what)
			continue
		}
		assert.EqualError(t, err, "read the campaign: "+first+" and "+second+" are not of one campaign: "+c.differs+": name a directory that has one only")
	}
}

// A segment with -runtime auto fits any other. The rest are still compared.
func TestAutoRuntimeDoesNotHideAConflict(t *testing.T) {
	dir := t.TempDir()
	for i, runtime := range []string{"auto", "process", "auto", "container"} {
		b := one()
		b.Segment, b.At, b.Runtime = runtime+"-"+time.Duration(i).String(), noon.Add(time.Duration(i)*time.Hour), runtime
		onDisk(t, dir, b)
		_, err := Read(dir)
		if runtime == "container" {
			assert.ErrorContains(t, err, "-runtime process and container")
		} else {
			assert.NoError(t, err)
		}
	}
}

// Its plans would count twice.
func TestReadRefusesACopiedSegment(t *testing.T) {
	dir := t.TempDir()
	first := onDisk(t, filepath.Join(dir, "shard-0"), one(), PlanDrawn{Number: 0, At: noon})
	text, err := os.ReadFile(first)
	require.NoError(t, err)
	second := filepath.Join(dir, "shard-0-copy", RecordsDir, filepath.Base(first))
	require.NoError(t, os.MkdirAll(filepath.Dir(second), 0o755))
	for _, copied := range []string{string(text), strings.SplitAfter(string(text), "\n")[0]} { // or it went on
		require.NoError(t, os.WriteFile(second, []byte(copied), 0o600))
		_, err = Read(dir)
		require.Error(t, err)
		assert.Contains(t, err.Error(), first)
		assert.Contains(t, err.Error(), second)
		assert.Contains(t, err.Error(), "are the same segment, once copied: remove one of them")
	}
}

// The flags may differ from the segment to resume, or from another shard in the
// directory.
func TestResumeRefusesAnotherCampaign(t *testing.T) {
	for _, c := range apartCases {
		dir := t.TempDir()
		file := onDisk(t, dir, one())
		b := one()
		b.Seed = 0 // as it was
		c.change(&b)
		all, err := Read(dir)
		require.NoError(t, err)
		err = all.resumable(b)
		if c.differs == "" {
			assert.NoError(t, err, c.what)
			continue
		}
		require.Error(t, err, c.what)
		assert.True(t, strings.HasPrefix(err.Error(), "resume the campaign of "+file+": its "), err)
		assert.NotContains(t, err.Error(), "\n")
		for _, d := range strings.Split(c.differs, ", ") {
			words := strings.SplitN(d, " and ", 2)
			assert.Contains(t, err.Error(), ", not "+words[1], "%s: %s", c.what, d)
		}
	}
	o := short(t, time.Second)
	o.Dir = filepath.Join(o.Dir, "shard")
	killed := begunAt(time.Now().Add(-time.Hour).UTC(), "a")
	killed.Seed, killed.RapidSteps, killed.Runtime = 1, generators.Draw(1, 0, generators.Options{}).RapidSteps, "process"
	file := onDisk(t, o.Dir, killed)
	o.Start.Runtime, o.Start.Server, o.Start.Unresolved = "simulated", "plain-4", true
	_, err := Conduct(t.Context(), o)
	assert.EqualError(t, err, "resume the campaign of "+file+": its -runtime is process, not simulated, its -config is none, not plain-4, "+
		"its -unresolved is false, not true: leave that out, or say the same")
	o.Start.Runtime, o.Start.Server, o.Start.Unresolved = "process", "", false
	o.Start.Shard = Shard{Index: 1, Of: 2}
	_, err = Conduct(t.Context(), o)
	assert.ErrorContains(t, err, "its number of shards is 1, not 2", "the records of both would not be read")
	o.Start.Shard = Shard{}
	o.Dir = filepath.Dir(o.Dir)
	_, err = Conduct(t.Context(), o)
	assert.ErrorContains(t, err, "shard 0/1 has its records in "+filepath.Dir(filepath.Dir(file))+": name that directory")
}

// Two processes had the same shard. A finding of one is not hidden by a pass of the
// other.
func TestPlanOfSeveralSegmentsCountsOnce(t *testing.T) {
	dir := t.TempDir()
	target, other := generators.Situations()[7], generators.Situations()[8]
	plan := func(n int, v harness.Verdict) PlanResult {
		return PlanResult{Number: n, At: noon, Verdict: v, Counters: harness.Counters{Operations: 1}}
	}
	onDisk(t, filepath.Join(dir, "a"), one(),
		PlanDrawn{Number: 0, At: noon, Situation: &target}, plan(0, harness.Violation), Violation{Number: 0, At: noon, Finding: 0, Fingerprint: "f"},
		PlanDrawn{Number: 2, At: noon, Situation: &target}, plan(2, harness.Pass),
		PlanDrawn{Number: 4, At: noon, Situation: &target}, PlanDrawn{Number: 6, At: noon, Situation: &target}, plan(6, harness.Pass),
		PlanDrawn{Number: 8, At: noon, Situation: &target}, plan(8, harness.Violation))
	b := one()
	b.Segment, b.At = "two", noon.Add(time.Hour)
	onDisk(t, filepath.Join(dir, "b"), b,
		PlanDrawn{Number: 0, At: noon, Situation: &other}, plan(0, harness.Pass),
		PlanDrawn{Number: 2, At: noon, Situation: &other}, plan(2, harness.Pass),
		PlanDrawn{Number: 4, At: noon, Situation: &other}, PlanDrawn{Number: 6, At: noon, Situation: &other},
		PlanDrawn{Number: 8, At: noon, Situation: &other}, plan(8, harness.Violation),
		Violation{Number: 8, At: noon, Finding: 8, Fingerprint: "g"}, Violation{Number: 0, At: noon, Finding: 0, Fingerprint: "f"})
	c, err := Read(dir)
	require.NoError(t, err)
	totals := c.Totals()
	assert.Equal(t, 4, totals.Plans)
	assert.Equal(t, 4, totals.Operations)
	assert.Equal(t, map[harness.Verdict]int{harness.Violation: 2, harness.Pass: 2}, totals.Verdicts)
	assert.Equal(t, map[int]int{0: 1, 8: 1}, totals.Findings)
	assert.Len(t, c.Segments[0].Violations, 1)
	assert.Len(t, c.Segments[1].Violations, 1)
	for n, want := range map[int]string{
		0: "one", // found there
		2: "two", // judged alike: the last
		4: "two", // judged by neither: the last
		6: "one", // judged there
		8: "two",
	} {
		s, d, drawn := c.FindDrawn(n)
		require.True(t, drawn)
		assert.Equal(t, want, s.Segment, "plan %d", n)
		assert.Equal(t, s.Drawn[n], d)
	}
	_, _, drawn := c.FindDrawn(1)
	assert.False(t, drawn)
}

// An unknown verdict must not count as a pass.
func TestReadRefusesUnknownVerdicts(t *testing.T) {
	for _, c := range []struct {
		record Record
		says   string
	}{
		{PlanResult{Number: 3, At: noon, Verdict: "passs"}, `:2: plan 3 has the verdict "passs", which is none`},
		{PlanResult{Number: 3, At: noon}, `:2: plan 3 has the verdict "", which is none`},
		{PlanResult{Number: 3, At: noon, Verdict: harness.Vacuous}, `:2: plan 3 has the verdict "vacuous", which is none`},
		{Note{At: noon, Verdict: "harnes"}, `:2: a note has the verdict "harnes", which is none`},
		{Note{At: noon, Verdict: harness.Vacuous}, ""},
		{Note{At: noon}, ""},
	} {
		dir := t.TempDir()
		file := onDisk(t, dir, one(), c.record)
		_, err := Read(dir)
		if c.says == "" {
			assert.NoError(t, err)
		} else {
			assert.ErrorContains(t, err, file+c.says)
		}
	}
}

// There is nothing to resume.
func TestCampaignStartsOverIfKilledBeforeItsFirstRecord(t *testing.T) {
	t.Parallel() // it mostly waits
	cut, err := encode(one())
	require.NoError(t, err)
	for what, text := range map[string]string{"no file": "none", "an empty file": "", "a line that is cut off": string(cut[:40])} {
		o := short(t, time.Second)
		require.NoError(t, os.MkdirAll(filepath.Join(o.Dir, RecordsDir), 0o755))
		if text != "none" {
			require.NoError(t, os.WriteFile(filepath.Join(o.Dir, RecordsDir, "0of1-a.jsonl"), []byte(text), 0o600))
		}
		_, err := Read(o.Dir)
		require.ErrorIs(t, err, ErrNoRecords, what)
		assert.Contains(t, err.Error(), "no records in "+o.Dir+": name the directory of a campaign")
		c, err := Conduct(t.Context(), o)
		require.NoError(t, err, what)
		assert.Len(t, c.Segments, 1, what)
	}
	_, err = Read(filepath.Join(t.TempDir(), "typo"))
	require.ErrorIs(t, err, ErrNoRecords)
}

// A flag of builds is given once for each of them.
func TestBuildsOfOneCampaignDoNotDifferFromEachOther(t *testing.T) {
	a := Start{Altered: model.Settings{{Name: "-restate.binary", Value: "a=server", SHA256: "11"}, {Name: "-restate.binary", Value: "b=server", SHA256: "22"}}}
	assert.Empty(t, differences(a, a))
	b := a
	b.Altered = model.Settings{a.Altered[0], {Name: "-restate.binary", Value: "b=server", SHA256: "33"}}
	assert.Len(t, differences(a, b), 1)
}

package campaign

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/generators"
	"retain/harness"
	"retain/model"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// begunAt opens the records of a test.
func begunAt(at time.Time, segment string) Start {
	return Start{Version: Version, Segment: segment, At: at, Seed: 9, Shard: Shard{Of: 1}, Duration: time.Hour, Workers: 2}
}

// onDisk writes records into a campaign's directory, and gives their file.
func onDisk(t *testing.T, dir string, b Start, records ...Record) string {
	w, err := newWriter(dir, b)
	require.NoError(t, err)
	for _, r := range records {
		w.write(r)
	}
	require.NoError(t, w.close())
	return w.file.Name()
}

func TestCampaignRecordsSurviveEncoding(t *testing.T) {
	target := generators.Situations()[7]
	all := []Record{
		begunAt(noon, "a"), PlanDrawn{Number: 3, At: noon, Situation: &target}, PlanDrawn{Number: 4, At: noon},
		PlanResult{
			Number: 3, Run: "x-3", At: noon, Took: time.Second, Verdict: harness.Pass, Counters: harness.Counters{Faults: map[model.FaultKind]int{"kill": 2}},
			Seconds: []Second{{Answered: 4}}, Bands: []Band{{Kind: "kill", From: 1, To: 2}},
			Recoveries: []Recovery{{Kind: "kill", Down: 1, Probe: 2, Closing: true}}, Situations: []string{target.String()},
		},
		Violation{Number: 5, At: noon, Fingerprint: "f", Finding: 3, Guarantee: "g"},
		Reduction{Number: 3, At: noon, Rate: generators.Rate{Failures: 1, Runs: 2}},
		Sample{At: noon, Resident: 1, Heap: 2, Descriptors: 3, Goroutines: 4},
		Canary{At: noon, Caught: true, Bug: "b", Plans: 1}, Note{At: noon, Verdict: harness.Harness, Text: "t"},
		End{At: noon, Why: "the time is over", Plans: 1, Inside: 0.5, WorkerTime: map[harness.Part]time.Duration{harness.PartReady: time.Second}},
	}
	for _, r := range all {
		line, err := encode(r)
		require.NoError(t, err)
		require.Equal(t, 1, bytes.Count(line, []byte("\n")))
		back, err := decode(bytes.TrimSpace(line))
		require.NoError(t, err)
		assert.Equal(t, r, back)
	}
	assert.Len(t, decoders, len(all)-1, "all kinds of records are in this test")
}

// Only the last line may be torn, at any byte.
func TestReadToleratesATornLastLine(t *testing.T) {
	dir := t.TempDir()
	file := onDisk(t, dir, begunAt(noon, "a"), PlanDrawn{Number: 0, At: noon}, PlanResult{Number: 0, At: noon, Took: time.Second, Verdict: harness.Pass},
		PlanDrawn{Number: 1, At: noon}, PlanResult{Number: 1, At: noon, Took: time.Second, Verdict: harness.Pass})
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	whole := bytes.LastIndexByte(text[:len(text)-1], '\n') + 1
	for cut := whole + 1; cut < len(text); cut += 7 {
		require.NoError(t, os.WriteFile(file, text[:cut], 0o600))
		c, err := Read(dir)
		require.NoError(t, err)
		assert.Regexp(t, `^line 5 is cut off after \d+ bytes$`, c.Segments[0].Damage)
		assert.Len(t, c.Segments[0].Plans, 1)
		assert.Contains(t, c.Segments[0].Pending, 1, "its plan is drawn again")
	}
	broken := bytes.Replace(text, []byte(`"r":"plan"`), []byte(`"r":"plum"`), 1)
	require.NoError(t, os.WriteFile(file, broken, 0o600))
	_, err = Read(dir)
	assert.ErrorContains(t, err, file+`:3: no record is called "plum"`)

	first := bytes.IndexByte(text, '\n')
	require.NoError(t, os.WriteFile(file, text[:first/2], 0o600))
	_, err = Read(dir)
	assert.ErrorContains(t, err, "no records in", "a file without a whole line says nothing")
}

// The totals are those of all files below a directory.
func TestShardsAndSegmentsAreMerged(t *testing.T) {
	dir := t.TempDir()
	plan := func(n int, v harness.Verdict) PlanResult {
		return PlanResult{
			Number: n, Run: "r", At: noon, Took: time.Minute, Verdict: v, Counters: harness.Counters{Operations: 10, Faults: map[model.FaultKind]int{"kill": 1}},
			Recoveries: []Recovery{{Kind: "kill", Probe: 1}}, Situations: []string{"s"},
		}
	}
	half := func(at time.Time, segment string, index int) Start {
		b := begunAt(at, segment)
		b.Shard = Shard{Index: index, Of: 2}
		return b
	}
	onDisk(t, filepath.Join(dir, "0"), half(noon, "a", 0), plan(0, harness.Pass), plan(2, harness.Violation), Canary{At: noon, Caught: true},
		Violation{Number: 2, At: noon, Finding: 2}, End{At: noon.Add(2 * time.Minute)})
	ledger := plan(4, harness.Violation)
	ledger.Ledger = true
	onDisk(t, filepath.Join(dir, "0"), half(noon.Add(time.Hour), "b", 0), plan(4, harness.Pass), ledger, Violation{Number: 4, At: noon, Finding: 4},
		Reduction{Number: 4, At: noon, Finding: 2}, End{At: noon.Add(time.Hour + time.Minute)})
	onDisk(t, filepath.Join(dir, "1"), half(noon, "c", 1), plan(1, harness.Pass), Canary{At: noon})
	c, err := Read(dir)
	require.NoError(t, err)
	require.Len(t, c.Segments, 3)
	totals := c.Totals()
	assert.Equal(t, 4, totals.Plans, "what the ledger showed is no plan more")
	assert.Equal(t, map[harness.Verdict]int{harness.Pass: 2, harness.Violation: 2}, totals.Verdicts)
	assert.Equal(t, 40, totals.Operations)
	assert.Equal(t, 4, totals.Restarts)
	assert.Equal(t, map[model.FaultKind]int{"kill": 4}, totals.Faults)
	assert.Equal(t, map[int]int{2: 2}, totals.Findings, "two that turned out to be one")
	assert.Equal(t, 2*(2*time.Minute+time.Minute+time.Minute), totals.Took)
	verdict, why := c.Verdict()
	assert.Equal(t, harness.Violation, verdict)
	assert.Equal(t, []string{CouldNotFind + ": 1 of 2 canaries were caught"}, why)
	assert.Len(t, c.of(Shard{Of: 2}), 2)
}

// The fingerprints are equal.
func TestFindingOfTwoShardsCountsOnce(t *testing.T) {
	c := &Campaign{Segments: []Segment{
		{Violations: []Violation{{Number: 4, Finding: 4, Fingerprint: "a"}, {Number: 6, Finding: 4, Fingerprint: "a"}, {Number: 8, Finding: 8, Fingerprint: "b"}}},
		{Violations: []Violation{{Number: 3, Finding: 3, Fingerprint: "a"}, {Number: 5, Finding: 5, Fingerprint: "c"}}, Reductions: []Reduction{{Number: 5, Finding: 5, Fingerprint: "z"}}},
		{Reductions: []Reduction{{Number: 8, Finding: 8, Fingerprint: "z"}}},
	}}
	assert.Equal(t, map[int]int{3: 3, 4: 3, 6: 3, 5: 5, 8: 5}, c.Firsts())
}

// The number of plans alone does not make a pass.
func TestVerdictIsVacuousIfPlansProveTooLittle(t *testing.T) {
	c := &Campaign{Segments: []Segment{{Canaries: []Canary{{Caught: true}}}}}
	verdict, why := c.Verdict()
	assert.Equal(t, harness.Vacuous, verdict, "no plan at all")
	assert.NotEmpty(t, why)
	all := []string{}
	for _, s := range generators.Situations() {
		all = append(all, s.String())
	}
	for n := range 30 {
		c.Segments[0].Plans = append(c.Segments[0].Plans, PlanResult{
			Number: n, Verdict: harness.Pass, Recoveries: []Recovery{{Probe: 1}}, Counters: harness.Counters{InFlight: 1, ReadBack: 1}, Situations: all,
		})
	}
	verdict, why = c.Verdict()
	assert.Equal(t, harness.Pass, verdict, why)
	c.Segments[0].Plans[0].ReadBack = 0
	verdict, why = c.Verdict()
	assert.Equal(t, harness.Vacuous, verdict)
	assert.Equal(t, []string{"values read back after a restart: 29 of 30 needed"}, why)
	c.Segments[0].Notes = []Note{{Verdict: harness.Harness, Text: "no disk"}}
	verdict, why = c.Verdict()
	assert.Equal(t, harness.Harness, verdict)
	assert.Equal(t, []string{"no disk"}, why)
}

func TestLatenciesReadBack(t *testing.T) {
	h := harness.NewLatencies()
	for us := range int64(1000) {
		require.NoError(t, h.RecordValue(us+1))
	}
	text, err := encodeLatencies(h)
	require.NoError(t, err)
	back, err := PlanResult{Latencies: text}.LatencyHistogram()
	require.NoError(t, err)
	assert.Equal(t, int64(1000), back.TotalCount())
	assert.InEpsilon(t, 990, back.ValueAtQuantile(99), 0.02)
	_, err = PlanResult{Number: 8, Latencies: "?"}.LatencyHistogram()
	assert.ErrorContains(t, err, "the latencies of plan 8")
	empty, err := PlanResult{}.LatencyHistogram()
	require.NoError(t, err)
	assert.Zero(t, empty.TotalCount())
}

// Flags that a segment left out are "", and what older records don't name is said.
func TestFlagsOfDrawingSayWhatRecordsHave(t *testing.T) {
	older := Segment{Start: one()}
	assert.Equal(t, "0", older.DrawFlags()["service.faults"])
	share := older
	share.ServiceFaults = 0.5
	assert.Equal(t, "0.5", share.DrawFlags()["service.faults"])
	share.ServiceFaults = generators.ServiceFaults
	assert.Empty(t, share.DrawFlags()["service.faults"])
}

func TestPlansOfCampaignHaveFaultsOfServiceByItsShare(t *testing.T) {
	b := one()
	disturbed := func(target *generators.Situation) bool {
		return slices.ContainsFunc(b.Redraw(PlanDrawn{Number: 3, Situation: target}).Steps, func(s generators.Step) bool {
			f, is := s.(generators.Inject)
			return is && f.Fault.OfService()
		})
	}
	target := &generators.Situations()[7]
	assert.False(t, disturbed(nil))
	b.ServiceFaults = 1
	assert.True(t, disturbed(nil))
	assert.True(t, disturbed(target))
}

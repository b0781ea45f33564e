package campaign

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/generators"
	"retain/harness"
	"retain/model"
	"retain/runtime/simulated"
)

// ended is a context that has ended: a sitting with it sees to what was left behind,
// and no more.
func ended(t *testing.T) context.Context {
	ctx, end := context.WithCancel(t.Context())
	end()
	return ctx
}

// cutAt kills a sitting in retrospect: its file ends before its first record of a
// kind.
func cutAt(t *testing.T, file, kind string) {
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	at := bytes.Index(text, []byte(`{"r":"`+kind+`"`))
	require.Positive(t, at)
	require.NoError(t, os.WriteFile(file, text[:at], 0o600))
}

// TestAFindingOutlivesAKill: between the verdict and the record of the finding. What
// no order of operations shows is read back from its folder; of what can't be, the
// facts are counted.
func TestAFindingOutlivesAKill(t *testing.T) {
	t.Parallel() // it mostly waits
	o := short(t, 2*time.Minute, simulated.StuckKey)
	o.Begun.Workers, o.ShrinkBudget = 1, 12*time.Second
	o.Session.Bounds = harness.Bounds{Recovery: 2 * time.Second, Completion: 500 * time.Millisecond}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	o.OnFinding = func(harness.Run, *harness.Shrunk) { stop() }
	c, err := Conduct(ctx, o)
	require.NoError(t, err)
	first := c.Sittings[0]
	require.Len(t, first.Found, 1)
	was := first.Found[0]
	require.Equal(t, "an accepted operation finishes", was.Guarantee)
	cutAt(t, filepath.Join(o.Dir, first.File), "found")
	folder := filepath.Join(o.Dir, was.Dir)

	// goesOn is the next sitting, whose records are removed.
	goesOn := func(ctx context.Context) Sitting {
		c, err := Conduct(ctx, o)
		require.NoError(t, err)
		require.Len(t, c.Sittings, 2)
		next := c.Sittings[1]
		require.Len(t, next.Found, 1, "%+v", next.Notes)
		assert.Equal(t, map[int]int{was.Number: 1}, c.Totals().Findings)
		assert.Equal(t, was.Dir, next.Found[0].Dir)
		assert.Equal(t, was.Number, next.Found[0].Finding)
		require.NoError(t, os.Remove(filepath.Join(o.Dir, next.File)))
		return next
	}
	told := 0
	o.OnFinding = func(r harness.Run, s *harness.Shrunk) {
		told++
		if s != nil {
			stop()
		}
	}
	ctx, stop = context.WithCancel(t.Context())
	defer stop()
	whole := goesOn(ctx)
	assert.Equal(t, 2, told, "found and reduced")
	assert.Equal(t, was.Fingerprint, whole.Found[0].Fingerprint, "it is the same one")
	assert.Equal(t, was.Guarantee, whole.Found[0].Guarantee)
	require.Len(t, whole.Reduced, 1)
	assert.NotZero(t, whole.Reduced[0].Executions, whole.Reduced[0].Problem)

	require.NoError(t, os.Remove(filepath.Join(folder, harness.HistoryFile)))
	facts := goesOn(ended(t))
	assert.Equal(t, was.Guarantee, facts.Found[0].Guarantee)
	require.Len(t, facts.Reduced, 1)
	assert.Regexp(t, "^it can't be reduced any more: .*history.jsonl", facts.Reduced[0].Problem)

	require.NoError(t, os.RemoveAll(folder))
	record := goesOn(ended(t))
	assert.Contains(t, record.Found[0].Guarantee, was.Guarantee, "the verdict's own sentence")
	require.Len(t, record.Reduced, 1)

	again, err := Conduct(ended(t), o)
	require.NoError(t, err)
	third, err := Conduct(ended(t), o)
	require.NoError(t, err)
	assert.Len(t, again.Sittings[1].Reduced, 1)
	assert.Empty(t, third.Sittings[2].Reduced, "it is said once")
	assert.Empty(t, third.Sittings[2].Found)
}

// TestWhatTheServerAdmitsOutlivesAKill: its history shows nothing, its folder does.
func TestWhatTheServerAdmitsOutlivesAKill(t *testing.T) {
	o := short(t, time.Minute)
	killed := begunAt(time.Now().Add(-time.Hour).UTC(), "a")
	plan := generators.Draw(1, 0, generators.Options{})
	killed.Seed, killed.RapidSteps = 1, plan.RapidSteps
	j := func(n int) Judged {
		return Judged{Number: n, At: killed.At, Verdict: harness.Violation, Sentence: "the server reports a panic: thread 'x' panicked", Dir: "findings/a"}
	}
	onDisk(t, o.Dir, killed, j(0), j(1))
	facts, err := json.Marshal(harness.Finding{
		Version: harness.FindingVersion, Verdict: harness.Violation, Guarantee: "the server reports a panic", Sentence: j(0).Sentence,
		Admissions: []harness.Admission{{Line: "thread 'x' panicked", Class: "a panic"}},
	})
	require.NoError(t, err)
	var history bytes.Buffer
	require.NoError(t, model.WriteHistory(&history, &model.History{Header: model.Header{Version: 1, Run: "r"}}))
	for name, text := range map[string][]byte{
		harness.FindingFile: facts, harness.PlanFile: generators.Encode(plan), harness.HistoryFile: history.Bytes(),
	} {
		require.NoError(t, os.MkdirAll(filepath.Join(o.Dir, "findings/a"), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(o.Dir, "findings/a", name), text, 0o600))
	}
	var told []harness.Run
	o.OnFinding = func(r harness.Run, _ *harness.Shrunk) { told = append(told, r) }
	c, err := Conduct(ended(t), o)
	require.NoError(t, err)
	require.NotEmpty(t, c.Sittings[1].Found)
	f := c.Sittings[1].Found[0]
	assert.Equal(t, "the server reports a panic", f.Guarantee)
	assert.Equal(t, fingerprint("the server reports a panic\n"), f.Fingerprint, "that of any other panic")
	require.Len(t, told, 1, "it is whole: it can be told, and reduced: %+v", c.Sittings[1].Reduced)
	assert.Equal(t, "a panic", told[0].Admissions[0].Class)
	assert.Nil(t, told[0].Outcome.Liveness)

	require.NoError(t, os.Remove(filepath.Join(o.Dir, c.Sittings[1].File)))
	require.NoError(t, os.Remove(filepath.Join(o.Dir, "findings/a", harness.PlanFile)))
	c, err = Conduct(ended(t), o)
	require.NoError(t, err)
	require.Len(t, c.Sittings[1].Found, 2)
	assert.Equal(t, f.Fingerprint, c.Sittings[1].Found[0].Fingerprint)
	assert.Equal(t, map[int]int{0: 2}, c.Totals().Findings, "two of one kind are one")
}

// TestAViolationWithoutAHistoryIsFound: the server admits something, and the plan
// did not begin.
func TestAViolationWithoutAHistoryIsFound(t *testing.T) {
	c := opened(t, short(t, time.Minute))
	c.found(ended(t), harness.Run{
		Plan: generators.Plan{Number: 6}, Verdict: harness.Violation, Admissions: []harness.Admission{{Class: "a panic"}},
	})
	all, err := Read(c.Dir)
	require.NoError(t, err)
	require.Len(t, all.Sittings[0].Found, 1)
	assert.Equal(t, "the server reports a panic", all.Sittings[0].Found[0].Guarantee)
}

// opened is a campaign that has begun and draws nothing.
func opened(t *testing.T, o Options) *campaign {
	c, err := begin(o)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, c.records.close())
		c.release()
	})
	return c
}

// TestWhyAFindingWasNotReducedOrKept is told: there is no time left, none was
// asked for, or what it was reduced to did not fail again.
func TestWhyAFindingWasNotReducedOrKept(t *testing.T) {
	o := short(t, time.Minute)
	o.ShrinkBudget = 0
	r := harness.Run{Plan: generators.Plan{Number: 6}, Verdict: harness.Violation, Admissions: []harness.Admission{{Class: "a panic"}}}
	c := opened(t, o)
	c.reduce(t.Context(), r, nil)
	c.ShrinkBudget, c.reducing = time.Minute, 15*time.Second
	c.reduce(t.Context(), r, nil)
	all, err := Read(c.Dir)
	require.NoError(t, err)
	require.Len(t, all.Sittings[0].Reduced, 2)
	assert.Equal(t, "no reduction was asked for", all.Sittings[0].Reduced[0].Problem)
	assert.Equal(t, "the time for reductions is spent", all.Sittings[0].Reduced[1].Problem)

	s := &harness.Shrunk{Rate: generators.Rate{Runs: 10}}
	s.Best, s.From, s.Ending = r.Plan, 9, generators.Minimal
	out := Reduced{Number: 6, Finding: 6}
	c.reduced(r, s, &out)
	assert.Empty(t, out.Case)
	assert.Equal(t, "it is not kept as a regression: of 10 executions of the reduced plan none failed", out.Problem)
	s.Rate.Strikes = 1
	c.known = map[string]int{}
	out = Reduced{Number: 6, Finding: 6}
	c.reduced(r, s, &out)
	assert.NotEmpty(t, out.Case)
	assert.Empty(t, out.Problem)
}

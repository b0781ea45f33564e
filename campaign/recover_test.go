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
	"retain/harness/regress"
	"retain/harness/signature"
	"retain/harness/triage"
	"retain/internal/selftest"
	"retain/model"
	"retain/runtime/serverlog"
	"retain/runtime/simulated"
)

// ended is a context that has ended: a segment with it sees to what was left behind,
// and no more.
func ended(t *testing.T) context.Context {
	ctx, end := context.WithCancel(t.Context())
	end()
	return ctx
}

// cutAt kills a segment in retrospect: its file ends before its first record of a
// kind.
func cutAt(t *testing.T, file, kind string) {
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	at := bytes.Index(text, []byte(`{"r":"`+kind+`"`))
	require.Positive(t, at)
	require.NoError(t, os.WriteFile(file, text[:at], 0o600))
}

// The campaign is killed between the verdict and the record of the finding. Liveness is
// read back from the finding's folder. If the folder is incomplete, the finding is
// counted with the facts that are left.
func TestResumeRecoversAFindingAfterAKill(t *testing.T) {
	selftest.Long(t, "10 s")
	t.Parallel() // it mostly waits
	o := short(t, 2*time.Minute, simulated.StuckKey)
	o.Start.Workers, o.ShrinkBudget = 1, 12*time.Second
	o.Session.Bounds = harness.Bounds{Recovery: 2 * time.Second, Completion: 500 * time.Millisecond}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	o.OnFinding = func(harness.Run, *regress.Shrunk, []string) { stop() }
	c, err := Conduct(ctx, o)
	require.NoError(t, err)
	first := c.Segments[0]
	require.Len(t, first.Violations, 1)
	was := first.Violations[0]
	require.Equal(t, "an accepted operation finishes", was.Guarantee)
	cutAt(t, filepath.Join(o.Dir, first.File), "found")
	folder := filepath.Join(o.Dir, was.Dir)

	// goesOn is the next segment, whose records are removed.
	goesOn := func(ctx context.Context) Segment {
		c, err := Conduct(ctx, o)
		require.NoError(t, err)
		require.Len(t, c.Segments, 2)
		next := c.Segments[1]
		require.Len(t, next.Violations, 1, "%+v", next.Notes)
		assert.Equal(t, map[int]int{was.Number: 1}, c.Totals().Findings)
		assert.Equal(t, was.Dir, next.Violations[0].Dir)
		assert.Equal(t, was.Number, next.Violations[0].Finding)
		require.NoError(t, os.Remove(filepath.Join(o.Dir, next.File)))
		return next
	}
	findings := 0
	o.OnFinding = func(r harness.Run, s *regress.Shrunk, _ []string) {
		findings++
		if s != nil {
			stop()
		}
	}
	ctx, stop = context.WithCancel(t.Context())
	defer stop()
	whole := goesOn(ctx)
	assert.Equal(t, 2, findings, "found and reduced")
	assert.Equal(t, was.Fingerprint, whole.Violations[0].Fingerprint, "it is the same one")
	assert.Equal(t, was.Guarantee, whole.Violations[0].Guarantee)
	require.Len(t, whole.Reductions, 1)
	assert.NotZero(t, whole.Reductions[0].Executions, whole.Reductions[0].Problem)

	require.NoError(t, os.Remove(filepath.Join(folder, triage.HistoryFile)))
	facts := goesOn(ended(t))
	assert.Equal(t, was.Guarantee, facts.Violations[0].Guarantee)
	require.Len(t, facts.Reductions, 1)
	assert.Regexp(t, "^it can't be reduced any more: .*history.jsonl", facts.Reductions[0].Problem)

	require.NoError(t, os.RemoveAll(folder))
	record := goesOn(ended(t))
	assert.Contains(t, record.Violations[0].Guarantee, was.Guarantee, "the verdict's own sentence")
	require.Len(t, record.Reductions, 1)

	again, err := Conduct(ended(t), o)
	require.NoError(t, err)
	third, err := Conduct(ended(t), o)
	require.NoError(t, err)
	assert.Len(t, again.Segments[1].Reductions, 1)
	assert.Empty(t, third.Segments[2].Reductions, "it is said once")
	assert.Empty(t, third.Segments[2].Violations)
}

// The history is legal; the folder holds the admission.
func TestResumeRecoversAnAdmissionAfterAKill(t *testing.T) {
	o := short(t, time.Minute)
	killed := begunAt(time.Now().Add(-time.Hour).UTC(), "a")
	plan := generators.Draw(1, 0, generators.Options{})
	killed.Seed, killed.RapidSteps = 1, plan.RapidSteps
	j := func(n int) PlanResult {
		return PlanResult{Number: n, At: killed.At, Verdict: harness.Violation, Sentence: "the server reports a panic: thread 'x' panicked", Dir: "findings/a"}
	}
	onDisk(t, o.Dir, killed, j(0), j(1))
	facts, err := json.Marshal(triage.Finding{
		Version: triage.FindingVersion, Verdict: harness.Violation, Broken: model.Guarantee{Code: model.ReportsPanic}, Sentence: j(0).Sentence,
		Admissions: []serverlog.Admission{{Line: "thread 'x' panicked", Code: model.ReportsPanic, Class: "a panic"}},
	})
	require.NoError(t, err)
	var history bytes.Buffer
	require.NoError(t, model.WriteHistory(&history, &model.History{Header: model.Header{Version: 1, Run: "r"}}))
	for name, text := range map[string][]byte{
		triage.FindingFile: facts, triage.PlanFile: generators.Encode(plan), triage.HistoryFile: history.Bytes(),
	} {
		require.NoError(t, os.MkdirAll(filepath.Join(o.Dir, "findings/a"), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(o.Dir, "findings/a", name), text, 0o600))
	}
	var reported []harness.Run
	o.OnFinding = func(r harness.Run, _ *regress.Shrunk, _ []string) { reported = append(reported, r) }
	c, err := Conduct(ended(t), o)
	require.NoError(t, err)
	require.NotEmpty(t, c.Segments[1].Violations)
	f := c.Segments[1].Violations[0]
	assert.Equal(t, "the server reports a panic", f.Guarantee)
	assert.Equal(t, signature.OfGuarantee(model.Guarantee{Code: model.ReportsPanic}).Fingerprint(), f.Fingerprint, "that of any other panic")
	require.Len(t, reported, 1, "it is whole: it is reported and reduced: %+v", c.Segments[1].Reductions)
	assert.Equal(t, "a panic", reported[0].Admissions[0].Class)
	assert.Nil(t, reported[0].Outcome.Liveness)

	require.NoError(t, os.Remove(filepath.Join(o.Dir, c.Segments[1].File)))
	require.NoError(t, os.Remove(filepath.Join(o.Dir, "findings/a", triage.PlanFile)))
	c, err = Conduct(ended(t), o)
	require.NoError(t, err)
	require.Len(t, c.Segments[1].Violations, 2)
	assert.Equal(t, f.Fingerprint, c.Segments[1].Violations[0].Fingerprint)
	assert.Equal(t, map[int]int{0: 2}, c.Totals().Findings, "two of one kind are one")
}

// The server admits a failure before the plan begins.
func TestViolationWithoutAHistoryIsRecorded(t *testing.T) {
	c := opened(t, short(t, time.Minute))
	c.addViolation(ended(t), harness.Run{
		Plan: generators.Plan{Number: 6}, Verdict: harness.Violation, Admissions: []serverlog.Admission{{Code: model.ReportsPanic}},
	})
	all, err := Read(c.Dir)
	require.NoError(t, err)
	require.Len(t, all.Segments[0].Violations, 1)
	assert.Equal(t, "the server reports a panic", all.Segments[0].Violations[0].Guarantee)
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

// There is no time left, reduction is off, or the reduced plan did not fail again.
func TestRecordsSayWhyAFindingWasNotReducedOrKept(t *testing.T) {
	o := short(t, time.Minute)
	o.ShrinkBudget = 0
	r := harness.Run{Plan: generators.Plan{Number: 6}, Verdict: harness.Violation, Admissions: []serverlog.Admission{{Code: model.ReportsPanic}}}
	c := opened(t, o)
	c.reduce(t.Context(), r, nil)
	c.ShrinkBudget, c.reducing = time.Minute, 15*time.Second
	c.reduce(t.Context(), r, nil)
	all, err := Read(c.Dir)
	require.NoError(t, err)
	require.Len(t, all.Segments[0].Reductions, 2)
	assert.Equal(t, "no reduction was asked for", all.Segments[0].Reductions[0].Problem)
	assert.Equal(t, "the time for reductions is spent", all.Segments[0].Reductions[1].Problem)

	s := &regress.Shrunk{Rate: generators.Rate{Runs: 10}}
	s.Best, s.From, s.Ending = r.Plan, 9, generators.Minimal
	out := Reduction{Number: 6, Finding: 6}
	c.reduced(r, s, &out)
	assert.Empty(t, out.Case)
	assert.Equal(t, "it is not kept as a regression: of 10 executions of the reduced plan none failed", out.Problem)
	s.Rate.Failures = 1
	c.known = map[string]int{}
	out = Reduction{Number: 6, Finding: 6}
	c.reduced(r, s, &out)
	assert.NotEmpty(t, out.Case)
	assert.Empty(t, out.Problem)
}

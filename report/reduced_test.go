package report

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/checker"
	"retain/generators"
	"retain/harness"
	"retain/harness/regress"
	"retain/harness/triage"
	"retain/model"
)

// row finds the lines of a row.
func row(rows Rows, label string) string {
	for _, r := range rows {
		if r.Label == label {
			return strings.Join(r.Lines, "\n")
		}
	}
	return ""
}

// A violation that was reduced says how often it comes back and what that cost,
// and offers the reduced plan.
func TestReducedViolationStatesItsReproductionRate(t *testing.T) {
	r := lost(t, found)
	small := r
	c := plainProcess
	c.Shrunk = &regress.Shrunk{Run: &small, Rate: generators.Rate{Failures: 19, Runs: 20},
		Reduction: generators.Reduction{Best: generators.StartAndStop(model.Kill), From: 57, Executions: 38, Took: 51 * time.Second, Ending: generators.Minimal}}
	rows := Finding(r, c)
	assert.Equal(t, "reproduces 19 of 20 (95 %: 76 to 99 %) · 5 steps, from 57 · 38 executions, 51 s", row(rows, "rate"))
	assert.Contains(t, row(rows, "replay"), regress.ReducedFile)
	assert.Contains(t, row(rows, "keep it"), "-promote NAME")

	c.Shrunk.Best.Load = generators.Load{Clients: 12, Objects: 1, Between: 450}
	c.Shrunk.Rate = generators.Rate{Failures: 10, Runs: 20}
	small.Tally.Load.Operations = 625
	assert.Contains(t, row(Finding(r, c), "rate"), "\nneeds a load of 12 clients on 1 object, 450 operations between faults · about 1 operation of the load in 902")
	c.Shrunk.Best.Load, c.Shrunk.Rate = generators.Load{}, generators.Rate{Failures: 19, Runs: 20}

	c.Shrunk.Rate.Failures = 0
	rows = Finding(r, c)
	assert.Contains(t, row(rows, "rate"), "reproduces 0 of 20 (95 %: 0 to 16 %) · ")
	assert.Contains(t, row(rows, "rate"), "what is to be replayed is plan.json")
	assert.Contains(t, row(rows, "replay"), triage.PlanFile, "a plan that does not fail again leads nowhere")
	assert.Contains(t, row(rows, "keep it"), triage.PlanFile)

	reduction, err := generators.Reduce(t.Context(), c.Shrunk.Best, generators.ReduceOptions{Executions: 3,
		Fails: func(context.Context, generators.Plan) (bool, error) { return true, nil }})
	require.NoError(t, err)
	reduction.Took = 51 * time.Second
	c.Shrunk.Rate, c.Shrunk.Reduction = generators.Rate{}, reduction
	rows = Finding(r, c)
	assert.Equal(t, "failed 3 of 3 (95 %: 44 to 100 %) in the reduction itself, not in fresh executions · 5 steps, from 5 · 3 executions, 51 s · ended early: out of executions",
		row(rows, "rate"))
	assert.Contains(t, row(rows, "replay"), regress.ReducedFile)

	c.Shrunk.Rate = generators.Rate{Runs: 2}
	rows = Finding(r, c)
	assert.Contains(t, row(rows, "rate"), "failed 3 of 3 (95 %: 44 to 100 %) in the reduction itself, and in none of 2 fresh executions, too few to tell · 5 steps")
	assert.Contains(t, row(rows, "replay"), regress.ReducedFile)

	c.Shrunk = &regress.Shrunk{Reduction: generators.Reduction{Executions: 20, Ending: generators.NotReproduced}}
	rows = Finding(r, c)
	assert.Contains(t, row(rows, "rate"), "did not come back in 20 executions on fresh runtimes")
	assert.Contains(t, row(rows, "replay"), triage.PlanFile)
	assert.NotContains(t, row(Finding(r, plainProcess), "rate"), "reproduces", "nothing is said of a rate that nobody measured")
}

// reducedTo is a violation of two restarts and a configuration of its own that was
// reduced to another violation, of a plan with neither.
func reducedTo(t *testing.T) (harness.Run, *regress.Shrunk) {
	t.Helper()
	r := lost(t, found)
	h := *r.Outcome.History
	h.Recoveries = append(h.Recoveries, model.Recovery{Down: 90e6, Probe: 95e6})
	first := *r.Outcome
	first.History = &h
	small := r
	r.Outcome = &first
	r.Check = checker.Result{Verdict: checker.Violation, Objects: slices.Clone(r.Check.Objects)}
	r.Check.Objects[0].Guarantee = model.Guarantee{Code: model.ReadWentBack, Fault: model.Kill}
	r.Check.Objects[0].Class = checker.OneEffect
	small.Plan = generators.Plan{Seed: 8123, Number: 61}
	outcome := *small.Outcome
	outcome.Age = 0
	small.Outcome, small.Dir, small.Hypotheses, small.Where = &outcome, "", nil, ""
	return r, &regress.Shrunk{Run: &small, Rate: generators.Rate{Failures: 19, Runs: 20},
		Reduction: generators.Reduction{From: 57, Executions: 38, Took: 51 * time.Second, Ending: generators.Minimal}}
}

// The report of a reduced violation describes the reduced run. Facts of the first
// failure alone are marked, on the page too.
func TestReducedMarksFactsFromBefore(t *testing.T) {
	r, s := reducedTo(t)
	c := plainProcess
	c.Shrunk = s
	rows := Finding(r, c)
	golden(t, "reduced", rows.String())
	assert.Contains(t, row(rows, "violation"), "an acknowledged add is missing after a kill")
	assert.Contains(t, row(rows, "judged"), "what broke: state")
	assert.NotContains(t, row(rows, "build"), "lazy-suspend-always")
	for _, label := range []string{"ruled out", "where"} {
		assert.True(t, strings.HasPrefix(row(rows, label), beforeReduction+":\n"), label)
	}

	require.NoError(t, WritePage(r, c))
	text, err := os.ReadFile(filepath.Join(r.Dir, triage.PageFile))
	require.NoError(t, err)
	page := string(text)
	for _, heading := range []string{"The end of the server&#39;s log", "The operations of the object"} {
		assert.Contains(t, strings.ReplaceAll(page, "server's", "server&#39;s"), heading+", "+beforeReduction+"</h2>")
	}
	assert.Equal(t, 1, strings.Count(page, `<rect class="health"`)/len(scenes(func(frame) *scene { return &scene{} })), "the restarts are the reduced run's")
	lacks(t, page, "lazy-suspend-always")
}

// A diagnosed run of the reduced plan replaces the facts of the first run.
func TestDiagnosedReducedRunShowsItsOwnFacts(t *testing.T) {
	r, s := reducedTo(t)
	s.Run.Dir = filepath.Join(r.Dir, regress.ReducedDir)
	require.NoError(t, os.Mkdir(s.Run.Dir, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(s.Run.Dir, triage.LogFile), []byte("INFO of the small plan\n"), 0o644))
	s.Run.Where, s.Run.Hypotheses = "gone from the log", []harness.Hypothesis{{What: "late", Fact: "gone", RuledOut: true}}
	c := plainProcess
	c.Shrunk = s
	text := Finding(r, c).String()
	assert.NotContains(t, text, beforeReduction)
	assert.Contains(t, text, "ruled out  late (gone)\n")
	assert.Contains(t, text, "where      gone from the log\n")
	assert.Contains(t, text, "finding 7f2c-61")

	require.NoError(t, WritePage(r, c))
	page, err := os.ReadFile(filepath.Join(r.Dir, triage.PageFile))
	require.NoError(t, err)
	assert.NotContains(t, string(page), beforeReduction)
	assert.Contains(t, string(page), "INFO of the small plan")
	assert.Contains(t, string(page), `href="reduced/runtime_0.log"`)
	assert.NotContains(t, string(page), "<iframe", "the picture is of another run")
}

// Terminal, summary, JUnit and Markdown name the same guarantee.
func TestReducedViolationIsOneFindingInEveryFile(t *testing.T) {
	r, s := reducedTo(t)
	p, session, out := reported(t, passed(0), r)
	p.Shrunk(r, s)
	const says, before = "an acknowledged add is missing after a kill", "a read went back to an older value after a kill"
	assert.Contains(t, out.String(), "violation  "+says)
	got := p.summary(session)
	assert.True(t, strings.HasPrefix(got.Reason, says+" · Counter counter-3 · finding "), got.Reason)
	assert.Equal(t, says, got.Findings[0].Guarantee)
	assert.Equal(t, before, got.Findings[0].Reduced.Before)
	assert.False(t, got.Findings[0].Reduced.Asked)
	var j JUnit
	j.Add(p, session)
	assert.Contains(t, j.suites[0].Out, "violation  "+says)
	assert.Contains(t, j.suites[0].Cases[1].Failure.Message, says)
	assert.Contains(t, p.Markdown(session), "### retain: violation · "+says)
	for _, text := range []string{got.Reason, j.suites[0].Out, p.Markdown(session)} {
		assert.NotContains(t, text, before)
	}
}

// Progress counts as the rate does: one is no several.
func TestReductionProgressUsesSingularForms(t *testing.T) {
	var b strings.Builder
	Progress(&b)(generators.Reduction{Best: generators.Plan{Steps: generators.StartAndStop(model.Kill).Steps[:1]}, From: 57, Executions: 1, Took: time.Second})
	assert.Equal(t, "shrinking  1 step, from 57 · 1 execution, 1.0 s\n", b.String())
}

// Another object may be the first in the reduced plan.
func TestCampaignPageShowsTheObjectOfTheFinding(t *testing.T) {
	register, counter := model.Object{Kind: model.Register}, model.Object{Kind: model.Counter}
	h := &model.History{Header: model.Header{Version: 1, Run: "r", Runtime: "restate-server 1.7.12 (577e032), process"}}
	for i, o := range []model.Invoked{
		{Object: register, Op: model.RegisterWrite{Value: "a"}, Answer: model.Done{}},
		{Object: counter, Op: model.CounterAdd{Delta: 1}, Answer: model.Change{Old: 0, New: 1}},
		{Object: register, Op: model.RegisterRead{}, Answer: model.Text("")},
		{Object: counter, Op: model.CounterGet{}, Answer: model.Integer(0)},
	} {
		o.ID, o.Process, o.Phase, o.Outcome, o.Call, o.Return = i+1, "0", model.Program, model.OK, at(int64(2*i+1)), at(int64(2*i+2))
		h.Operations = append(h.Operations, o)
	}
	var text bytes.Buffer
	require.NoError(t, model.WriteHistory(&text, h))
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, regress.ReducedHistoryFile), text.Bytes(), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, regress.ReducedFile), generators.Encode(generators.StartAndStop(model.Kill)), 0o644))

	check := checker.Check(h, checker.Options{})
	require.Equal(t, register, check.Broken().Object)
	_, run, err := regress.LoadReduced(dir, &harness.Run{Verdict: harness.Violation, Check: check.Foremost(model.Counter)}, checker.Options{})
	require.NoError(t, err)
	assert.Equal(t, counter, run.Check.Broken().Object)
}

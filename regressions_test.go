package retain_test

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"retain/checker"
	"retain/generators"
	"retain/harness"
	"retain/report"
	"retain/runtime/simulated"
)

// TestRegressions replays every kept failure so often that one that is back is
// missed at most 1 time in 20.
func TestRegressions(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(regressions, "*.json"))
	require.NoError(t, err)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) { regression(t, file) })
	}
}

func regression(t *testing.T, file string) {
	kept, plan, err := harness.LoadCase(file)
	if err != nil {
		cannotBegin(t, err)
	}
	reporter := &report.Reporter{Name: t.Name(), Out: &strings.Builder{}, SDK: sdk(), Flags: given(), Seed: plan.Seed}
	options := harness.Options{
		Draw: func(int) generators.Plan { return pinned(plan) }, Plans: kept.Runs(), Workers: 3, Fresh: true, Base: settings(),
		Bounds: bounds(), Check: checks(), Dir: artifacts, KeepData: *dataFlag, OnRun: reporter.Run,
	}
	session, err := begin(interruptible(t), plan.Seed, &options)
	if err != nil {
		if err := write(reporter, reporter.CouldNotBegin(err), true); err != nil {
			t.Errorf("harness: %v", err)
		}
		cannotBegin(t, err)
	}
	defer func() {
		copyArtifacts(t, session)
		if err := write(reporter, session, t.Failed()); err != nil {
			t.Errorf("harness: %v", err)
		}
	}()
	name := filepath.Base(file)
	on := subject(session)
	passed, expected := session.Counts[harness.Pass], kept.Expected(on)
	another := slices.IndexFunc(session.Failures, func(r harness.Run) bool { return r.Verdict == harness.Violation && !kept.Shows(&r) })
	switch {
	case session.Verdict == harness.Violation && another >= 0:
		fmt.Printf("back       %s, with another violation than it is kept for: %s, and not: %s\n%s", name, session.Failures[another].Guarantee(), kept.Guarantee, reporter.Out)
		t.Fail()
	case session.Verdict == harness.Violation && expected:
		reporter.Expected = "it is expected to fail here: " + kept.Guarantee
		fmt.Printf("expected   %s fails here, as it says it does: %s\n", name, kept.Guarantee)
	case session.Verdict == harness.Pass && expected:
		fmt.Printf("news       %s passed %d times of %d, and was expected to fail here: if it is mended, take that out of %s%s\n",
			name, passed, passed, file, notGiven(kept, on))
	case session.Verdict == harness.Pass:
		fmt.Printf("pass       %s: %s\n", name, excluded(kept, passed)+notGiven(kept, on))
	case session.Verdict == harness.Violation:
		fmt.Printf("back       %s: %s\n%s", name, kept.Guarantee, reporter.Out)
		t.Fail()
	default:
		reporter.End(session)
		fmt.Printf("%sof         %s, which is neither back nor shown to be gone\n", reporter.Out, name)
		t.Fail()
	}
}

// excluded is what so many passes of a case say: a failure in more than
// 1-0.05^(1/n) of its executions would have shown in n of them, at 95 %.
func excluded(c *harness.Case, passed int) string {
	bound := 100 * (1 - math.Pow(0.05, 1/float64(passed)))
	says := fmt.Sprintf("passed %d times of %d, which excludes that it fails in more than %.0f %% of executions (95 %%)", passed, passed, bound)
	if c.Rate.Strikes == 0 {
		return says + "; it never failed"
	}
	return says + "; it failed " + c.Rate.String()
}

// notGiven says which settings a case failed with and this server was not given: a
// pass without them says little.
func notGiven(c *harness.Case, on harness.Subject) string {
	lacks := c.NotGiven(on)
	if len(lacks) == 0 {
		return ""
	}
	was := map[bool]string{true: "was", false: "were"}[len(lacks) == 1]
	return fmt.Sprintf("; kept with %s, which %s not given (-restate.env)", strings.Join(lacks, " "), was)
}

// subject is what the flags put under test.
func subject(s *harness.Session) harness.Subject {
	on := harness.Subject{Server: s.Identity.Version}
	for _, k := range slices.Sorted(maps.Keys(envFlag)) {
		on.Settings = append(on.Settings, k+"="+envFlag[k])
	}
	bugs, _ := simulated.ParseBugs(*bugsFlag) // checked before anything started
	for _, b := range bugs {
		on.Bugs = append(on.Bugs, string(b))
	}
	return on
}

// promote keeps what Replay executed as a regression: the reduced plan with its
// witness and its rate, or the plan itself, where that alone is known to fail, or
// passed and must go on to.
func promote(t *testing.T, plan generators.Plan, s *harness.Session, shrunk *harness.Shrunk) {
	path, err := harness.CaseFile(regressions, *promoteFlag)
	if err != nil {
		cannotBegin(t, fmt.Errorf("-promote: %w", err))
	}
	failed := violated(s)
	guarantee := "what was acknowledged is there"
	switch {
	case s.Verdict == harness.Pass:
		shrunk = &harness.Shrunk{Reduction: generators.Reduction{Best: plan}, Rate: generators.Rate{Runs: s.Counts[harness.Pass]}}
	case s.Verdict != harness.Violation:
		fmt.Printf("note       not kept: the session is %s, so that the plan neither failed nor passed\n", s.Verdict)
		return
	case failed == nil:
		fmt.Println("note       not kept: what is wrong was seen in no execution of the plan")
		return
	case shrunk != nil && shrunk.Run != nil && shrunk.FailsAgain().Strikes > 0:
		guarantee = shrunk.Run.Guarantee()
	default:
		shrunk = unreduced(plan, s, shrunk)
		guarantee = failed.Guarantee()
	}
	on := subject(s)
	kept := harness.CaseOf(guarantee, shrunk, on, s.Identity.String())
	if err := kept.Save(path); err != nil {
		t.Errorf("harness: %v", err)
		return
	}
	says := "it failed " + kept.Rate.String()
	if kept.Rate.Strikes == 0 {
		says = fmt.Sprintf("it passed %d times of %d, and must go on to", kept.Rate.Runs, kept.Rate.Runs)
	}
	fmt.Printf("kept       %s: %s · go test -run Regressions\n", path, says)
}

// unreduced is a plan that failed as it was executed, with the rate of that; a
// reduction that came to nothing smaller has executed it too.
func unreduced(plan generators.Plan, s *harness.Session, shrunk *harness.Shrunk) *harness.Shrunk {
	out := &harness.Shrunk{Reduction: generators.Reduction{Best: plan}}
	out.Rate = generators.Rate{Strikes: s.Counts[harness.Violation], Runs: s.Counts[harness.Violation] + s.Counts[harness.Pass]}
	why := "it was not reduced"
	if shrunk != nil {
		why = "reduced, it did not fail again"
	}
	if shrunk != nil && bytes.Equal(generators.Encode(shrunk.Best), generators.Encode(plan)) {
		why = "its reduction came to nothing smaller"
		seen := shrunk.FailsAgain()
		out.Rate.Strikes, out.Rate.Runs = out.Rate.Strikes+seen.Strikes, out.Rate.Runs+seen.Runs
	}
	fmt.Printf("note       the plan is kept as it was executed: %s\n", why)
	if failed := violated(s); failed.Check.Verdict == checker.Violation {
		out.Witness, _ = checker.WitnessOf(failed.Outcome.History, failed.Check.Broken().Object, checks()) // without one the guarantee tells the case from others
	}
	return out
}

package cli

import (
	"bytes"
	"fmt"

	"retain/checker"
	"retain/generators"
	"retain/harness"
	"retain/harness/backend"
	"retain/harness/regress"
	"retain/harness/session"
	"retain/model"
	"retain/runtime/simulated"
)

// promote stores what Replay executed as a regression, and makes the test green: the
// reduced plan with its witness and rate; or the plan itself, if no reduced plan failed
// again, or if it passed and must go on passing.
func (e *executed) promote(t T, plan generators.Plan) {
	path, err := regress.CaseFile(Regressions, *promoteFlag)
	if err != nil {
		cannotBegin(t, fmt.Errorf("-promote: %w", err))
	}
	s, shrunk, failed := e.session, e.shrunk, violated(e.session)
	guarantee, by := model.Guarantee{Code: model.AcknowledgedIsKept}, "in the executions of this replay"
	switch {
	case s.Verdict == harness.Pass:
		shrunk = &regress.Shrunk{Reduction: generators.Reduction{Best: plan}, Rate: generators.Rate{Runs: s.Counts[harness.Pass]}}
	case s.Verdict != harness.Violation:
		say(fmt.Sprintf("note       not kept: the session is %s, so that the plan neither failed nor passed", s.Verdict))
		return
	case failed == nil:
		say("note       not kept: what is wrong was seen in no execution of the plan")
		return
	case shrunk != nil && shrunk.Run != nil && shrunk.FailsAgain().Failures > 0:
		guarantee, by = shrunk.Run.Guarantee(), "in fresh executions of the reduced plan"
		if shrunk.Rate.Failures == 0 {
			by = "in the executions of its reduction"
		}
	default:
		shrunk, by = unreduced(plan, s, shrunk)
		guarantee = failed.Guarantee()
	}
	kept := regress.CaseOf(guarantee, shrunk, subject(s), s.Identity, s.SDK)
	if err := kept.Save(path); err != nil {
		t.Errorf("harness: %v", err)
		return
	}
	e.reporter.Kept = path
	if s.Verdict == harness.Violation {
		e.reporter.Expected = "it was kept as " + path
	}
	says := "it failed " + kept.Rate.String()
	if kept.Rate.Failures == 0 {
		says = fmt.Sprintf("it passed %d times of %d, and must go on to", kept.Rate.Runs, kept.Rate.Runs)
	}
	say(fmt.Sprintf("kept       %s: %s, %s · go test -run Regressions/%s$", path, says, by, *promoteFlag))
}

// unreduced is a plan that failed as it was executed, with its failure rate, and names
// the executions behind the rate. A reduction that found nothing smaller executed the
// plan too.
func unreduced(plan generators.Plan, s *session.Result, shrunk *regress.Shrunk) (out *regress.Shrunk, by string) {
	out = &regress.Shrunk{Reduction: generators.Reduction{Best: plan}, Run: violated(s)}
	out.Rate = generators.Rate{Failures: s.Counts[harness.Violation], Runs: s.Counts[harness.Violation] + s.Counts[harness.Pass]}
	why, by := "it was not reduced", "in the executions of this replay"
	if shrunk != nil {
		why = "reduced, it did not fail again"
	}
	if shrunk != nil && bytes.Equal(generators.Encode(shrunk.Best), generators.Encode(plan)) {
		why, by = "its reduction came to nothing smaller", "in the executions of this replay and of its reduction"
		seen := shrunk.FailsAgain()
		out.Rate.Failures, out.Rate.Runs = out.Rate.Failures+seen.Failures, out.Rate.Runs+seen.Runs
	}
	say("note       the plan is kept as it was executed:", why)
	if failed := out.Run; failed.Check.Verdict == checker.Violation {
		out.Witness, _ = checker.WitnessOf(failed.Outcome.History, failed.Check.Broken().Object, checks()) // without one the guarantee tells the case from others
	}
	return out, by
}

// subject is what the flags put under test on the server of a session.
func subject(s *session.Result) regress.Subject {
	on := regress.Subject{Server: s.Identity.Version}
	if s.Identity.Backend != string(backend.Simulated) {
		for _, name := range envFlag.names() {
			on.Settings = append(on.Settings, setting(name))
		}
	}
	bugs, _ := simulated.ParseBugs(*bugsFlag) // checked before anything started
	for _, b := range bugs {
		on.Bugs = append(on.Bugs, string(b))
	}
	return on
}

package report

import (
	"fmt"
	"io"

	"retain/generators"
	"retain/harness"
)

// Progress prints how far a reduction has come, a line for each smaller plan.
func Progress(w io.Writer) func(generators.Reduction) {
	steps := 0
	return func(r generators.Reduction) {
		if n := len(r.Best.Steps); n != steps {
			fmt.Fprintf(w, "shrinking  %s\n", r)
			steps = n
		}
	}
}

// shownOf is the run whose operations are shown: of the reduced plan, if that
// failed.
func shownOf(r harness.Run, s *harness.Shrunk) harness.Run {
	if s == nil || s.Run == nil {
		return r
	}
	return *s.Run
}

// planOf is the file of the plan that is worth replaying.
func planOf(s *harness.Shrunk) string {
	if s == nil || s.Run == nil {
		return harness.PlanFile
	}
	return harness.ReducedFile
}

// rate says how often a reduced violation came back, and what its reduction cost.
func rate(r harness.Run, s *harness.Shrunk) []string {
	if s == nil {
		return nil
	}
	if s.Ending == generators.NotReproduced {
		age := 0
		if r.Outcome != nil {
			age = r.Outcome.Age
		}
		return []string{fmt.Sprintf("did not come back in %s on fresh runtimes; it came on one that had served %s",
			plural(s.Executions, "execution"), plural(age, "plan"))}
	}
	cost := fmt.Sprintf("%s, from %d · %s, %s", plural(len(s.Best.Steps), "step"), s.From, plural(s.Executions, "execution"), span(s.Took))
	if s.Ending != generators.Minimal {
		cost += " · ended early: " + string(s.Ending)
	}
	if s.Rate.Runs == 0 {
		return []string{cost}
	}
	return []string{fmt.Sprintf("reproduces %s · %s", s.Rate, cost)}
}

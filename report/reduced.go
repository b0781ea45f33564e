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
			fmt.Fprintf(w, "shrinking  %s\n", cost(r))
			steps = n
		}
	}
}

// shownOf is the run that is told: of the reduced plan, if that failed.
func shownOf(r harness.Run, s *harness.Shrunk) harness.Run {
	if s == nil || s.Run == nil {
		return r
	}
	return *s.Run
}

// beforeReduction is said of what is known of the first failure alone.
const beforeReduction = "of the plan before it was reduced"

// askedOf is the run that the server was asked about, whose log and dumps there
// are: the one that is told or, where that one was not asked about, the first
// failure. Then earlier is true, and whatever is told of it says so.
func askedOf(r harness.Run, s *harness.Shrunk) (asked harness.Run, earlier bool) {
	if s == nil || s.Run == nil {
		return r, false
	}
	if s.Run.Dir != "" && s.Run.Dir != r.Dir {
		return *s.Run, false
	}
	return r, true
}

// marked says of which run lines are, if there are any and it is not the one that
// is told.
func marked(lines []string, earlier bool) []string {
	if !earlier || len(lines) == 0 {
		return lines
	}
	return append([]string{beforeReduction + ":"}, lines...)
}

// planOf is the file of the plan that is worth replaying: of the reduced one, unless
// it did not fail or never failed again.
func planOf(s *harness.Shrunk) string {
	if s == nil || s.Run == nil || neverAgain(s) {
		return harness.PlanFile
	}
	return harness.ReducedFile
}

// neverAgain reports whether the reduced plan was executed afresh and never failed.
func neverAgain(s *harness.Shrunk) bool { return s.Rate.Runs > 0 && s.Rate.Strikes == 0 }

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
	says := cost(s.Reduction)
	if s.Ending != generators.Minimal {
		says += " · ended early: " + string(s.Ending)
	}
	switch seen := s.Seen(); {
	case neverAgain(s):
		return []string{fmt.Sprintf("reproduces %s · %s", s.Rate, says),
			fmt.Sprintf("it failed by chance, or hardly ever does: what is to be replayed is %s", harness.PlanFile)}
	case s.Rate.Runs > 0:
		says = fmt.Sprintf("reproduces %s · %s", s.Rate, says)
	case seen.Runs > 0:
		says = fmt.Sprintf("failed %s in the reduction itself, not in fresh executions · %s", seen, says)
	}
	return []string{says}
}

// cost is what a reduction has come to: "3 steps, from 57 · 38 executions, 51 s".
func cost(r generators.Reduction) string {
	return fmt.Sprintf("%s, from %d · %s, %s", plural(len(r.Best.Steps), "step"), r.From, plural(r.Executions, "execution"), span(r.Took))
}

package report

import (
	"fmt"
	"io"
	"slices"

	"retain/generators"
	"retain/harness"
	"retain/harness/regress"
	"retain/harness/triage"
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

// shownOf is the run to report: that of the reduced plan, if it failed.
func shownOf(r harness.Run, s *regress.Shrunk) harness.Run {
	if s == nil || s.Run == nil {
		return r
	}
	return *s.Run
}

// beforeReduction marks facts that are known of the first failure only.
const beforeReduction = "of the plan before it was reduced"

// askedOf is the run that triage queried the server about, with its log and dumps:
// the reported one or, where triage skipped that one, the first
// failure. Then earlier is true, and the report marks its facts.
func askedOf(r harness.Run, s *regress.Shrunk) (asked harness.Run, earlier bool) {
	if s == nil || s.Run == nil {
		return r, false
	}
	if s.Run.Dir != "" && s.Run.Dir != r.Dir {
		return *s.Run, false
	}
	return r, true
}

// marked puts a line before the facts of an earlier run, which is not the reported one.
func marked(lines []string, earlier bool) []string {
	if !earlier || len(lines) == 0 {
		return lines
	}
	return append([]string{beforeReduction + ":"}, lines...)
}

// planOf is the file of the plan that is worth replaying: of the reduced one, unless
// it did not fail or never failed again.
func planOf(s *regress.Shrunk) string {
	if s == nil || s.Run == nil || s.NeverAgain() {
		return triage.PlanFile
	}
	return regress.ReducedFile
}

// rate says how often a reduced violation came back, and what its reduction cost.
func rate(r harness.Run, s *regress.Shrunk) []string {
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
	case s.NeverAgain():
		return append([]string{fmt.Sprintf("reproduces %s · %s", s.Rate, says),
			fmt.Sprintf("it failed by chance, or hardly ever does: what is to be replayed is %s", triage.PlanFile)}, earlyEnd(s.Early)...)
	case s.Rate.Failures > 0:
		says = fmt.Sprintf("reproduces %s · %s", s.Rate, says)
	case s.Rate.Runs > 0:
		says = fmt.Sprintf("failed %s in the reduction itself, and in none of %s, too few to tell · %s", seen, plural(s.Rate.Runs, "fresh execution"), says)
	case seen.Runs > 0:
		says = fmt.Sprintf("failed %s in the reduction itself, not in fresh executions · %s", seen, says)
	}
	return slices.Concat([]string{says}, neededLoad(s), earlyEnd(s.Early))
}

// earlyEnd says by which sign the executions of a reduction were over before the bound
// of what is stuck had passed, and what came of the whole bound.
func earlyEnd(e *regress.EarlyEnd) []string {
	switch {
	case e == nil:
		return nil
	case e.Whole.Runs == 0:
		return []string{fmt.Sprintf("an execution failed when %s; there was no time for one with the whole bound of %s", e.Sign, e.Bound)}
	case e.Refuted:
		return []string{fmt.Sprintf("an execution failed when %s; with the whole bound of %s it finished after all: the plan before the reduction stands", e.Sign, e.Bound)}
	}
	return []string{fmt.Sprintf("an execution failed when %s; with the whole bound of %s: %s", e.Sign, e.Bound, e.Whole)}
}

// cost is the size of a reduced plan and the effort it took: "3 steps, from 57 · 38 executions, 51 s".
func cost(r generators.Reduction) string {
	return fmt.Sprintf("%s, from %d · %s, %s", plural(len(r.Best.Steps), "step"), r.From, plural(r.Executions, "execution"), span(r.Took))
}

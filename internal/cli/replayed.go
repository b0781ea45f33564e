package cli

import (
	"cmp"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"retain/harness"
	"retain/harness/backend"
	"retain/harness/regress"
	"retain/harness/session"
	"retain/internal/printable"
	"retain/report"
)

// replayedCase is a case that was replayed.
type replayedCase struct {
	kept     *regress.Case
	file     string
	session  *session.Result
	reporter *report.Reporter
	output   *strings.Builder // what the reporter printed
	on       regress.Subject
}

// tell prints whether the case is back. An expected failure is marked as such.
func (r replayedCase) tell() {
	s, kept, name := r.session, r.kept, printable.Line(filepath.Base(r.file))
	passed, expected := s.Counts[harness.Pass], kept.Expected(r.on)
	another := slices.IndexFunc(s.Failures, func(f harness.Run) bool { return f.Verdict == harness.Violation && !kept.Matches(&f) })
	print := func(format string, args ...any) { fmt.Fprintf(console, format, args...) }
	switch {
	case s.Verdict == harness.Violation && another >= 0:
		print("back       %s, with another violation than it is kept for: %s, and not: %s%s\n%s", name, s.Failures[another].Guarantee(), kept.Guarantee, r.where(), r.output)
	case s.Verdict == harness.Violation && expected:
		r.reporter.Expected = "it is expected to fail here: " + kept.Guarantee
		print("expected   %s fails here, as it says it does: %s%s\n", name, kept.Guarantee, r.where())
	case s.Verdict == harness.Pass && expected:
		print("news       %s passed %d times of %d, and was expected to fail here: if it is mended, take that out of %s%s%s\n",
			name, passed, passed, printable.Line(r.file), missingSettings(kept, r.on), r.where())
	case s.Verdict == harness.Pass:
		print("pass       %s: %s%s%s\n", name, power(kept, passed), missingSettings(kept, r.on), r.where())
	case s.Verdict == harness.Violation:
		print("back       %s: %s%s\n%s", name, kept.Guarantee, r.where(), r.output)
	case s.Verdict == harness.Interrupted:
		says := ""
		if passed > 0 {
			says = ", which pass"
		}
		print("interrupted %s after %d of %d executions%s\n", name, passed, kept.Runs(), says)
	default:
		r.reporter.End(s)
		print("%sof         %s, which is neither back nor shown to be gone\n", r.output, name)
	}
}

// where names, on a line of its own, the runtime that the case was replayed on, and the
// origin of its rate if that is another server or a planted bug.
func (r replayedCase) where() string {
	here, was := printable.Line(r.session.Identity.String()), printable.Line(r.kept.Runtime)
	if sdk := r.session.SDK; sdk != "" {
		here += " · " + printable.Line(sdk)
	}
	if sdk := cmp.Or(r.kept.SDK, r.session.SDK); sdk != "" && was != "" { // older cases do not say it
		was += " · " + printable.Line(sdk)
	}
	says := "\n           on " + here
	if r.session.Identity.Backend == string(backend.Simulated) {
		says += " (this tests retain, not Restate)"
	}
	if altered := r.reporter.Altered; len(altered) > 0 {
		says += " · with " + altered.String()
	}
	bugs := strings.Join(r.kept.Bugs(), ", ")
	switch other := was != "" && was != here; {
	case bugs != "" && !r.kept.Expected(r.on) && other:
		says += fmt.Sprintf("; its rate is from %s with %s planted", was, bugs)
	case bugs != "" && !r.kept.Expected(r.on):
		says += fmt.Sprintf("; its rate is with %s planted", bugs)
	case other:
		says += "; its rate is from " + was
	}
	return says
}

// power states the power of the passes of a case: a failure rate above 1-0.05^(1/n)
// would have shown in n executions, at 95 %.
func power(c *regress.Case, passed int) string {
	bound := 100 * (1 - math.Pow(0.05, 1/float64(passed)))
	says := fmt.Sprintf("passed %d times of %d, which excludes that it fails in more than %.0f %% of executions (95 %%)", passed, passed, bound)
	if c.Rate.Failures == 0 {
		return says + "; it never failed"
	}
	return says + "; it failed " + c.Rate.String()
}

// missingSettings names the settings that a case failed with and this server lacks. A pass
// without them proves little.
func missingSettings(c *regress.Case, on regress.Subject) string {
	missing := c.NotGiven(on)
	if len(missing) == 0 {
		return ""
	}
	was := map[bool]string{true: "was", false: "were"}[len(missing) == 1]
	return fmt.Sprintf("; kept with %s, which %s not given (-restate.env)", printable.Line(strings.Join(missing, " ")), was)
}

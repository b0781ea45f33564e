package report

import (
	"fmt"
	"strings"

	"retain/harness"
)

// Session says what a session found: of a pass its power, of anything else what
// to do about it.
func Session(s *harness.Session, c Context, seed uint64) (out Rows) {
	c.Passed, c.Of = s.Counts[harness.Pass], judgedPlans(s)
	switch s.Verdict {
	case harness.Pass:
		says := "no acknowledged write was lost, doubled or seen out of order"
		if s.Tally.TooSmall() {
			says += " in " + plural(s.Tally.Plans, "plan") + ": too small to judge"
		}
		out.add("pass", says)
	case harness.Vacuous:
		out.add("vacuous", plural(s.Tally.Plans, "plan")+" passed and together prove too little to call it green")
		out.add("missing", wrapped(s.Missing, " · ")...)
		if s.Because != "" {
			out.add("because", s.Because)
		}
		out.add("do", morePlans(s.Tally))
	case harness.Undecided:
		out = undecidedRuns(failures(s, harness.Undecided), c)
	default:
		for _, r := range failures(s, s.Verdict) {
			return Finding(r, c)
		}
	}
	return append(out, facts(s, c, seed)...)
}

// judgedPlans is how many plans came to a verdict.
func judgedPlans(s *harness.Session) int {
	return s.Counts[harness.Pass] + s.Counts[harness.Undecided] + s.Counts[harness.Violation]
}

// failures are the session's runs with this verdict.
func failures(s *harness.Session, v harness.Verdict) (out []harness.Run) {
	for _, r := range s.Failures {
		if r.Verdict == v {
			out = append(out, r)
		}
	}
	return out
}

// facts are what a session tested and how.
func facts(s *harness.Session, c Context, seed uint64) (out Rows) {
	t := s.Tally
	build := s.Identity.String() + ", 1 node"
	if c.SDK != "" {
		build += " · " + c.SDK
	}
	out.add("build", fmt.Sprintf("%s · seed %d · %s", build, seed, span(s.Took)))
	rate := float64(t.Operations) / max(s.Took.Seconds(), 0.001)
	ambiguous := fmt.Sprintf("%s ambiguous, all resolved", thousands(t.Ambiguous))
	if t.Open > 0 {
		ambiguous = fmt.Sprintf("%s ambiguous, %s resolved, %s left open", thousands(t.Ambiguous), thousands(t.Resolved), thousands(t.Open))
	} else if t.Ambiguous == 0 {
		ambiguous = "none ambiguous"
	}
	out.add("tested",
		fmt.Sprintf("%s · %s (%.0f per second) · %s · %s in flight at a fault", plural(t.Plans, "plan"), plural(t.Operations, "operation"),
			rate, faults(t.Faults), plural(t.InFlight, "operation")),
		fmt.Sprintf("%s · %s read back after a restart", ambiguous, plural(t.ReadBack, "value")),
		"at a fault: "+cells(t))
	out.add("servers", servers(t)...)
	out.add("ledger", ledger(s)...)
	out.add("available", availability(s)...)
	out.add("recovery", recovery(t)...)
	out.add("verdicts", verdicts(s))
	if s.Verdict == harness.Pass {
		out.add("excludes", excludes(s))
		out.add("not tested", "power loss, disk full, more than one node, upgrade, timers, awakeables")
	}
	return out
}

// ledger says what the end of the session read again; nil if there was no ledger.
func ledger(s *harness.Session) []string {
	l := s.Ledger
	if l.Of == 0 && l.Note == "" {
		return nil
	}
	if l.Objects == 0 {
		return []string{fmt.Sprintf("none of %s was read again: %s", plural(l.Of, "object"), oneLine(l.Note))}
	}
	objects := plural(l.Objects, "object") + " of all plans"
	if l.Objects < l.Of {
		objects = fmt.Sprintf("%s of %s", thousands(l.Objects), plural(l.Of, "object"))
	}
	found := "all as acknowledged"
	for _, r := range s.Failures {
		if r.Ledger {
			found = "not all as acknowledged"
		}
	}
	line := fmt.Sprintf("%s read again after a closing kill (%s): %s", objects, plural(l.Reads, "answer"), found)
	if l.Note != "" {
		return []string{line, oneLine(l.Note)}
	}
	return []string{line}
}

func verdicts(s *harness.Session) string {
	var out []string
	for _, v := range []harness.Verdict{harness.Pass, harness.Violation, harness.Undecided, harness.Harness} {
		out = append(out, fmt.Sprintf("%d %s", s.Counts[v], v))
	}
	return strings.Join(out, " · ")
}

// excludes is what the session rules out, if it is large enough to.
func excludes(s *harness.Session) string {
	switch {
	case s.Excludes > 0:
		return fmt.Sprintf("failures in more than %.1f %% of such plans (95 %%)", 100*s.Excludes)
	case s.Tally.TooSmall():
		return "nothing yet: too small to judge, " + plural(s.Tally.Plans, "plan")
	}
	return "nothing: a replay says something of its plan alone"
}

// morePlans is what a vacuous session lacks most often: twice the plans.
func morePlans(t harness.Tally) string {
	const enough = 200
	if t.Faults["stop"]+t.Faults["kill"] == 0 {
		return "run plans that stop and kill the server: those of -run Properties do"
	}
	return fmt.Sprintf("run more plans: -rapid.checks %d", max(enough, 2*t.Plans))
}

package report

import (
	"cmp"
	"fmt"
	"strings"

	"retain/harness"
	"retain/harness/session"
	"retain/internal/printable"
	"retain/model"
)

// Session says what a session found: of a pass its power, of anything else what
// to do about it.
func Session(s *session.Result, c Context, seed uint64) (out Rows) {
	c.Passed, c.Of = s.Counts[harness.Pass], judgedPlans(s)
	switch s.Verdict {
	case harness.Pass:
		says := keptSentence(s.Counts[harness.Known])
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
		if s.Undone != nil {
			out.add("do", "let retain start the handlers (-service.image or -sdk), or take the faults out of the plan")
		} else if session.LostToKnown(s.Counts) != "" {
			out.add("do", "choose a version or a -config without them; -known none makes them violations")
		} else {
			out.add("do", morePlans(s.Tally))
		}
	case harness.Interrupted:
		out.add("interrupted", interrupted(s.Counts))
		out.add("do", "run it again; -rapid.seed draws the same plans, -rapid.checks fewer of them")
	case harness.Undecided:
		out = undecidedRuns(failures(s, harness.Undecided), c)
	default:
		for _, r := range failures(s, s.Verdict) {
			return Finding(r, c)
		}
	}
	return append(out, facts(s, c, seed)...)
}

// interrupted says what the plans came to that were over when a session or a campaign
// was interrupted.
func interrupted(counts map[harness.Verdict]int) string {
	passed, undecided := counts[harness.Pass], counts[harness.Undecided]
	switch all := passed + undecided; {
	case all == 0:
		return "before the first plan was over: nothing is said about Restate"
	case undecided > 0:
		return fmt.Sprintf("after %s: %d pass, %d undecided", plural(all, "plan"), passed, undecided)
	case passed == 1:
		return "after 1 plan, which passes"
	}
	return "after " + plural(passed, "plan") + ", which pass"
}

// judgedPlans is how many plans came to a verdict.
func judgedPlans(s *session.Result) int {
	return s.Counts[harness.Pass] + s.Counts[harness.Known] + s.Counts[harness.Undecided] + s.Counts[harness.Violation]
}

// failures are the session's runs with this verdict.
func failures(s *session.Result, v harness.Verdict) (out []harness.Run) {
	for _, r := range s.Failures {
		if r.Verdict == v {
			out = append(out, r)
		}
	}
	return out
}

// facts are what a session tested and how.
func facts(s *session.Result, c Context, seed uint64) (out Rows) {
	t := s.Tally
	if t.Plans == 0 && s.Verdict != harness.Pass { // there is not even a server to name
		return nil
	}
	build := s.Identity.String() + ", 1 node"
	if sdk := cmp.Or(s.SDK, c.SDK); sdk != "" {
		build += " · " + printable.Line(sdk)
	}
	out.add("build", with(fmt.Sprintf("%s · seed %d · %s", build, seed, span(s.Took)), c.Altered)...)
	rate := float64(t.Operations) / max(s.Took.Seconds(), 0.001)
	out.add("tested", append([]string{
		fmt.Sprintf("%s · %s (%.0f per second) · %s · %s in flight at a fault", plural(t.Plans, "plan"), plural(t.Operations, "operation"),
			rate, faults(t.Faults), plural(t.InFlight, "operation")),
		fmt.Sprintf("%s · %s read back after a restart", resolved(t.Ambiguous, t.Resolved, t.Open), plural(t.ReadBack, "value")),
		"at a fault: " + faultPoints(t),
	}, managed(t.Managed)...)...)
	out.add("load", loadRow(t.Load)...)
	out.add("timers", timers(t.Late)...)
	out.add("covered", coveredText(t.Coverage))
	out.add("versions", versions(t.Versions)...)
	out.add("servers", servers(t)...)
	out.add("ledger", ledger(s)...)
	out.add("available", availability(s)...)
	out.add("recovery", recovery(t)...)
	if c.Verbose {
		out.add("time", workerTime(s.WorkerTime)...)
	}
	out.add("verdicts", verdicts(s.Counts))
	out.add("known", knownLines(s)...)
	if s.Verdict == harness.Pass {
		out.add("excludes", excludes(s)...)
		out.add("not tested", notTested(len(t.Versions) > 1, t.Coverage, t.Managed))
	}
	return out
}

// notTested lists what no plan tests, and what these plans did not: upgrades if no server
// changed its version, sends and timers if no mailbox met a fault, answers that are asked
// for again if none of an object with such keys did, awakeables if none did, and operations on
// invocations without any.
func notTested(upgraded bool, c harness.Coverage, managed map[model.Verb]int) string {
	out := []string{"power loss", "disk full", "more than one node"}
	if !upgraded {
		out = append(out, "upgrade")
	}
	if !c.Meets(model.Mailbox) {
		out = append(out, "sends", "timers")
	}
	if !c.Meets(model.Answers) {
		out = append(out, "attach", "output")
	}
	if !c.Meets(model.Awakeables) {
		out = append(out, "awakeables")
	}
	if len(managed) == 0 {
		out = append(out, "operations on invocations")
	}
	return strings.Join(out, ", ")
}

// ledger says what the end of the session read again; nil if there was no ledger.
func ledger(s *session.Result) []string {
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

// verdicts counts the verdicts of a session's or a campaign's runs: "41 pass · 0 violation ·
// 1 undecided · 0 harness".
func verdicts(counts map[harness.Verdict]int) string {
	var out []string
	for _, v := range []harness.Verdict{harness.Pass, harness.Known, harness.Violation, harness.Undecided, harness.Harness} {
		if v == harness.Known && counts[v] == 0 {
			continue
		}
		out = append(out, fmt.Sprintf("%d %s", counts[v], v))
	}
	return strings.Join(out, " · ")
}

// excludes is what the session rules out, if it is large enough to: of such plans, of
// acknowledged writes, and of both in each class.
func excludes(s *session.Result) []string {
	switch {
	case s.Excludes > 0:
		out := []string{fmt.Sprintf("failures in more than %.1f %% of such plans (95 %%)", 100*s.Excludes)}
		return append(out, excludedWrites(s.Tally.Coverage)...)
	case s.Tally.TooSmall():
		return []string{"nothing yet: too small to judge, " + plural(s.Tally.Plans, "plan")}
	}
	return []string{"nothing: a replay says something of its plan alone"}
}

// morePlans is what a vacuous session lacks most often: twice the plans.
func morePlans(t harness.Tally) string {
	const enough = 200
	switch {
	case t.Plans == 0:
		return "give it more time: -duration 1m"
	case t.Ends() == 0:
		return "run plans that stop and kill the server: those of -run Properties do"
	}
	return fmt.Sprintf("run more plans: -rapid.checks %d", max(enough, 2*t.Plans))
}

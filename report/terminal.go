// Package report tells people what a session found: on the terminal, and as JSON
// for machines.
package report

import (
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"retain/generators"
	"retain/harness"
	"retain/model"
	"retain/service"
)

// row prints a labelled line; further lines stand below the first.
func row(w io.Writer, label string, lines ...string) {
	for i, line := range lines {
		if i > 0 {
			label = ""
		}
		fmt.Fprintf(w, "%-10s %s\n", label, line)
	}
}

// Line prints a run in one line, for -v.
func Line(w io.Writer, r harness.Run) {
	took := time.Duration(0)
	if r.Outcome != nil {
		took = r.Outcome.Took
	}
	fmt.Fprintf(w, "plan %-4d %-10s %3d steps · %3d operations · %d in flight at a fault · %s · %s\n", r.Number, r.Verdict,
		len(r.Plan.Steps), r.Tally.Operations, r.Tally.InFlight, faults(r.Tally.Faults), took.Round(time.Millisecond))
}

// Failure prints a run that did not pass, the moment it is known. Its last line
// is the command to run next; flags are those that chose the server, so that it
// runs on the same one.
func Failure(w io.Writer, r harness.Run, flags []string) {
	switch r.Verdict {
	case harness.Violation:
		violation(w, r, flags)
	case harness.Undecided:
		row(w, "undecided", fmt.Sprintf("plan %d: no verdict. Neither kept nor lost is shown", r.Number))
		row(w, "why", r.Sentence)
		row(w, "do", fmt.Sprintf("go test -run Recheck -history %s -check.budget 10m   (no server needed)", filepath.Join(r.Dir, harness.HistoryFile)))
	default:
		row(w, "harness", "the suite could not do its work; this says nothing about Restate")
		row(w, "what", fmt.Sprintf("plan %d: %s", r.Number, r.Sentence))
		if r.Dir != "" {
			row(w, "evidence", r.Dir)
		}
		row(w, "do", "run again, or choose another -runtime · leftovers are removed by the next run")
	}
	if r.Problem != nil {
		row(w, "not saved", strings.ReplaceAll(r.Problem.Error(), "\n", "; "))
	}
}

func violation(w io.Writer, r harness.Run, flags []string) {
	row(w, "violation", r.Sentence)
	row(w, "build", fmt.Sprintf("%s · plan %d, the runtime's plan number %d", r.Outcome.History.Runtime, r.Number, r.Outcome.Age+1))
	if b := r.Check.Broken(); b != nil {
		table(w, r.Outcome.History, b.Object, b.Proof, b.Contradiction)
		row(w, "judged", judged(b.Resolved.Second == "" && b.Resolved.By != "porcupine", string(b.Resolved.By), string(b.Resolved.Second), string(b.Class)))
	} else if l := r.Outcome.Liveness; l != nil && l.Operation > 0 {
		table(w, r.Outcome.History, r.Outcome.History.Operations[l.Operation-1].Object, []int{l.Operation}, l.Operation)
	}
	row(w, "files", r.Dir)
	row(w, "replay", strings.Join(append([]string{"go test -run Replay -plan", filepath.Join(r.Dir, harness.PlanFile)}, flags...), " "))
}

func judged(alone bool, by, second, class string) string {
	s := "by " + by
	if second != "" {
		s += "; porcupine says " + second
	} else if alone {
		s += "; porcupine was not asked (large)"
	}
	return s + " · what broke: " + class
}

// table prints the operations of a proof, one a line, with the faults between.
func table(w io.Writer, h *model.History, object model.Object, ids []int, marked int) {
	fmt.Fprintf(w, "  %6s  %-10s %s\n", "ms", "process", object)
	faults := slices.Clone(h.Faults)
	for _, id := range ids {
		o := h.Operations[id-1]
		for len(faults) > 0 && faults[0].Begin.Seq < o.Call.Seq {
			fmt.Fprintf(w, "  %6d  ------------ %s ------------\n", faults[0].Begin.Ns/1e6, faults[0].Kind)
			faults = faults[1:]
		}
		mark := ""
		if id == marked {
			mark = "   <- no order explains this"
		}
		fmt.Fprintf(w, "  %6d  %-10s %s -> %s%s\n", o.Call.Ns/1e6, o.Process, o.Op, ending(h, o), mark)
	}
}

// ending says how an operation ended and, if it was not answered at once, how
// far it was seen to get.
func ending(h *model.History, o model.Invoked) string {
	switch {
	case o.Outcome == model.OK:
		return fmt.Sprintf("%s (at %d ms)", o.Answer, o.Return.Ns/1e6)
	case o.Resolution != nil:
		return fmt.Sprintf("%s: %s; by %s: %s", o.Reason, Reached(h, o), o.Resolution.By, o.Resolution.Answer)
	}
	return fmt.Sprintf("%s, %s: %s", o.Outcome, o.Reason, Reached(h, o))
}

// Reached says how far an operation was seen to get before its client stopped
// waiting, in the words of the design.
func Reached(h *model.History, o model.Invoked) string {
	wrote := false
	for _, a := range o.Attempts {
		wrote = wrote || a.Wrote
	}
	if !wrote {
		return "never reached the server"
	}
	furthest := 0 // of all entries: a later one may not have come as far
	for _, e := range h.Evidence {
		if e.ID == o.ID && e.At.Seq < o.Return.Seq {
			furthest = max(furthest, slices.Index(readings, service.Reading(e.Reading))+1)
		}
	}
	return [...]string{"reached the server, not the handler", "entered", "effect journaled", "finished, answer lost"}[furthest]
}

// readings are those that say how far an operation came, in that order.
var readings = []service.Reading{service.Entered, service.Effect, service.Finished}

func faults(n map[string]int) string {
	var out []string
	for _, kind := range slices.Sorted(maps.Keys(n)) {
		if kind == "start" {
			continue
		}
		out = append(out, plural(n[kind], kind))
	}
	if out == nil {
		return "no faults"
	}
	return strings.Join(out, ", ")
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%s %ss", thousands(n), what)
}

// thousands prints 5210 as 5,210.
func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Summary prints a session at a glance. Its first word is the verdict.
func Summary(w io.Writer, s *harness.Session, seed uint64) {
	t := s.Tally
	row(w, string(s.Verdict), headline(s))
	row(w, "build", fmt.Sprintf("%s, 1 node · seed %d · %s", s.Identity, seed, s.Took.Round(time.Second)))
	rate := float64(t.Operations) / max(s.Took.Seconds(), 0.001)
	row(w, "tested",
		fmt.Sprintf("%s · %s (%.0f per second) · %s · %s in flight at a fault", plural(t.Plans, "plan"), plural(t.Operations, "operation"),
			rate, faults(t.Faults), plural(t.InFlight, "operation")),
		fmt.Sprintf("%s ambiguous, %s resolved, %s left open · %s read back after a restart", thousands(t.Ambiguous),
			thousands(t.Resolved), thousands(t.Open), plural(t.ReadBack, "value")),
		"at a fault: "+cells(t))
	row(w, "recovery", recovery(t))
	row(w, "verdicts", verdicts(s))
	if s.Verdict == harness.Vacuous {
		row(w, "missing", strings.Join(s.Missing, " · "))
		row(w, "do", "use more plans: -rapid.checks 200")
	}
	if s.Verdict == harness.Pass {
		row(w, "excludes", excludes(t))
		row(w, "not tested", "power loss, disk full, more than one node, upgrade, timers, awakeables")
	}
	for _, r := range s.Failures {
		if r.Dir != "" {
			row(w, "kept", fmt.Sprintf("plan %d, %s: %s", r.Number, r.Verdict, r.Dir))
		}
	}
}

func headline(s *harness.Session) string {
	switch s.Verdict {
	case harness.Pass:
		return "no acknowledged write was lost, doubled or seen out of order"
	case harness.Vacuous:
		return fmt.Sprintf("%s passed and together prove too little to call it green", plural(s.Tally.Plans, "plan"))
	}
	for _, r := range s.Failures {
		if r.Verdict == s.Verdict {
			return fmt.Sprintf("plan %d: %s", r.Number, r.Sentence)
		}
	}
	return ""
}

func cells(t harness.Tally) string {
	var out []string
	for _, c := range generators.Cells() {
		out = append(out, fmt.Sprintf("%s %d", c, t.Cells[c]))
	}
	return strings.Join(out, " · ") + " (writes, by where they stood)"
}

func recovery(t harness.Tally) string {
	if len(t.Recoveries) == 0 {
		return "no restart"
	}
	all := slices.Clone(t.Recoveries)
	slices.SortFunc(all, func(a, b harness.Recovered) int { return int(a.Took() - b.Took()) })
	slowest := all[len(all)-1]
	s := func(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }
	return fmt.Sprintf("median %s · slowest %s (plan %d: spawned at %s, port open at %s, health said 200 at %s)",
		s(all[len(all)/2].Took()), s(slowest.Took()), slowest.Plan,
		s(slowest.After(slowest.Spawned)), s(slowest.After(slowest.Port)), s(slowest.After(slowest.Health)))
}

func verdicts(s *harness.Session) string {
	var out []string
	for _, v := range []harness.Verdict{harness.Pass, harness.Violation, harness.Undecided, harness.Harness} {
		out = append(out, fmt.Sprintf("%d %s", s.Counts[v], v))
	}
	return strings.Join(out, " · ")
}

// excludes is the rule of three: no failure in n runs bounds the rate of failures
// by 3/n at 95 %.
func excludes(t harness.Tally) string {
	if t.TooSmall() {
		return "nothing yet: too small to judge, " + plural(t.Plans, "plan")
	}
	return fmt.Sprintf("failures in more than %.1f %% of such plans (95 %%)", 300/float64(t.Plans))
}

package triage

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"retain/checker"
	"retain/harness"
	"retain/model"
	"retain/runtime/ingress"
	"retain/service"
)

// porcupineBudget is what porcupine gets for the object that violated.
var porcupineBudget = checker.Options{Budget: 10 * time.Second, Memory: 512 << 20}

// theChecker says whether another procedure than the one that judged says the
// same.
func (d *diagnosis) theChecker() harness.Hypothesis {
	j := d.broken.Resolved
	out := harness.Hypothesis{What: "checker", RuledOut: true}
	switch {
	case j.By == checker.ByPorcupine:
		out.Fact = "porcupine says so"
	case j.By == checker.ByAnswer:
		out.Fact = "no state of the object gives this answer"
	case j.Second == checker.Violation:
		out.Fact = fmt.Sprintf("by %s; porcupine agrees", j.By)
	default:
		began := time.Now()
		switch checker.Porcupine(d.run.Outcome.History, *d.broken, porcupineBudget) {
		case checker.Violation:
			out.Fact = fmt.Sprintf("by %s; porcupine agrees, after %s", j.By, time.Since(began).Round(time.Millisecond))
		case checker.Pass:
			out.Fact, out.RuledOut = fmt.Sprintf("by %s; porcupine says it passes: a defect of retain", j.By), false
		default:
			out.Fact, out.RuledOut = fmt.Sprintf("by %s; porcupine had no answer within %s", j.By, porcupineBudget.Budget), false
		}
	}
	return out
}

// maxListed is how many operations are listed one by one.
const maxListed = 3

// notSent says what of the operations went over the wire and reached a handler.
func (d *diagnosis) notSent() harness.Hypothesis {
	subjects := d.subjects
	if len(subjects) == 0 {
		subjects = []model.Invoked{d.last}
	}
	inProof := func(o model.Invoked) bool { return slices.Contains(d.broken.Proof, o.ID) }
	subjects = slices.Concat(keepIf(subjects, inProof), keepIf(subjects, func(o model.Invoked) bool { return !inProof(o) }))
	out := harness.Hypothesis{What: "not sent", RuledOut: true}
	var facts []string
	for _, o := range subjects {
		fact, wrote, ran := arrival(d.run.Outcome.History, o)
		out.RuledOut = out.RuledOut && wrote > 0 && ran > 0
		if len(subjects) > 1 {
			fact = fmt.Sprintf("%d %s: %s", o.ID, o.Op, fact)
		}
		facts = append(facts, fact)
	}
	out.Fact = few(facts)
	return out
}

func keepIf(all []model.Invoked, keep func(model.Invoked) bool) []model.Invoked {
	return slices.DeleteFunc(slices.Clone(all), func(o model.Invoked) bool { return !keep(o) })
}

// few is the beginning of a list.
func few(all []string) string {
	if len(all) > maxListed {
		all = append(all[:maxListed:maxListed], fmt.Sprintf("and %d more", len(all)-maxListed))
	}
	return strings.Join(all, "; ")
}

// arrival is what was seen of an operation on its way, how many of its attempts
// were written, and how often a handler was entered.
func arrival(h *model.History, o model.Invoked) (fact string, wrote, ran int) {
	status := "no answer"
	for _, a := range o.Attempts {
		if a.Wrote {
			wrote++
		}
		if a.Status != 0 {
			status = fmt.Sprint(a.Status)
		}
	}
	fact = number(len(o.Attempts), "attempt")
	if wrote < len(o.Attempts) {
		fact += fmt.Sprintf(" (%d written)", wrote)
	}
	ran = entries(h, o.ID)
	return fact + ", handler " + times(ran) + ", " + status, wrote, ran
}

// entries counts how often a handler was entered for an operation.
func entries(h *model.History, id int) int {
	seen := map[int]bool{}
	for _, e := range h.Evidence {
		if e.ID == id && e.Reading == string(service.Entered) {
			seen[e.Entry] = true
		}
	}
	return len(seen)
}

func number(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func times(n int) string {
	switch n {
	case 0:
		return "never seen to run"
	case 1:
		return "ran once"
	case 2:
		return "ran twice"
	}
	return fmt.Sprintf("ran %d times", n)
}

// notReady says whether the runtime had been shown to be ready before the call
// that showed the violation.
func (d *diagnosis) notReady(late harness.Hypothesis) harness.Hypothesis {
	out := harness.Hypothesis{What: "not ready", RuledOut: true, Fact: "a probe had passed before the plan began"}
	for _, r := range d.run.Outcome.History.Recoveries {
		switch {
		case r.Spawned > d.last.Call.Ns || r.Spawned == 0:
		case r.Probe > 0 && r.Probe <= d.last.Call.Ns:
			out.RuledOut = true
			out.Fact = fmt.Sprintf("a probe had passed %s before", milliseconds(time.Duration(d.last.Call.Ns-r.Probe)))
		default:
			out.RuledOut, out.Fact = late.RuledOut, "the call came before a probe had passed; a read after probes gave the same answer"
			if !late.RuledOut {
				out.Fact = "the call came before a probe had passed"
			}
		}
	}
	return out
}

func milliseconds(d time.Duration) string {
	if d < time.Millisecond {
		return "less than 1 ms"
	}
	return d.Round(time.Millisecond).String()
}

// wrongServer says whose probe answered.
func (a recheck) wrongServer() harness.Hypothesis {
	out := harness.Hypothesis{What: "wrong server", Fact: "nonce matches", RuledOut: true}
	switch {
	case errors.Is(a.wrong, ingress.ErrWrongServer):
		out.Fact, out.RuledOut = a.wrong.Error(), false
	case a.wrong != nil:
		out.Fact, out.RuledOut = "it was not shown: "+a.wrong.Error(), false
	case len(a.reads) == 0 && len(a.answers) == 0:
		out.Fact, out.RuledOut = "it was not asked again", false
	}
	return out
}

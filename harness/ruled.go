package harness

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"retain/checker"
	"retain/model"
	"retain/runtime/ingress"
	"retain/service"
)

// RuledOut is one way in which a violation could be ours instead of the
// runtime's, and what a check of it showed.
type RuledOut struct {
	// What is "checker", "not sent", "not ready", "late" or "wrong server".
	What string `json:"what"`
	// Fact is what was seen: "porcupine agrees", "1 attempt, handler ran once, 200".
	Fact string `json:"fact"`
	// Out is true if the fact rules it out. False says that it could not be ruled
	// out.
	Out bool `json:"out"`
}

// porcupineBudget is what porcupine gets for the object that violated.
var porcupineBudget = checker.Options{Budget: 10 * time.Second, Memory: 512 << 20}

// theChecker says whether another procedure than the one that judged says the
// same.
func (q *inquiry) theChecker() RuledOut {
	j := q.broken.Resolved
	out := RuledOut{What: "checker", Out: true}
	switch {
	case j.By == checker.ByPorcupine:
		out.Fact = "porcupine says so"
	case j.By == checker.ByAnswer:
		out.Fact = "no state of the object gives this answer"
	case j.Second == checker.Violation:
		out.Fact = fmt.Sprintf("by %s; porcupine agrees", j.By)
	default:
		began := time.Now()
		switch checker.Porcupine(q.run.Outcome.History, *q.broken, porcupineBudget) {
		case checker.Violation:
			out.Fact = fmt.Sprintf("by %s; porcupine agrees, after %s", j.By, time.Since(began).Round(time.Millisecond))
		case checker.Pass:
			out.Fact, out.Out = fmt.Sprintf("by %s; porcupine says it passes: a defect of retain", j.By), false
		default:
			out.Fact, out.Out = fmt.Sprintf("by %s; porcupine had no answer within %s", j.By, porcupineBudget.Budget), false
		}
	}
	return out
}

// maxTold is how many operations are told of one by one.
const maxTold = 3

// notSent says what of the operations went over the wire and reached a handler.
func (q *inquiry) notSent() RuledOut {
	subjects := q.subjects
	if len(subjects) == 0 {
		subjects = []model.Invoked{q.last}
	}
	inProof := func(o model.Invoked) bool { return slices.Contains(q.broken.Proof, o.ID) }
	subjects = slices.Concat(keepIf(subjects, inProof), keepIf(subjects, func(o model.Invoked) bool { return !inProof(o) }))
	out := RuledOut{What: "not sent", Out: true}
	var facts []string
	for _, o := range subjects {
		fact, wrote, ran := arrival(q.run.Outcome.History, o)
		out.Out = out.Out && wrote > 0 && ran > 0
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
	if len(all) > maxTold {
		all = append(all[:maxTold:maxTold], fmt.Sprintf("and %d more", len(all)-maxTold))
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
func (q *inquiry) notReady(late RuledOut) RuledOut {
	out := RuledOut{What: "not ready", Out: true, Fact: "a canary had passed before the plan began"}
	for _, r := range q.run.Outcome.History.Recoveries {
		switch {
		case r.Spawned > q.last.Call.Ns || r.Spawned == 0:
		case r.Canary > 0 && r.Canary <= q.last.Call.Ns:
			out.Out = true
			out.Fact = fmt.Sprintf("a canary had passed %s before", milliseconds(time.Duration(q.last.Call.Ns-r.Canary)))
		default:
			out.Out, out.Fact = late.Out, "the call came before a canary had passed, and read after canaries it was so again"
			if !late.Out {
				out.Fact = "the call came before a canary had passed"
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

// wrongServer says whose canary answered.
func (a afterlife) wrongServer() RuledOut {
	out := RuledOut{What: "wrong server", Fact: "nonce matches", Out: true}
	switch {
	case errors.Is(a.wrong, ingress.ErrWrongServer):
		out.Fact, out.Out = a.wrong.Error(), false
	case a.wrong != nil:
		out.Fact, out.Out = "it was not shown: "+a.wrong.Error(), false
	case len(a.reads) == 0 && len(a.answers) == 0:
		out.Fact, out.Out = "it was not asked again", false
	}
	return out
}

// came says what the reads after the violation showed.
func (q *inquiry) came(a afterlife) (out RuledOut, back bool) {
	out.What = "late"
	var said []string
	shown := map[model.Phase]showing{}
	previous := q.answerOf([]model.Invoked{q.last})
	for _, p := range []struct {
		phase model.Phase
		when  string
	}{{model.Late, "after " + a.waited.String()}, {model.Later, "after one more restart"}} {
		reads := a.reads[p.phase]
		if len(reads) == 0 {
			continue
		}
		shown[p.phase] = q.shows(reads)
		answer := q.answerOf(reads)
		if answer == previous {
			said = append(said, fmt.Sprintf("still %s %s", answer, p.when))
		} else {
			said = append(said, fmt.Sprintf("%s %s", answer, p.when))
		}
		previous = answer
	}
	facts := strings.Join(said, ", ")
	late, soon := shown[model.Late]
	later, after := shown[model.Later]
	switch {
	case !soon && !after:
		out.Fact = "it could not be read again" + because(a.problem)
		return out, false
	case soon && late == present || after && later == present:
		again := "came back: "
		if back = len(q.lost) > 0; !back {
			again = "right again: "
		}
		if after && later == missing {
			again = "came back and went again: "
		}
		out.Fact = again + facts
		if id := q.sentAgain(); id > 0 {
			back = false
			out.Fact = fmt.Sprintf("there again: %s; operation %d was sent again meanwhile, under its key", facts, id)
		}
	case soon && late == displaced || after && later == displaced:
		back = true
		out.Fact = "came back, and not where it belongs: " + facts
	case soon && late == missing || after && later == missing:
		out.Out = true
		out.Fact = facts
		if len(q.lost) > 0 {
			out.Fact = "gone: " + facts
		}
	default:
		out.Fact = facts + ": later writes cover it"
	}
	if !a.restarted {
		out.Out = false
		out.Fact += "; one more restart was not seen to its end" + because(a.problem)
	}
	return out, back
}

func because(err error) string {
	if err == nil {
		return ""
	}
	return ": " + strings.ReplaceAll(err.Error(), "\n", "; ")
}

// answerOf is the first read's answer, of a map the one about the entry that was
// judged.
func (q *inquiry) answerOf(reads []model.Invoked) string {
	for _, o := range reads {
		if get, ok := o.Op.(model.MapGet); ok && q.broken.Part != "" && get.Key != q.broken.Part {
			continue
		}
		if a := o.In(model.Resolved).Answer; a != nil {
			if c, ok := a.(model.Change); ok {
				return fmt.Sprint(c.Old)
			}
			return a.String()
		}
	}
	return "nothing"
}

// sentAgain is an operation of the proof that was sent again after the
// contradiction: that may repair a loss.
func (q *inquiry) sentAgain() int {
	for _, id := range q.broken.Proof {
		o := q.run.Outcome.History.Operations[id-1]
		if o.Resolution != nil && o.Resolution.By == model.Resend && o.Resolution.At.Seq > q.last.Call.Seq {
			return id
		}
	}
	return 0
}

// ofLiveness is the same for a violation that no answer shows.
func (a afterlife) ofLiveness(r *Run) []RuledOut {
	l := r.Outcome.Liveness
	var out []RuledOut
	if l.Operation > 0 {
		fact, wrote, _ := arrival(r.Outcome.History, r.Outcome.History.Operations[l.Operation-1])
		out = append(out, RuledOut{What: "not sent", Fact: fact, Out: wrote > 0}) // why no handler ran is the question
	}
	if l.Timeless {
		return append(out, a.wrongServer())
	}
	late := RuledOut{What: "late", Out: true}
	var said []string
	for _, p := range []struct {
		phase model.Phase
		when  string
	}{{model.Late, "after " + a.waited.String()}, {model.Later, "after one more restart"}} {
		err, asked := a.answers[p.phase]
		switch {
		case !asked:
		case err == nil:
			said = append(said, "an answer "+p.when)
			late.Out = late.Out && p.phase == model.Later // the restart may have mended it
		default:
			said = append(said, "no answer "+p.when)
		}
	}
	late.Fact = strings.Join(said, ", ")
	if !a.restarted {
		late.Out = false
		late.Fact = strings.TrimPrefix(late.Fact+"; it did not come up once more"+because(a.problem), "; ")
	}
	return append(out, late, a.wrongServer())
}

package triage

import (
	"fmt"
	"strings"

	"retain/harness"
	"retain/model"
)

// late is what the reads after the violation showed; back is true if a lost effect came
// back.
func (d *diagnosis) late(a recheck) (out harness.Hypothesis, back bool) {
	out.What = "late"
	byPhase, facts := d.readAgain(a)
	late, soon := byPhase[model.Late]
	later, after := byPhase[model.Later]
	switch {
	case !soon && !after:
		out.Fact = "it could not be read again" + because(a.problem)
		return out, false
	case soon && late == present || after && later == present:
		again := "came back: "
		if back = len(d.lost) > 0; !back {
			again = "right again: "
		}
		if after && later == missing {
			again = "came back and went again: "
		}
		out.Fact = again + facts
		if id := d.sentAgain(); id > 0 {
			back = false
			out.Fact = fmt.Sprintf("there again: %s; operation %d was sent again meanwhile, under its key", facts, id)
		}
	case soon && late == displaced || after && later == displaced:
		back = true
		out.Fact = "came back, and not where it belongs: " + facts
	case soon && late == missing || after && later == missing:
		out.RuledOut = true
		out.Fact = facts
		if len(d.lost) > 0 {
			out.Fact = "gone: " + facts
		}
	default:
		out.Fact = facts + ": later writes cover it"
	}
	if !a.restarted {
		out.RuledOut = false
		out.Fact += "; one more restart was not seen to its end" + because(a.problem)
	}
	return out, back
}

// readAgain is what the reads of a recheck show of the lost effect, by phase, and their
// answers in words.
func (d *diagnosis) readAgain(a recheck) (byPhase map[model.Phase]presence, facts string) {
	byPhase = map[model.Phase]presence{}
	var answers []string
	previous := d.answerOf([]model.Invoked{d.last})
	for _, p := range a.phases() {
		reads := a.reads[p.phase]
		if len(reads) == 0 {
			continue
		}
		byPhase[p.phase] = d.presenceIn(reads)
		answer := d.answerOf(reads)
		if answer == previous {
			answers = append(answers, fmt.Sprintf("still %s %s", answer, p.when))
		} else {
			answers = append(answers, fmt.Sprintf("%s %s", answer, p.when))
		}
		previous = answer
	}
	return byPhase, strings.Join(answers, ", ")
}

// recheckPhase is one of the two times at which a recheck reads.
type recheckPhase struct {
	phase model.Phase
	when  string
}

func (a recheck) phases() []recheckPhase {
	return []recheckPhase{{model.Late, "after " + a.waited.String()}, {model.Later, "after one more restart"}}
}

func because(err error) string {
	if err == nil {
		return ""
	}
	return ": " + strings.ReplaceAll(err.Error(), "\n", "; ")
}

// answerOf is the first read's answer, of a map the one about the entry that was
// judged.
func (d *diagnosis) answerOf(reads []model.Invoked) string {
	for _, o := range reads {
		if get, ok := o.Op.(model.MapGet); ok && d.broken.Part != "" && get.Key != d.broken.Part {
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
func (d *diagnosis) sentAgain() int {
	for _, id := range d.broken.Proof {
		o := d.run.Outcome.History.Operations[id-1]
		if o.Resolution != nil && o.Resolution.By == model.Resend && o.Resolution.At.Seq > d.last.Call.Seq {
			return id
		}
	}
	return 0
}

// livenessHypotheses are those of a violation that no answer shows.
func (a recheck) livenessHypotheses(r *harness.Run) []harness.Hypothesis {
	l := r.Outcome.Liveness
	var out []harness.Hypothesis
	if l.Operation > 0 {
		fact, wrote, _ := arrival(r.Outcome.History, r.Outcome.History.Operations[l.Operation-1])
		out = append(out, harness.Hypothesis{What: "not sent", Fact: fact, RuledOut: wrote > 0}) // why no handler ran is the question
	}
	if l.Timeless {
		return append(out, a.wrongServer())
	}
	late := harness.Hypothesis{What: "late", RuledOut: true}
	var said []string
	for _, p := range a.phases() {
		err, asked := a.answers[p.phase]
		switch {
		case !asked:
		case err == nil:
			said = append(said, "an answer "+p.when)
			late.RuledOut = late.RuledOut && p.phase == model.Later // the restart may have mended it
		default:
			said = append(said, "no answer "+p.when)
		}
	}
	late.Fact = strings.Join(said, ", ")
	if !a.restarted {
		late.RuledOut = false
		late.Fact = strings.TrimPrefix(late.Fact+"; it did not come up once more"+because(a.problem), "; ")
	}
	return append(out, late, a.wrongServer())
}

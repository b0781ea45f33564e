package signature

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"retain/checker"
	"retain/generators"
	"retain/harness"
	"retain/model"
)

// This file has the signatures of the records of version 1 and 2, which are texts. It never
// changes: findings of earlier records are known by them, and by nothing else.

// textBody is the body of a violation's signature.
func textBody(r harness.Run, w *model.History) string {
	if r.Check.Verdict == checker.Violation {
		return textOfWitness(w)
	}
	if how := r.HeldBy().Culprit().Text(); how != "" {
		return how + "\n"
	}
	if op := stuckOperation(r); op != nil {
		return generators.NameOf(op) + "\n"
	}
	return ""
}

// textOfWitness are a witness's operations without their names. Through which handler
// something was read makes no difference, nor how often in a row the same was done
// and answered.
func textOfWitness(w *model.History) string {
	if w == nil {
		return "" // the guarantee is all there is
	}
	var lines []string
	names := renaming{}
	for _, o := range w.Operations {
		does, answer := "reads", ""
		if !o.Op.ReadOnly() {
			does = names.rename(o.Op.String())
		}
		if o.Answer != nil {
			answer = names.rename(seenIn(o.Answer))
		}
		lines = append(lines, fmt.Sprintf("%s %s -> %s %s\n", o.Object.Kind, does, o.Outcome, answer))
	}
	return strings.Join(slices.Compact(lines), "")
}

// seenIn is an answer's text; the exclusive read of a counter, which adds nothing,
// answers what the other one does.
func seenIn(a model.Answer) string {
	if c, is := a.(model.Change); is && c.Old == c.New {
		return model.Integer(c.New).String()
	}
	return a.String()
}

// renaming gives values names in the order of their first appearance. Zero and the
// empty string stand for nothing written and keep theirs.
type renaming map[string]string

var valueText = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|\b[1-9][0-9]*\b`)

func (n renaming) rename(text string) string {
	return valueText.ReplaceAllStringFunc(text, func(v string) string {
		if v == `""` {
			return v
		}
		if n[v] == "" {
			n[v] = fmt.Sprint("<", len(n)+1, ">")
		}
		return n[v]
	})
}

// textOfPlan is a reduced plan without the names of its steps, clients, objects and
// values.
func textOfPlan(p generators.Plan) string {
	var b strings.Builder
	config, _ := json.Marshal(p.Config) // a plain struct
	fmt.Fprintf(&b, "%s\n", config)
	ids, clients, objects, values := map[int]int{}, map[int]int{}, map[model.Object]int{}, renaming{}
	for i, s := range p.Steps {
		ids[s.StepID()] = i + 1
	}
	for _, s := range p.Steps {
		switch s := s.(type) {
		case generators.Operate:
			fmt.Fprintf(&b, "%d %s %d %s\n", numbered(clients, s.Client), s.Object.Kind, numbered(objects, s.Object), values.rename(s.Op.String()))
		case generators.Inject:
			fmt.Fprintf(&b, "%s %s %t\n", s.Fault, textOfTrigger(s.When, ids), s.HoldThroughStop)
		}
	}
	return b.String()
}

// numbered numbers what appears, from 1.
func numbered[K comparable](known map[K]int, k K) int {
	if known[k] == 0 {
		known[k] = len(known) + 1
	}
	return known[k]
}

func textOfTrigger(t generators.Trigger, ids map[int]int) string {
	switch t := t.(type) {
	case generators.WhileOpen:
		return fmt.Sprint("while open ", ids[t.Step])
	case generators.AtGate:
		return fmt.Sprint("at gate ", ids[t.Step], " ", t.After)
	case generators.Starting:
		return fmt.Sprint("starting ", t.Milestone)
	}
	return "in place"
}

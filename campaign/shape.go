package campaign

import (
	"crypto/sha256"
	"encoding/hex"
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

// shapeOf says what a violation looks like, whatever its ids, objects and values
// are called: the guarantee, and the operations of its smallest witness with their
// answers, in the order of their calls. Equal findings have equal shapes; the
// reverse holds as far as a few operations can show it.
func shapeOf(r harness.Run, o checker.Options) string {
	var b strings.Builder
	fmt.Fprintln(&b, guaranteeOf(r))
	if r.Check.Verdict != checker.Violation {
		if r.Outcome != nil && r.Outcome.Liveness != nil && r.Outcome.Liveness.Operation > 0 {
			fmt.Fprintln(&b, generators.NameOf(r.Outcome.History.Operations[r.Outcome.Liveness.Operation-1].Op))
		}
		return b.String()
	}
	w, err := checker.WitnessOf(r.Outcome.History, r.Check.Broken().Object, o)
	if err != nil {
		return b.String() // without one the guarantee is all there is
	}
	return b.String() + witnessShape(w)
}

// witnessShape are a witness's operations without their names. Through which handler
// something was read makes no difference, nor how often in a row the same was done
// and answered.
func witnessShape(w *model.History) string {
	var lines []string
	names := naming{}
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

// guaranteeOf is the broken guarantee in a sentence, of any object.
func guaranteeOf(r harness.Run) string {
	switch b := r.Check.Broken(); {
	case b != nil:
		return string(b.Object.Kind) + ": " + b.Guarantee
	case r.Outcome != nil && r.Outcome.Liveness != nil:
		return r.Outcome.Liveness.Guarantee
	case len(r.Admissions) > 0:
		return "the server reports " + r.Admissions[0].Class
	}
	return r.Sentence
}

// naming gives values names in the order of their first appearance. Zero and the
// empty string stand for nothing written and keep theirs.
type naming map[string]string

var valueText = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|\b[1-9][0-9]*\b`)

func (n naming) rename(text string) string {
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

// planShape is a reduced plan without the names of its steps, clients, objects and
// values.
func planShape(p generators.Plan) string {
	var b strings.Builder
	config, _ := json.Marshal(p.Config) // a plain struct
	fmt.Fprintf(&b, "%s\n", config)
	ids, clients, objects, values := map[int]int{}, map[int]int{}, map[model.Object]int{}, naming{}
	for i, s := range p.Steps {
		ids[s.StepID()] = i + 1
	}
	for _, s := range p.Steps {
		switch s := s.(type) {
		case generators.Operate:
			fmt.Fprintf(&b, "%d %s %d %s\n", number(clients, s.Client), s.Object.Kind, number(objects, s.Object), values.rename(s.Op.String()))
		case generators.Inject:
			fmt.Fprintf(&b, "%s %s %t\n", s.Fault, triggerShape(s.When, ids), s.HoldThroughStop)
		}
	}
	return b.String()
}

// number numbers what appears, from 1.
func number[K comparable](known map[K]int, k K) int {
	if known[k] == 0 {
		known[k] = len(known) + 1
	}
	return known[k]
}

func triggerShape(t generators.Trigger, ids map[int]int) string {
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

// fingerprint is a short name of a shape.
func fingerprint(shape string) string {
	sum := sha256.Sum256([]byte(shape))
	return hex.EncodeToString(sum[:6])
}

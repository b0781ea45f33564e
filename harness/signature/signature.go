// Package signature tells violations of one cause from those of another: a violation has a
// signature, and equal ones have equal fingerprints.
package signature

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"

	"retain/checker"
	"retain/generators"
	"retain/harness"
	"retain/model"
)

// Signature describes a violation, independent of ids, objects and values: the guarantee,
// and the operations of its smallest witness with their answers, in the order of their
// calls. Equal findings have equal signatures; the reverse holds as far as a few operations
// can show it.
type Signature struct {
	guarantee model.Guarantee
	// steps are those of the witness. Where no order shows the violation, culprit is the call
	// that does not finish or, if that is not known, operation the name of the stuck operation.
	steps     []witnessStep
	culprit   harness.CulpritKey
	operation string
	// plan is set if nothing else identifies the violation.
	plan int
	// text is the body of the signature in records of version 1 and 2.
	text string
}

// witnessStep is an operation without names: equal values have equal numbers.
type witnessStep struct {
	Object    model.Kind    `json:"object"`
	Handler   string        `json:"handler,omitempty"` // "" for any that only reads
	Arguments any           `json:"arguments,omitempty"`
	Outcome   model.Outcome `json:"outcome"`
	Answer    any           `json:"answer,omitempty"`
}

// Fingerprint is the signature's fingerprint.
func (s Signature) Fingerprint() string {
	g := s.guarantee
	g.Surfaces = false // whether an effect surfaced later is chance
	return hashOf(struct {
		Guarantee model.Guarantee    `json:"guarantee"`
		Steps     []witnessStep      `json:"steps,omitempty"`
		Culprit   harness.CulpritKey `json:"culprit,omitzero"`
		Operation string             `json:"operation,omitempty"`
		Plan      int                `json:"plan,omitempty"`
	}{g, s.steps, s.culprit, s.operation, s.plan})
}

// Earlier are the fingerprints in records of version 2, and of version 1, which are made of
// a sentence.
func (s Signature) Earlier() []string {
	return []string{hashOfText(s.guarantee.Key() + "\n" + s.text), hashOfText(model.WriteVersion1(s.guarantee) + "\n" + s.text)}
}

// Of is the signature of a violation, with the smallest witness of an object that broke.
func Of(r harness.Run, o checker.Options) Signature {
	s := Signature{guarantee: GuaranteeOf(r)}
	var w *model.History
	if r.Check.Verdict == checker.Violation {
		if found, err := checker.WitnessOf(r.Outcome.History, r.Check.Broken().Object, o); err == nil {
			w = found // without one the guarantee is all there is
			s.steps = stepsOf(w)
		}
	} else if s.culprit = r.HeldBy().Culprit().Key(); s.culprit.IsZero() {
		if op := stuckOperation(r); op != nil {
			s.operation = generators.NameOf(op)
		}
	}
	s.text = textBody(r, w)
	return s
}

// stuckOperation is the operation that a run shows as stuck, nil for none.
func stuckOperation(r harness.Run) model.Operation {
	if r.Outcome == nil || r.Outcome.Liveness == nil || r.Outcome.Liveness.Operation == 0 {
		return nil
	}
	return r.Outcome.History.Operations[r.Outcome.Liveness.Operation-1].Op
}

// OfGuarantee is the signature of a violation of which only the guarantee is known.
func OfGuarantee(g model.Guarantee) Signature { return Signature{guarantee: g} }

// OfPlan is the signature of a violation of which nothing is known but its plan's number: it
// is alike to no other.
func OfPlan(number int) Signature {
	return Signature{plan: number + 1, text: fmt.Sprintf("plan %d", number)}
}

// OfWitness is the signature of a reduced violation.
func OfWitness(g model.Guarantee, w *model.History) Signature {
	return Signature{guarantee: g, steps: stepsOf(w), text: textOfWitness(w)}
}

// stepsOf are a witness's operations without their names. Through which handler something
// was read makes no difference, nor how often in a row the same was done and answered.
func stepsOf(w *model.History) []witnessStep {
	names := valueNames{}
	var steps []witnessStep
	for _, o := range w.Operations {
		s := witnessStep{Object: o.Object.Kind, Outcome: o.Outcome}
		if !o.Op.ReadOnly() {
			s.Handler, s.Arguments = o.Op.Handler(), names.of(argumentsOf(o.Op))
		}
		if o.Answer != nil {
			s.Answer = names.ofAnswer(o.Answer)
		}
		steps = append(steps, s)
	}
	return slices.CompactFunc(steps, func(a, b witnessStep) bool { return reflect.DeepEqual(a, b) })
}

// GuaranteeOf is the broken guarantee. Whether an effect surfaced later is chance.
func GuaranteeOf(r harness.Run) model.Guarantee {
	g := r.Guarantee()
	g.Surfaces = false
	return g
}

// valueNames numbers values in the order of their first appearance, strings and integers
// alike. Zero and the empty string stand for nothing written and keep their form.
type valueNames map[any]int

// numberedValue is a value without its name.
type numberedValue struct {
	Value    int  `json:"value"`
	Negative bool `json:"negative,omitempty"`
}

func (n valueNames) name(v any, negative bool) numberedValue {
	return numberedValue{number(n, v), negative}
}

// of is an operation's arguments, or an answer's parts: the fields of a struct, the elements
// of a list.
func (n valueNames) of(v any) any { return n.value(reflect.ValueOf(v)) }

// argumentsOf are the arguments of an operation, in the form that stored fingerprints are made
// of. The step that an operation on an invocation names is none.
func argumentsOf(op model.Operation) any {
	switch op := op.(type) {
	case model.Manage:
		if op.Of == nil {
			return struct{}{}
		}
		return argumentsOf(op.Of)
	case model.AnswerSubmit:
		return struct {
			Value string
			Fails bool
		}{op.Value, op.Fails}
	}
	return op
}

func (n valueNames) value(v reflect.Value) any {
	switch {
	case v.Kind() == reflect.Interface && v.IsNil():
		return nil
	case v.Kind() == reflect.Interface:
		return n.value(v.Elem())
	case v.Kind() == reflect.String:
		if v.Len() == 0 {
			return ""
		}
		return n.name(v.String(), false)
	case v.CanInt():
		switch i := v.Int(); {
		case i == 0:
			return 0
		case i < 0:
			return n.name(uint64(-i), true) //nolint:gosec // the size of the smallest integer fits
		default:
			return n.name(uint64(i), false) //nolint:gosec // it is positive
		}
	case v.Kind() == reflect.Struct:
		parts := []any{}
		for i := range v.NumField() {
			parts = append(parts, n.value(v.Field(i)))
		}
		return parts
	case v.Kind() == reflect.Slice:
		parts := []any{}
		for i := range v.Len() {
			parts = append(parts, n.value(v.Index(i)))
		}
		return parts
	case v.Kind() == reflect.Bool:
		return v.Bool()
	}
	panic(fmt.Sprintf("signature: a value of an operation or an answer is of kind %s", v.Kind()))
}

// answerForms tell answers of equal parts from each other. Stored fingerprints are made of
// them: a form never changes.
var answerForms = map[reflect.Type]string{
	reflect.TypeFor[model.Done]():    "done",
	reflect.TypeFor[model.Integer](): "integer",
	reflect.TypeFor[model.Change]():  "change",
	reflect.TypeFor[model.Text]():    "text",
	reflect.TypeFor[model.Texts]():   "texts",
	reflect.TypeFor[model.Entries](): "entries",
	reflect.TypeFor[model.Failure](): "failure",
	reflect.TypeFor[model.Garbled](): "garbled",
}

// ofAnswer is an answer with its form. The exclusive read of a counter, which adds nothing,
// answers what the other one does.
func (n valueNames) ofAnswer(a model.Answer) any {
	if c, is := a.(model.Change); is && c.Old == c.New {
		a = model.Integer(c.New)
	}
	return []any{answerForms[reflect.TypeOf(a)], n.of(a)}
}

// planStep is a step of a reduced plan without names.
type planStep struct {
	// Of an operation: its client, object and values are numbered.
	Client    int        `json:"client,omitempty"`
	Object    model.Kind `json:"object,omitempty"`
	N         int        `json:"n,omitempty"`
	Handler   string     `json:"handler,omitempty"`
	Arguments any        `json:"arguments,omitempty"`
	// Of a fault: Step is the place in the plan of the step that its trigger names,
	// InFlight how many operations of the load it waits for.
	Fault           model.FaultKind        `json:"fault,omitempty"`
	When            string                 `json:"when,omitempty"`
	Step            int                    `json:"step,omitempty"`
	After           bool                   `json:"after,omitempty"`
	Milestone       string                 `json:"milestone,omitempty"`
	InFlight        int                    `json:"in_flight,omitempty"`
	Start           generators.StartConfig `json:"start,omitzero"`
	Version         string                 `json:"version,omitempty"`
	HoldThroughStop bool                   `json:"hold_through_stop,omitempty"`
}

// OfReduced are the fingerprints of a reduced plan that broke a guarantee: the
// first is that of this version, the others are those of earlier ones. A load does many
// things, and shows several bugs: with one the guarantee counts too, and no earlier version
// had one.
func OfReduced(g model.Guarantee, p generators.Plan) []string {
	print := planFingerprint(p)
	if p.Load.Clients == 0 {
		return []string{print, hashOfText(textOfPlan(p))}
	}
	g.Surfaces = false // whether an effect surfaced later is chance
	return []string{hashOf(struct {
		Guarantee model.Guarantee `json:"guarantee"`
		Plan      string          `json:"plan"`
	}{g, print})}
}

// planFingerprint is the fingerprint of a reduced plan without the names of its steps,
// clients, objects and values, and without the seed of its load.
func planFingerprint(p generators.Plan) string {
	ids, clients, objects, values := map[int]int{}, map[int]int{}, map[model.Object]int{}, valueNames{}
	for i, s := range p.Steps {
		ids[s.StepID()] = i + 1
	}
	var steps []planStep
	for _, s := range p.Steps {
		switch s := s.(type) {
		case generators.Operate:
			steps = append(steps, planStep{
				Client: number(clients, s.Client), Object: s.Object.Kind, N: number(objects, s.Object), Handler: s.Op.Handler(), Arguments: values.of(argumentsOf(s.Op)),
			})
		case generators.Inject:
			steps = append(steps, faultStep(s, ids))
		}
	}
	return hashOf(struct {
		Config generators.Config `json:"config"`
		Load   generators.Load   `json:"load,omitzero"`
		Steps  []planStep        `json:"steps"`
	}{p.Config, p.Load, steps})
}

func faultStep(s generators.Inject, ids map[int]int) planStep {
	out := planStep{Fault: s.Fault, Start: s.Start, Version: s.Version, HoldThroughStop: s.HoldThroughStop, When: "in place"}
	switch t := s.When.(type) {
	case generators.WhileOpen:
		out.When, out.Step = "while open", ids[t.Step]
	case generators.AtGate:
		out.When, out.Step, out.After = "at gate", ids[t.Step], t.After
	case generators.Starting:
		out.When, out.Milestone = "starting", string(t.Milestone)
	case generators.InFlight:
		out.When, out.InFlight = "in flight", t.Operations
	}
	return out
}

// number numbers what appears, from 1.
func number[K comparable](known map[K]int, k K) int {
	if known[k] == 0 {
		known[k] = len(known) + 1
	}
	return known[k]
}

// hashOf is a short name of a value.
func hashOf(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("signature: encode a signature: %v", err)) // only plain structs come here
	}
	return hashOfText(string(text))
}

func hashOfText(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:6])
}

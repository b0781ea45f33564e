package signature

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/checker"
	"retain/generators"
	"retain/harness"
	"retain/model"
)

// twoSteps is a plan of two operations around a kill, with names of one's own.
func twoSteps(id, client, object int, a, b string) generators.Plan {
	o := model.Object{Kind: model.Register, N: object}
	return generators.Plan{Seed: uint64(id), Number: id, Steps: []generators.Step{
		generators.Operate{ID: id, Client: client, Object: o, Op: model.RegisterWrite{Value: a}},
		generators.Inject{ID: id + 1, Fault: model.Kill, When: generators.AtGate{Step: id, After: true}},
		generators.Operate{ID: id + 2, Client: client, Object: o, Op: model.RegisterCompareAndSet{Expect: a, Value: b}},
	}}
}

// Two plans that differ only in the names of steps, clients, objects and values have one
// signature.
func TestPlanFingerprintIgnoresNames(t *testing.T) {
	one := planFingerprint(twoSteps(1, 0, 0, "v1", "v3"))
	assert.Equal(t, one, planFingerprint(twoSteps(40, 7, 3, "v40", "v42")))
	assert.NotEqual(t, one, planFingerprint(twoSteps(1, 0, 0, "v1", "v1")), "equal values stay equal")
	other := twoSteps(1, 0, 0, "v1", "v3")
	other.Steps[1] = generators.Inject{ID: 2, Fault: model.Stop, When: generators.AtGate{Step: 1, After: true}}
	assert.NotEqual(t, one, planFingerprint(other))
	other.Steps[1] = generators.Inject{ID: 2, Fault: model.Kill, When: generators.AtGate{Step: 1}}
	assert.NotEqual(t, one, planFingerprint(other))
	other = twoSteps(1, 0, 0, "v1", "v3")
	other.Config.PushOn = true
	assert.NotEqual(t, one, planFingerprint(other))
}

func TestPlanFingerprintCountsTheLoadAndWhatAFaultSays(t *testing.T) {
	loaded := func(change func(*generators.Plan, *generators.Inject)) string {
		p := generators.Plan{Load: generators.Load{Clients: 8, Objects: 1, Seed: 3, Operations: []string{"counter add", "counter get"}, Between: 50}}
		f := generators.Inject{ID: 1, Fault: model.Kill, When: generators.InPlace{}}
		change(&p, &f)
		p.Steps = []generators.Step{f}
		return planFingerprint(p)
	}
	one := loaded(func(*generators.Plan, *generators.Inject) {})
	assert.Equal(t, one, loaded(func(p *generators.Plan, _ *generators.Inject) { p.Load.Seed = 4 }), "the seed is a name")
	for what, change := range map[string]func(*generators.Plan, *generators.Inject){
		"no load":    func(p *generators.Plan, _ *generators.Inject) { p.Load = generators.Load{} },
		"operations": func(p *generators.Plan, _ *generators.Inject) { p.Load.Operations = []string{"register write"} },
		"clients":    func(p *generators.Plan, _ *generators.Inject) { p.Load.Clients = 9 },
		"in flight":  func(_ *generators.Plan, f *generators.Inject) { f.When = generators.InFlight{Operations: 4} },
		"configuration": func(_ *generators.Plan, f *generators.Inject) {
			f.Start = generators.StartConfig{State: generators.LazyState}
		},
	} {
		assert.NotEqual(t, one, loaded(change), what)
	}
}

// Of two bugs that the same load shows, the second is a finding too.
func TestReducedLoadsOfTwoGuaranteesAreTwoFindings(t *testing.T) {
	lost, doubled := model.Guarantee{Code: model.AcknowledgedIsKept}, model.Guarantee{Code: model.TwoEffectsOfKey}
	load := generators.Plan{Load: generators.Load{Clients: 8, Objects: 1, Between: 50}}
	assert.NotEqual(t, OfReduced(lost, load), OfReduced(doubled, load))
	surfaced := lost
	surfaced.Surfaces = true
	assert.Equal(t, OfReduced(lost, load), OfReduced(surfaced, load))

	program := twoSteps(1, 0, 0, "v1", "v3")
	assert.Equal(t, []string{planFingerprint(program), hashOfText(textOfPlan(program))}, OfReduced(lost, program))
	assert.Equal(t, OfReduced(lost, program), OfReduced(doubled, program), "a program is known as it was before there were loads")
}

func TestWitnessSignaturesIgnoreNames(t *testing.T) {
	witness := func(object int, value string, read model.Answer) *model.History {
		o := model.Object{Kind: model.Register, N: object}
		return &model.History{Operations: []model.Invoked{
			{ID: 1, Object: o, Op: model.RegisterWrite{Value: value}, Outcome: model.OK, Answer: model.Done{}},
			{ID: 2, Object: o, Op: model.RegisterRead{}, Outcome: model.OK, Answer: read},
		}}
	}
	lost := fingerprintOf(witness(0, "v1", model.Text("")))
	assert.Equal(t, lost, fingerprintOf(witness(4, "v77", model.Text(""))))
	assert.NotEqual(t, lost, fingerprintOf(witness(0, "v1", model.Text("v1"))))
	other := witness(0, "v1", model.Text(""))
	other.Operations[1].Op = model.RegisterRead{Exclusive: true}
	assert.Equal(t, lost, fingerprintOf(other), "read through another handler")
	n, value := valueNames{}, func(v int) numberedValue { return numberedValue{Value: v} }
	assert.Equal(t, []any{0, 0}, n.of(model.Change{}))
	assert.Equal(t, []any{value(1), 0}, n.of(model.Change{Old: 12}))
	assert.Equal(t, []any{value(2), ""}, n.of(model.RegisterCompareAndSet{Expect: "a"}))
	assert.Equal(t, []any{[]any{value(3), value(2)}}, n.of(model.Entries{{Key: "12", Value: "a"}}), "12 and \"12\" are two values")
	assert.Equal(t, numberedValue{Value: 1, Negative: true}, n.of(model.Integer(-12)))
}

// fingerprintOf is the fingerprint of a witness.
func fingerprintOf(w *model.History) string {
	return OfWitness(model.Guarantee{}, w).Fingerprint()
}

// randomWitnesses are two writes of one value and of two, and the first operations on each object of random plans, with the answers
// of the model, now and then of another one.
func randomWitnesses() (out []*model.History) {
	strange := []model.Answer{model.Done{}, model.Integer(0), model.Integer(-2), model.Text(""), model.Text("v1"), model.Texts(nil), model.Entries(nil), model.Failure{Code: 500}, model.Garbled("v1")}
	for _, second := range []string{"v1", "v2"} {
		w := &model.History{}
		for _, value := range []string{"v1", second} {
			w.Operations = append(w.Operations, model.Invoked{Object: model.Object{Kind: model.Register}, Op: model.RegisterWrite{Value: value}, Outcome: model.OK, Answer: model.Done{}})
		}
		out = append(out, w)
	}
	for n := range 150 {
		h, states := map[model.Object]*model.History{}, map[model.Object]model.State{}
		for i, s := range generators.Draw(5, n, generators.Options{}).Steps {
			op, is := s.(generators.Operate)
			if !is || h[op.Object] != nil && len(h[op.Object].Operations) == 1+n%3 {
				continue
			}
			if h[op.Object] == nil {
				h[op.Object], states[op.Object] = &model.History{}, op.Object.Kind.Initial()
			}
			o := model.Invoked{Object: op.Object, Op: op.Op, Outcome: model.OK}
			states[op.Object], o.Answer = op.Op.Apply(states[op.Object])
			if (n+i)%4 == 0 {
				o.Answer = strange[(n+i)/4%len(strange)]
			}
			h[op.Object].Operations = append(h[op.Object].Operations, o)
		}
		for _, w := range h {
			out = append(out, w)
		}
	}
	return out
}

// sameGroups fails unless two fingerprints of the same things group them alike.
func sameGroups[T any](t *testing.T, all []T, a, b func(T) string) {
	t.Helper()
	ab, ba := map[string]string{}, map[string]string{}
	for _, v := range all {
		x, y := a(v), b(v)
		if ab[x] == "" && ba[y] == "" {
			ab[x], ba[y] = y, x
		}
		require.Equal(t, ab[x], y, "%+v", v)
		require.Equal(t, ba[y], x, "%+v", v)
	}
	assert.Greater(t, len(ab), 10)
	assert.Less(t, len(ab), len(all), "some are alike")
}

// What a campaign takes for one finding is what it took for one before its fingerprints were
// made of typed values.
func TestFingerprintsGroupAsThoseOfVersion2(t *testing.T) {
	sameGroups(t, randomWitnesses(), fingerprintOf, textOfWitness)
	sameGroups(t, randomPlans(), planFingerprint, textOfPlan)
}

// randomPlans are pieces of random plans.
func randomPlans() (plans []generators.Plan) {
	for n := range 60 {
		p := generators.Draw(5, n, generators.Options{})
		for i := range p.Steps {
			small := p
			small.Steps = p.Steps[i:min(len(p.Steps), i+1+n%2)]
			plans = append(plans, small)
		}
	}
	return plans
}

// rewordedOperation is an operation with another text.
type rewordedOperation struct{ model.Operation }

func (rewordedOperation) String() string { return "reworded" }

// reworded gives an operation another text. An operation on an invocation keeps its type, which
// fingerprints read.
func reworded(op model.Operation) model.Operation {
	m, manages := op.(model.Manage)
	if !manages {
		return rewordedOperation{op}
	}
	if m.Of != nil {
		m.Of = rewordedOperation{m.Of}
	}
	return m
}

// No fingerprint is made of the text of an operation: with one text for all, findings are
// grouped as they were.
func TestFingerprintsDoNotReadTexts(t *testing.T) {
	sameGroups(t, randomWitnesses(), fingerprintOf, func(w *model.History) string {
		other := model.History{Operations: slices.Clone(w.Operations)}
		for i, o := range w.Operations {
			other.Operations[i].Op = reworded(o.Op)
		}
		return fingerprintOf(&other)
	})
	sameGroups(t, randomPlans(), planFingerprint, func(p generators.Plan) string {
		p.Steps = slices.Clone(p.Steps)
		for i, s := range p.Steps {
			if op, is := s.(generators.Operate); is {
				op.Op = reworded(op.Op)
				p.Steps[i] = op
			}
		}
		return planFingerprint(p)
	})
}

// One handler with one failure gives one signature, whichever operations waited for it.
func TestStuckFindingsHaveTheSignatureOfTheirCulprit(t *testing.T) {
	stuck := func(object, handler, failure string, waited int) string {
		r := harness.Run{Verdict: harness.Violation, Outcome: &harness.Outcome{Liveness: &harness.Liveness{
			Guarantee: model.Guarantee{Code: model.OperationFinishes}, Operation: 1, Waited: waited,
			Held: &harness.Holding{State: harness.Held, Kind: model.Map, Object: object, Holder: &harness.Caller{Op: "reworded", Handler: handler, LastFailure: failure}}}}}
		return Of(r, checker.Options{}).Fingerprint()
	}
	one := stuck("map-0", "set", `[500] no key "a" at 17`, 2)
	assert.Equal(t, one, stuck("map-7", "set", `[500] no key "b" at 18`, 9))
	assert.NotEqual(t, one, stuck("map-0", "clearAll", `[500] no key "a" at 17`, 2))
	assert.NotEqual(t, one, stuck("map-0", "set", "[570 Journal mismatch]", 2))
	assert.NotEqual(t, one, Signature{guarantee: model.Guarantee{Code: model.OperationGetsTurn}, culprit: harness.CulpritKey{
		State: harness.Held, Kind: model.Map, Handler: "set", Failure: harness.FailureMode{Status: "[500]", Text: " no key * at *"},
	}}.Fingerprint(), "the guarantee counts")
}

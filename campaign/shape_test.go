package campaign

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"retain/generators"
	"retain/model"
)

// twoSteps is a plan of two operations around a kill, with names of one's own.
func twoSteps(id, client, object int, a, b string) generators.Plan {
	o := model.Object{Kind: model.Register, N: object}
	return generators.Plan{Seed: uint64(id), Number: id, Steps: []generators.Step{
		generators.Operate{ID: id, Client: client, Object: o, Op: model.RegisterWrite{Value: a}},
		generators.Inject{ID: id + 1, Fault: generators.Kill, When: generators.AtGate{Step: id, After: true}},
		generators.Operate{ID: id + 2, Client: client, Object: o, Op: model.RegisterCompareAndSet{Expect: a, Value: b}},
	}}
}

// TestPlansAreEqualUpToTheirNames of steps, clients, objects and values, and of
// nothing else.
func TestPlansAreEqualUpToTheirNames(t *testing.T) {
	one := planShape(twoSteps(1, 0, 0, "v1", "v3"))
	assert.Equal(t, one, planShape(twoSteps(40, 7, 3, "v40", "v42")))
	assert.NotEqual(t, one, planShape(twoSteps(1, 0, 0, "v1", "v1")), "equal values stay equal")
	other := twoSteps(1, 0, 0, "v1", "v3")
	other.Steps[1] = generators.Inject{ID: 2, Fault: generators.Stop, When: generators.AtGate{Step: 1, After: true}}
	assert.NotEqual(t, one, planShape(other))
	other.Steps[1] = generators.Inject{ID: 2, Fault: generators.Kill, When: generators.AtGate{Step: 1}}
	assert.NotEqual(t, one, planShape(other))
	other = twoSteps(1, 0, 0, "v1", "v3")
	other.Config.PushOn = true
	assert.NotEqual(t, one, planShape(other))
}

func TestWitnessesAreEqualUpToTheirNames(t *testing.T) {
	witness := func(object int, value string, read model.Answer) *model.History {
		o := model.Object{Kind: model.Register, N: object}
		return &model.History{Operations: []model.Invoked{
			{ID: 1, Object: o, Op: model.RegisterWrite{Value: value}, Outcome: model.OK, Answer: model.Done{}},
			{ID: 2, Object: o, Op: model.RegisterRead{}, Outcome: model.OK, Answer: read},
		}}
	}
	lost := witnessShape(witness(0, "v1", model.Text("")))
	assert.Equal(t, lost, witnessShape(witness(4, "v77", model.Text(""))))
	assert.NotEqual(t, lost, witnessShape(witness(0, "v1", model.Text("v1"))))
	assert.NotEqual(t, fingerprint(lost), fingerprint(lost+"x"))
	other := witness(0, "v1", model.Text(""))
	other.Operations[1].Op = model.RegisterRead{Exclusive: true}
	assert.Equal(t, lost, witnessShape(other), "read through another handler")
	n := naming{}
	assert.Equal(t, `0->0, <1>->0, <2> <1> ("",<3>)`, n.rename(`0->0, 12->0, "a" 12 ("","b")`))
}

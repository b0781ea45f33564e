package generators

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"retain/model"
)

// What no file can say, and what only the whole list can tell.
func TestValidateNamesTheBrokenStep(t *testing.T) {
	counter := model.Object{Kind: model.Counter}
	add := Operate{ID: 1, Object: counter, Op: model.CounterAdd{Delta: 1}}
	kill := func(id int, when Trigger) Inject { return Inject{ID: id, Fault: model.Kill, When: when} }
	for _, c := range []struct {
		name  string
		steps []Step
		want  string
	}{
		{"nil step", []Step{nil}, "step 1: it is nil"},
		{"no id", []Step{Operate{Object: counter, Op: model.CounterGet{}}}, "step 1: ids are positive"},
		{"negative id", []Step{kill(-3, InPlace{})}, "step 1 (id -3): ids are positive"},
		{"id twice", []Step{add, kill(2, nil), kill(1, nil)}, "step 3 (id 1): step 1 has this id already"},
		{"nil operation", []Step{Operate{ID: 1, Object: counter}}, "step 1 (id 1): <nil> is not an operation of a counter"},
		{"another kind's", []Step{Operate{ID: 1, Object: counter, Op: model.ListGet{}}}, "step 1 (id 1): get() is not an operation of a counter"},
		{"negative addition", []Step{Operate{ID: 1, Object: counter, Op: model.CounterAdd{Delta: -1}}},
			`step 1 (id 1): operation "add(-1)" of a counter: -1 is not an integer from 0 to 2^53`},
		{"no object", []Step{Operate{ID: 1, Object: model.Object{Kind: "queue"}, Op: model.CounterGet{}}},
			`step 1 (id 1): "queue-0" is no object: want a kind and a number from 0, such as counter-0`},
		{"negative object", []Step{Operate{ID: 1, Object: model.Object{Kind: model.Counter, N: -1}, Op: model.CounterGet{}}},
			`step 1 (id 1): "counter--1" is no object: want a kind and a number from 0, such as counter-0`},
		{"not UTF-8", []Step{Operate{ID: 1, Object: model.Object{Kind: model.List}, Op: model.ListAppend{Value: "a\xff"}}},
			`step 1 (id 1): operation "append(\"a\\xff\")": its arguments are not JSON values: invalid character 'x' in string escape code`},
		{"no fault", []Step{Inject{ID: 1, Fault: "burn"}}, `step 1 (id 1): fault "burn": want ` + model.FaultNames()},
		{"version", []Step{Inject{ID: 1, Fault: model.Kill, Version: "1.7.9"}}, "step 1 (id 1): a kill names no version: only a start does"},
		{"hold", []Step{Inject{ID: 1, Fault: model.Kill, HoldThroughStop: true}}, "step 1 (id 1): a kill holds no gate: only a stop does"},
		{"waits for no id", []Step{kill(1, WhileOpen{})}, "step 1 (id 1): its trigger names step id 0: ids are positive"},
		{"waits for a fault", []Step{kill(1, InPlace{}), kill(2, AtGate{Step: 1})}, "step 2 (id 2): its trigger names id 1, which is a fault: want an operation"},
		{"waits for what comes later", []Step{kill(2, AtGate{Step: 1}), add},
			"step 1 (id 2): its trigger names id 1, which stands after it and begins only once it has begun"},
		{"no milestone", []Step{kill(1, Starting{Milestone: "warm"})}, `step 1 (id 1): during "warm": want spawned, port, health or canary`},
		{"offset too long", []Step{kill(1, Starting{Milestone: Port, OffsetMs: 1001})}, "step 1 (id 1): offset_ms is not from 0 to 1000"},
		{"negative offset", []Step{kill(1, Starting{Milestone: Port, OffsetMs: -1})}, "step 1 (id 1): offset_ms is not from 0 to 1000"},

		{"a trigger whose step is gone", []Step{kill(1, AtGate{Step: 9})}, ""},
		{"no trigger", []Step{kill(1, nil)}, ""},
		{"a start names a version", []Step{Inject{ID: 1, Fault: model.Start, Version: "1.7.9"}}, ""},
		{"faults that do nothing", []Step{Inject{ID: 1, Fault: model.Resume}, Inject{ID: 2, Fault: model.Start}, Inject{ID: 3, Fault: model.Start}}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := Validate(Plan{Steps: c.steps})
			if c.want == "" {
				assert.NoError(t, err)
			} else {
				assert.EqualError(t, err, c.want)
			}
		})
	}
}

func TestValidateRefusesLoadsThatMeanNothing(t *testing.T) {
	good := Load{Clients: 8, Objects: 8, Operations: []string{"list append"}, Between: 30}
	require.NoError(t, Validate(Plan{Load: good}))
	for _, c := range []struct {
		change func(*Load)
		want   string
	}{
		{func(l *Load) { l.Clients = 0 }, "load: it has no clients: want at least 1, or no load"},
		{func(l *Load) { l.Clients = -1 }, "load: -1 clients: want 1 to 256"},
		{func(l *Load) { l.Clients = 257 }, "load: 257 clients: want 1 to 256"},
		{func(l *Load) { l.Objects = 0 }, "load: 0 objects: want 1 to 8, one for each client at most"},
		{func(l *Load) { l.Objects = 9 }, "load: 9 objects: want 1 to 8, one for each client at most"},
		{func(l *Load) { l.Between = -1 }, "load: -1 operations between faults: want 0 to 100000"},
		{func(l *Load) { l.Operations = []string{"list pop"} }, `load: no operation is called "list pop"`},
	} {
		l := good
		c.change(&l)
		assert.ErrorContains(t, Validate(Plan{Load: l}), c.want)
	}
	taken := Operate{ID: 1, Object: model.Object{Kind: model.Counter, N: FirstLoadObject}, Op: model.CounterGet{}}
	require.NoError(t, Validate(Plan{Steps: []Step{taken}}))
	assert.ErrorContains(t, Validate(Plan{Load: good, Steps: []Step{taken}}), "counter-1000 is an object of the load")
}

func TestAdditionsAreOfOneWhereOperationsMayStayOpen(t *testing.T) {
	p := StartAndStop(model.Kill)
	require.NoError(t, Validate(p), "re-sent additions may be of anything")
	for _, c := range []Config{{Unkeyed: true}, {Resolve: LookUp}, {Resolve: LeaveOpen}} {
		p.Config = c
		assert.ErrorContains(t, Validate(p), "additions are of 1", "%+v", c)
	}
}

// Taking steps out of a plan, as shrinking does, leaves a plan.
func TestPlansStayValidWithoutSomeSteps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Plans(Options{}).Draw(t, "plan")
		var kept []Step
		for _, s := range p.Steps {
			if rapid.Bool().Draw(t, "keep") {
				kept = append(kept, s)
			}
		}
		p.Steps = kept
		if err := Validate(p); err != nil {
			t.Fatalf("%v\n%s", err, Encode(p))
		}
	})
}

func TestStartAndStopPlanCountsToThree(t *testing.T) {
	for _, fault := range []model.FaultKind{model.Stop, model.Kill} {
		p := StartAndStop(fault)
		require.NoError(t, Validate(p))
		assert.True(t, sequence(adds, injects(fault), injects(model.Start), gets)(p))
		state := model.Counter.Initial()
		var answer model.Answer
		for _, s := range p.Steps {
			if o, ok := s.(Operate); ok {
				state, answer = o.Op.Apply(state)
			}
		}
		assert.Equal(t, model.Integer(3), answer)
	}
}

func TestPlanListsItsClientsObjectsAndFaultPoints(t *testing.T) {
	list, counter := model.Object{Kind: model.List}, model.Object{Kind: model.Counter, N: 1}
	p := Plan{Steps: []Step{
		Operate{ID: 1, Client: 3, Object: list, Op: model.ListGet{}},
		Operate{ID: 2, Client: 0, Object: counter, Op: model.CounterGet{}},
		Inject{ID: 3, Fault: model.Kill, When: AtGate{Step: 2}},
		Inject{ID: 4, Fault: model.Start, When: InPlace{}},
		Operate{ID: 5, Client: 3, Object: counter, Op: model.CounterGet{}},
		Inject{ID: 6, Fault: model.Stop, When: AtGate{Step: 5, After: true}},
		Inject{ID: 7, Fault: model.Kill, When: AtGate{Step: 99}},
		Inject{ID: 8, Fault: model.Pause, When: AtGate{Step: 1}},
	}}
	assert.Equal(t, []int{0, 3}, p.Clients())
	assert.Equal(t, []model.Object{counter, list}, p.Objects())
	assert.Equal(t, []FaultPoint{{Fault: model.Kill}, {Fault: model.Stop, After: true}}, p.FaultPoints())
	assert.Equal(t, "before kill", FaultPoint{Fault: model.Kill}.String())
	assert.Equal(t, "after stop", FaultPoint{Fault: model.Stop, After: true}.String())
}

func TestPathsOverAGapAreRefused(t *testing.T) {
	for first, paths := range map[string]map[string]string{
		"1.5.3": {
			"1.7.12":             "step 2 (id 2): 1.7.12 does not start on the data of 1.5.3: start a version from 1.6.0 on, before 1.7.0 between them",
			"1.6.2 1.7.12":       "",
			"1.6.2 1.5.3 1.7.12": "step 6 (id 6): 1.7.12 does not start on the data of 1.5.3: start a version from 1.6.0 on, before 1.7.0 between them",
			"mine 1.7.12":        "",
		},
		"1.7.12": {"1.5.3 1.7.12": "", "1.6.2 1.7.12": ""}, // 1.5.3 may not have been served
		"mine":   {"1.7.12": ""},
	} {
		for path, want := range paths {
			var p Plan
			for i, version := range strings.Fields(path) {
				p.Steps = append(p.Steps, Inject{ID: 2*i + 1, Fault: model.Stop}, Inject{ID: 2*i + 2, Fault: model.Start, Version: version})
			}
			err := CheckPath(p, first, AsNamed)
			if want == "" {
				assert.NoError(t, err, "%s %s", first, path)
				continue
			}
			assert.EqualError(t, err, want, "%s %s", first, path)
		}
	}
}

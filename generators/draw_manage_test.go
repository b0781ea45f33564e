package generators

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/model"
)

// managedIn lists the operations on invocations of a plan.
func managedIn(p Plan) (out []Operate) {
	for _, s := range p.Steps {
		if o, is := s.(Operate); is {
			if _, manages := o.Op.(model.Manage); manages {
				out = append(out, o)
			}
		}
	}
	return out
}

func TestAShareOfPlansHasOperationsOnInvocations(t *testing.T) {
	plans, having, verbs := 300, 0, map[model.Verb]int{}
	for n := range plans {
		p := Draw(5, n, Options{StartConfigs: true})
		require.NoError(t, Validate(p))
		managed := managedIn(p)
		if len(managed) > 0 {
			having++
		}
		for _, o := range managed {
			verbs[o.Op.(model.Manage).Verb]++
		}
	}
	t.Logf("%d of %d plans, by verb: %v", having, plans, verbs)
	assert.Greater(t, having, plans/10)
	assert.Less(t, having, plans/2)
	for _, v := range model.Verbs() {
		assert.Positive(t, verbs[v], v)
	}
}

// A completion goes to the ingress: it has no invocation.
func TestOnlyInvocationsAreManaged(t *testing.T) {
	seen := 0
	for n := range 200 {
		p := Draw(7, n, Options{StartConfigs: true, Exclude: noOtherKinds(model.Awakeables)})
		for _, o := range managedIn(p) {
			of, _ := p.Steps[o.Op.(model.Manage).Step-1].(Operate)
			named, _ := operationNamed(NameOf(of.Op))
			assert.False(t, named.gateless, "%s of %s", o.Op, of.Op)
			seen++
		}
	}
	assert.Positive(t, seen)
}

func TestExcludedVerbsAreNotDrawn(t *testing.T) {
	without := Exclusion{ExcludedOperation, model.KillInvocation.Name(), "a test"}
	require.NoError(t, without.Check())
	seen := 0
	for n := range 200 {
		for _, o := range managedIn(Draw(6, n, Options{StartConfigs: true, Exclude: Exclusions{without}})) {
			assert.NotEqual(t, model.KillInvocation, o.Op.(model.Manage).Verb)
			seen++
		}
		assert.Empty(t, managedIn(Draw(6, n, Options{StartConfigs: true, Exclude: noManaging()})))
	}
	assert.Positive(t, seen)
}

// Where a known finding needs a verb, one plan of eight has a call that is killed and purged
// while it stands at a gate, and its key sent again.
func TestPlansHaveTheVerbThatAKnownFindingNeeds(t *testing.T) {
	for seed := range uint64(3) {
		for n := range 40 {
			p := Draw(seed, n, Options{StartConfigs: true, Rare: []string{model.PurgeInvocation.Name()}})
			purged := func(key bool) func(o Operate) bool {
				return func(o Operate) bool {
					m := o.Op.(model.Manage)
					return m.Verb == model.PurgeInvocation && (!key || o.Object.Kind == model.Answers)
				}
			}
			switch {
			case n%8 == 7:
				assert.True(t, slices.ContainsFunc(managedIn(p), purged(true)), "seed %d, plan %d", seed, n)
			case n%4 != 3:
				assert.False(t, slices.ContainsFunc(managedIn(p), purged(false)), "seed %d, plan %d", seed, n)
			}
		}
	}
}

// A key that is sent again has the invocation of its first call, unless that was forgotten.
func TestVerbsNameTheCallThatHasTheInvocation(t *testing.T) {
	seen := 0
	for n := range 200 {
		p := Draw(7, n, Options{StartConfigs: true, Exclude: noOtherKinds(model.Answers)})
		first := map[string]int{}
		for _, s := range p.Steps {
			o, operates := s.(Operate)
			if !operates {
				continue
			}
			key := o.Object.String() + " " + model.KeyOf(o.Op)
			if m, manages := o.Op.(model.Manage); manages {
				of := p.Steps[m.Step-1].(Operate)
				key = o.Object.String() + " " + model.KeyOf(of.Op)
				if first[key] > 0 {
					assert.Equal(t, first[key], m.Step, "plan %d, %s of %s", n, m, of.Op)
				}
				if seen++; m.Verb.Forgets() {
					delete(first, key)
				}
				continue
			}
			if model.KeyOf(o.Op) != "" && first[key] == 0 {
				first[key] = o.ID
			}
		}
	}
	assert.Positive(t, seen)
}

func TestOperationOnAnInvocationNamesAnEarlierOperation(t *testing.T) {
	counter, list := model.Object{Kind: model.Counter}, model.Object{Kind: model.List}
	add := Operate{ID: 1, Object: counter, Op: model.CounterAdd{Delta: 1}}
	manage := func(id int, o model.Object, m model.Manage) Operate {
		m.On = o.Kind
		return Operate{ID: id, Object: o, Op: m}
	}
	kill := model.Manage{Verb: model.KillInvocation, Step: 1}
	for name, c := range map[string]struct {
		steps []Step
		want  string
	}{
		"an earlier one":     {[]Step{add, manage(2, counter, kill)}, ""},
		"one that is gone":   {[]Step{manage(2, counter, kill)}, ""},
		"a later one":        {[]Step{manage(2, counter, kill), add}, "does not stand before it"},
		"of another object":  {[]Step{add, manage(2, list, kill)}, "an operation on counter-0"},
		"a fault":            {[]Step{Inject{ID: 1, Fault: model.Kill}, manage(2, counter, kill)}, "is a fault"},
		"a read":             {[]Step{Operate{ID: 1, Object: counter, Op: model.CounterGet{}}, manage(2, counter, kill)}, "changes nothing"},
		"of no client":       {[]Step{Operate{ID: 1, Object: model.Object{Kind: model.Answers}, Op: model.AnswerSubmit{Value: "v", Anew: true}}}, "no client calls that"},
		"another to restart": {[]Step{add, manage(2, counter, model.Manage{Verb: model.RestartInvocation, Step: 1, Of: model.CounterAdd{Delta: 2}})}, "id 1 is add(1)"},
	} {
		t.Run(name, func(t *testing.T) {
			err := Validate(Plan{Steps: c.steps})
			if c.want == "" {
				assert.NoError(t, err)
				return
			}
			assert.ErrorContains(t, err, c.want)
		})
	}
}

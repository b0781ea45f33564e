package generators

import (
	"encoding/json"
	"retain/model"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestPlansEndWithTheRequestedSituation: a plan that is drawn towards a situation has its
// operation and its fault where the situation says, and is one that can be stored.
func TestPlansEndWithTheRequestedSituation(t *testing.T) {
	for _, s := range Situations() {
		if s.Class != (Class{}) {
			continue // the class draws nothing
		}
		for n := range 2 {
			p := Draw(11, n, Options{Situation: s})
			require.NoError(t, Validate(p), "%s: %s", s, Encode(p))
			back, err := Decode(Encode(p))
			require.NoError(t, err)
			require.Equal(t, p, back)
			require.Equal(t, p, Draw(11, n, Options{Situation: s}), "and always the same")
			at := slices.IndexFunc(p.Steps, func(step Step) bool { o, is := step.(Operate); return is && NameOf(o.Op) == s.Operation })
			require.GreaterOrEqual(t, at, 0, "%s: %s", s, Encode(p))
			met := slices.ContainsFunc(p.Steps, func(step Step) bool { f, is := step.(Inject); return is && f.Fault == s.Fault && p.canMeet(f, s) })
			assert.True(t, met, "%s: %s", s, Encode(p))
		}
	}
}

// canMeet reports whether the fault is one that can meet the situation's operation.
func (p Plan) canMeet(f Inject, s Situation) bool {
	i := slices.IndexFunc(p.Steps, func(step Step) bool { return step.StepID() == f.ID })
	named := func(step Step) bool { o, is := step.(Operate); return is && NameOf(o.Op) == s.Operation }
	gate, gated := f.When.(AtGate)
	held := gated && named(p.Steps[gate.Step-1])
	switch s.Moment {
	case BeforeEffect:
		return held && !gate.After
	case AfterEffect:
		return held && gate.After
	case Spanning:
		later := slices.ContainsFunc(p.Steps[i+1:], func(step Step) bool { f, is := step.(Inject); return is && f.Fault == model.Kill })
		return held && later && !p.Config.Unkeyed
	case Acknowledged:
		return i > 0 && named(p.Steps[i-1])
	}
	next := i + 1
	if f.Fault.Spec().Undo != "" {
		next++ // it is undone before
	}
	return next < len(p.Steps) && named(p.Steps[next])
}

func TestSituationsRoundTrip(t *testing.T) {
	all := Situations()
	for _, s := range all {
		text, err := json.Marshal(s)
		require.NoError(t, err)
		var back Situation
		require.NoError(t, json.Unmarshal(text, &back))
		assert.Equal(t, s, back)
	}
	var s Situation
	assert.ErrorContains(t, s.UnmarshalText([]byte("map set · kill")), "want OPERATION · FAULT · MOMENT · CLASS")
	assert.ErrorContains(t, s.UnmarshalText([]byte("map get · kill · "+string(AfterEffect)+" · eager")), "no situation that there is")
	assert.ErrorContains(t, s.UnmarshalText([]byte("map set · kill · first after · slow")), "no situation that there is")
	assert.NoError(t, s.UnmarshalText([]byte("map set · kill · first after")), "texts from before classes")
	assert.Equal(t, "map set · kill · first after · eager", s.String())
}

// TestNamesListsTheDrawnOperations: Names and the names of drawn operations agree.
func TestNamesListsTheDrawnOperations(t *testing.T) {
	drawn := map[string]bool{}
	for n := range 600 {
		for _, s := range Draw(5, n, Options{Exclude: noManaging()}).Steps {
			if o, is := s.(Operate); is {
				drawn[NameOf(o.Op)] = true
			}
		}
	}
	for _, name := range Names() {
		assert.True(t, drawn[name], name)
		delete(drawn, name)
	}
	assert.Empty(t, drawn)
}

func TestEveryKindIsDrawn(t *testing.T) {
	for _, k := range model.Kinds() {
		assert.True(t, DrawsKind(k), "add generators/kind_%s.go with an operation that writes and one that reads", k)
	}
}

// A drawn operation has the name of its description, and reads or clears as that states.
func TestDrawnOperationsMatchTheirDescription(t *testing.T) {
	for k, part := range kindParts {
		found := map[string]bool{}
		for n := range 200 {
			for _, s := range Draw(6, n, Options{Exclude: append(noOtherKinds(k), noManaging()...)}).Steps {
				o, is := s.(Operate)
				if !is {
					continue
				}
				said, known := operationNamed(NameOf(o.Op))
				require.True(t, known, "%s is drawn and not named", o.Op)
				assert.Equal(t, o.Op.ReadOnly(), said.reads, o.Op)
				assert.Equal(t, model.EffectOf(o.Op) == model.Clears, said.clears, o.Op)
				found[said.name] = true
			}
		}
		assert.Len(t, found, len(part.operations), k)
	}
}

func TestEveryFaultRegistersHowPlansDrawIt(t *testing.T) {
	for _, k := range model.FaultKinds() {
		assert.True(t, DrawsFault(k), "add generators/fault_%s.go", k)
		assert.Equal(t, k.Undoes(), faultParts[k].role == undo, k)
		if faultParts[k].role == strike {
			assert.True(t, k.Ends(), "%s strikes and does not end the server", k)
		}
		for _, m := range faultParts[k].moments {
			assert.Contains(t, Moments(), m)
		}
	}
	assert.Equal(t, []model.FaultKind{model.Stop, model.Kill, model.Pause}, slices.DeleteFunc(Faults(), func(k model.FaultKind) bool {
		return k.Spec().Order > model.Resume.Spec().Order // those that came later
	}))
}

func TestFaultsOptionRestrictsFaults(t *testing.T) {
	for n := range 100 {
		for _, s := range Draw(7, n, Options{Exclude: noOtherFaults(model.Kill)}).Steps {
			if f, is := s.(Inject); is {
				assert.Contains(t, []model.FaultKind{model.Kill, model.Start}, f.Fault)
			}
		}
	}
}

package generators

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestPlansEndWithTheirAim: a plan that is drawn towards a situation has its
// operation and its fault where the situation says, and is one that can be stored.
func TestPlansEndWithTheirAim(t *testing.T) {
	for _, s := range Situations() {
		for n := range 5 {
			p := Draw(11, n, Options{Aim: s})
			require.NoError(t, Validate(p), "%s: %s", s, Encode(p))
			back, err := Decode(Encode(p))
			require.NoError(t, err)
			require.Equal(t, p, back)
			require.Equal(t, p, Draw(11, n, Options{Aim: s}), "and always the same")
			at := slices.IndexFunc(p.Steps, func(step Step) bool { o, is := step.(Operate); return is && NameOf(o.Op) == s.Operation })
			require.GreaterOrEqual(t, at, 0, "%s: %s", s, Encode(p))
			aimed := slices.ContainsFunc(p.Steps, func(step Step) bool { f, is := step.(Inject); return is && f.Fault == s.Fault && p.aims(f, s) })
			assert.True(t, aimed, "%s: %s", s, Encode(p))
		}
	}
}

// aims reports whether the fault is one that can meet the situation's operation.
func (p Plan) aims(f Inject, s Situation) bool {
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
		later := slices.ContainsFunc(p.Steps[i+1:], func(step Step) bool { f, is := step.(Inject); return is && f.Fault == Kill })
		return held && later && !p.Config.Unkeyed
	case Acknowledged:
		return i > 0 && named(p.Steps[i-1])
	}
	return i+2 < len(p.Steps) && named(p.Steps[i+2])
}

// TestWithoutAnAimPlansAreAsTheyWere: it takes no draw of a plan's.
func TestWithoutAnAimPlansAreAsTheyWere(t *testing.T) {
	for n := range 20 {
		assert.Equal(t, Draw(3, n, Options{}), Draw(3, n, Options{Aim: Situation{}}))
	}
}

func TestSituationsReadBack(t *testing.T) {
	all := Situations()
	for _, s := range all {
		text, err := json.Marshal(s)
		require.NoError(t, err)
		var back Situation
		require.NoError(t, json.Unmarshal(text, &back))
		assert.Equal(t, s, back)
	}
	var s Situation
	assert.ErrorContains(t, s.UnmarshalText([]byte("map set · kill")), "want OPERATION · FAULT · MOMENT")
	assert.ErrorContains(t, s.UnmarshalText([]byte("map get · kill · "+string(AfterEffect))), "no situation that there is")
}

// TestNamesAreThoseOfWhatIsDrawn: the table of names and those of operations agree.
func TestNamesAreThoseOfWhatIsDrawn(t *testing.T) {
	drawn := map[string]bool{}
	for n := range 600 {
		for _, s := range Draw(5, n, Options{}).Steps {
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
	for kind, known := range names {
		assert.Len(t, known.writing, len(writing[kind]))
		assert.Len(t, known.reading, len(reading[kind]))
	}
}

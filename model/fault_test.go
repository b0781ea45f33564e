package model_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"retain/model"
)

// Every fault leaves a server that can be brought back: by nothing, or by its undo.
func TestEveryFaultCanBeUndone(t *testing.T) {
	for _, k := range model.FaultKinds() {
		spec := k.Spec()
		assert.NotEmpty(t, spec.From, "%s applies in no condition", k)
		assert.Contains(t, model.FaultNames(), string(k))
		if spec.To == model.Ready {
			assert.Empty(t, spec.Undo, "%s leaves a server that is ready", k)
			assert.False(t, spec.Stalls)
			continue
		}
		undo := spec.Undo.Spec()
		assert.Contains(t, undo.From, spec.To, "the undo of a %s does not apply to a server that is %s", k, spec.To)
		assert.Equal(t, model.Ready, undo.To)
		assert.Equal(t, spec.Undo, spec.To.Undo(), "two faults leave %s and have different undos", spec.To)
		assert.True(t, spec.Undo.Undoes())
		assert.Equal(t, spec.Stalls, spec.To.Stalled())
	}
}

func TestFaultSpecsAreUnchanged(t *testing.T) {
	for _, c := range []struct {
		kind                        model.FaultKind
		ends, starts, undoes, stall bool
		undo                        model.FaultKind
		in                          []model.Condition
	}{
		{model.Stop, true, false, false, false, model.Start, []model.Condition{model.Ready, model.Starting}},
		{model.Kill, true, false, false, false, model.Start, []model.Condition{model.Ready, model.Starting, model.Paused}},
		{model.Start, false, true, true, false, "", []model.Condition{model.Down}},
		{model.Pause, false, false, false, true, model.Resume, []model.Condition{model.Ready}},
		{model.Resume, false, false, true, false, "", []model.Condition{model.Paused}},
	} {
		assert.Equal(t, []bool{c.ends, c.starts, c.undoes}, []bool{c.kind.Ends(), c.kind.Starts(), c.kind.Undoes()}, c.kind)
		assert.Equal(t, c.undo, c.kind.Spec().To.Undo(), c.kind)
		assert.Equal(t, c.stall, c.kind.Spec().To.Stalled(), c.kind)
		for _, at := range []model.Condition{model.Down, model.Starting, model.Ready, model.Paused} {
			applies := false
			for _, in := range c.in {
				applies = applies || in == at
			}
			assert.Equal(t, applies, c.kind.Applies(at), "%s when %s", c.kind, at)
		}
	}
	assert.False(t, model.FaultKind("reboot").Ends(), "a kind that does not exist")
}

package harness

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/generators"
	"retain/model"
)

func TestEveryFaultIsCarriedOut(t *testing.T) {
	for _, k := range model.FaultKinds() {
		assert.True(t, CarriesOut(k), "add harness/fault_%s.go", k)
	}
}

func TestFaultWithoutImplementationIsNamed(t *testing.T) {
	r := newRun(system(t), generators.Plan{}, newTestRecorder(t), "run", quick)
	err := r.inject(t.Context(), generators.Inject{Fault: "reboot"}, func() {})
	assert.EqualError(t, err, "nothing carries out a reboot: add harness/fault_reboot.go")
}

// A healed server is thawed before it is started.
func TestUndosAreTriedInTheirOrder(t *testing.T) {
	require.Equal(t, []model.FaultKind{model.Start, model.Resume}, undos()[:2])
}

func TestFaultOnAnUnknownTargetIsRefused(t *testing.T) {
	plan := generators.StartAndStop(model.Kill)
	kill := plan.Steps[1].(generators.Inject)
	kill.Target = "node-1"
	plan.Steps[1] = kill
	_, err := Execute(t.Context(), system(t), plan, Execution{ID: "run", Path: t.TempDir() + "/history.jsonl", Bounds: quick})
	assert.ErrorContains(t, err, "step 2 (id 2): its target is node-1, and the server under test is one node, node-0: take the target out of the step")
	kill.Target = "node-0"
	plan.Steps[1] = kill
	out, err := Execute(t.Context(), system(t), plan, Execution{ID: "run", Path: t.TempDir() + "/history.jsonl", Bounds: quick})
	require.NoError(t, err)
	assert.Equal(t, model.Target("node-0"), out.History.Faults[0].Target)
	assert.NotEqual(t, model.Forever, out.History.Faults[0].End, "the end of the fault names its target too")
}

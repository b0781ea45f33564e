package model_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"retain/model"
)

func TestEveryKindHasACompleteSpec(t *testing.T) {
	services := map[string]bool{}
	for _, k := range model.Kinds() {
		spec := k.Spec()
		assert.Empty(t, spec.Missing(), "model/kind_%s.go lacks parts", k)
		assert.False(t, services[spec.Service], "two kinds are served as %s", spec.Service)
		services[spec.Service] = true
		for _, h := range spec.Handlers {
			assert.True(t, h.Input != "" || h.Fields == nil, "%s/%s has fields and no input", spec.Service, h.Name)
		}
	}
}

// The whole reads of every kind, and the reads that show its changes, are read-only
// operations of the kind that its service serves and its text form reads back.
func TestReadsOfEveryKindAreOperationsOfIt(t *testing.T) {
	for _, k := range model.Kinds() {
		reads := k.Spec().WholeReads(nil)
		assert.NotEmpty(t, reads, "what never finishes on an object that nobody reads would not be missed")
		for _, read := range append(reads, model.ReadOf(reads[0]), model.Exclusive(model.ReadOf(reads[0]))) {
			assert.True(t, read.ReadOnly(), "%s", read)
			assert.Equal(t, k, read.Kind())
			back, err := model.ParseOperation(k, read.String())
			assert.NoError(t, err)
			assert.Equal(t, read, back)
			known := false
			for _, h := range k.Spec().Handlers {
				known = known || h.Name == read.Handler()
			}
			assert.True(t, known, "the service of a %s has no handler %s", k, read.Handler())
			_, answer := read.Apply(k.Initial())
			assert.False(t, answer == nil, "%s", read)
		}
	}
}

func TestAKindThatIsRegisteredTwiceIsRefused(t *testing.T) {
	assert.PanicsWithValue(t, "model: the kind counter is registered twice", func() { model.RegisterKind(model.Counter.Spec()) })
}

func TestMissingPartsOfAKindAreNamed(t *testing.T) {
	spec := *model.Counter.Spec()
	spec.Shows, spec.Initial = nil, nil
	assert.Equal(t, []string{"Initial", "Shows"}, spec.Missing())
	assert.Equal(t, "[Handlers Initial Parse ReadOf Service Shows StateKey WholeReads]", fmt.Sprint(model.Kind("queue").Spec().Missing()))
}

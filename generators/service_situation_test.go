package generators

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A plan that has a fault of the service as its target ends with it.
func TestFaultsOfServiceAreTargets(t *testing.T) {
	for _, s := range Situations() {
		if !s.Fault.OfService() || s.Class != (Class{}) {
			continue
		}
		p := Draw(1, 1, Options{Situation: s})
		require.NoError(t, Validate(p), s)
		last := Inject{}
		for _, step := range p.Steps {
			if f, is := step.(Inject); is && f.Fault == s.Fault {
				last = f
			}
		}
		gate, gated := last.When.(AtGate)
		assert.Equal(t, s.Moment == BeforeEffect || s.Moment == AfterEffect, gated, s)
		assert.Equal(t, s.Moment == AfterEffect, gate.After, s)
	}
}

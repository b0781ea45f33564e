package generators

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/model"
)

// onlyOfServer is the plan without what is done to the service.
func (p Plan) onlyOfServer() Plan {
	return p.keeping(func(s Step) bool { f, is := s.(Inject); return !is || !f.Fault.OfService() })
}

// Faults of the service come in a share of the plans, every kind of them at every place, and
// leave the rest of a seed's plans as it is.
func TestFaultsOfServiceAreDrawnBesideTheRest(t *testing.T) {
	const plans = 2000
	with, faults, triggers := 0, map[model.FaultKind]int{}, map[string]int{}
	for n := range plans {
		o := Options{Loads: Loads{Share: 0.5}, ServiceFaults: 0.35}
		p := Draw(3, n, o)
		require.NoError(t, Validate(p))
		o.ServiceFaults = 0
		require.Equal(t, string(Encode(Draw(3, n, o))), string(Encode(p.onlyOfServer())))
		away, any := model.FaultKind(""), false
		for _, s := range p.Steps {
			f, is := s.(Inject)
			if !is || !f.Fault.OfService() {
				continue
			}
			any = true
			faults[f.Fault]++
			if f.Fault.Undoes() {
				assert.Equal(t, away.Spec().Undo, f.Fault)
				away = ""
				continue
			}
			assert.Empty(t, away, "the service is away already")
			if f.Fault.Spec().Undo != "" {
				away = f.Fault
			}
			switch when := f.When.(type) {
			case InPlace:
				triggers["in place"]++
			case WhileOpen:
				triggers["while open"]++
			case InFlight:
				triggers["under load"]++
			case AtGate:
				triggers[map[bool]string{false: "before its effect", true: "after its effect"}[when.After]]++
			}
		}
		assert.Empty(t, away, "a plan brings back what it takes away")
		if any {
			with++
		}
	}
	assert.InDelta(t, 0.35, float64(with)/plans, 0.04)
	for _, k := range model.FaultKinds() {
		if k.OfService() {
			assert.Greater(t, faults[k], plans/100, k)
		}
	}
	for _, name := range []string{"in place", "while open", "under load", "before its effect", "after its effect"} {
		assert.Greater(t, triggers[name], plans/60, "%s: %v", name, triggers)
	}
}

package generators

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"retain/model"
)

// standingAt describes where the operation that a trigger names stands.
type standingAt struct {
	op     Operate
	passed int // operations of its client between it and the fault
	faults int // stops, kills and starts between them
}

// awaited finds the operation that the trigger of the fault at index i names.
func awaited(p Plan, i int) (at standingAt, found bool) {
	var id int
	switch when := p.Steps[i].(Inject).When.(type) {
	case AtGate:
		id = when.Step
	case WhileOpen:
		id = when.Step
	default:
		return standingAt{}, false
	}
	for _, s := range p.Steps[:i] {
		switch s := s.(type) {
		case Operate:
			if s.ID == id {
				at, found = standingAt{op: s}, true
			} else if found && s.Client == at.op.Client {
				at.passed++
			}
		case Inject:
			if s.Fault != model.Pause && s.Fault != model.Resume {
				at.faults++
			}
		}
	}
	return at, found
}

func TestTriggersNameOperationsThatCanBeOpen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Plans(measured(Options{})).Draw(t, "plan")
		gates := map[int]bool{}
		for i, s := range p.Steps {
			f, ok := s.(Inject)
			if !ok {
				continue
			}
			gate, gated := f.When.(AtGate)
			_, open := f.When.(WhileOpen)
			if !gated && !open {
				continue
			}
			at, found := awaited(p, i)
			switch {
			case !found:
				t.Fatalf("fault %d waits for nothing that stands before it\n%s", f.ID, Encode(p))
			case at.faults > 0:
				t.Fatalf("fault %d waits for %d, which another fault has met\n%s", f.ID, at.op.ID, Encode(p))
			case at.passed > 1:
				t.Fatalf("fault %d waits for %d, %d before its client's last\n%s", f.ID, at.op.ID, at.passed, Encode(p))
			case gate.After && at.op.Op.ReadOnly():
				t.Fatalf("fault %d waits for the effect of a read\n%s", f.ID, Encode(p))
			case gated && gates[at.op.ID]:
				t.Fatalf("operation %d has two gates\n%s", at.op.ID, Encode(p))
			}
			gates[at.op.ID] = gated
		}
	})
}

// An operation that a gate holds after its effect has one, if the steps run in order.
func TestAfterGatesHoldAnEffect(t *testing.T) {
	held := 0
	for _, p := range sample(t, 7, 500, Options{}) {
		changes := map[int]bool{}
		states := map[model.Object]model.State{}
		for _, s := range p.Steps {
			switch s := s.(type) {
			case Operate:
				if states[s.Object] == nil {
					states[s.Object] = s.Object.Kind.Initial()
				}
				next, _ := s.Op.Apply(states[s.Object])
				changes[s.ID] = !next.Equal(states[s.Object])
				states[s.Object] = next
			case Inject:
				if gate, ok := s.When.(AtGate); ok && gate.After {
					held++
					assert.True(t, changes[gate.Step], "step %d", gate.Step)
				}
			}
		}
	}
	assert.Greater(t, held, 100)
}

func TestMostGatesHoldTheLastOperation(t *testing.T) {
	last, gates, effects := 0, 0, 0
	for _, p := range sample(t, 8, 1000, Options{}) {
		for i, s := range p.Steps {
			f, ok := s.(Inject)
			if _, gated := f.When.(AtGate); !ok || !gated {
				continue
			}
			at, _ := awaited(p, i)
			gates++
			if at.passed == 0 {
				last++
			}
			if !at.op.Op.ReadOnly() {
				effects++
			}
		}
	}
	assert.Greater(t, float64(last)/float64(gates), 0.6, "of the gates hold their client's last operation")
	assert.Greater(t, float64(effects)/float64(gates), 0.9, "of the gates hold an effect")
	assert.Less(t, effects, gates, "some hold a read")
}

func TestStopsAndKillsFindOperationsOpen(t *testing.T) {
	open, strikes, holds := 0, 0, 0
	plans := sample(t, 9, 1000, Options{})
	for _, p := range plans {
		for i, s := range p.Steps {
			f, ok := s.(Inject)
			if !ok || f.Fault != model.Stop && f.Fault != model.Kill {
				continue
			}
			strikes++
			if _, found := awaited(p, i); found {
				open++
			}
			if f.HoldThroughStop {
				holds++
			}
		}
	}
	t.Logf("%.2f stops and kills a plan, %.0f %% with an operation open", float64(strikes)/float64(len(plans)), 100*float64(open)/float64(strikes))
	assert.Greater(t, float64(open)/float64(strikes), 0.7)
	assert.Less(t, float64(holds)/float64(len(plans)), 0.06, "each costs the time of a drain")
	assert.Positive(t, holds)
}

// Faults close to each other: a second one before the first operation after a
// start, and one during it.
func TestSomeFaultsComeCloseTogether(t *testing.T) {
	plans := sample(t, 10, 1000, Options{})
	assert.Greater(t, share(plans, sequence(killDuringStart)), 0.03, "killed while starting")
	assert.Greater(t, share(plans, func(p Plan) bool {
		for i := 1; i < len(p.Steps); i++ {
			if injects(model.Start)(p.Steps[i-1]) && (injects(model.Kill)(p.Steps[i]) || injects(model.Stop)(p.Steps[i])) {
				return true
			}
		}
		return false
	}), 0.03, "faults next to each other")
	assert.Greater(t, share(plans, func(p Plan) bool { return len(dirtyReads(p)) > 0 }), 0.05, "dirty reads")
}

// Most plans can lose something and notice: an object is written, and not by the
// operation that the fault holds, before a stop or kill, and read after it.
func TestPlansReadBackWhatTheyWrote(t *testing.T) {
	assert.Greater(t, share(sample(t, 11, 1000, Options{}), func(p Plan) bool {
		written, before := map[model.Object]bool{}, map[model.Object]bool{}
		for _, s := range p.Steps {
			switch s := s.(type) {
			case Operate:
				if before[s.Object] && s.Op.ReadOnly() {
					return true
				}
				if !s.Op.ReadOnly() {
					written[s.Object] = true
				}
			case Inject:
				if s.Fault == model.Stop || s.Fault == model.Kill {
					for o := range written {
						before[o] = true
					}
				}
			}
		}
		return false
	}), 0.75)
}

// After a start there is more reading than elsewhere.
func TestPlansReadMoreAfterAStart(t *testing.T) {
	var fresh, freshReads, all, reads, back float64
	for _, p := range sample(t, 12, 1000, Options{}) {
		since := 0                                                          // operations since the last start and 1; 0 before any
		written, before := map[model.Object]bool{}, map[model.Object]bool{} // ever, and before the last start
		for _, s := range p.Steps {
			o, ok := s.(Operate)
			if !ok {
				since = 0
				if injects(model.Start)(s) {
					since, before = 1, maps.Clone(written)
				}
				continue
			}
			all++
			if o.Op.ReadOnly() {
				reads++
			}
			if since > 0 && since <= freshSteps {
				since++
				fresh++
				if o.Op.ReadOnly() {
					freshReads++
					if before[o.Object] {
						back++
					}
				}
			}
			written[o.Object] = written[o.Object] || !o.Op.ReadOnly()
		}
	}
	t.Logf("%.0f %% of all operations read; after a start %.0f %%, %.0f %% of these what was written before it", 100*reads/all, 100*freshReads/fresh, 100*back/freshReads)
	assert.Greater(t, back/freshReads, 0.99)
	assert.Greater(t, freshReads/fresh, reads/all+0.1)
	assert.InDelta(t, 0.45, reads/all, 0.1)
}

func TestValuesAreDistinctAndAdditionsOfOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Plans(measured(Options{})).Draw(t, "plan")
		seen := map[string]bool{}
		for _, s := range p.Steps {
			o, ok := s.(Operate)
			if !ok {
				continue
			}
			if n := model.Addition(o.Op); n > 1 {
				t.Fatalf("step %d adds %d", o.ID, n)
			}
			value := ""
			switch op := o.Op.(type) {
			case model.RegisterWrite:
				value = op.Value
			case model.RegisterCompareAndSet:
				value = op.Value
			case model.ListAppend:
				value = op.Value
			case model.MapSet:
				value = op.Value
			}
			if value != "" && seen[value] {
				t.Fatalf("step %d writes %s again", o.ID, value)
			}
			seen[value] = true
		}
	})
}

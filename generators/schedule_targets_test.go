package generators

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/model"
)

// changesOn lists the changes at faults that a plan meets if its steps take effect in the order
// of the list: an operation counts as acknowledged before the next fault unless that
// holds it.
func changesOn(p Plan) map[Situation]bool {
	out := map[Situation]bool{}
	config := p.Config.Started()
	var open []Operate // since the last fault
	meet := func(fault model.FaultKind, gate AtGate) {
		for _, o := range open {
			s := Situation{NameOf(o.Op), fault, Acknowledged, config.Class()}
			switch {
			case o.ID == gate.Step && gate.After:
				s.Moment = AfterEffect
			case o.ID == gate.Step:
				s.Moment = BeforeEffect
			}
			if s.IsChange() {
				out[s] = true
			}
		}
		open = nil
	}
	for _, s := range p.Steps {
		switch s := s.(type) {
		case Operate:
			open = append(open, s)
		case Inject:
			gate, _ := s.When.(AtGate)
			if s.Fault.Ends() {
				meet(s.Fault, gate)
			}
			config = config.With(s.Start)
		}
	}
	if !p.Config.NoClosingKill {
		meet(model.Kill, AtGate{})
	}
	return out
}

// countChanges counts the changes at faults that plans meet, and those acknowledged before a
// kill among them.
func countChanges(plans []Plan) (changes, killed int) {
	all := map[Situation]bool{}
	for _, p := range plans {
		for s := range changesOn(p) {
			all[s] = true
		}
	}
	for s := range all {
		if s.Moment == Acknowledged && s.Fault == model.Kill {
			killed++
		}
	}
	return len(all), killed
}

func scheduled(seed uint64, n int, o Options) []Plan {
	o.Scheduled = true
	out := make([]Plan, n)
	for i := range out {
		out[i] = Draw(seed, i, o)
	}
	return out
}

func TestScheduledSessionsMeetChangesEarly(t *testing.T) {
	var counts []int
	acknowledged := len(slices.DeleteFunc(Changes(), func(s Situation) bool { return s.Moment != Acknowledged || s.Fault != model.Kill }))
	for seed := range uint64(20) {
		plans := scheduled(seed, 45, Options{StartConfigs: true, Loads: Loads{Share: 2.0 / 3}})
		n, _ := countChanges(plans)
		_, killed := countChanges(plans[:12])
		counts = append(counts, n)
		assert.Equal(t, acknowledged, killed, "seed %d: each operation in each class, acknowledged before a kill", seed)
	}
	slices.Sort(counts)
	t.Logf("changes at faults that 45 plans meet, of %d: %v", len(Changes()), counts)
	assert.GreaterOrEqual(t, counts[0], 110)
}

// A session of 20 plans is called green only if writes were in flight before and after their
// effect, at a stop and at a kill. Left to chance, 1 session in 100 without loads lacked one.
func TestScheduledSessionsHoldWritesAtEachFaultPoint(t *testing.T) {
	for _, o := range []Options{{StartConfigs: true}, {Server: "lazy-state"}, {StartConfigs: true, Exclude: noOtherKinds(model.Map)}} {
		for seed := range uint64(10) {
			points := map[Situation]bool{}
			for n := range 20 {
				for _, s := range scheduledTargets(seed, n, o) {
					points[Situation{Fault: s.Fault, Moment: s.Moment}] = true
				}
			}
			assert.Len(t, points, 6, "seed %d of %+v: a stop and a kill, each at three moments", seed, o)
		}
	}
}

func TestScheduledPlansAreValidAndTheSameAgain(t *testing.T) {
	for seed := range uint64(5) {
		for n, p := range scheduled(seed, fewer(60), Options{}) {
			require.NoError(t, Validate(p), "%s", Encode(p))
			back, err := Decode(Encode(p))
			require.NoError(t, err)
			require.Equal(t, p, back)
			if n%7 == 0 {
				require.Equal(t, p, Draw(seed, n, Options{Scheduled: true}))
			}
		}
	}
}

func TestScheduledPlansMeetTheirTargets(t *testing.T) {
	for _, o := range []Options{{}, {StartConfigs: true}, {Server: "lazy-state"}, {Unresolved: true}, {Exclude: noOtherKinds(model.Map)}, {Exclude: noOtherFaults(model.Kill)}} {
		for n, p := range scheduled(9, fewer(60), o) {
			targets := scheduledTargets(9, n, o)
			require.NotEmpty(t, targets)
			met := changesOn(p)
			for _, s := range targets {
				assert.True(t, met[s], "plan %d of %+v: %s\n%s", n, o, s, Encode(p))
			}
		}
	}
}

func TestScheduleHasEveryChange(t *testing.T) {
	all := map[Situation]bool{}
	for n := range 320 {
		for _, s := range scheduledTargets(3, n, Options{StartConfigs: true}) {
			all[s] = true
		}
	}
	assert.Len(t, all, len(Changes()))
}

// A pinned configuration has one class: its plans have the targets of that class sooner.
func TestSchedulePinnedToOneConfigurationStaysInItsClass(t *testing.T) {
	found := map[Situation]bool{}
	for n := range 6 {
		for _, s := range scheduledTargets(3, n, Options{Server: "lazy-state"}) {
			assert.Equal(t, Class{Lazy: true}, s.Class)
			if s.Moment == Acknowledged {
				found[s] = true
			}
		}
	}
	acknowledged := slices.DeleteFunc(Changes(), func(s Situation) bool { return s.Moment != Acknowledged || s.Class != Class{Lazy: true} })
	assert.Len(t, found, len(acknowledged), "each operation before a stop and before a kill")
}

package session_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/generators"
	"retain/harness"
	"retain/harness/internal/sessiontest"
	"retain/harness/session"
	"retain/model"
)

// withoutFaults draws plans and leaves their faults out.
func withoutFaults(n int) generators.Plan {
	p := generators.Draw(5, n, generators.Options{})
	p.Config.NoClosingKill, p.Config.Server = true, ""
	var steps []generators.Step
	for _, s := range p.Steps {
		if _, fault := s.(generators.Inject); !fault {
			steps = append(steps, s)
		}
	}
	p.Steps = steps
	return p
}

// It names what is missing and why. A replay and a small session are not vacuous.
func TestSessionWithoutFaultsIsVacuous(t *testing.T) {
	result := sessiontest.Conduct(t, session.Options{Plans: 30, Workers: 8, Draw: withoutFaults}, nil)
	assert.Equal(t, harness.Vacuous, result.Verdict)
	assert.Equal(t, []string{
		"restarts: 0 of 30 needed", "operations in flight at a fault: 0 of 30 needed", "values read back after a restart: 0 of 30 needed",
		"operations in flight, before stop: 0 of 1 needed", "operations in flight, after stop: 0 of 1 needed",
		"operations in flight, before kill: 0 of 1 needed", "operations in flight, after kill: 0 of 1 needed",
		"operations acknowledged before a kill, eager: 0 of 1 needed",
	}, result.Missing)
	assert.Equal(t, "nothing ended the server: the plans have no faults", result.Because)
	assert.Zero(t, result.Excludes)
	assert.Equal(t, map[harness.Verdict]int{harness.Pass: 30}, result.Counts)

	for name, o := range map[string]session.Options{"a replay": {Plans: harness.Judgeable, Fresh: true}, "too small": {Plans: harness.Judgeable - 1}} {
		o.Workers, o.Draw = 8, withoutFaults
		result := sessiontest.Conduct(t, o, nil)
		assert.Equal(t, harness.Pass, result.Verdict, name)
		assert.Empty(t, result.Missing, name)
		assert.Zero(t, result.Excludes, "%s excludes nothing", name)
	}
}

// What was not done proves nothing of the plan, replays included.
func TestSessionWhoseFaultsCanNotBeDoneIsVacuous(t *testing.T) {
	crash := generators.Plan{Steps: []generators.Step{
		generators.Operate{ID: 1, Object: model.Object{Kind: model.Counter}, Op: model.CounterAdd{Delta: 1}},
		generators.Inject{ID: 2, Fault: model.Crash, When: generators.InPlace{}}, generators.Inject{ID: 3, Fault: model.Crash, When: generators.InPlace{}},
	}}
	result := sessiontest.Conduct(t, session.Options{Plans: 1, Fresh: true, Draw: func(int) generators.Plan { return crash }}, nil)
	assert.Equal(t, harness.Vacuous, result.Verdict)
	assert.Equal(t, []string{"crash: not done to these handlers"}, result.Missing)
}

// The rate is 3/n.
func TestSessionOfDrawnPlansExcludesAFailureRate(t *testing.T) {
	result := sessiontest.Conduct(t, session.Options{Plans: 60, Workers: 8, Draw: func(n int) generators.Plan {
		return generators.Draw(5, n, generators.Options{})
	}}, nil)
	require.Equal(t, harness.Pass, result.Verdict, result.Missing)
	assert.InDelta(t, 0.05, result.Excludes, 1e-9, "3/n")
	assert.Positive(t, result.Tally.Gates)
	assert.Positive(t, result.Tally.Busy)
}

// What histories show, on a runtime that loses nothing: most of what the plans target, and
// what their random parts meet besides.
func TestScheduledSessionTestsChangesAtFaults(t *testing.T) {
	for _, seed := range []uint64{1, 2} {
		result := sessiontest.Conduct(t, session.Options{Plans: 45, Workers: 8, Draw: func(n int) generators.Plan {
			return generators.Draw(seed, n, generators.Options{Scheduled: true, StartConfigs: true})
		}}, nil)
		require.Equal(t, harness.Pass, result.Verdict, result.Missing)
		c := result.Tally.Coverage
		tested, of := c.Changes()
		t.Logf("seed %d: %d of %d changes at faults, %d plans by class: %v", seed, tested, of, result.Tally.Plans, c.Plans)
		assert.GreaterOrEqual(t, tested, 130)
		assert.Positive(t, c.AllWrites())
		for _, s := range generators.Changes() {
			if s.Fault == model.Kill && s.Moment == generators.Acknowledged {
				assert.Positive(t, c.Situations[s], "seed %d: %s", seed, s)
			}
		}
	}
}

package harness

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/generators"
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

// TestASessionWithoutFaultsIsVacuous, and says what it lacks and why; a replay of
// the same and a session that is too small are none.
func TestASessionWithoutFaultsIsVacuous(t *testing.T) {
	session := sessionOf(t, Options{Plans: 30, Workers: 2, Draw: withoutFaults}, nil)
	assert.Equal(t, Vacuous, session.Verdict)
	assert.Equal(t, []string{
		"restarts: 0 of 30 needed", "operations in flight at a fault: 0 of 30 needed", "values read back after a restart: 0 of 30 needed",
		"operations in flight, before stop: 0 of 1 needed", "operations in flight, after stop: 0 of 1 needed",
		"operations in flight, before kill: 0 of 1 needed", "operations in flight, after kill: 0 of 1 needed",
	}, session.Missing)
	assert.Equal(t, "nothing ended the server: the plans have no faults", session.Because)
	assert.Zero(t, session.Excludes)
	assert.Equal(t, map[Verdict]int{Pass: 30}, session.Counts)

	for name, o := range map[string]Options{"a replay": {Plans: judgeable, Fresh: true}, "too small": {Plans: judgeable - 1}} {
		o.Workers, o.Draw = 2, withoutFaults
		session := sessionOf(t, o, nil)
		assert.Equal(t, Pass, session.Verdict, name)
		assert.Empty(t, session.Missing, name)
		assert.Zero(t, session.Excludes, "%s excludes nothing", name)
	}
}

// TestASessionProvesItsWork with drawn plans, and says what it excludes.
func TestASessionProvesItsWork(t *testing.T) {
	session := sessionOf(t, Options{Plans: 60, Workers: 2, Draw: func(n int) generators.Plan {
		return generators.Draw(5, n, generators.Options{})
	}}, nil)
	require.Equal(t, Pass, session.Verdict, session.Missing)
	assert.InDelta(t, 0.05, session.Excludes, 1e-9, "3/n")
	assert.Positive(t, session.Tally.Gates)
	assert.Positive(t, session.Tally.Busy)
}

func TestWhatIsMissing(t *testing.T) {
	full := func() Tally {
		u := newTally()
		u.Plans, u.InFlight, u.ReadBack, u.Recoveries = 50, 50, 50, make([]Recovered, 50)
		for _, c := range generators.Cells() {
			u.Cells[c] = 1
		}
		return u
	}
	assert.Empty(t, full().Missing())
	for says, lack := range map[string]func(*Tally){
		"restarts: 49 of 50 needed":                        func(t *Tally) { t.Recoveries = t.Recoveries[:49] },
		"operations in flight at a fault: 3 of 50 needed":  func(t *Tally) { t.InFlight = 3 },
		"values read back after a restart: 0 of 50 needed": func(t *Tally) { t.ReadBack = 0 },
		"operations in flight, after kill: 0 of 1 needed":  func(t *Tally) { t.Cells[generators.Cell{Fault: generators.Kill, After: true}] = 0 },
		"operations in flight, before stop: 0 of 1 needed": func(t *Tally) { delete(t.Cells, generators.Cell{Fault: generators.Stop}) },
	} {
		u := full()
		lack(&u)
		assert.Equal(t, []string{says}, u.Missing())
		u.Plans = judgeable - 1
		assert.Empty(t, u.Missing(), "too small to judge")
	}
	assert.Equal(t, []string{"plans: 0 of 1 needed"}, newTally().Missing())

	u := full()
	u.Operations, u.Busy, u.Faults, u.InFlight = 100, 200*time.Millisecond, map[string]int{"kill": 90, "stop": 45, "start": 135}, 3
	assert.Equal(t, "operations take 2ms, and 135 faults met 3 of them open; no operation was held at a gate", u.because())
	u.Gates = 4
	assert.Contains(t, u.because(), "4 operations were held at a gate")
}

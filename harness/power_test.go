package harness

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"retain/generators"
	"retain/model"
)

func TestVacuousSessionListsWhatIsMissing(t *testing.T) {
	full := func() Tally {
		u := NewTally()
		u.Plans, u.InFlight, u.ReadBack, u.Recoveries = 50, 50, 50, make([]Recovered, 50)
		for _, c := range generators.FaultPoints() {
			u.FaultPoints[c] = 1
		}
		return u
	}
	assert.Empty(t, full().Missing())
	for says, lack := range map[string]func(*Tally){
		"restarts: 49 of 50 needed":                        func(t *Tally) { t.Recoveries = t.Recoveries[:49] },
		"operations in flight at a fault: 3 of 50 needed":  func(t *Tally) { t.InFlight = 3 },
		"values read back after a restart: 0 of 50 needed": func(t *Tally) { t.ReadBack = 0 },
		"operations in flight, after kill: 0 of 1 needed":  func(t *Tally) { t.FaultPoints[generators.FaultPoint{Fault: model.Kill, After: true}] = 0 },
		"operations in flight, before stop: 0 of 1 needed": func(t *Tally) { delete(t.FaultPoints, generators.FaultPoint{Fault: model.Stop}) },
	} {
		u := full()
		lack(&u)
		assert.Equal(t, []string{says}, u.Missing())
		u.Plans = Judgeable - 1
		assert.Empty(t, u.Missing(), "too small to judge")
	}
	assert.Equal(t, []string{"plans: 0 of 1 needed"}, NewTally().Missing())
	assert.Equal(t, "the time was over before the first plan began", NewTally().Because())

	u := full()
	u.Operations, u.Busy, u.Faults, u.InFlight = 100, 200*time.Millisecond, map[model.FaultKind]int{"kill": 90, "stop": 45, "start": 135}, 3
	assert.Equal(t, "operations take 2ms, and 135 faults met 3 of them open; no operation was held at a gate", u.Because())
	u.Gates = 4
	assert.Contains(t, u.Because(), "4 operations were held at a gate")
}

func TestTheWorstVerdictOfRunsCounts(t *testing.T) {
	assert.Zero(t, Severity(Pass))
	assert.Less(t, Severity(Pass), Severity(Undecided))
	assert.Less(t, Severity(Undecided), Severity(Harness))
	assert.Less(t, Severity(Harness), Severity(Violation))
	for _, none := range []Verdict{Vacuous, Interrupted, "", "green"} {
		assert.Negative(t, Severity(none), "%q is no run's", none)
	}
}

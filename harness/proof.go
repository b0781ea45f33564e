package harness

import (
	"fmt"
	"time"

	"retain/generators"
)

// What a session must have tested to be called green. They hold from judgeable
// plans on; a smaller session is too small to judge. A replay is exempt: it is
// there for one plan, which may lack anything.
const (
	judgeable = 20
	// In the mean of the plans, in hundredths.
	restartsNeeded = 100
	inFlightNeeded = 100
	readBackNeeded = 100
	// eachCell is for each of [generators.Cells], in all plans together.
	eachCell = 1
)

// ruleOfThree is the number of failures per n that n runs without one exclude at
// 95 %: (1-3/n)^n is about 5 %.
const ruleOfThree = 3

// Missing lists what a session lacks to be called green: nil if nothing.
func (t Tally) Missing() []string {
	if t.Plans == 0 {
		return []string{"plans: 0 of 1 needed"}
	}
	if t.Plans < judgeable {
		return nil
	}
	var out []string
	need := func(what string, have, want int) {
		if have < want {
			out = append(out, fmt.Sprintf("%s: %d of %d needed", what, have, want))
		}
	}
	perPlan := func(hundredths int) int { return (t.Plans*hundredths + 99) / 100 }
	need("restarts", len(t.Recoveries), perPlan(restartsNeeded))
	need("operations in flight at a fault", t.InFlight, perPlan(inFlightNeeded))
	need("values read back after a restart", t.ReadBack, perPlan(readBackNeeded))
	for _, c := range generators.Cells() {
		need(fmt.Sprintf("operations in flight, %s", c), t.Cells[c], eachCell)
	}
	return out
}

// TooSmall reports whether the session has too few plans to be judged.
func (t Tally) TooSmall() bool { return t.Plans < judgeable }

// Excludes is the share of such plans that may fail at most, at 95 %, if none of
// these did; 0 of too few plans, which exclude nothing.
func (t Tally) Excludes() float64 {
	if t.TooSmall() {
		return 0
	}
	return ruleOfThree / float64(t.Plans)
}

// because says why a session may have tested so little.
func (t Tally) because() string {
	ends := t.Faults[string(generators.Stop)] + t.Faults[string(generators.Kill)]
	if ends == 0 {
		return "nothing ended the server: the plans have no faults"
	}
	held := "no operation was held at a gate"
	if t.Gates > 0 {
		held = fmt.Sprintf("%d operations were held at a gate", t.Gates)
	}
	if t.Operations == 0 {
		return held
	}
	return fmt.Sprintf("operations take %s, and %d faults met %d of them open; %s",
		(t.Busy / time.Duration(t.Operations)).Round(100*time.Microsecond), ends, t.InFlight, held)
}

// prove judges a session whose runs all passed: it says what it excludes, or what
// it lacks.
func (s *Session) prove(replay bool) {
	if s.Verdict != Pass || replay {
		return
	}
	if s.Missing = s.Tally.Missing(); s.Missing != nil {
		s.Verdict, s.Because = Vacuous, s.Tally.because()
		return
	}
	s.Excludes = s.Tally.Excludes()
}

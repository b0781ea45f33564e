package harness

import (
	"fmt"
	"time"

	"retain/model"
)

// What a session must have tested to be called green. They hold from Judgeable
// plans on; a smaller session is too small to judge. A replay is exempt: it is
// there for one plan, which may lack anything.
const (
	// Judgeable is how many plans a session needs to be judged.
	Judgeable = 20
	// In the mean of the plans, in hundredths.
	restartsNeeded = 100
	inFlightNeeded = 100
	readBackNeeded = 100
	// eachFaultPoint is for each of [generators.FaultPoints], in all plans together.
	eachFaultPoint = 1
	// eachClass is for the writes acknowledged before a kill in each class that so many
	// plans began in: in fewer, chance may leave it out.
	eachClass     = 1
	plansOfAClass = 5
)

// ruleOfThree is the number of failures per n that n runs without one exclude at
// 95 %: (1-3/n)^n is about 5 % (Hanley and Lippman-Hand, JAMA 249(13) 1983).
const ruleOfThree = 3

// Missing lists what a session lacks to be called green: nil if nothing.
func (t Tally) Missing() []string {
	if t.Plans == 0 {
		return []string{"plans: 0 of 1 needed"}
	}
	if t.Plans < Judgeable {
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
	for _, c := range t.Coverage.Excluded.FaultPoints() {
		need(fmt.Sprintf("operations in flight, %s", c), t.FaultPoints[c], eachFaultPoint)
	}
	for _, c := range t.Coverage.Classes() {
		if t.Coverage.Plans[c] >= plansOfAClass && !t.Coverage.Excluded.ExcludesFault(model.Kill) {
			need("operations acknowledged before a kill, "+c.String(), t.Coverage.acknowledgedBeforeKill(c), eachClass)
		}
	}
	return out
}

// TooSmall reports whether the session has too few plans to be judged.
func (t Tally) TooSmall() bool { return t.Plans < Judgeable }

// Excludes is the share of such plans that may fail at most, at 95 %, if none of
// these did; 0 of too few plans, which exclude nothing.
func (t Tally) Excludes() float64 { return Excludes(t.Plans) }

// Excludes is the rate of failures that n trials without one exclude, at 95 %, from 0 to 1;
// 0 for too few trials.
func Excludes(n int) float64 {
	if n < Judgeable {
		return 0
	}
	return ruleOfThree / float64(n)
}

// Ends counts the faults that ended the server.
func (t Tally) Ends() int {
	n := 0
	for k, times := range t.Faults {
		if k.Ends() {
			n += times
		}
	}
	return n
}

// Because says why a session may have tested so little.
func (t Tally) Because() string {
	ends := t.Ends()
	switch {
	case t.Plans == 0:
		return "the time was over before the first plan began"
	case ends == 0:
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

package campaign

import (
	"fmt"

	"retain/generators"
	"retain/harness"
	"retain/harness/session"
	"retain/harness/upgrade"
)

// Verdict is the worst of the campaign, and why, in sentences: pass only if every
// plan passed, every canary was caught, and all plans together prove enough.
func (c *Campaign) Verdict() (verdict harness.Verdict, why []string) {
	t := c.Totals()
	missed, canaries := 0, 0
	broken := t.Verdicts[harness.Harness]
	for _, s := range c.Segments {
		for _, k := range s.Canaries {
			canaries++
			if !k.Caught {
				missed++
			}
		}
		for _, n := range s.Notes {
			if n.Verdict == harness.Harness {
				broken++
				why = append(why, n.Text)
			}
		}
	}
	planted := c.Upgrade() == nil // upgrades have no canaries
	if planted && (missed > 0 || canaries == 0 && !c.Interrupted) {
		why = append(why, fmt.Sprintf("%s: %d of %d canaries were caught", CouldNotFind, canaries-missed, canaries))
	}
	switch {
	case t.Verdicts[harness.Violation] > 0:
		return harness.Violation, why
	case c.Interrupted && missed == 0 && broken == 0:
		return harness.Interrupted, why
	case missed > 0 || planted && canaries == 0 || broken > 0:
		return harness.Harness, why
	case t.Verdicts[harness.Undecided] > 0:
		return harness.Undecided, why
	}
	missing := t.missing()
	if u := c.Upgrade(); u != nil {
		missing = append(c.leadsDown(), upgrade.Missing(u.Paths, upgrade.Steps(u.Paths, c.Judged()), t.Coverage.Excluded)...)
	}
	if lost := session.LostToKnown(t.Verdicts); lost != "" {
		missing = append(missing, lost)
	}
	if missing != nil {
		return harness.Vacuous, append(why, missing...)
	}
	return harness.Pass, why
}

// missing is what the plans lack to prove enough, as for a session.
func (t Totals) missing() []string {
	tally := harness.Tally{
		Counters: t.Counters, Coverage: t.Coverage, Plans: t.Plans,
		Recoveries: make([]harness.Recovered, t.Restarts), FaultPoints: map[generators.FaultPoint]int{},
	}
	for s, n := range t.Coverage.Situations {
		if !s.Reads() && (s.Moment == generators.BeforeEffect || s.Moment == generators.AfterEffect) {
			tally.FaultPoints[generators.FaultPoint{Fault: s.Fault, After: s.Moment == generators.AfterEffect}] += n
		}
	}
	return tally.Missing()
}

// CouldNotFind is what is said of a campaign that did not catch a planted bug.
const CouldNotFind = "this campaign could not have found anything"

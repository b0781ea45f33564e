package campaign

import (
	"fmt"
	"strings"
	"time"

	"retain/generators"
	"retain/harness"
)

// Progress is how far a campaign is.
type Progress struct {
	// Of is how long it shall last, Gone how much of that is over.
	Gone, Of time.Duration
	// Plans, Operations and Faults (stops, kills and pauses) are those of all
	// segments, PerMinute the plans a minute of this one.
	Plans, Operations, Faults int
	PerMinute                 float64
	// Tested situations, of Situations.
	Tested, Situations int
	// Findings are the different ones, Violations all plans that violated, Others
	// the plans that were neither judged to pass nor to violate.
	Findings, Violations, Others int
	// Missed counts the canaries that were not caught.
	Missed int
	// Doing is what is done instead of plans, "" for nothing.
	Doing string
}

func (c *campaign) progress() Progress {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.totals
	p := Progress{
		Gone: c.Start.Duration - max(0, time.Until(c.ends)), Of: c.Start.Duration,
		Plans: t.Plans, Operations: t.Operations, Findings: len(t.Findings), Violations: t.Verdicts[harness.Violation],
		Others: t.Verdicts[harness.Undecided] + t.Verdicts[harness.Harness], Missed: c.missed, Doing: c.doing,
		PerMinute: float64(c.plans) / max(1, time.Since(c.began).Seconds()) * 60,
	}
	for _, f := range generators.Faults() {
		p.Faults += t.Faults[f]
	}
	p.Tested, p.Situations = c.weights.covered()
	return p
}

// Done is the share of its time that is over, from 0 to 1.
func (p Progress) Done() float64 {
	if p.Of <= 0 {
		return 0
	}
	return min(1, float64(p.Gone)/float64(p.Of))
}

// Parts say the progress, the most important first.
func (p Progress) Parts() []string {
	parts := []string{fmt.Sprintf("%d findings", p.Findings)}
	if p.Missed > 0 {
		parts = append(parts, fmt.Sprintf("%d CANARIES NOT CAUGHT", p.Missed))
	}
	parts = append(parts, "left "+(p.Of-p.Gone).Round(time.Second).String())
	if p.Doing != "" {
		parts = append(parts, p.Doing)
	}
	parts = append(parts, fmt.Sprintf("%d plans", p.Plans))
	if p.Violations > 0 {
		parts = append(parts, fmt.Sprintf("%d violations", p.Violations))
	}
	if p.Others > 0 {
		parts = append(parts, fmt.Sprintf("%d not judged", p.Others))
	}
	return append(parts, fmt.Sprintf("%d operations", p.Operations), fmt.Sprintf("%.0f plans/min", p.PerMinute),
		fmt.Sprintf("%d of %d situations", p.Tested, p.Situations), fmt.Sprintf("%d faults", p.Faults))
}

// String is the progress in one line.
func (p Progress) String() string { return strings.Join(p.Parts(), " · ") }

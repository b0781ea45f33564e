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
	// sittings, PerMinute the plans a minute of this one.
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
		Gone: min(c.Begun.Duration, c.before+time.Since(c.began)), Of: c.Begun.Duration,
		Plans: t.Plans, Operations: t.Operations, Findings: len(t.Findings), Violations: t.Verdicts[harness.Violation],
		Others: t.Verdicts[harness.Undecided] + t.Verdicts[harness.Harness], Missed: c.missed, Doing: c.doing,
		PerMinute: float64(c.plans) / max(1, time.Since(c.began).Seconds()) * 60,
	}
	for _, f := range []generators.FaultKind{generators.Stop, generators.Kill, generators.Pause} {
		p.Faults += t.Faults[string(f)]
	}
	p.Tested, p.Situations = c.weights.covered()
	return p
}

// barCells is the width of the bar.
const barCells = 20

// Bar is the progress with a bar in front, for a terminal.
func (p Progress) Bar() string {
	full := 0
	if p.Of > 0 {
		full = min(barCells, int(float64(p.Gone)/float64(p.Of)*barCells))
	}
	return fmt.Sprintf("[%s%s] %s", strings.Repeat("#", full), strings.Repeat(".", barCells-full), p)
}

// String is the progress in one line.
func (p Progress) String() string {
	parts := []string{
		"left " + (p.Of - p.Gone).Round(time.Second).String(),
		fmt.Sprintf("%d plans", p.Plans), fmt.Sprintf("%d operations", p.Operations), fmt.Sprintf("%d faults", p.Faults),
		fmt.Sprintf("%.0f plans/min", p.PerMinute), fmt.Sprintf("%d of %d situations", p.Tested, p.Situations),
		fmt.Sprintf("%d findings in %d violations", p.Findings, p.Violations),
	}
	if p.Others > 0 {
		parts = append(parts, fmt.Sprintf("%d not judged", p.Others))
	}
	if p.Missed > 0 {
		parts = append(parts, fmt.Sprintf("%d CANARIES NOT CAUGHT", p.Missed))
	}
	if p.Doing != "" {
		parts = append(parts, p.Doing)
	}
	return strings.Join(parts, " · ")
}

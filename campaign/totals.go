package campaign

import (
	"time"

	"retain/generators"
	"retain/harness"
	"retain/model"
)

// Totals of a campaign, or of a part of it.
type Totals struct {
	harness.Counters
	Plans int
	// Restarts counts recoveries that were seen to the end, without those for another
	// configuration before a plan.
	Restarts int
	Verdicts map[harness.Verdict]int
	// Situations counts the plans that tested each, by its text; Coverage is what they
	// tested by class, Passed what those of them did that passed.
	Situations       map[string]int
	Coverage, Passed harness.Coverage
	// Findings counts the violations by the plan that showed each first.
	Findings map[int]int
	// Inside is the time inside plans, of all workers together; Took that of the
	// segments times their workers.
	Inside, Took time.Duration
	// WorkerTime is how the workers' time in sessions divides, as far as segments that
	// ended tell.
	WorkerTime harness.WorkerTime
}

// NewTotals are totals of nothing.
func NewTotals() Totals {
	return Totals{
		Counters: harness.Counters{Faults: map[model.FaultKind]int{}}, Coverage: harness.NewCoverage(), Passed: harness.NewCoverage(),
		Verdicts: map[harness.Verdict]int{}, Situations: map[string]int{}, Findings: map[int]int{},
	}
}

// Add counts a plan. One that showed a known finding counts for nothing but its number and
// its time.
func (t *Totals) Add(j PlanResult) {
	t.Verdicts[j.Verdict]++
	t.Inside += j.Took
	if j.Verdict == harness.Known {
		return
	}
	t.Counters.Add(j.Counters)
	t.Plans++
	for _, r := range j.Recoveries {
		if r.Probe > 0 && !r.TakeOver {
			t.Restarts++
		}
	}
	for _, s := range j.Situations {
		t.Situations[s]++
	}
	tested := j.coverage()
	t.Coverage.Add(tested)
	if j.Verdict == harness.Pass {
		t.Passed.Add(tested)
	}
}

// Excluded is what the plans are not drawn with. All segments have the same.
func (c *Campaign) Excluded() generators.Exclusions {
	if len(c.Segments) == 0 {
		return nil
	}
	return c.Segments[0].Exclude
}

// Totals sums all segments. A plan counts once: [Read] gives one that a ledger judged
// again the ledger's verdict, and one that several segments judged the worst of theirs.
func (c *Campaign) Totals() Totals {
	t := NewTotals()
	t.Coverage.Excluded, t.Passed.Excluded = c.Excluded(), c.Excluded()
	for _, s := range c.Segments {
		for _, j := range s.Plans {
			t.Add(j)
		}
		t.Took += s.Took() * time.Duration(max(1, s.Workers))
		if s.End != nil {
			t.WorkerTime.Add(harness.WorkerTime{Workers: s.Workers, Spent: s.End.WorkerTime})
		}
	}
	for _, first := range c.Firsts() {
		t.Findings[first]++
	}
	return t
}

// Firsts gives each violation, by the number of its plan, the plan that showed its
// finding first: what has the same fingerprint is one, whichever shard found it,
// and a reduction may have shown that two findings are.
func (c *Campaign) Firsts() map[int]int {
	parent, prints := map[int]int{}, map[string]int{}
	var root func(n int) int
	root = func(n int) int {
		if p, has := parent[n]; has && p != n {
			return root(p)
		}
		return n
	}
	join := func(a, b int) {
		if a, b = root(a), root(b); a != b {
			parent[max(a, b)] = min(a, b)
		}
	}
	same := func(print string, n int) {
		if first, known := prints[print]; known && print != "" {
			join(first, n)
		} else {
			prints[print] = n
		}
	}
	for _, s := range c.Segments {
		for _, f := range s.Violations {
			join(f.Number, f.Finding)
			same(f.Fingerprint, f.Number)
		}
		for _, r := range s.Reductions {
			join(r.Number, r.Finding)
			same(r.Fingerprint, r.Number)
		}
	}
	out := map[int]int{}
	for _, s := range c.Segments {
		for _, f := range s.Violations {
			out[f.Number] = root(f.Number)
		}
	}
	return out
}

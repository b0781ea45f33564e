package campaign

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"retain/checker"
	"retain/generators"
	"retain/harness"
	"retain/model"
)

// resume takes up what earlier sittings of the shard left, if there are any.
func (c *campaign) resume() error {
	if _, err := os.Stat(filepath.Join(c.Dir, RecordsDir)); errors.Is(err, fs.ErrNotExist) {
		return c.fresh()
	}
	all, err := Read(c.Dir)
	if err != nil {
		return err
	}
	all.Sittings = all.of(c.Begun.Shard)
	if len(all.Sittings) == 0 {
		return c.fresh()
	}
	last := all.Sittings[len(all.Sittings)-1]
	switch {
	case c.Begun.Seed != 0 && c.Begun.Seed != last.Seed:
		return fmt.Errorf("resume the campaign: its seed is %d, not %d: leave out -rapid.seed", last.Seed, c.Begun.Seed)
	case c.Begun.RapidSteps != last.RapidSteps:
		return fmt.Errorf("resume the campaign: its plans were drawn with -rapid.steps %d, not %d, which gives other plans: use the same", last.RapidSteps, c.Begun.RapidSteps)
	}
	c.Begun.Seed = last.Seed
	if c.Begun.Duration == 0 {
		c.Begun.Duration = last.Duration
	}
	c.totals = all.Totals()
	c.weights = newWeights(c.Begun.Seed)
	for _, s := range all.Sittings {
		c.before += s.Took()
		c.recall(s)
	}
	return nil
}

func (c *campaign) fresh() error {
	if c.Begun.Duration <= 0 {
		return fmt.Errorf("begin the campaign: say how long it shall last, such as -duration 8h")
	}
	return nil
}

// of are the sittings of a shard.
func (c *Campaign) of(shard Shard) []Sitting {
	var out []Sitting
	for _, s := range c.Sittings {
		if s.Shard.Index == shard.Index && max(1, s.Shard.Of) == max(1, shard.Of) {
			out = append(out, s)
		}
	}
	return out
}

// recall takes up one sitting: what it drew, tested and found.
func (c *campaign) recall(s Sitting) {
	for n, d := range s.Drawn {
		c.next = max(c.next, n+c.Begun.Shard.Of)
		c.weights.drawn(d.Aim)
		c.drop(n)
	}
	for _, d := range s.Under {
		c.again = append(c.again, d)
	}
	for _, j := range s.Plans {
		c.weights.judged(j.Situations)
		c.drop(j.Number)
	}
	for _, f := range s.Found {
		if _, known := c.known[f.Fingerprint]; !known {
			c.known[f.Fingerprint] = f.Finding
		}
		c.kept[f.Finding]++
	}
	for _, r := range s.Reduced {
		c.reducing += r.Took
		if r.Finding != r.Number {
			c.same[r.Number] = r.Finding
		}
		if _, known := c.known[r.Fingerprint]; !known && r.Fingerprint != "" {
			c.known[r.Fingerprint] = r.Finding
		}
	}
	for _, k := range s.Canary {
		if !k.Caught {
			c.missed++
		}
	}
}

// drop forgets that a plan is to be drawn again.
func (c *campaign) drop(n int) {
	for i := range c.again {
		if c.again[i].Number == n {
			c.again = append(c.again[:i], c.again[i+1:]...)
			return
		}
	}
}

// leftBehind sees to the violations that a killed sitting did not get to: those
// that were never compared, and those that were being reduced.
func (c *campaign) leftBehind(ctx context.Context) {
	all, err := Read(c.Dir)
	if err != nil {
		return // only this sitting has begun
	}
	found, done := map[int]Found{}, map[int]bool{}
	all.Sittings = all.of(c.Begun.Shard)
	for _, s := range all.Sittings {
		for _, f := range s.Found {
			found[f.Number] = f
		}
		for _, r := range s.Reduced {
			done[r.Number] = true
		}
	}
	for _, s := range all.Sittings {
		for _, j := range s.Plans {
			f, compared := found[j.Number]
			if j.Verdict != harness.Violation || compared && (f.Finding != f.Number || done[j.Number]) {
				continue
			}
			r, goOn, err := c.reload(j)
			switch {
			case err != nil:
				c.note("", fmt.Sprintf("the violation of plan %d can't be reduced any more: %v", j.Number, err))
			case compared:
				c.reduce(ctx, r, goOn)
			default:
				c.found(ctx, r)
			}
		}
	}
}

// reload reads a violation back from its folder, and how far its reduction was.
func (c *campaign) reload(j Judged) (harness.Run, *generators.Reduction, error) {
	r := harness.Run{Number: j.Number, Verdict: j.Verdict, Sentence: j.Sentence, Ledger: j.Ledger, Dir: c.path(j.Dir)}
	if j.Dir == "" {
		return r, nil, errors.New("it was not saved")
	}
	text, err := os.ReadFile(filepath.Join(r.Dir, harness.PlanFile))
	if err != nil {
		return r, nil, err
	}
	if r.Plan, err = generators.Decode(text); err != nil {
		return r, nil, err
	}
	path := filepath.Join(r.Dir, harness.HistoryFile)
	file, err := os.Open(path)
	if err != nil {
		return r, nil, err
	}
	defer file.Close()
	h, err := model.ReadHistory(file)
	if err != nil {
		return r, nil, err
	}
	r.Outcome = &harness.Outcome{ID: j.Run, Plan: r.Plan, History: h, Path: path, Age: j.Age, Took: j.Took}
	r.Check = checker.Check(h, c.Session.Check)
	if r.Check.Verdict != checker.Violation {
		return r, nil, errors.New("its history alone does not show it")
	}
	return r, unfinished(filepath.Join(r.Dir, harness.ReductionFile)), nil
}

// unfinished is a reduction that was cut off, nil for none.
func unfinished(path string) *generators.Reduction {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	out := &generators.Reduction{}
	if json.Unmarshal(text, out) != nil || out.Ending == generators.Minimal {
		return nil
	}
	return out
}

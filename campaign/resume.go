package campaign

import (
	"errors"
	"fmt"
	"path/filepath"
)

// resume takes up what earlier segments of the shard left, if there are any.
func (c *campaign) resume() error {
	all, err := Read(c.Dir)
	if errors.Is(err, ErrNoRecords) {
		return c.fresh()
	}
	if err != nil {
		return err
	}
	if err := all.resumable(c.Start); err != nil {
		return err
	}
	c.Start.Seed = all.Segments[0].Seed // that of them all
	all.Segments = all.of(c.Start.Shard)
	if len(all.Segments) == 0 {
		return c.fresh()
	}
	for i := range all.Segments {
		if at := filepath.Dir(filepath.Dir(all.Segments[i].File)); at != "." {
			return fmt.Errorf("resume the campaign: shard %s has its records in %s: name that directory", c.Start.Shard, filepath.Join(c.Dir, at))
		}
	}
	last := all.Segments[len(all.Segments)-1]
	if c.Start.Duration == 0 {
		c.Start.Duration = last.Duration
	}
	c.Start.Scheduled, c.Start.StartConfigs, c.Start.VQueues, c.Start.Loads.Times = last.Scheduled, last.StartConfigs, last.VQueues, last.Loads.Times // a pending plan is drawn again as it was
	c.totals = all.Totals()
	c.turns = newTurns(c.Start.Upgrade)
	c.weights = newWeights(c.Start)
	for _, s := range all.Segments {
		c.before += s.AtWork()
		c.recall(s)
	}
	return nil
}

func (c *campaign) fresh() error {
	if c.Start.Duration <= 0 {
		return fmt.Errorf("begin the campaign: say how long it shall last, such as -duration 8h")
	}
	return nil
}

// of are the segments of a shard.
func (c *Campaign) of(shard Shard) []Segment {
	var out []Segment
	for _, s := range c.Segments {
		if s.Shard.Index == shard.Index && max(1, s.Shard.Of) == max(1, shard.Of) {
			out = append(out, s)
		}
	}
	return out
}

// recall takes up one segment: what it drew, tested and found.
func (c *campaign) recall(s Segment) {
	c.turns.recall(s)
	for n, d := range s.Drawn {
		c.paths[n] = d.Path
		c.next = max(c.next, n+c.Start.Shard.Of)
		c.weights.addDrawn(d.Situation)
		c.drop(n)
	}
	for _, d := range s.Pending {
		c.redraw = append(c.redraw, d)
	}
	for _, j := range s.Plans {
		c.weights.addResult(j.Situations)
		c.drop(j.Number)
	}
	for _, f := range s.Violations {
		if _, known := c.known[f.Fingerprint]; !known {
			c.known[f.Fingerprint] = f.Finding
		}
		c.kept[f.Finding]++
	}
	for _, r := range s.Reductions {
		c.reducing += r.Took
		if r.Finding != r.Number {
			c.same[r.Number] = r.Finding
		}
		if _, known := c.known[r.Fingerprint]; !known && r.Fingerprint != "" {
			c.known[r.Fingerprint] = r.Finding
		}
	}
	for _, k := range s.Canaries {
		if !k.Caught {
			c.missed++
		}
	}
}

// drop forgets that a plan is to be drawn again.
func (c *campaign) drop(n int) {
	for i := range c.redraw {
		if c.redraw[i].Number == n {
			c.redraw = append(c.redraw[:i], c.redraw[i+1:]...)
			return
		}
	}
}

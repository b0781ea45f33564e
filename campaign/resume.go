package campaign

import (
	"errors"
	"fmt"
	"path/filepath"
)

// resume takes up what earlier sittings of the shard left, if there are any.
func (c *campaign) resume() error {
	all, err := Read(c.Dir)
	if errors.Is(err, ErrNoRecords) {
		return c.fresh()
	}
	if err != nil {
		return err
	}
	if err := all.goesOn(c.Begun); err != nil {
		return err
	}
	c.Begun.Seed = all.Sittings[0].Seed // that of them all
	all.Sittings = all.of(c.Begun.Shard)
	if len(all.Sittings) == 0 {
		return c.fresh()
	}
	for i := range all.Sittings {
		if at := filepath.Dir(filepath.Dir(all.Sittings[i].File)); at != "." {
			return fmt.Errorf("resume the campaign: shard %s has its records in %s: name that directory", c.Begun.Shard, filepath.Join(c.Dir, at))
		}
	}
	last := all.Sittings[len(all.Sittings)-1]
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

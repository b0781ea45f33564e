package campaign

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"retain/generators"
	"retain/harness"
	"retain/harness/session"
	"retain/model"
	"retain/runtime"
)

// Planted is a bug that must be found: a server that has one, by its settings or
// by design.
type Planted struct {
	// Bug says what it is and where: "the real server without its write-ahead log".
	Bug  string
	Open harness.Open
	Base runtime.Settings
	// Fits reports whether the bug can be planted in this server; nil for any.
	Fits func(runtime.Identity) bool
}

const (
	// canaryPlans is how many plans a canary may take, canaryTime how long.
	canaryPlans = 20
	canaryTime  = 3 * time.Minute
)

// errUnfit says that a bug can't be planted in the server at hand.
var errUnfit = errors.New("this version does not have it")

// runCanary has a canary: the first planted bug that fits.
func (c *campaign) runCanary(ctx context.Context) {
	c.does("canary")
	began := time.Now()
	out := Canary{At: began.UTC(), Why: "there is nothing to plant"}
	for _, p := range c.Canaries {
		plans, err := c.findPlanted(ctx, p)
		if errors.Is(err, errUnfit) {
			continue
		}
		out.Bug, out.Plans, out.Caught, out.Why = p.Bug, plans, err == nil, ""
		if err != nil {
			out.Why = err.Error()
		}
		break
	}
	if ctx.Err() != nil {
		return // interrupted, which says nothing
	}
	out.Took = time.Since(began)
	c.canary = time.Now()
	c.mu.Lock()
	c.ends = c.ends.Add(out.Took) // the campaign's time is for its plans
	if !out.Caught {
		c.missed++
	}
	c.mu.Unlock()
	c.records.write(out)
}

// findPlanted runs plans against a planted bug until one violates. The plans are drawn
// like any others, from another seed.
func (c *campaign) findPlanted(ctx context.Context, p Planted) (plans int, err error) {
	o := c.Session
	dir := filepath.Join(c.Dir, "canary-"+c.Start.Segment) // no other shard's
	defer os.RemoveAll(dir)
	seed := c.Start.Seed + uint64(time.Now().UnixNano())
	o.Open, o.Base, o.Dir, o.KeepData, o.Late = p.fitting, p.Base, dir, false, -1
	o.Plans, o.Time, o.Workers, o.Fresh, o.Known = canaryPlans, canaryTime, 1, false, c.Start.Known
	o.OnRun = func(harness.Run) { plans++ }
	draw := c.Start.options(nil)
	draw.Exclude = draw.Exclude.Without(generators.ExcludedFault, string(model.Kill)) // what is planted shows at kills
	o.Exclude = draw.Exclude
	o.Draw = func(n int) generators.Plan { return generators.Draw(seed, n, draw) }
	ctx, cancel := context.WithTimeout(ctx, canaryTime)
	defer cancel()
	s, err := session.Conduct(ctx, o)
	switch {
	case err != nil:
		return plans, err
	case s.Counts[harness.Violation] > 0:
		return plans, nil
	case s.Counts[harness.Harness] > 0:
		return plans, fmt.Errorf("plans could not be judged: %s", s.Failures[0].Sentence)
	}
	return plans, fmt.Errorf("%d plans passed", s.Counts[harness.Pass])
}

// fitting opens a server that the bug fits.
func (p Planted) fitting(ctx context.Context, s runtime.Settings) (*harness.System, error) {
	sys, err := p.Open(ctx, s)
	if err != nil || p.Fits == nil || p.Fits(sys.Runtime.Identity()) {
		return sys, err
	}
	err = errors.Join(errUnfit, sys.Runtime.Close(context.WithoutCancel(ctx)))
	if sys.Close != nil {
		sys.Close()
	}
	return nil, err
}

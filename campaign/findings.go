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
)

const (
	// rateRuns is how many fresh executions measure how often a reduced plan fails.
	rateRuns = 10
	// keptFolders is how many folders of equal findings are kept: servers' logs of
	// hours would fill a disk.
	keptFolders = 3
	// leastReduction is the shortest time in which a reduction is begun.
	leastReduction = 5 * time.Second
	// RegressionsDir is where findings are promoted to, in a campaign's directory.
	RegressionsDir = "regressions"
)

// found counts a violation, and reduces and keeps it if it is new.
func (c *campaign) found(ctx context.Context, r harness.Run) {
	c.does("findings")
	if c.count(&r, fingerprint(shapeOf(r, c.Session.Check)), guaranteeOf(r)) {
		c.tell(r, nil)
		c.reduce(ctx, r, nil)
	}
}

// count puts a violation on record, and reports whether it is a new one. The folders
// of equal ones are not all kept.
func (c *campaign) count(r *harness.Run, print, guarantee string) (isNew bool) {
	c.mu.Lock()
	first, known := c.known[print]
	if !known {
		first = r.Plan.Number
		c.known[print] = first
	}
	first = c.root(first)
	c.totals.Findings[first]++
	c.kept[first]++
	spare := known && c.kept[first] > keptFolders
	c.mu.Unlock()
	if spare && r.Dir != "" {
		_ = os.RemoveAll(r.Dir) // what stays is in the way, no more
		r.Dir = ""
	}
	c.records.write(Found{
		Number: r.Plan.Number, At: time.Now().UTC(), Dir: below(c.Dir, r.Dir), Fingerprint: print, Finding: first, Guarantee: guarantee,
	})
	return !known
}

// root is the finding that another turned out to be. The caller holds the lock.
func (c *campaign) root(first int) int {
	if other, is := c.same[first]; is {
		return other
	}
	return first
}

func (c *campaign) tell(r harness.Run, s *harness.Shrunk) {
	if c.OnFinding != nil {
		r.Number = r.Plan.Number
		c.OnFinding(r, s)
	}
}

// reduce makes a new finding's plan small and keeps it as a regression. What it has
// come to is on disk at any time; interrupted, it is not on record, and the next
// sitting goes on with it.
func (c *campaign) reduce(ctx context.Context, r harness.Run, goOn *generators.Reduction) {
	if ctx.Err() != nil {
		return
	}
	n := r.Plan.Number
	out := Reduced{Number: n, Finding: n, From: len(r.Plan.Steps), Steps: len(r.Plan.Steps)}
	budget := min(c.ShrinkBudget, c.Begun.Duration/reductionShare-c.reducing)
	switch {
	case c.ShrinkBudget <= 0:
		out.Problem = "no reduction was asked for"
	case budget < min(leastReduction, c.ShrinkBudget):
		out.Problem = "the time for reductions is spent"
	}
	if out.Problem != "" {
		out.At = time.Now().UTC()
		c.records.write(out)
		return
	}
	began := time.Now()
	o := c.Session
	o.Dir = filepath.Join(c.Dir, "reductions-"+c.Begun.Sitting) // no other shard's
	shrunk, err := harness.Shrink(ctx, o, &r, harness.ShrinkOptions{
		Time: budget - budget/4, Runs: rateRuns, RateTime: budget / 4, GoOn: goOn,
	})
	_ = os.RemoveAll(o.Dir) // executions keep nothing
	c.reducing += time.Since(began)
	if ctx.Err() != nil {
		return
	}
	out.At, out.Took = time.Now().UTC(), time.Since(began)
	if err != nil {
		out.Problem = err.Error()
		c.records.write(out)
		return
	}
	c.reduced(r, shrunk, &out)
	c.records.write(out)
	c.tell(r, shrunk)
}

// reduced says what a reduction came to, and keeps what is new.
func (c *campaign) reduced(r harness.Run, s *harness.Shrunk, out *Reduced) {
	out.Steps, out.From, out.Executions, out.Ending, out.Rate = len(s.Best.Steps), s.From, s.Executions, string(s.Ending), s.Rate
	var problems []error
	if s.Problem != nil {
		problems = append(problems, s.Problem)
	}
	if s.Ending == generators.NotReproduced {
		out.Problem = "it did not come back on fresh servers"
		return
	}
	shape := planShape(s.Best)
	out.Fingerprint = fingerprint(shape)
	shapes := []string{out.Fingerprint}
	if s.Witness != nil {
		shapes = append(shapes, fingerprint(guaranteeOf(r)+"\n"+witnessShape(s.Witness)))
	}
	c.mu.Lock()
	for _, f := range shapes {
		if first, known := c.known[f]; known && c.root(first) != r.Plan.Number {
			out.Finding = c.root(first)
		}
	}
	for _, f := range shapes {
		if _, known := c.known[f]; !known {
			c.known[f] = out.Finding
		}
	}
	if out.Finding != r.Plan.Number {
		c.same[r.Plan.Number] = out.Finding
		c.totals.Findings[out.Finding] += c.totals.Findings[r.Plan.Number]
		delete(c.totals.Findings, r.Plan.Number)
	}
	c.mu.Unlock()
	switch {
	case out.Finding != r.Plan.Number:
	case s.FailsAgain().Strikes == 0:
		problems = append(problems, fmt.Errorf("it is not kept as a regression: of %d executions of the reduced plan none failed", s.FailsAgain().Runs))
	default:
		problems = append(problems, c.promote(r, s, out))
	}
	if err := errors.Join(problems...); err != nil {
		out.Problem = err.Error()
	}
}

// promote keeps a reduced finding as a regression.
func (c *campaign) promote(r harness.Run, s *harness.Shrunk, out *Reduced) error {
	short := RegressionsDir + "/finding-" + fmt.Sprint(r.Plan.Number) + "-" + out.Fingerprint + ".json"
	on, identity := harness.Subject{}, ""
	if r.Outcome != nil && r.Outcome.History != nil {
		identity = r.Outcome.History.Runtime
	}
	if c.Subject != nil {
		on = c.Subject(identity)
	}
	if err := harness.CaseOf(guaranteeOf(r), s, on, identity).Save(c.path(short)); err != nil {
		return err
	}
	out.Case = short
	return nil
}

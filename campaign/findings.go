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
	"retain/harness/regress"
	"retain/harness/signature"
	"retain/runtime"
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

// addViolation counts a violation, and reduces and keeps it if it is new.
func (c *campaign) addViolation(ctx context.Context, r harness.Run) {
	c.does("findings")
	if c.countViolation(&r, signature.Of(r, c.Session.Check), signature.GuaranteeOf(r).About()) {
		c.report(r, nil)
		c.reduce(ctx, r, nil)
	}
}

// countViolation puts a violation on record, and reports whether it is a new one: one of another
// signature, in the fingerprints of all versions. The folders of equal ones are not all kept.
func (c *campaign) countViolation(r *harness.Run, s signature.Signature, guarantee string) (isNew bool) {
	print := s.Fingerprint()
	c.mu.Lock()
	first, known := c.known[print]
	for _, earlier := range s.Earlier() {
		if !known {
			first, known = c.known[earlier]
		}
	}
	if !known {
		first = r.Plan.Number
	}
	c.known[print] = first
	first = c.root(first)
	c.totals.Findings[first]++
	c.kept[first]++
	spare := known && c.kept[first] > keptFolders
	c.mu.Unlock()
	if spare && r.Dir != "" {
		_ = os.RemoveAll(r.Dir) // what stays is in the way, no more
		r.Dir = ""
	}
	c.records.write(Violation{
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

func (c *campaign) report(r harness.Run, s *regress.Shrunk) {
	if c.OnFinding != nil {
		r.Number = r.Plan.Number
		c.OnFinding(r, s, c.replayFlags(r.Number))
	}
}

// reduce makes a new finding's plan small and keeps it as a regression. What it has
// come to is on disk at any time; interrupted, it is not on record, and the next
// segment goes on with it.
func (c *campaign) reduce(ctx context.Context, r harness.Run, goOn *generators.Reduction) {
	if ctx.Err() != nil {
		return
	}
	n := r.Plan.Number
	out := Reduction{Number: n, Finding: n, From: len(r.Plan.Steps), Steps: len(r.Plan.Steps)}
	budget := min(c.ShrinkBudget, c.Start.Duration/reductionShare-c.reducing)
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
	o := c.sessionOn(c.pathOf(n))
	o.Dir = filepath.Join(c.Dir, "reductions-"+c.Start.Segment) // no other shard's
	shrunk, err := regress.Shrink(ctx, o, &r, regress.ShrinkOptions{
		Time: budget - budget/4, Runs: rateRuns, RateTime: budget / 4, GoOn: goOn,
		Progress: func(r generators.Reduction) {
			c.does(fmt.Sprintf("shrinking: %d steps, from %d, %d executions", len(r.Best.Steps), r.From, r.Executions))
		},
		Measured: func(r generators.Rate) {
			c.does(fmt.Sprintf("measuring how often it fails: %d of %d executions", r.Runs, rateRuns))
		},
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
	c.report(r, shrunk)
}

// reduced says what a reduction came to, and keeps what is new.
func (c *campaign) reduced(r harness.Run, s *regress.Shrunk, out *Reduction) {
	out.Steps, out.From, out.Executions, out.Ending, out.Rate = len(s.Best.Steps), s.From, s.Executions, string(s.Ending), s.Rate
	var problems []error
	if s.Problem != nil {
		problems = append(problems, s.Problem)
	}
	if s.Ending == generators.NotReproduced {
		out.Problem = "it did not come back on fresh servers"
		return
	}
	prints := signature.OfReduced(signature.GuaranteeOf(r), s.Best)
	out.Fingerprint = prints[0]
	if s.Witness != nil {
		small := signature.OfWitness(signature.GuaranteeOf(r), s.Witness)
		prints = append(prints, small.Fingerprint())
		prints = append(prints, small.Earlier()...)
	}
	c.mu.Lock()
	for _, f := range prints {
		if first, known := c.known[f]; known && c.root(first) != r.Plan.Number {
			out.Finding = c.root(first)
		}
	}
	for _, f := range prints {
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
	case s.FailsAgain().Failures == 0:
		problems = append(problems, fmt.Errorf("it is not kept as a regression: of %d executions of the reduced plan none failed", s.FailsAgain().Runs))
	default:
		problems = append(problems, c.promote(r, s, out))
	}
	if err := errors.Join(problems...); err != nil {
		out.Problem = err.Error()
	}
}

// promote keeps a reduced finding as a regression.
func (c *campaign) promote(r harness.Run, s *regress.Shrunk, out *Reduction) error {
	short := RegressionsDir + "/finding-" + fmt.Sprint(r.Plan.Number) + "-" + out.Fingerprint + ".json"
	var on regress.Subject
	var server runtime.Identity
	sdk := ""
	if r.Outcome != nil {
		server, sdk = r.Outcome.Server, r.Outcome.SDK
	}
	if c.Subject != nil {
		on = c.Subject(server)
	}
	kept := regress.CaseOf(signature.GuaranteeOf(r), s, on, server, sdk)
	kept.Guarantee = kept.Broken.About()
	if err := kept.Save(c.path(short)); err != nil {
		return err
	}
	out.Case = short
	return nil
}

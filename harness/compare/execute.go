package compare

import (
	"context"
	"slices"
	"time"

	"retain/harness"
	"retain/harness/regress"
	"retain/harness/session"
)

// execute executes the plan once on a version. The first failure with a stuck operation
// waits for the whole bound; later ones end by its sign, as those of a reduction do.
func (c *comparison) execute(ctx context.Context, v *measuring) {
	o := v.version.Session
	o.GiveUp, o.OnRun, o.OnPhase = harness.EarlyGiveUp, nil, nil
	o.Bounds.Early = v.early
	began := time.Now()
	result, err := session.Rerun(ctx, o, c.Plan, session.RerunOptions{ReadLedger: c.Record == nil || c.Record.Ledger})
	c.mu.Lock()
	defer c.mu.Unlock()
	v.Took += time.Since(began)
	if refusal := harness.RefusalIn(err); refusal != nil {
		v.Refusal = refusal
	} else if err != nil && ctx.Err() == nil {
		v.failed(err.Error())
	} else if err == nil {
		c.take(ctx, v, result)
	}
	if c.OnExecution != nil {
		c.OnExecution(c.soFar())
	}
}

// soFar is what is known. The caller holds the lock.
func (c *comparison) soFar() (out []Measured) {
	for _, v := range c.all {
		out = append(out, v.Measured)
	}
	return out
}

// failed counts an error of the harness.
func (v *measuring) failed(why string) {
	v.Errors++
	v.inRow++
	v.Problem = why
}

// take counts an execution. One that the end of the context cut short does not count
// unless it failed.
func (c *comparison) take(ctx context.Context, v *measuring, result *session.Result) {
	if result.Identity.Version != "" {
		v.Server, v.SDK = result.Identity, result.SDK
	}
	find := func(is func(*harness.Run) bool) *harness.Run {
		i := slices.IndexFunc(result.Failures, func(r harness.Run) bool { return is(&r) })
		if i < 0 {
			return nil
		}
		return &result.Failures[i]
	}
	of := func(verdict harness.Verdict) *harness.Run {
		return find(func(r *harness.Run) bool { return r.Verdict == verdict })
	}
	if refused := find(func(r *harness.Run) bool { return r.Refusal != nil }); refused != nil {
		v.Refusal = refused.Refusal
		return
	}
	counts, other, broken, undecided := find(c.Record.Counts), of(harness.Violation), of(harness.Harness), of(harness.Undecided)
	switch {
	case counts != nil:
		c.struck(v, counts)
	case other != nil:
		v.Others++
		if v.Other.IsZero() {
			v.Other = other.Guarantee()
		}
	case ctx.Err() != nil:
		return
	case broken != nil:
		v.failed(broken.Sentence)
		return
	case undecided != nil:
		v.Undecided++
	case result.Undone != nil:
		v.failed(result.SaysUndone())
		return
	case result.Counts[harness.Pass] > 0:
		v.Rate.Runs++
	default:
		v.failed("the plan came to no verdict")
		return
	}
	v.inRow = 0
}

// struck counts a failure that counts.
func (c *comparison) struck(v *measuring, r *harness.Run) {
	v.Rate.Failures++
	v.Rate.Runs++
	if v.Broken.IsZero() {
		v.Broken = r.Guarantee()
	}
	if r.Culprit().IsZero() {
		return
	}
	if sign := r.Outcome.Liveness.Early; sign != "" {
		v.Sign = sign
		return
	}
	v.Whole++
	v.early = regress.EarlyStopFor(r, v.version.Session.Bounds.Completion)
}

package compare

import (
	"context"
	"slices"
)

// bisect measures the ends and the middle first. Where the plan fails reliably at one end
// and not at the other, it looks for the change between them; the versions that this
// leaves out are skipped. Otherwise all are measured.
func (c *comparison) bisect(ctx context.Context) {
	last := len(c.all) - 1
	ends := []*measuring{c.all[0], c.all[last/2], c.all[last]}
	c.measure(ctx, ends)
	var rest []*measuring
	for _, v := range c.all {
		if !slices.Contains(ends, v) {
			rest = append(rest, v)
		}
	}
	low, high := 0, last
	if !c.oneChange(c.all[low], c.all[high]) {
		c.measure(ctx, rest)
		return
	}
	for ctx.Err() == nil {
		middle := c.between(low, high)
		if middle == nil {
			break
		}
		if !middle.judged() && !middle.over() {
			c.measure(ctx, []*measuring{middle})
		}
		switch at := slices.Index(c.all, middle); {
		case middle.over() && !middle.judged(): // it says nothing
		case c.like(middle, c.all[low]):
			low = at
		case c.like(middle, c.all[high]):
			high = at
		default: // the change is not as clear as the ends are
			c.measure(ctx, rest)
			return
		}
	}
	for _, v := range rest {
		v.Skipped = v.Executions() == 0 && v.Refusal == nil
	}
}

// oneChange reports whether the plan fails reliably at one end and not at the other.
func (c *comparison) oneChange(a, b *measuring) bool {
	return (reliable(a.Rate) && b.Rate.Failures == 0 || reliable(b.Rate) && a.Rate.Failures == 0) && Fisher(a.Rate, b.Rate) <= c.level
}

// between is the version in the middle between two that may still be told, nil for none.
func (c *comparison) between(low, high int) *measuring {
	var left []*measuring
	for _, v := range c.all[low+1 : high] {
		if !v.over() || v.judged() {
			left = append(left, v)
		}
	}
	if len(left) == 0 {
		return nil
	}
	return left[len(left)/2]
}

// like reports whether a version behaves like one end: the plan fails on both, or on
// neither, which was told.
func (c *comparison) like(v, end *measuring) bool {
	return v.judged() && alike(v.Rate, end.Rate) && (v.Rate.Failures > 0 || c.settled(v))
}

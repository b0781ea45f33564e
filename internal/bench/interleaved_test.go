// Package bench has benchmarks that compare the harness with a bare loop that does the
// same to the same server, in turns, so that other load on the machine meets both. What
// counts is the ratio; docs/benchmarks.md has the table.
//
//	go test ./internal/bench -run '^$' -bench . -benchtime 20x
package bench

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"retain/generators"
	"retain/harness"
	"retain/harness/session"
	"retain/internal/cli"
	"retain/model"
	"retain/runtime"
)

// turns is one session of plans on one native server, with a bare turn after
// each plan. The first pair warms up and is not counted.
type turns struct {
	plan func(n int) generators.Plan
	// conducted is what the harness's turn took, read from its history.
	conducted func(*model.History) []float64
	// bare is the other side's turn, on a server that is up and is so afterwards.
	bare func(ctx context.Context, sys *harness.System, n int) ([]float64, error)
}

// pairs are the figures of both sides. A pair is two turns that followed each
// other.
type pairs struct{ conducted, bare []float64 }

func (p *pairs) add(conducted, bare []float64) {
	p.conducted = append(p.conducted, median(conducted))
	p.bare = append(p.bare, median(bare))
}

// ratio is the median of the pairs' ratios.
func (p *pairs) ratio() float64 {
	ratios := make([]float64, len(p.bare))
	for i := range ratios {
		ratios[i] = p.conducted[i] / p.bare[i]
	}
	return median(ratios)
}

func (p *pairs) report(b *testing.B, unit string) {
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(p.conducted), "harness-"+unit)
	b.ReportMetric(median(p.bare), "bare-"+unit)
	b.ReportMetric(p.ratio(), "ratio")
}

func median(v []float64) float64 {
	sorted := slices.Sorted(slices.Values(v))
	return sorted[len(sorted)/2]
}

// take conducts b.N counted pairs of turns.
func (t *turns) take(b *testing.B) *pairs {
	ctx, fail := context.WithCancelCause(cli.Interruptible(b))
	defer fail(nil)
	open := nativeServer(b, ctx)
	var sys *harness.System
	var both pairs
	options := cli.Options()
	options.Draw, options.Plans, options.Workers, options.Dir = t.plan, b.N+1, 1, b.TempDir()
	options.Open = func(ctx context.Context, s runtime.Settings) (_ *harness.System, err error) {
		sys, err = open(ctx, s)
		return sys, err
	}
	options.OnRun = func(r harness.Run) {
		if r.Verdict != harness.Pass {
			return
		}
		bare, err := t.bare(ctx, sys, r.Number)
		if err != nil {
			fail(fmt.Errorf("bare turn: %w", err))
		} else if r.Number > 0 {
			both.add(t.conducted(r.Outcome.History), bare)
		}
	}
	session, err := session.Conduct(ctx, options)
	require.NoError(b, err)
	require.NoError(b, context.Cause(ctx))
	require.Equal(b, b.N+1, session.Counts[harness.Pass], fmt.Sprint(session.Failures))
	return &both
}

// nativeServer opens native servers, whatever -runtime says: the bare side needs
// a process that it can signal and start itself.
func nativeServer(b *testing.B, ctx context.Context) harness.Open {
	open, err := cli.Native(ctx)
	if err != nil {
		b.Skip("there is no native server here to hold it against: ", err)
	}
	return open
}

// inMilliseconds is a duration as a figure.
func inMilliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

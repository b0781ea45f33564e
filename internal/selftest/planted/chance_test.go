package planted_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/generators"
	"retain/harness"
	"retain/harness/session"
	"retain/internal/cli"
	"retain/internal/selftest"
	"retain/internal/selftest/suite"
	"retain/runtime"
	"retain/runtime/mitm"
)

// bugsOfChance strike one call in hundreds. The generators know nothing of the man in the
// middle, nor does the server: it was not asked for what he drops.
var bugsOfChance = []struct {
	name string
	mitm.Options
}{
	{"one write in 1000 is dropped", mitm.Options{Bugs: []mitm.Bug{mitm.DroppedWrite}, Rate: 0.001}},
	{"one write in 20 is dropped in a crowd", mitm.Options{Bugs: []mitm.Bug{mitm.DroppedWrite}, Rate: 0.05, InFlight: 12}},
	{"one read in 500 is answered by another key", mitm.Options{Bugs: []mitm.Bug{mitm.OtherKey}, Rate: 0.002}},
}

// The default session of a minute finds each bug of chance on the real server, in 9 of 10
// sessions at least.
func TestBugsOfChanceAreFound(t *testing.T) {
	selftest.Nightly(t, "4 min")
	sessions := max(1, selftest.Seeds(t, 1)*3/10)
	for _, bug := range bugsOfChance {
		t.Run(bug.name, func(t *testing.T) {
			var took []time.Duration
			for seed := range uint64(sessions) {
				between := &middlemen{seed: seed + 1, options: bug.Options}
				result := defaultSession(t, seed+1, between.open(suite.Native(t)))
				require.NotEqual(t, harness.Harness, result.Verdict, "%v", result.Failures)
				t.Logf("seed %d: %s after %s, %d plans, %d operations of loads, %d strikes", seed+1, result.Verdict,
					result.Took.Round(time.Second/10), result.Tally.Plans, result.Tally.Load.Operations, between.strikes())
				if result.Verdict == harness.Violation {
					took = append(took, result.Took)
				}
			}
			require.NotEmpty(t, took)
			slices.Sort(took)
			t.Logf("found in %d of %d sessions, after %s in the median and %s at most", len(took), sessions, took[len(took)/2], took[len(took)-1])
			assert.GreaterOrEqual(t, len(took), sessions*9/10)
		})
	}
}

// defaultSession is a session of a minute without any flag, and without a reduction.
func defaultSession(t *testing.T, seed uint64, open harness.Open) *session.Result {
	options := cli.Options()
	options.Open, options.Dir, options.Time, options.Workers = open, t.TempDir(), time.Minute, 2
	options.Draw = func(n int) generators.Plan { return generators.Draw(seed, n, cli.DrawOptions()) }
	result, err := session.Conduct(t.Context(), options)
	require.NoError(t, err)
	return result
}

// middlemen are the men in the middle of the servers of a session. Each has a stream of
// chance of its own.
type middlemen struct {
	seed    uint64
	options mitm.Options

	mu  sync.Mutex
	all []*mitm.Runtime
}

// open puts one before each server.
func (m *middlemen) open(server harness.Open) harness.Open {
	return func(ctx context.Context, s runtime.Settings) (*harness.System, error) {
		sys, err := server(ctx, s)
		if err != nil {
			return nil, err
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		o := m.options
		o.Seed = m.seed*1000 + uint64(len(m.all))
		r := mitm.New(sys.Runtime.(mitm.Inner), o)
		m.all = append(m.all, r)
		sys.Runtime = r
		return sys, nil
	}
}

// strikes is how often they have struck.
func (m *middlemen) strikes() (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.all {
		for _, struck := range r.Strikes() {
			n += struck
		}
	}
	return n
}

package server_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"retain/generators"
	"retain/harness"
	"retain/harness/session"
	"retain/internal/selftest"
	"retain/internal/selftest/suite"
	"retain/model"
	"retain/runtime"
)

// server is the interface of the real runtimes.
type server interface {
	runtime.Runtime
	runtime.Pauser
	runtime.Exiter
}

// networked is a server that its clients reach over a line. Each life has a line, as it
// has addresses.
type networked struct {
	server
	lay lay

	mu       sync.Mutex
	line     line
	upstream string
}

// Start implements [runtime.Runtime].
func (n *networked) Start(ctx context.Context, o runtime.StartOptions) error {
	if err := n.server.Start(ctx, o); err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.upstream = n.server.Endpoints().Ingress
	var err error
	n.line, err = n.lay(n.upstream)
	return err
}

// Endpoints implements [runtime.Runtime]: clients are led over the line.
func (n *networked) Endpoints() runtime.Endpoints {
	n.mu.Lock()
	defer n.mu.Unlock()
	ep := n.server.Endpoints()
	if n.line == nil {
		return ep
	}
	if ep.Ingress != n.upstream { // a port was taken: it is started on another
		if moved, err := n.lay(ep.Ingress); err == nil {
			n.line.cut()
			n.line, n.upstream = moved, ep.Ingress
		}
	}
	ep.Ingress = n.line.url()
	return ep
}

// Stop implements [runtime.Runtime].
func (n *networked) Stop(ctx context.Context) (runtime.Exit, error) {
	defer n.cut()
	return n.server.Stop(ctx)
}

// Kill implements [runtime.Runtime].
func (n *networked) Kill(ctx context.Context) error {
	defer n.cut()
	return n.server.Kill(ctx)
}

// Close implements [runtime.Runtime].
func (n *networked) Close(ctx context.Context) error {
	defer n.cut()
	return n.server.Close(ctx)
}

func (n *networked) cut() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.line != nil {
		n.line.cut()
	}
	n.line = nil
}

// overLines opens native servers behind lines.
func overLines(t *testing.T, lay lay) harness.Open {
	open := suite.Native(t)
	return func(ctx context.Context, s runtime.Settings) (*harness.System, error) {
		sys, err := open(ctx, s)
		if err == nil {
			sys.Runtime = &networked{server: sys.Runtime.(server), lay: lay}
		}
		return sys, err
	}
}

// resetBefore resets a share of the connections with their first request, which the
// server never gets; resetAfter with their first answer.
func resetBefore(share float64) lay {
	return toxic("reset_peer", "upstream", share, map[string]int{"timeout": 0})
}

func resetAfter(share float64) lay {
	return toxic("reset_peer", "downstream", share, map[string]int{"timeout": 0})
}

// cutAfter ends every connection after some bytes of answers.
func cutAfter(bytes int) lay {
	return toxic("limit_data", "downstream", 1, map[string]int{"bytes": bytes})
}

// struck counts the attempts in a history for which hit holds and which no fault of the
// plan explains.
func struck(h *model.History, hit func(model.Attempt) bool) (n int) {
	for _, o := range h.Operations {
		for _, a := range o.Attempts {
			if hit(a) && !faulted(h, a) {
				n++
			}
		}
	}
	return n
}

// faulted reports whether a fault that ends or freezes the server overlaps an attempt.
func faulted(h *model.History, a model.Attempt) bool {
	for _, f := range h.Faults {
		if f.Kind != model.Start && f.Begin.Seq < a.End.Seq && f.End.Seq > a.Start.Seq {
			return true
		}
	}
	return false
}

func disconnected(a model.Attempt) bool { return a.Wrote && a.Reason == model.Disconnected }

// recovered counts the restarts that took at least some time from the spawn.
func recovered(h *model.History, least time.Duration) (n int) {
	for _, r := range h.Recoveries {
		if time.Duration(r.Probe-r.Spawned) >= least {
			n++
		}
	}
	return n
}

// What the network does to clients is never blamed on the server.
func TestBadNetworkIsNoViolation(t *testing.T) {
	selftest.Nightly(t, "a minute")
	const late = 8 * time.Second
	for _, c := range []struct {
		name  string
		lay   lay
		plans int
		// struck counts the times that the network was bad, as the clients saw it.
		struck func(*model.History) int
	}{
		{"connections are reset before the request", resetBefore(0.3), 8,
			func(h *model.History) int { return struck(h, disconnected) }},
		{"connections are reset after the request", resetAfter(0.3), 8,
			func(h *model.History) int { return struck(h, disconnected) }},
		{"connections end within their third answer or so", cutAfter(800), 8,
			func(h *model.History) int { return struck(h, disconnected) }},
		{"answers are cut half way", behind(0, halved(0.3)), 8,
			func(h *model.History) int {
				return struck(h, func(a model.Attempt) bool { return disconnected(a) && a.Status == http.StatusOK })
			}},
		{"every start begins with a storm of 503", behind(0, stormy), 6,
			func(h *model.History) int {
				return recovered(h, storm) + struck(h, func(a model.Attempt) bool { return a.Status == http.StatusServiceUnavailable })
			}},
		{"every start is slow to accept", behind(late, nil), 2,
			func(h *model.History) int { return recovered(h, late) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel() // they mostly wait
			n, began := 0, time.Now()
			session, err := session.Conduct(t.Context(), session.Options{
				Open: overLines(t, c.lay), Plans: c.plans, Workers: 2, Bounds: harness.DefaultBounds, Dir: t.TempDir(),
				Draw: func(n int) generators.Plan {
					return generators.Draw(7, n, generators.Options{MaxSteps: 40, Partitions: []int{1}})
				},
				OnRun: func(r harness.Run) {
					if r.Outcome != nil {
						n += c.struck(r.Outcome.History)
					}
				},
			})
			require.NoError(t, err)
			require.Equal(t, harness.Pass, session.Verdict, sentences(session))
			require.Equal(t, c.plans, session.Counts[harness.Pass])
			require.NotZero(t, n, "the network was never bad")
			t.Logf("%s: %d strikes, %d operations in %d attempts, %d ambiguous", time.Since(began).Round(time.Second), n,
				session.Tally.Operations, session.Tally.Attempts, session.Tally.Ambiguous)
		})
	}
}

// sentences are the reasons why a session did not pass.
func sentences(s *session.Result) (out string) {
	for _, r := range s.Failures {
		out += fmt.Sprintf("plan %d, %s: %s\n", r.Number, r.Verdict, r.Sentence)
	}
	return out
}

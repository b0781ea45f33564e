package harness

import (
	"context"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/generators"
	"retain/harness/internal/harnesstest"
	"retain/model"
	"retain/runtime"
	"retain/runtime/ingress"
	"retain/runtime/simulated"
)

// It has the same nonce. Its name gives it away at once, or, if it is never ready, long
// before the bound.
func TestAnotherServerOnOurPortIsRecognised(t *testing.T) {
	for name, c := range map[string]struct {
		ready bool
		soon  time.Duration
	}{"that is ready": {true, time.Second}, "that never is": {false, recogniseInterval + time.Second}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, w := WiredSystem(t, simulated.Options{Timings: harnesstest.Slow})
				_, other := WiredSystem(t, simulated.Options{Timings: harnesstest.Slow})
				if !c.ready {
					other.Pinging = func(context.Context) error { return harnesstest.ErrCut }
				}
				s.Runtime = &harnesstest.Elsewhere{Wired: w, Other: other, From: 2}
				began := time.Now()
				out, err := fails(t, s, restarted...)
				require.ErrorIs(t, err, ingress.ErrWrongServer)
				assert.ErrorContains(t, err, "is cluster")
				assert.Nil(t, out.Liveness)
				assert.Less(t, time.Since(began), c.soon)
			})
		})
	}
}

// slowAdmin is a server whose admin API takes its time for each connection.
type slowAdmin struct {
	*harnesstest.Wired
	takes time.Duration
}

func (s *slowAdmin) Endpoints() runtime.Endpoints {
	ep := s.Wired.Endpoints()
	dial := ep.Dial
	ep.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		if strings.HasSuffix(ep.Admin, address) {
			time.Sleep(s.takes) // on the simulated clock
		}
		return dial(ctx, network, address)
	}
	return ep
}

// Its probes take longer than the two requests for its identity.
func TestServerIsIdentifiedWhileItIsProbed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := WiredSystem(t, simulated.Options{Timings: harnesstest.Slow})
		s.Runtime = &slowAdmin{Wired: w, takes: harnesstest.Slow.Ready / 4}
		out := play(t, s, generators.Config{}, restarted...)
		var starts []model.Fault
		for _, f := range out.History.Faults {
			if f.Kind.Starts() {
				starts = append(starts, f)
			}
		}
		require.Len(t, out.History.Recoveries, len(starts))
		for i, r := range out.History.Recoveries {
			assert.Less(t, starts[i].End.Ns-r.Probe, int64(time.Millisecond), "the start is over with its last probe")
		}
	})
}

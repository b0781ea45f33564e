package harness

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/runtime"
	"retain/runtime/ingress"
	"retain/runtime/simulated"
)

func TestHowLongASessionIsThoughtToTake(t *testing.T) {
	assert.Equal(t, time.Minute, Options{Time: time.Minute}.expected())
	assert.Equal(t, time.Minute, Options{Plans: 20}.expected())
	assert.Equal(t, 30*time.Second, Options{Plans: 20, Workers: 2, Time: time.Hour}.expected())
}

// TestASessionThatOutlastsTheRetention draws no more plans, and nothing is said of
// what was sent again.
func TestASessionThatOutlastsTheRetention(t *testing.T) {
	s := &session{Options: Options{Plans: 5}, began: time.Now().Add(-time.Minute), kept: time.Hour}
	require.NoError(t, s.outlasted())
	_, more := s.take(t.Context())
	assert.True(t, more)
	s.kept = 30 * time.Second
	require.ErrorContains(t, s.outlasted(), "the session took 1m0s, and answers are kept under their idempotency keys for 30s")
	_, more = s.take(t.Context())
	assert.False(t, more)
}

// elsewhere is a runtime whose addresses are another server's from a start on.
type elsewhere struct {
	*Wired
	other *Wired
	from  int32
}

func (e *elsewhere) Endpoints() runtime.Endpoints {
	if e.starts.Load() >= e.from {
		return e.other.Endpoints()
	}
	return e.Wired.Endpoints()
}

// TestAnotherServerOnOurPort has the same nonce, and is known by its name at
// once, or, if it is never ready, long before the bound.
func TestAnotherServerOnOurPort(t *testing.T) {
	for name, c := range map[string]struct {
		ready bool
		soon  time.Duration
	}{"that is ready": {true, time.Second}, "that never is": {false, recogniseInterval + time.Second}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, w := WiredSystem(t, simulated.Options{Timings: slow})
				_, other := WiredSystem(t, simulated.Options{Timings: slow})
				if !c.ready {
					other.Pinging = func(context.Context) error { return errCut }
				}
				s.Runtime = &elsewhere{Wired: w, other: other, from: 2}
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

// TestNoPlanBeginsOnAnotherServer.
func TestNoPlanBeginsOnAnotherServer(t *testing.T) {
	_, other := WiredSystem(t, simulated.Options{})
	_, err := Conduct(t.Context(), Options{Plans: 1, Draw: plainPlan, Dir: t.TempDir(), Bounds: quick, Open: func(context.Context, runtime.Settings) (*System, error) {
		w := &Wired{Runtime: simulated.New(simulated.Options{Nonce: "n"})}
		return &System{Runtime: &elsewhere{Wired: w, other: other, from: 1}, Control: w, Nonce: "n", Shared: simulated.Shared()}, nil
	}})
	require.ErrorIs(t, err, ingress.ErrWrongServer)
}

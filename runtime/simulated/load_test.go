package simulated_test

import (
	"context"
	"net"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/runtime"
	"retain/runtime/simulated"
)

// The server ends again and again under clients that retry, on the real clock.
func TestEveryAdditionIsAppliedOnceUnderLoad(t *testing.T) {
	const clients, additions, restarts = 6, 40, 30
	answers := make(chan struct{}, clients*additions)
	ctx := context.Background()
	r := newRig(t, simulated.Options{Settings: runtime.Settings{Partitions: 2}})
	require.NoError(t, r.Start(ctx, runtime.StartOptions{}))
	r.http = &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		ep := r.Endpoints() // of the current incarnation, whatever the request's
		return ep.Dial(ctx, network, ep.Ingress[len("http://"):])
	}}
	t.Cleanup(r.http.CloseIdleConnections)

	var work sync.WaitGroup
	for n := range clients {
		work.Go(func() {
			for i := range additions {
				for r.call("/Counter/c/add", "1", sending{Key: itoa(n) + "-" + itoa(i)}).Status != 200 {
				}
				answers <- struct{}{}
			}
		})
	}
	for n := range restarts {
		for range n % 8 {
			<-answers
		}
		if n%3 == 0 {
			_, err := r.Stop(ctx)
			require.NoError(t, err)
		} else {
			require.NoError(t, r.Kill(ctx))
		}
		require.NoError(t, r.Start(ctx, runtime.StartOptions{}))
	}
	work.Wait()
	assert.Equal(t, itoa(clients*additions), r.call("/Counter/c/get", "").Body)
	require.NoError(t, r.Close(ctx))
}

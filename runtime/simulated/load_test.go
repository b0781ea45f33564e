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

// TestEveryAdditionIsMadeOnce ends the server again and again under clients that
// insist, on the real clock and with the real scheduler.
func TestEveryAdditionIsMadeOnce(t *testing.T) {
	const clients, additions, lives = 6, 40, 30
	answers := make(chan struct{}, clients*additions)
	ctx := context.Background()
	r := newRig(t, simulated.Options{Settings: runtime.Settings{Partitions: 2}})
	require.NoError(t, r.Start(ctx))
	r.http = &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		ep := r.Endpoints() // of the current life, whatever the request's
		return ep.Dial(ctx, network, ep.Ingress[len("http://"):])
	}}
	t.Cleanup(r.http.CloseIdleConnections)

	var work sync.WaitGroup
	for n := range clients {
		work.Go(func() {
			for i := range additions {
				for r.call("/Counter/c/add", "1", sending{key: itoa(n) + "-" + itoa(i)}).status != 200 {
				}
				answers <- struct{}{}
			}
		})
	}
	for life := range lives {
		for range life % 8 {
			<-answers
		}
		if life%3 == 0 {
			_, err := r.Stop(ctx)
			require.NoError(t, err)
		} else {
			require.NoError(t, r.Kill(ctx))
		}
		require.NoError(t, r.Start(ctx))
	}
	work.Wait()
	assert.Equal(t, itoa(clients*additions), r.call("/Counter/c/get", "").body)
	require.NoError(t, r.Close(ctx))
}

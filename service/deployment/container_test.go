package deployment_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"retain/internal/selftest"
	"retain/runtime"
	"retain/runtime/container"
	"retain/service"
)

// A server in a container reaches the proxy, and its death is seen there: gates
// behave as they do with a process.
func TestGateHoldsAServerInAContainer(t *testing.T) {
	selftest.Long(t, "10 s")
	if err := container.Available(t.Context()); err != nil {
		t.Skipf("needs Docker: %v", err)
	}
	for _, at := range []service.Position{service.Before, service.After} {
		t.Run(string(at), func(t *testing.T) {
			// The first one may build an image.
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
			defer cancel()
			server, err := container.New(ctx, runtime.Settings{Partitions: 1}, container.WithNotice(func(line string) { t.Log(line) }))
			require.NoError(t, err)
			listen, dial := server.Callback()
			d := deployOn(t, func() runtime.Runtime {
				t.Cleanup(func() { require.NoError(t, server.Close(context.Background())) })
				require.NoError(t, server.Start(ctx, runtime.StartOptions{}))
				return server
			}, listen, dial)
			testGateAtFault(t, d, at, "kill")
		})
	}
}

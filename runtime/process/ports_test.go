package process

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/runtime"
	"retain/runtime/loopback"
	"retain/runtime/versions"
)

func TestPortsAreDrawnBelowTheOutgoingRange(t *testing.T) {
	low, high := loopback.Range()
	var all []*ports
	seen := map[int]bool{}
	for range 20 {
		p, err := drawPorts()
		require.NoError(t, err)
		all = append(all, p)
		for _, number := range p.number {
			assert.GreaterOrEqual(t, number, low)
			assert.Less(t, number, high)
			assert.False(t, !keepBound && seen[number], "port %d was drawn twice though it is kept", number)
			seen[number] = true
		}
		for which := range p.number {
			assert.True(t, p.free(which))
		}
	}
	for _, p := range all {
		p.release()
	}
}

// A kept port is refused to an exclusive listener and given to one that may share it. It
// is not free then.
func TestDrawnPortIsKeptUnlessTaken(t *testing.T) {
	if !keepBound {
		t.Skip("ports are kept on Linux only")
	}
	p, err := drawPorts()
	require.NoError(t, err)
	defer p.release()
	_, err = loopback.Bind(p.number[ingressPort], false)
	require.Error(t, err, "another session can draw it")
	listener, err := net.Listen("tcp", p.address(ingressPort))
	require.NoError(t, err, "a server can't listen on it")
	assert.False(t, p.free(ingressPort))
	before := *p
	require.NoError(t, p.redraw())
	assert.NotEqual(t, before.number[ingressPort], p.number[ingressPort])
	assert.Equal(t, before.number[adminPort], p.number[adminPort], "only what is taken is drawn again")
	assert.Equal(t, before.number[nodePort], p.number[nodePort], "only what is taken is drawn again")
	require.NoError(t, listener.Close())
}

func TestPortTakenWhileDownIsReplaced(t *testing.T) {
	r := newRuntime(t, runtime.Settings{})
	ctx := bounded(t, time.Minute)
	require.NoError(t, r.Start(ctx, runtime.StartOptions{}))
	healthy(t, r)
	before := r.Endpoints()
	require.NoError(t, r.Kill(ctx))
	taken, err := net.Listen("tcp", strings.TrimPrefix(before.Ingress, "http://"))
	require.NoError(t, err)
	defer taken.Close()
	require.NoError(t, r.Start(ctx, runtime.StartOptions{}))
	healthy(t, r)
	assert.NotEqual(t, before.Ingress, r.Endpoints().Ingress)
	assert.Equal(t, before.Admin, r.Endpoints().Admin)
	exit, err := r.Stop(ctx)
	require.NoError(t, err)
	assert.True(t, exit.Graceful(), exit.String())
}

// The port is taken between the check and the start of the server.
func TestPortTakenWhileStartingIsReplaced(t *testing.T) {
	for _, variable := range []string{"RESTATE_INGRESS__BIND_ADDRESS", "RESTATE_BIND_ADDRESS"} {
		t.Run(variable, func(t *testing.T) {
			r := newRuntime(t, runtime.Settings{})
			ctx := bounded(t, time.Minute)
			spawned := 0
			r.beforeSpawn = func(env map[string]string) {
				assert.Equal(t, "json", env["RESTATE_LOG_FORMAT"], "that of the start, at each try")
				if spawned++; spawned == 1 {
					taken, err := net.Listen("tcp", env[variable])
					require.NoError(t, err)
					t.Cleanup(func() { _ = taken.Close() })
				}
			}
			require.NoError(t, r.Start(ctx, runtime.StartOptions{Env: map[string]string{"RESTATE_LOG_FORMAT": "json"}}))
			healthy(t, r)
			assert.Equal(t, 2, spawned)
			exit, err := r.Stop(ctx)
			require.NoError(t, err)
			assert.True(t, exit.Graceful(), exit.String())
		})
	}
}

// The starts are bounded.
func TestServerWhosePortIsAlwaysTakenEnds(t *testing.T) {
	blocked, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer blocked.Close()
	r := newRuntime(t, runtime.Settings{Env: map[string]string{"RESTATE_ADMIN__BIND_ADDRESS": blocked.Addr().String()}})
	require.NoError(t, r.Start(bounded(t, time.Minute), runtime.StartOptions{}))
	assert.Equal(t, "http://"+blocked.Addr().String(), r.Endpoints().Admin)
	<-r.Exited()
	exit, _ := r.LastExit()
	assert.Equal(t, 1, exit.Code)
	log, err := r.Logs(0)
	require.NoError(t, err)
	assert.Contains(t, string(log), "failed binding to address")
}

func TestOldServersCannotChangeTheirNodePort(t *testing.T) {
	for version, bound := range map[string]bool{"1.5.3": true, "1.6.1": false, "1.7.12": false, "1.10.0": false, "2.0.0": false, "unknown": false} {
		assert.Equal(t, bound, versions.Has(version, versions.BoundToNodePort), version)
	}
	r := newRuntime(t, runtime.Settings{})
	ctx := bounded(t, time.Minute)
	require.NoError(t, r.Start(ctx, runtime.StartOptions{}))
	require.NoError(t, r.Kill(ctx))
	taken, err := net.Listen("tcp", r.ports.address(nodePort))
	require.NoError(t, err)
	defer taken.Close()
	r.servers.own.Version = "1.5.3"
	require.ErrorContains(t, r.Start(ctx, runtime.StartOptions{}), "another program does")
	r.servers.own.Version = runtime.DefaultVersion
	require.NoError(t, r.Start(ctx, runtime.StartOptions{}))
	healthy(t, r)
}

package server_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/generators"
	"retain/harness"
	"retain/internal/selftest"
	"retain/internal/selftest/suite"
	"retain/runtime"
	"retain/runtime/ingress"
	"retain/runtime/introspect"
)

// A wrong assignment of keys to partitions would call a server ready whose partitions are
// not: it is held against which partition of a server invokes the handler.
func TestKeysAreInThePartitionsThatTheServerHasThemIn(t *testing.T) {
	selftest.Long(t, "20 s")
	for _, n := range []int{1, 4, 24} {
		t.Run(fmt.Sprintf("%d partitions", n), func(t *testing.T) {
			sys := booted(t, runtime.DefaultVersion, n)
			ep, client := sys.Runtime.Endpoints(), ingress.New(sys.Runtime.Endpoints())
			defer client.Close()
			keys, seen := someKeys(), map[int]bool{}
			require.NoError(t, ingress.AwaitReady(t.Context(), ep, sys.Prober(), keys[:1], ingress.Milestones{}))
			for _, key := range keys { // the first calls of a partition may take long
				require.NoError(t, client.Probe(t.Context(), key, sys.Prober()))
			}
			require.NoError(t, introspect.CheckPartitionKeys(t.Context(), ep, ingress.ProbeService))
			before := invoked(t, sys)
			for _, key := range keys {
				require.NoError(t, client.Probe(t.Context(), key, sys.Prober()))
				after := invoked(t, sys)
				want := ingress.PartitionOf(key, n)
				for p := range n {
					if more := after[p] - before[p]; p == want {
						assert.Positive(t, more, "%s is in partition %d", key, want)
					} else {
						assert.Zero(t, more, "%s is in partition %d, not %d", key, want, p)
					}
				}
				before, seen[want] = after, true
			}
			assert.Len(t, seen, n, "every partition has a key")
		})
	}
}

func TestPartitionKeysAreThoseOfOtherVersions(t *testing.T) {
	selftest.Long(t, "20 s")
	t.Parallel()
	for _, version := range []string{"1.5.3", "1.6.1", "1.6.2", "1.7.2"} {
		t.Run(version, func(t *testing.T) {
			sys := booted(t, version, 4)
			require.NoError(t, ingress.AwaitReady(t.Context(), sys.Runtime.Endpoints(), sys.Prober(), someKeys()[:4], ingress.Milestones{}))
			assert.NoError(t, introspect.CheckPartitionKeys(t.Context(), sys.Runtime.Endpoints(), ingress.ProbeService))
		})
	}
}

// booted is a server that is up, with the reference service.
func booted(t *testing.T, version string, partitions int) *harness.System {
	sys, err := suite.Native(t)(t.Context(), runtime.Settings{Version: version, Partitions: partitions})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, sys.Shutdown(context.WithoutCancel(t.Context()))) })
	require.NoError(t, sys.Boot(t.Context()))
	require.Equal(t, partitions, sys.Partitions)
	return sys
}

// someKeys are as many that each of 24 partitions has some.
func someKeys() []string {
	keys := []string{"a", "é", "run-map-1000"}
	for i := range 120 {
		keys = append(keys, fmt.Sprintf("run-%d-register-%d", i, generators.FirstLoadObject+i))
	}
	return keys
}

// onePartitionsInvokes matches how often a partition had a handler called, in the server's
// metrics.
var onePartitionsInvokes = regexp.MustCompile(`(?m)^restate_usage_leader_action_count_total\{.*partition="(\d+)",action="Invoke"\} (\d+)$`)

// invoked is how often each partition had a handler called.
func invoked(t *testing.T, sys *harness.System) map[int]int {
	answer, err := http.Get(sys.Runtime.(runtime.Metered).Metrics())
	require.NoError(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	out := map[int]int{}
	for _, m := range onePartitionsInvokes.FindAllSubmatch(text, -1) {
		p, _ := strconv.Atoi(string(m[1]))
		out[p], _ = strconv.Atoi(string(m[2]))
	}
	return out
}

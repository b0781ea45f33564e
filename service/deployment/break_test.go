package deployment_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"retain/service"
	"retain/service/deployment"
)

// A stream that is cut is tried again at once, and its effect happens once.
func TestBrokenStreamIsRetriedWithOneEffect(t *testing.T) {
	for _, at := range []service.Position{service.Before, service.After} {
		t.Run(string(at), func(t *testing.T) {
			d := deploy(t)
			require.Equal(t, 200, d.call("Counter/k/get", "", "").status)
			for i := range 3 {
				tag := fmt.Sprint("op-", i)
				d.Proxy().Break(tag, at)
				began := time.Now()
				want := fmt.Sprintf(`{"oldValue":%d,"newValue":%d}`, i, i+1)
				assert.Equal(t, want, d.call("Counter/k/add", "1", tag).body)
				t.Logf("answered after %s", time.Since(began).Round(time.Millisecond))
				wantReadings(t, d, tag, at)
			}
			assert.Equal(t, "3", d.call("Counter/k/get", "", "").body)
			assert.EqualValues(t, 3, d.Proxy().Stats().Cuts)
		})
	}
}

// wantReadings checks the evidence of an operation whose first attempt was cut.
func wantReadings(t *testing.T, d *deployed, tag string, at service.Position) {
	t.Helper()
	want := map[service.Position][]string{
		service.Before: {"1 entered", "1 broken", "2 entered", "2 effect", "2 finished"},
		service.After:  {"1 entered", "1 effect", "1 broken", "2 entered", "2 effect", "2 finished"},
	}[at]
	var got []string
	for !slices.Contains(got, "2 finished") {
		e := d.next(tag)
		got = append(got, fmt.Sprint(e.Attempt, " ", e.Reading))
	}
	assert.Equal(t, want, got)
}

// Readings of operations that change no state have no effect among them.
func TestReadGivesNoEvidenceOfAnEffect(t *testing.T) {
	d := deploy(t)
	require.Equal(t, 200, d.call("Register/r/read", "", "op").status)
	assert.Equal(t, service.Entered, d.next("op").Reading)
	assert.Equal(t, service.Finished, d.next("op").Reading)
}

// Handlers of others are behind the proxy alone: nothing of ours is beside them.
func TestDeploymentServesAForeignBackend(t *testing.T) {
	d := deploy(t)
	foreign, err := deployment.Listen(deployment.Options{Backend: service.Backend{URL: d.URL("")}})
	require.NoError(t, err)
	defer foreign.Close()
	assert.Empty(t, foreign.Nonce())
	contract := d.register(foreign.URL("127.0.0.1"))
	assert.Equal(t, service.Shared, contract["Counter/get"])
	assert.Equal(t, service.Exclusive, contract["RetainCanary/ping"])
	// The last that registered a service is the one that serves it.
	assert.Equal(t, `{"oldValue":0,"newValue":1}`, d.call("Counter/k/add", "1", "op").body)
	assert.Positive(t, foreign.Proxy().Stats().Streams)
	d.fail("kill") // or its connections keep foreign from closing at once
}

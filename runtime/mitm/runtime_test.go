package mitm_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/runtime"
	"retain/runtime/mitm"
	"retain/runtime/runtimetest"
	"retain/runtime/simulated"
)

func TestBugsAreDescribed(t *testing.T) {
	var bugs []mitm.Bug
	for _, d := range mitm.Bugs() {
		bugs = append(bugs, d.Bug)
		assert.NotEmpty(t, d.Does)
		assert.NotEmpty(t, d.When)
		for _, planted := range simulated.Bugs() {
			assert.NotEqual(t, string(planted.Bug), string(d.Bug))
		}
	}
	assert.Equal(t, []mitm.Bug{mitm.LostUpdate, mitm.MixedKeys, mitm.DroppedWrite, mitm.OtherKey}, bugs)
}

// The test compares what a client sees with and without the man in the middle.
func TestRequestsWithoutBugsAreForwardedUnchanged(t *testing.T) {
	requests := []struct{ method, path, content, body string }{
		{"GET", "/restate/health", "", ""},
		{"POST", "/Counter/c/add", "application/json", "1"},
		{"POST", "/Counter/c/add", "application/json", "-1"},
		{"POST", "/Counter/c/add", "application/json", "x"},
		{"POST", "/Counter/c/add", "text/plain", "1"},
		{"POST", "/Counter/c/add", "", ""},
		{"POST", "/Counter/c%2Fd%20e/add", "application/json", "1"},
		{"GET", "/Counter/c%2Fd%20e/get", "", ""},
		{"POST", "/Counter/c/addThenFail", "application/json", "1"},
		{"POST", "/Counter/c/nothing", "", ""},
		{"POST", "/Nothing/c/add", "application/json", "1"},
		{"POST", "/Counter/c/reset/send", "", ""},
		{"PUT", "/Counter/c/get", "", ""},
		{"POST", "/Counter", "", ""},
		{"POST", "/MapObject/m/set", "application/json", `{"key":"k","value":"ü"}`},
		{"POST", "/MapObject/m/get", "application/json", `"k"`},
		{"GET", "/restate/invocation/Counter/c/add/none/output", "", ""},
		{"POST", "/RetainCanary/c/ping", "", ""},
	}
	ask := func(through *http.Transport, base string, n int) response {
		q := requests[n]
		req, err := http.NewRequest(q.method, base+q.path, strings.NewReader(q.body))
		require.NoError(t, err)
		if q.content != "" {
			req.Header.Set("Content-Type", q.content)
		}
		if q.method == "POST" {
			req.Header["idempotency-key"] = []string{"k"} // so that the invocation's id is the same
		}
		got := runtimetest.Exchange(through, req)
		got.Header.Del("Date")
		return got
	}
	bubble(t, always(mitm.LostUpdate, mitm.MixedKeys), func(t *testing.T, r *rig) {
		plain := simulated.New(simulated.Options{Nonce: "recorded", Settings: runtime.Settings{Partitions: 4}})
		require.NoError(t, plain.Start(t.Context(), runtime.StartOptions{}))
		time.Sleep(20 * time.Millisecond)
		direct := &http.Transport{DialContext: plain.Endpoints().Dial}
		for n, q := range requests {
			want := ask(direct, plain.Endpoints().Ingress, n)
			require.NoError(t, want.Err)
			assert.Equal(t, want, ask(r.http, r.Endpoints().Ingress, n), "%s %s %s", q.method, q.path, q.body)
		}
		require.NoError(t, plain.Close(t.Context()))
		assert.Empty(t, r.Strikes())
	})
}

func TestTrafficIsUnchangedWithoutBugs(t *testing.T) {
	bubble(t, mitm.Options{Rate: 1}, func(t *testing.T, r *rig) {
		one, two := r.overlapping([2]string{"/Counter/c/add", "1"}, [2]string{"/Counter/c/add", "2"})
		r.got(`{"oldValue":0,"newValue":1}`, one)
		r.got(`{"oldValue":1,"newValue":3}`, two)
		r.restart()
		r.want(`{"oldValue":3,"newValue":6}`, "/Counter/c/add", "3", sending{Key: "three"})
		assert.Empty(t, r.Strikes())
	})
}

// An idle connection is closed before anybody writes to it, a busy one has no answer, a
// new one is refused.
func TestKillLooksTheSameThroughTheMITM(t *testing.T) {
	bubble(t, mitm.Options{}, func(t *testing.T, r *rig) {
		idle, err := r.Endpoints().Dial(t.Context(), "tcp", strings.TrimPrefix(r.Endpoints().Ingress, "http://"))
		require.NoError(t, err)
		_, answer := r.held("/Counter/c/add", "1", sending{Tag: "t", Key: "k"})
		require.NoError(t, r.Kill(t.Context()))
		synctest.Wait()
		_, err = idle.Read(make([]byte, 1))
		assert.ErrorIs(t, err, io.EOF)
		assert.Error(t, (<-answer).Err)
		assert.ErrorIs(t, r.call("/Counter/c/get", "").Err, syscall.ECONNREFUSED)
		r.start()
		r.want(`{"oldValue":0,"newValue":1}`, "/Counter/c/add", "1", sending{Key: "k"})
	})
}

func TestInterceptedConnectionIsReused(t *testing.T) {
	bubble(t, mitm.Options{}, func(t *testing.T, r *rig) {
		r.want("0", "/Counter/c/get", "")
		synctest.Wait()
		var reused bool
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
			GotConn: func(i httptrace.GotConnInfo) { reused = i.Reused },
		})
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.Endpoints().Ingress+"/Counter/c/get", nil)
		require.NoError(t, err)
		r.got("0", runtimetest.Exchange(r.http, req))
		assert.True(t, reused)
	})
}

func TestAdminAPIIsReachable(t *testing.T) {
	bubble(t, mitm.Options{}, func(t *testing.T, r *rig) {
		req, err := http.NewRequest(http.MethodGet, r.Endpoints().Admin+"/version", nil)
		require.NoError(t, err)
		got := runtimetest.Exchange(r.http, req)
		require.NoError(t, got.Err)
		assert.Contains(t, got.Body, runtime.DefaultVersion)
	})
}

// Several clients run on real connections.
func TestBugsAndKillsUnderLoadOverTCP(t *testing.T) {
	server := simulated.New(simulated.Options{TCP: true})
	r := &rig{Runtime: mitm.New(server, mitm.Options{Bugs: []mitm.Bug{mitm.LostUpdate, mitm.MixedKeys}}), server: server, t: t}
	for restart := range 3 {
		require.NoError(t, r.Start(t.Context(), runtime.StartOptions{}))
		r.http = &http.Transport{DialContext: r.Endpoints().Dial}
		var clients sync.WaitGroup
		for n := range 4 {
			clients.Go(func() {
				for i := 0; i < 50; i++ {
					r.call("/Counter/c/add", "1", sending{Key: strings.Join([]string{strconv.Itoa(restart), strconv.Itoa(n), strconv.Itoa(i)}, "-")})
				}
			})
		}
		clients.Wait()
		if restart == 1 {
			_, err := r.Stop(t.Context())
			require.NoError(t, err)
		} else {
			require.NoError(t, r.Kill(t.Context()))
		}
	}
	assert.Positive(t, r.Strikes()[mitm.LostUpdate])
	assert.Positive(t, r.Strikes()[mitm.MixedKeys])
	require.NoError(t, r.Close(t.Context()))
	require.NoError(t, r.Close(context.Background()))
}

// recording is a runtime that notes the options of its starts.
type recording struct {
	*simulated.Runtime
	starts []runtime.StartOptions
}

func (r *recording) Start(ctx context.Context, o runtime.StartOptions) error {
	r.starts = append(r.starts, o)
	return r.Runtime.Start(ctx, o)
}

func TestOptionsOfAStartArePassedOn(t *testing.T) {
	inner := &recording{Runtime: simulated.New(simulated.Options{})}
	r := mitm.New(inner, mitm.Options{})
	given := []runtime.StartOptions{{Env: map[string]string{"RESTATE_X": "y"}, Version: runtime.DefaultVersion}, {}}
	for _, o := range given {
		require.NoError(t, r.Start(t.Context(), o))
		require.NoError(t, r.Kill(t.Context()))
	}
	require.NoError(t, r.Close(t.Context()))
	assert.Equal(t, given, inner.starts)
}

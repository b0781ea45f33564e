package ingress_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/model"
	"retain/runtime"
	"retain/runtime/ingress"
	"retain/service"
)

// others are contracts of handlers that have no probe.
var others = map[string]service.Contract{
	"Counter":    {"Counter/get": service.Shared, "Counter/add": service.Exclusive},
	"MapObject":  {"Counter/get": service.Shared, "Counter/add": service.Exclusive, "MapObject/get": service.Exclusive},
	"ListObject": {"MapObject/get": service.Shared, "ListObject/get": service.Exclusive},
}

// witness stands for the endpoint proxy: [witness.saw] makes its evidence.
type witness struct {
	service.Control
	mu  sync.Mutex
	see func(service.Evidence)
}

func (w *witness) Observe(f func(service.Evidence)) (cancel func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.see = f
	return func() {}
}

func (w *witness) saw(tag string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.see(service.Evidence{Tag: tag, Reading: service.Entered})
}

func TestProbesOfOthersCallAnExclusiveReadWhereThereIsOne(t *testing.T) {
	for want, contract := range others {
		p, err := ingress.NewCalls(contract, 4, &witness{})
		require.NoError(t, err)
		name, _ := p.Target("k")
		assert.Equal(t, want, name)
	}
	_, err := ingress.NewCalls(service.Contract{"Greeter/greet": ""}, 4, &witness{})
	assert.ErrorContains(t, err, "it serves Greeter")
}

// One that waits would hold up the next one on its key.
func TestProbesOfOthersHaveAKeyEachInThePartition(t *testing.T) {
	w := &witness{}
	p, err := ingress.NewCalls(others["Counter"], 24, w)
	require.NoError(t, err)
	var asked []string
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		asked = append(asked, strings.Split(r.URL.Path, "/")[2])
		w.saw(r.Header.Get(service.TagHeader))
		_, _ = rw.Write([]byte(`{"oldValue":0,"newValue":0}`))
	}))
	defer s.Close()
	client := ingress.New(runtime.Endpoints{Ingress: s.URL})
	defer client.Close()
	keys := []string{"", "run-1-counter-0", "a key", "a key"}
	for _, key := range keys {
		require.NoError(t, client.Probe(within(t, time.Minute), key, p))
		name, latest := p.Target(key)
		assert.Equal(t, "Counter", name)
		assert.Equal(t, asked[len(asked)-1], latest)
	}
	for i, probed := range asked {
		assert.NotContains(t, asked[:i], probed)
		assert.NotEqual(t, keys[i], probed)
		assert.Equal(t, ingress.PartitionOf(keys[i], 24), ingress.PartitionOf(probed, 24))
	}
}

// The answer alone proves nothing: each deployment of these services gives it.
func TestProbeOfOthersNeedsTheProxysWitness(t *testing.T) {
	for name, c := range map[string]struct {
		body string
		seen bool
		want error
	}{
		"answered through the proxy":      {`{"oldValue":0,"newValue":0}`, true, nil},
		"answered by another deployment":  {`{"oldValue":0,"newValue":0}`, false, ingress.ErrWrongServer},
		"answered with another's answer":  {`{"oldValue":3,"newValue":3}`, true, ingress.ErrMixedUp},
		"answered with half of an answer": {`{"oldValue":0,`, true, ingress.ErrMixedUp},
	} {
		t.Run(name, func(t *testing.T) {
			w := &witness{}
			p, err := ingress.NewCalls(others["Counter"], 1, w)
			require.NoError(t, err)
			var asked []string
			s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				asked = append(asked, r.URL.Path, r.Header.Get("Idempotency-Key"))
				if c.seen {
					w.saw(r.Header.Get(service.TagHeader))
				} else {
					w.saw("of another call")
				}
				_, _ = rw.Write([]byte(c.body))
			}))
			defer s.Close()
			client := ingress.New(runtime.Endpoints{Ingress: s.URL})
			defer client.Close()
			err = client.Probe(within(t, time.Minute), "k", p)
			if c.want == nil {
				assert.NoError(t, err)
			} else {
				assert.ErrorIs(t, err, c.want)
			}
			require.Len(t, asked, 2)
			assert.True(t, strings.HasPrefix(asked[0], "/Counter/probe-") && strings.HasSuffix(asked[0], "/"+model.CounterAdd{}.Handler()), asked[0])
			assert.NotEmpty(t, asked[1])
		})
	}
}

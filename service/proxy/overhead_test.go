package proxy_test

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"retain/service"
	"retain/service/proxy"
)

// BenchmarkStream makes invocation streams from eight clients to a handler that
// does nothing, with the proxy between and without, in turns. It reports the
// time per stream that the proxy adds: an upper bound, as no real runtime or SDK
// takes part. See BenchmarkOverhead in service/deployment for the whole.
func BenchmarkStream(b *testing.B) {
	url := handlers(b, func(w http.ResponseWriter, r *http.Request) {
		head(w, r)
		_, _ = io.ReadFull(r.Body, make([]byte, len(opening("op"))))
		write(w, frame(setState, "key and value"), frame(output, "result"), frame(end, ""))
		_, _ = io.Copy(io.Discard, r.Body)
	})
	p, err := proxy.Listen(proxy.Options{Backend: service.Backend{URL: url}})
	require.NoError(b, err)
	defer p.Close()
	defer p.Observe(func(service.Evidence) {})()
	c := server(b)
	sides := map[string]string{"direct": url, "proxied": p.URL("")}
	took := map[string]time.Duration{}
	const clients, each = 8, 100
	for b.Loop() {
		for side, url := range sides {
			began := time.Now()
			var all sync.WaitGroup
			for range clients {
				all.Go(func() {
					for range each {
						oneStream(b, c, url)
					}
				})
			}
			all.Wait()
			took[side] += time.Since(began)
		}
	}
	streams := float64(b.N * clients * each)
	direct := float64(took["direct"].Microseconds()) / streams
	proxied := float64(took["proxied"].Microseconds()) / streams
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(direct, "µs/direct")
	b.ReportMetric(proxied, "µs/proxied")
	b.ReportMetric(proxied-direct, "µs/added")
}

func oneStream(b *testing.B, c *http.Transport, url string) {
	r, w := io.Pipe()
	req, err := http.NewRequest(http.MethodPost, url+"/invoke/Svc/h", io.NopCloser(io.MultiReader(bytes.NewReader(opening("op")), r)))
	if err != nil {
		panic(err)
	}
	req.Header.Set("Content-Type", v6)
	resp, err := c.RoundTrip(req)
	if err != nil {
		b.Error(err)
		return
	}
	want := slices.Concat(frame(setState, "key and value"), frame(output, "result"), frame(end, ""))
	got := make([]byte, len(want))
	if _, err := io.ReadFull(resp.Body, got); err != nil || !bytes.Equal(got, want) {
		b.Errorf("got %q, %v", got, err)
	}
	_ = w.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
}

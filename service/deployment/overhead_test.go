package deployment_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"retain/runtime/process"
	"retain/service"
	"retain/service/deployment"
	"retain/service/reference"
)

// BenchmarkOverhead calls Counter.add through the ingress of one real server,
// with the handlers behind the proxy and without, in turns of 500 calls, so that
// whatever else the machine does meets both. It reports the median turn's rate
// of each side and the ratio, proxied to direct.
//
//	go test ./service/deployment -run '^$' -bench Overhead -benchtime 20x
func BenchmarkOverhead(b *testing.B) {
	for _, clients := range []int{1, 8} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) { benchmarkOverhead(b, clients) })
	}
}

func benchmarkOverhead(b *testing.B, clients int) {
	direct, err := reference.Listen(reference.Options{})
	require.NoError(b, err)
	b.Cleanup(func() { _ = direct.Close() })
	proxied, err := deployment.Listen(deployment.Options{})
	require.NoError(b, err)
	b.Cleanup(func() { _ = proxied.Close() })
	s := newServer(b, nil)
	b.Cleanup(proxied.Control().Observe(func(service.Evidence) {}))
	rates := map[string][]float64{}
	for b.Loop() {
		for side, url := range map[string]string{"direct": direct.URL(""), "proxied": proxied.URL("")} {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			_, err := deployment.Register(ctx, client, s.Endpoints().Admin, url)
			cancel()
			require.NoError(b, err)
			turn(b, s, clients, 50)
			const calls = 500
			began := time.Now()
			turn(b, s, clients, calls)
			rates[side] = append(rates[side], calls/time.Since(began).Seconds())
		}
	}
	d, p := median(rates["direct"]), median(rates["proxied"])
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(d, "direct/s")
	b.ReportMetric(p, "proxied/s")
	b.ReportMetric(p/d, "ratio")
}

var calls atomic.Int64

// turn makes calls from a number of clients, over connections that are kept.
func turn(b *testing.B, s *process.Runtime, clients, total int) {
	transport := &http.Transport{MaxIdleConnsPerHost: clients}
	defer transport.CloseIdleConnections()
	var all sync.WaitGroup
	for client := range clients {
		all.Go(func() {
			for i := client; i < total; i += clients {
				url := fmt.Sprintf("%s/Counter/key-%d/add", s.Endpoints().Ingress, i%64)
				req, err := http.NewRequest(http.MethodPost, url, strings.NewReader("1"))
				if err != nil {
					panic(err)
				}
				req.Header.Set("Content-Type", "application/json")
				req.Header.Set(service.TagHeader, fmt.Sprint("op-", calls.Add(1)))
				resp, err := transport.RoundTrip(req)
				if err != nil {
					b.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
				if resp.StatusCode != http.StatusOK {
					b.Errorf("answer %s", resp.Status)
				}
			}
		})
	}
	all.Wait()
}

func median(v []float64) float64 {
	sort.Float64s(v)
	return v[len(v)/2]
}

package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"retain/generators"
	"retain/harness"
	"retain/model"
	"retain/runtime"
)

// loadPerTurn is how many operations of a load a turn of [BenchmarkLoadRate] has, of all
// clients together.
const loadPerTurn = 2000

// BenchmarkLoadRate compares the operations per second of a plan's load on a server that
// is ready, all of it on record, with those of clients that send the same requests to the
// same server and look at nothing. The ratio is the load's rate to the bare one: at least
// 0.7 is wanted.
func BenchmarkLoadRate(b *testing.B) {
	for _, l := range []generators.Load{{Clients: 8, Objects: 8}, {Clients: 64, Objects: 64}, {Clients: 64, Objects: 1}} {
		l.Seed, l.Between = 1, loadPerTurn
		l.Operations = slices.DeleteFunc(generators.Names(), func(name string) bool { return name == "counter addThenFail" }) // its answer is a 500
		b.Run(fmt.Sprintf("clients=%d/objects=%d", l.Clients, l.Objects), func(b *testing.B) {
			plan := generators.Plan{Config: generators.Config{NoClosingKill: true}, Load: l}
			t := turns{
				plan:      func(int) generators.Plan { return plan },
				conducted: func(h *model.History) []float64 { return []float64{harness.TallyOf(0, h).Load.Rate()} },
				bare: func(_ context.Context, sys *harness.System, n int) ([]float64, error) {
					rate, err := bareLoadRate(sys.Runtime.Endpoints(), l, fmt.Sprintf("bare-%d-%d", b.N, n))
					return []float64{rate}, err
				},
			}
			t.take(b).report(b, "op/s")
		})
	}
}

// bareLoadRate sends a load's requests, with the headers that the harness sends, each
// client one after the other, and gives the rate in requests per second.
func bareLoadRate(ep runtime.Endpoints, l generators.Load, run string) (float64, error) {
	transport := &http.Transport{MaxIdleConnsPerHost: l.Clients, DisableCompression: true}
	defer transport.CloseIdleConnections()
	var all sync.WaitGroup
	var sent atomic.Int64
	began := time.Now()
	errs := make([]error, l.Clients)
	for c := range l.Clients {
		all.Go(func() {
			client := l.Client(c)
			for k := 1; errs[c] == nil && sent.Add(1) <= loadPerTurn; k++ {
				o, op := client.Next()
				errs[c] = send(transport, bareRequest(ep, o, op, run, fmt.Sprintf("load-%d-%d", c, k)))
			}
		})
	}
	all.Wait()
	return loadPerTurn / time.Since(began).Seconds(), errors.Join(errs...)
}

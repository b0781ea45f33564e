package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"retain/generators"
	"retain/harness"
	"retain/model"
	"retain/runtime"
	"retain/service"
)

// callsPerTurn is how many operations a turn of [BenchmarkOperationRate] has, of
// all clients together.
const callsPerTurn = 480

// BenchmarkOperationRate compares the operations per second of a plan without
// faults, all of it on record, with those of clients that send the same requests
// to the same server and look at nothing. The ratio is the harness's rate to the
// bare one: at least 0.9 is wanted.
func BenchmarkOperationRate(b *testing.B) {
	for _, clients := range []int{1, 8, 32} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			plan := ratePlan(clients)
			t := turns{
				plan:      func(int) generators.Plan { return plan },
				conducted: func(h *model.History) []float64 { return []float64{rateOf(h)} },
				bare: func(_ context.Context, sys *harness.System, n int) ([]float64, error) {
					rate, err := bareRate(sys.Runtime.Endpoints(), plan, fmt.Sprintf("bare-%d-%d", b.N, n))
					return []float64{rate}, err
				},
			}
			t.take(b).report(b, "op/s")
		})
	}
}

// ratePlan has clients that write and read eight objects.
func ratePlan(clients int) generators.Plan {
	plan := generators.Plan{Config: generators.Config{NoClosingKill: true}}
	for i := range callsPerTurn {
		n := i / clients
		kind := []model.Kind{model.Counter, model.Register, model.Map, model.Counter}[n%4]
		plan.Steps = append(plan.Steps, generators.Operate{
			ID: i + 1, Client: i % clients, Object: model.Object{Kind: kind, N: (i + n) % 8},
			Op: rateOperation(kind, n/4%2 == 0, i),
		})
	}
	return plan
}

func rateOperation(kind model.Kind, write bool, i int) model.Operation {
	value := fmt.Sprint("v", i)
	switch {
	case kind == model.Counter && write:
		return model.CounterAdd{Delta: 1}
	case kind == model.Counter:
		return model.CounterGet{}
	case kind == model.Register && write:
		return model.RegisterWrite{Value: value}
	case kind == model.Register:
		return model.RegisterRead{}
	case write:
		return model.MapSet{Key: "k", Value: value}
	}
	return model.MapGet{Key: "k"}
}

// rateOf is the rate of a history's program, in operations per second.
func rateOf(h *model.History) float64 {
	first, last, n := int64(-1), int64(0), 0
	for _, o := range h.Operations {
		if o.Phase == model.Program {
			if first < 0 {
				first = o.Call.Ns
			}
			last = max(last, o.Return.Ns)
			n++
		}
	}
	return float64(n) / time.Duration(last-first).Seconds()
}

// bareRate sends a plan's requests, with the headers that the harness sends,
// each client one after the other, and gives the rate in requests per second.
func bareRate(ep runtime.Endpoints, plan generators.Plan, run string) (float64, error) {
	transport := &http.Transport{MaxIdleConnsPerHost: len(plan.Clients()), DisableCompression: true}
	defer transport.CloseIdleConnections()
	var all sync.WaitGroup
	began := time.Now()
	errs := make([]error, len(plan.Clients()))
	for i, client := range plan.Clients() {
		all.Go(func() {
			for _, s := range plan.Steps {
				if o := s.(generators.Operate); o.Client == client {
					if err := send(transport, bareRequest(ep, o.Object, o.Op, run, strconv.Itoa(o.ID))); err != nil {
						errs[i] = fmt.Errorf("%s: %w", o.Op, err)
						return
					}
				}
			}
		})
	}
	all.Wait()
	return float64(len(plan.Steps)) / time.Since(began).Seconds(), errors.Join(errs...)
}

// bareRequest is a call of an operation with the headers that the harness sends. name is the
// operation's in the run.
func bareRequest(ep runtime.Endpoints, o model.Object, op model.Operation, run, name string) *http.Request {
	target := fmt.Sprintf("%s/%s/%s-%s/%s", ep.Ingress, o.Kind.Service(), run, o, op.Handler())
	body := op.Request()
	req, err := http.NewRequest(http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		panic(err) // the address is a server's
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header["idempotency-key"] = []string{run + "-" + name}
	req.Header[service.TagHeader] = []string{run + "/" + name}
	return req
}

// send makes one request whose answer must be 200.
func send(through http.RoundTripper, req *http.Request) error {
	resp, err := through.RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %.200s", resp.Status, body)
	}
	return err
}

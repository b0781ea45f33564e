package runtimetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"time"

	"retain/internal/poll"
	"retain/model"
	"retain/runtime"
	"retain/runtime/ingress"
	"retain/runtime/versions"
	"retain/service/deployment"
)

// Environments are two environments of a start in which a real server does different
// things: it sends state when a handler asks for it, and it sends each request whole
// before it reads the response.
func Environments() [2]map[string]string {
	lazy := map[string]string{}
	for _, id := range []versions.ID{versions.DisableEagerState, versions.EagerStateSizeLimit} {
		maps.Copy(lazy, versions.Of(id).Settings)
	}
	return [2]map[string]string{
		lazy,
		{"RESTATE_WORKER__INVOKER__INACTIVITY_TIMEOUT": "0s"},
	}
}

const (
	// observedCalls is the number of calls that a server is observed in.
	observedCalls = 10
	// callMax bounds one attempt of a call, callsMax all of an observation.
	callMax  = 5 * time.Second
	callsMax = time.Minute
)

// observer is a real server with the reference service behind the endpoint proxy,
// which sees what the server sends.
type observer struct {
	runtime    runtime.Runtime
	deployment *deployment.Deployment
	calls      int // so far; each adds 1 to the counter
}

// ObserveStreams is a [Fixture].Observe for real servers: what a server does is how it
// calls a handler. Each observation also finds the calls of those before in the server's
// state.
func ObserveStreams(ctx context.Context, r runtime.Runtime) (observe func(context.Context) (string, error), err error) {
	can, ok := r.(reachable)
	if !ok {
		return nil, fmt.Errorf("%T has no Callback", r)
	}
	listen, dial := can.Callback()
	d, err := deployment.Listen(deployment.Options{Bind: listen})
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { _ = d.Close() })
	ctx, cancel := context.WithTimeout(ctx, healthyMax)
	defer cancel()
	if _, err := deployment.Register(ctx, &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, r.Endpoints().Admin, d.URL(dial)); err != nil {
		return nil, err
	}
	o := &observer{runtime: r, deployment: d}
	return o.observe, nil
}

// observe makes calls, and says what the server did in most of them.
func (o *observer) observe(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, callsMax)
	defer cancel()
	client := ingress.New(o.runtime.Endpoints())
	defer client.Close()
	before := o.deployment.Proxy().Stats()
	for range observedCalls {
		if err := o.add(ctx, client); err != nil {
			return "", err
		}
	}
	now := o.deployment.Proxy().Stats()
	most := (now.Streams - before.Streams) / 2
	does := "sends state along"
	if now.Partial-before.Partial > most {
		does = "sends state on demand"
	}
	if now.Closed-before.Closed > most {
		return does + ", requests whole", nil
	}
	return does + ", streams open", nil
}

// add adds 1 to the counter, which must have all additions so far.
func (o *observer) add(ctx context.Context, client *ingress.Client) error {
	call := ingress.Call{ObjectKey: "observed", Op: model.CounterAdd{Delta: 1}, IdempotencyKey: fmt.Sprint("observed-", o.calls)}
	var got ingress.Result
	err := poll.Until(ctx, healthyPoll, func() error {
		ctx, cancel := context.WithTimeout(ctx, callMax)
		defer cancel()
		if got = client.Try(ctx, call); got.Status != http.StatusOK {
			return fmt.Errorf("call %d: %d %s", o.calls, got.Status, got.Detail)
		}
		return nil
	})
	if err != nil {
		return errors.Join(err, fmt.Errorf("the last answer: %d %s", got.Status, got.Detail))
	}
	want := model.Change{Old: int64(o.calls), New: int64(o.calls) + 1}
	o.calls++
	if got.Answer != want {
		return fmt.Errorf("the counter answers %v, want %v", got.Answer, want)
	}
	return nil
}

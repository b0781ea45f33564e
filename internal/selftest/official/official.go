// Package official has handlers in the shapes of the official test services: types of
// handlers as the SDKs for Python and TypeScript have them, services and handlers beside those
// that retain knows, no register and no probe.
package official

import (
	"errors"
	"log/slog"
	"net/http"

	restate "github.com/restatedev/sdk-go"
	"github.com/restatedev/sdk-go/server"
)

// Handler serves them.
func Handler() (http.Handler, error) { return handler(true) }

// RequestResponse serves them without streams: a request is sent whole before it is answered.
func RequestResponse() (http.Handler, error) { return handler(false) }

func handler(streams bool) (http.Handler, error) {
	endpoint := server.NewRestate().WithLogger(slog.DiscardHandler, true).Bidirectional(streams)
	for _, s := range []restate.ServiceDefinition{
		counter(), mapObject(), list(),
		restate.NewService("Proxy").Handler("call", restate.NewServiceHandler(echo)).Handler("oneWayCall", restate.NewServiceHandler(echo)),
		restate.NewService("TestUtilsService").Handler("echo", restate.NewServiceHandler(echo)),
		restate.NewObject("AwakeableHolder").Handler("hold", restate.NewObjectHandler(hold)).Handler("hasAwakeable", restate.NewObjectSharedHandler(held)),
		restate.NewWorkflow("BlockAndWaitWorkflow").Handler("run", restate.NewWorkflowHandler(work)),
	} {
		endpoint.Bind(s)
	}
	return endpoint.Handler()
}

func echo(_ restate.Context, text string) (string, error) { return text, nil }

func work(_ restate.WorkflowContext, text string) (string, error) { return text, nil }

func hold(ctx restate.ObjectContext, id string) (restate.Void, error) {
	restate.Set(ctx, "id", id)
	return restate.Void{}, nil
}

func held(ctx restate.ObjectSharedContext, _ restate.Void) (bool, error) {
	id, err := restate.Get[string](ctx, "id")
	return id != "", err
}

type update struct {
	Old int64 `json:"oldValue"`
	New int64 `json:"newValue"`
}

func counter() restate.ServiceDefinition {
	const key = "counter"
	add := func(ctx restate.ObjectContext, n int64) (update, error) {
		old, err := restate.Get[int64](ctx, key)
		if err != nil {
			return update{}, err
		}
		restate.Set(ctx, key, old+n)
		return update{old, old + n}, nil
	}
	return restate.NewObject("Counter").
		Handler("reset", restate.NewObjectHandler(func(ctx restate.ObjectContext, _ restate.Void) (restate.Void, error) {
			restate.Clear(ctx, key)
			return restate.Void{}, nil
		})).
		Handler("get", restate.NewObjectHandler(func(ctx restate.ObjectContext, _ restate.Void) (int64, error) { // exclusive
			return restate.Get[int64](ctx, key)
		})).
		Handler("add", restate.NewObjectHandler(add)).
		Handler("addThenFail", restate.NewObjectHandler(func(ctx restate.ObjectContext, n int64) (restate.Void, error) {
			if _, err := add(ctx, n); err != nil {
				return restate.Void{}, err
			}
			return restate.Void{}, restate.ToTerminalError(errors.New(restate.Key(ctx)), restate.WithErrorCode(500))
		})).
		Handler("count", restate.NewObjectSharedHandler(func(ctx restate.ObjectSharedContext, _ restate.Void) (int64, error) {
			return restate.Get[int64](ctx, key)
		}))
}

// entry is one entry of a map.
type entry struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// mapObject clears its entries one by one, as the handlers in Python do, and shared readers
// see that.
func mapObject() restate.ServiceDefinition {
	return restate.NewObject("MapObject").
		Handler("set", restate.NewObjectHandler(func(ctx restate.ObjectContext, e entry) (restate.Void, error) {
			restate.Set(ctx, e.Key, e.Value)
			return restate.Void{}, nil
		})).
		Handler("get", restate.NewObjectSharedHandler(func(ctx restate.ObjectSharedContext, key string) (string, error) {
			return restate.Get[string](ctx, key)
		})).
		Handler("clearAll", restate.NewObjectHandler(func(ctx restate.ObjectContext, _ restate.Void) ([]entry, error) {
			keys, err := restate.Keys(ctx)
			if err != nil {
				return nil, err
			}
			all := []entry{}
			for _, key := range keys {
				value, err := restate.Get[string](ctx, key)
				if err != nil {
					return nil, err
				}
				all = append(all, entry{key, value})
				restate.Clear(ctx, key)
			}
			return all, nil
		}))
}

func list() restate.ServiceDefinition {
	const key = "list"
	get := func(ctx restate.ObjectSharedContext, _ restate.Void) ([]string, error) {
		all, err := restate.Get[[]string](ctx, key)
		return append([]string{}, all...), err
	}
	return restate.NewObject("ListObject").
		Handler("append", restate.NewObjectHandler(func(ctx restate.ObjectContext, value string) (restate.Void, error) {
			all, err := restate.Get[[]string](ctx, key)
			if err != nil {
				return restate.Void{}, err
			}
			restate.Set(ctx, key, append(all, value))
			return restate.Void{}, nil
		})).
		Handler("get", restate.NewObjectSharedHandler(get)).
		Handler("clear", restate.NewObjectHandler(func(ctx restate.ObjectContext, none restate.Void) ([]string, error) {
			all, err := get(ctx, none)
			if err != nil {
				return nil, err
			}
			restate.Clear(ctx, key)
			return all, nil
		}))
}

package reference

import (
	"errors"
	"retain/model"

	restate "github.com/restatedev/sdk-go"
)

const countKey = "counter"

// counterUpdate is the answer of Counter.add.
type counterUpdate struct {
	OldValue int64 `json:"oldValue"`
	NewValue int64 `json:"newValue"`
}

var _ = registerKind(model.Counter, counter)

func counter() restate.ServiceDefinition {
	return restate.NewObject("Counter").
		Handler("add", restate.NewObjectHandler(add)).
		Handler("addThenFail", restate.NewObjectHandler(addThenFail)).
		Handler("get", restate.NewObjectSharedHandler(getCount)).
		Handler("reset", restate.NewObjectHandler(resetCount))
}

func add(ctx restate.ObjectContext, n int64) (counterUpdate, error) {
	old, err := restate.Get[int64](ctx, countKey)
	if err != nil {
		return counterUpdate{}, err
	}
	restate.Set(ctx, countKey, old+n)
	return counterUpdate{OldValue: old, NewValue: old + n}, nil
}

// addThenFail adds and then fails for good with the object's key as its
// message. The addition stays: a terminal error takes no state change back.
func addThenFail(ctx restate.ObjectContext, n int64) (restate.Void, error) {
	if _, err := add(ctx, n); err != nil {
		return restate.Void{}, err
	}
	return restate.Void{}, restate.ToTerminalError(errors.New(restate.Key(ctx)), restate.WithErrorCode(500))
}

func getCount(ctx restate.ObjectSharedContext, _ restate.Void) (int64, error) {
	n, err := restate.Get[int64](ctx, countKey)
	if err != nil {
		return 0, err
	}
	return n, nil
}

func resetCount(ctx restate.ObjectContext, _ restate.Void) (restate.Void, error) {
	restate.Clear(ctx, countKey)
	return restate.Void{}, nil
}

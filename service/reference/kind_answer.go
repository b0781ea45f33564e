package reference

import (
	"errors"
	"fmt"

	restate "github.com/restatedev/sdk-go"

	"retain/model"
	"retain/service"
)

const callsKey = "calls"

var _ = registerKind(model.Answers, answers)

func answers() restate.ServiceDefinition {
	return restate.NewObject("Answer").
		Handler("submit", restate.NewObjectHandler(submit)).
		Handler("get", restate.NewObjectHandler(getCalls))
}

// submission is a value, which is the idempotency key of its call too.
type submission struct {
	Value string `json:"value"`
	Fails bool   `json:"fails"`
}

// submit counts its call, and answers the number or fails with it. The error has metadata
// where the client says that the server knows of them.
func submit(ctx restate.ObjectContext, s submission) (string, error) {
	calls, err := getCalls(ctx, restate.Void{})
	if err != nil {
		return "", err
	}
	calls++
	restate.Set(ctx, callsKey, calls)
	answer := fmt.Sprintf("#%d %s", calls, s.Value)
	if s.Fails {
		options := []restate.TerminalErrorOption{restate.WithErrorCode(500)}
		if ctx.Request().Headers.Get(service.MetadataHeader) != "" {
			options = append(options, restate.WithMetadata("call", fmt.Sprint(calls)))
		}
		return "", restate.ToTerminalError(errors.New(answer), options...)
	}
	return answer, nil
}

func getCalls(ctx restate.ObjectContext, _ restate.Void) (int64, error) {
	return restate.Get[int64](ctx, callsKey)
}

package reference

import (
	"retain/model"

	restate "github.com/restatedev/sdk-go"
)

const registerKey = "value"

// exchange is the input of Register.compareAndSet.
type exchange struct {
	Expect string `json:"expect"`
	Value  string `json:"value"`
}

var _ = registerKind(model.Register, register)

func register() restate.ServiceDefinition {
	return restate.NewObject("Register").
		Handler("read", restate.NewObjectSharedHandler(read)).
		Handler("readExclusive", restate.NewObjectHandler(readExclusive)).
		Handler("write", restate.NewObjectHandler(write)).
		Handler("compareAndSet", restate.NewObjectHandler(compareAndSet)).
		Handler("clear", restate.NewObjectHandler(clearRegister))
}

func read(ctx restate.ObjectSharedContext, _ restate.Void) (string, error) {
	value, err := restate.Get[string](ctx, registerKey)
	if err != nil {
		return "", err
	}
	return value, nil
}

func readExclusive(ctx restate.ObjectContext, none restate.Void) (string, error) {
	return read(ctx, none)
}

func write(ctx restate.ObjectContext, value string) (restate.Void, error) {
	restate.Set(ctx, registerKey, value)
	return restate.Void{}, nil
}

// compareAndSet answers the value it saw, and sets the new one only if that is
// the expected one. The empty string stands for a register that is not set.
func compareAndSet(ctx restate.ObjectContext, in exchange) (string, error) {
	seen, err := read(ctx, restate.Void{})
	if err != nil {
		return "", err
	}
	if seen == in.Expect {
		restate.Set(ctx, registerKey, in.Value)
	}
	return seen, nil
}

func clearRegister(ctx restate.ObjectContext, _ restate.Void) (restate.Void, error) {
	restate.Clear(ctx, registerKey)
	return restate.Void{}, nil
}

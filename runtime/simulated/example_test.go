package simulated_test

import (
	"context"
	"fmt"

	"retain/model"
	"retain/runtime"
	"retain/runtime/ingress"
	"retain/runtime/simulated"
)

// startAndCall starts the server, waits until it is ready, and makes one call.
func startAndCall(ctx context.Context, server *simulated.Runtime, key string, op model.Operation) error {
	if err := server.Start(ctx, runtime.StartOptions{}); err != nil {
		return err
	}
	if err := ingress.AwaitReady(ctx, server.Endpoints(), ingress.Nonce("n"), []string{key}, ingress.Milestones{}); err != nil {
		return err
	}
	client := ingress.New(server.Endpoints())
	defer client.Close()
	result := client.Try(ctx, ingress.Call{ObjectKey: key, Op: op, IdempotencyKey: op.String()})
	fmt.Println(op, "answers", result.Answer)
	return nil
}

// acrossKill writes a register, kills the server, and reads the register.
func acrossKill(ctx context.Context, bugs ...simulated.Bug) (err error) {
	server := simulated.New(simulated.Options{Nonce: "n", Bugs: bugs, Rate: 1})
	defer func() { _ = server.Close(ctx) }()
	if err := startAndCall(ctx, server, "k", model.RegisterWrite{Value: "v1"}); err != nil {
		return err
	}
	if err := server.Kill(ctx); err != nil {
		return err
	}
	return startAndCall(ctx, server, "k", model.RegisterRead{})
}

// The server keeps what it acknowledged across a kill.
func ExampleNew() {
	if err := acrossKill(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// write("v1") answers ok
	// read() answers "v1"
}

// A planted bug strikes where its condition holds: here an object loses its last
// acknowledged write at a kill.
func ExampleNew_plantedBug() {
	if err := acrossKill(context.Background(), simulated.LostWrite); err != nil {
		fmt.Println(err)
	}
	// Output:
	// write("v1") answers ok
	// read() answers ""
}

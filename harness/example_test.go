package harness_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"retain/generators"
	"retain/harness"
	"retain/model"
	"retain/runtime/simulated"
)

// A plan runs on a simulated server. Its history has every operation and every fault.
func ExampleExecute() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	server := simulated.New(simulated.Options{Nonce: "n"})
	sys := &harness.System{Runtime: server, Control: server, Nonce: "n", Contract: simulated.Contract()}
	if err := sys.Boot(ctx); err != nil {
		panic(err)
	}
	defer sys.Shutdown(ctx)

	plan := generators.StartAndStop(model.Kill)
	outcome, err := harness.Execute(ctx, sys, plan, harness.Execution{ID: "run", Path: filepath.Join(dir, "history.jsonl"), Bounds: harness.DefaultBounds})
	if err != nil {
		panic(err)
	}
	for _, o := range outcome.History.Operations {
		if o.Phase == model.Program {
			fmt.Println(o.Object, o.Op, o.Outcome)
		}
	}
	fmt.Println("faults:", len(outcome.History.Faults))
	// Output:
	// counter-0 add(1) ok
	// counter-0 add(2) ok
	// counter-0 get() ok
	// faults: 4
}

package session_test

import (
	"context"
	"fmt"
	"os"

	"retain/generators"
	"retain/harness"
	"retain/harness/session"
	"retain/model"
	"retain/runtime"
	"retain/runtime/simulated"
)

// Three plans run on a simulated server. At the end one more kill is survived, and every
// object is read again.
func ExampleConduct() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	result, err := session.Conduct(context.Background(), session.Options{
		Open: func(_ context.Context, s runtime.Settings) (*harness.System, error) {
			server := simulated.New(simulated.Options{Settings: s, Nonce: "n"})
			return &harness.System{Runtime: server, Control: server, Nonce: "n", Contract: simulated.Contract()}, nil
		},
		Draw:   func(int) generators.Plan { return generators.StartAndStop(model.Kill) },
		Plans:  3,
		Bounds: harness.DefaultBounds,
		Dir:    dir,
	})
	if err != nil {
		panic(err)
	}
	fmt.Println(result.Verdict, result.Tally.Plans, "plans,", result.Ledger.Objects, "objects read again")
	// Output: pass 3 plans, 3 objects read again
}

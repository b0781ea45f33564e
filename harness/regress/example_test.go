package regress_test

import (
	"context"
	"fmt"
	"os"

	"retain/generators"
	"retain/harness"
	"retain/harness/regress"
	"retain/harness/session"
	"retain/model"
	"retain/runtime"
	"retain/runtime/simulated"
)

// A server loses acknowledged writes at a kill. The plan that shows it is reduced to the
// write: each plan ends with a kill and with reads.
func ExampleShrink() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	options := session.Options{
		Open: func(_ context.Context, s runtime.Settings) (*harness.System, error) {
			server := simulated.New(simulated.Options{Settings: s, Nonce: "n", Bugs: []simulated.Bug{simulated.LostWrite}, Rate: 1})
			return &harness.System{Runtime: server, Control: server, Nonce: "n", Contract: simulated.Contract()}, nil
		},
		Draw:   func(int) generators.Plan { return registerPlan },
		Plans:  1,
		Bounds: harness.DefaultBounds,
		Dir:    dir,
		Late:   -1,
	}
	result, err := session.Conduct(ctx, options)
	if err != nil {
		panic(err)
	}
	failed := result.Failures[0]
	shrunk, err := regress.Shrink(ctx, options, &failed, regress.ShrinkOptions{})
	if err != nil {
		panic(err)
	}
	fmt.Println(failed.Guarantee())
	fmt.Printf("%d of %d steps are enough\n", len(shrunk.Best.Steps), len(failed.Plan.Steps))
	// Output:
	// an acknowledged write is missing after a kill
	// 1 of 5 steps are enough
}

// registerPlan writes a register and a counter, kills the server and reads the register.
var registerPlan = generators.Plan{Steps: []generators.Step{
	generators.Operate{ID: 1, Object: model.Object{Kind: model.Counter}, Op: model.CounterGet{}},
	generators.Operate{ID: 2, Object: model.Object{Kind: model.Register}, Op: model.RegisterWrite{Value: "v2"}},
	generators.Inject{ID: 3, Fault: model.Kill, When: generators.InPlace{}},
	generators.Inject{ID: 4, Fault: model.Start, When: generators.InPlace{}},
	generators.Operate{ID: 5, Object: model.Object{Kind: model.Register}, Op: model.RegisterRead{}},
}}

package cli

import (
	"context"
	"fmt"

	"pgregory.net/rapid"

	"retain/generators"
	"retain/harness"
	"retain/harness/backend"
	"retain/harness/session"
)

// Fuzz returns the generator of the flags' plans and a function that executes one of
// them, whose error says why the plan did not pass. The runtime is the simulated one
// unless -runtime is given: Go's fuzzer follows the code of its own process only.
func Fuzz(t T) (plans *rapid.Generator[generators.Plan], execute func(context.Context, generators.Plan) error) {
	open, err := openFuzzed(t.Context())
	if err != nil {
		cannotBegin(t, err)
	}
	dir := t.TempDir()
	execute = func(ctx context.Context, plan generators.Plan) error {
		session, err := session.Conduct(ctx, session.Options{
			Open: open, Plans: 1, Base: settings(), Bounds: bounds(), Check: checks(), Dir: dir, Exclude: exclusions,
			Draw: func(int) generators.Plan { return plan },
		})
		if err == nil && session.Verdict != harness.Pass {
			err = fmt.Errorf("%s: %s\n%s", session.Verdict, session.Failures[0].Sentence, generators.Encode(plan))
		}
		return err
	}
	return generators.Plans(DrawOptions()), execute
}

// openFuzzed opens the runtime of the flags; the simulated one if they name none.
func openFuzzed(ctx context.Context) (harness.Open, error) {
	if backend.Name(*runtimeFlag) != backend.Auto {
		return open(ctx, 1)
	}
	chosen, _, err := backend.Choose(context.WithoutCancel(ctx), settings(), backend.Options{Name: backend.Simulated, Rate: *bugsRateFlag, Seed: 1})
	return chosen, err
}

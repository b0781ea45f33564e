package retain_test

import (
	"context"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"retain/generators"
	"retain/harness"
	"retain/harness/backend"
)

// FuzzPlan lets Go's fuzzer, which follows what code is reached, choose the bytes
// that plans are drawn from: go test -fuzz FuzzPlan -fuzzminimizetime 1x. It is
// conducted on the simulated runtime unless -runtime says otherwise, since the
// fuzzer sees no code but this process's; -bugs plants some. Any plan must pass.
func FuzzPlan(f *testing.F) {
	plans := generators.Plans(generators.Options{Unresolved: *unresolvedFlag, Server: *serverFlag})
	open, err := fuzzed(f.Context())
	if err != nil {
		cannotBegin(f, err)
	}
	dir := f.TempDir()
	f.Add(make([]byte, 4096)) // the simplest plan that there is
	random := rand.NewChaCha8([32]byte{})
	for range 30 { // and plans as -run Properties draws them, to begin with
		plan := make([]byte, 16<<10)
		_, _ = random.Read(plan) // it never fails
		f.Add(plan)
	}
	f.Fuzz(rapid.MakeFuzz(func(t *rapid.T) {
		plan := plans.Draw(t, "plan")
		session, err := harness.Conduct(t.Context(), harness.Options{
			Open: open, Plans: 1, Base: settings(), Bounds: bounds(), Check: checks(), Dir: dir,
			Draw: func(int) generators.Plan { return plan },
		})
		if err != nil {
			t.Fatal(err)
		}
		if session.Verdict != harness.Pass {
			t.Fatalf("%s: %s\n%s", session.Verdict, session.Failures[0].Sentence, generators.Encode(plan))
		}
	}))
}

// fuzzed opens the runtime of the flags; the simulated one if they name none.
func fuzzed(ctx context.Context) (harness.Open, error) {
	if backend.Name(*runtimeFlag) != backend.Auto {
		return open(ctx, 1)
	}
	chosen, _, err := backend.Choose(context.WithoutCancel(ctx), settings(), backend.Options{Name: backend.Simulated, Rate: *bugsRateFlag, Seed: 1})
	return chosen, err
}

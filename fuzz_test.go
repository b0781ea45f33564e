package retain_test

import (
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"retain/internal/cli"
)

// FuzzPlan lets Go's fuzzer, which follows what code is reached, choose the bytes
// that plans are drawn from: go test -fuzz FuzzPlan -fuzzminimizetime 1x. Plans run on
// the simulated runtime unless -runtime says otherwise, since the fuzzer sees no code
// but this process's; -bugs plants bugs. Every plan must pass.
func FuzzPlan(f *testing.F) {
	plans, execute := cli.Fuzz(f)
	f.Add(make([]byte, 4096)) // the simplest plan
	random := rand.NewChaCha8([32]byte{})
	for range 10 { // plans as TestProperties draws them
		seed := make([]byte, 16<<10)
		_, _ = random.Read(seed) // it never fails
		f.Add(seed)
	}
	f.Fuzz(rapid.MakeFuzz(func(t *rapid.T) {
		if err := execute(t.Context(), plans.Draw(t, "plan")); err != nil {
			t.Fatal(err)
		}
	}))
}

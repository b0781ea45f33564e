// Package selftest has the helpers that tests of several packages share: which tests
// take long, and how many seeds the others use.
package selftest

import (
	"os"
	"strconv"
	"testing"
)

// EnvSeeds is the environment variable that asks for the long tests, and for as
// many seeds as it names in the tests that repeat what depends on chance.
const EnvSeeds = "RETAIN_SEEDS"

// Seeds is how many seeds a test repeats itself with: what [EnvSeeds] names, or a
// few without it.
func Seeds(t testing.TB, few int) int {
	t.Helper()
	text, given := os.LookupEnv(EnvSeeds)
	if !given {
		return few
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s=%q: want a number above 0", EnvSeeds, text)
	}
	return n
}

// Long skips a test that has no room in the 8 minutes of `go test ./...`, unless
// [EnvSeeds] is set. .ci/run finds the calls in the source and runs those tests
// after the others; takes is how long the test takes on two quiet cores.
func Long(t testing.TB, takes string) {
	t.Helper()
	unlessAsked(t, takes)
}

// Nightly is [Long] for a test that has no room in .ci/run either, where the machine is
// slow. The nightly workflow runs it.
func Nightly(t testing.TB, takes string) {
	t.Helper()
	unlessAsked(t, takes)
}

func unlessAsked(t testing.TB, takes string) {
	t.Helper()
	if _, given := os.LookupEnv(EnvSeeds); !given {
		t.Skipf("takes %s: %s=1 runs it", takes, EnvSeeds)
	}
}

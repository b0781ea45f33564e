package server_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/internal/selftest"
	"retain/internal/selftest/suite"
	"retain/runtime/child"
	"retain/runtime/container"
	"retain/service/sdk"
)

// others are the SDKs whose services this process does not serve itself.
func others() (out []sdk.Name) {
	for _, name := range sdk.Names() {
		if name != sdk.Go {
			out = append(out, name)
		}
	}
	return out
}

// The tools of all languages have to be here: nothing is skipped without them.
func TestPlansPassOnTheServicesOfEachSDK(t *testing.T) {
	selftest.Nightly(t, "8 min")
	for _, name := range others() {
		for _, on := range []string{"process", "container"} {
			t.Run(string(name)+" "+on, func(t *testing.T) {
				if err := container.Available(t.Context()); on == "container" && err != nil {
					t.Skip("containers can't be used here: ", err)
				}
				s := suite.New(t, nil, "-test.run", "^TestProperties$", "-test.timeout", "20m", "-runtime", on, "-sdk", string(name), "-rapid.checks", "20")
				require.NoError(t, s.Run(), s.Text())
				assert.Contains(t, s.Text(), "20 pass · 0 violation · 0 undecided · 0 harness")
				assert.Regexp(t, `(?m)^build .* · sdk `+string(name)+` [0-9]+\.[0-9]+.* · with -sdk `+string(name)+`$`, s.Text())
			})
		}
	}
}

// The bug is planted in the unmodified server: SIGKILL without its log.
func TestLossIsFoundAndReducedOnTheServicesOfEachSDK(t *testing.T) {
	selftest.Nightly(t, "6 min")
	for _, name := range others() {
		t.Run(string(name), func(t *testing.T) {
			s := suite.New(t, nil, "-test.run", "^TestProperties$", "-test.timeout", "20m", "-runtime", "process", "-sdk", string(name), "-rapid.seed", "3",
				"-restate.env", "RESTATE_LOG_SERVER__ROCKSDB_DISABLE_WAL=true")
			require.Error(t, s.Run(), s.Text())
			assert.Regexp(t, `(?m)^violation  .* after a kill `, s.Text())
			assert.Contains(t, s.Text(), " reduced")
			assert.Regexp(t, `(?m)^replay .* -sdk=`+string(name), s.Text())
		})
	}
}

// The services end by themselves, before another session sweeps.
func TestKilledSessionLeavesNoServiceOfAnySDK(t *testing.T) {
	selftest.Nightly(t, "40 s")
	cache := suite.NewCache(t)
	for _, name := range others() {
		t.Run(string(name), func(t *testing.T) {
			s := suite.New(t, cache.Env(), "-test.run", "^TestProperties$", "-test.timeout", "20m", "-runtime", "process", "-sdk", string(name), "-rapid.checks", "1000", "-workers", "1")
			require.NoError(t, s.Start())
			s.AwaitCall(t)
			own := cache.Of(t, s)
			require.GreaterOrEqual(t, len(own.Groups), 2, "a server and a service")
			require.NoError(t, s.Process.Kill())
			require.Error(t, s.Wait(), "it was killed")
			for _, group := range own.Groups {
				assert.Eventually(t, func() bool { return child.Gone(group) }, 10*time.Second, 10*time.Millisecond, "process group %d outlives its session", group)
			}
			next := suite.New(t, cache.Env(), "-test.run", "^TestProperties$", "-runtime", "process", "-rapid.checks", "1")
			require.NoError(t, next.Run(), next.Text())
			own.AreGone(t)
		})
	}
}

package cli

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/campaign"
	"retain/generators"
	"retain/harness/regress"
	"retain/runtime"
)

// with sets a flag's variable for a test. The flag counts as not given.
func with[V any](t *testing.T, variable *V, value V) {
	before := *variable
	*variable = value
	t.Cleanup(func() { *variable = before })
}

func TestDurationWithoutUnitGetsSuggestion(t *testing.T) {
	for value, says := range map[string]string{
		"90": "90 needs a unit: 90s, 90m or 90h", "-5": "not negative, with a unit, such as 5s", "8 hours": "want 8h", "1.5d": "Go knows no days: want 36h",
	} {
		err := missingUnit(fmt.Errorf("invalid value %q for flag -duration: parse error", value))
		require.Error(t, err, value)
		assert.Contains(t, err.Error(), says, value)
		assert.Contains(t, err.Error(), flag.Lookup("duration").Usage, "the flag's usage is the end")
	}
	for _, other := range []string{`invalid value "soon" for flag -duration: parse error`, `invalid value "5" for flag -workers: parse error`, "flag provided but not defined: -x"} {
		assert.NoError(t, missingUnit(errors.New(other)), other)
	}
}

func TestEnvironmentRefusesWhatItCannotPass(t *testing.T) {
	env := envs{}
	t.Setenv("RETAIN_TEST_TOKEN", "hunter2")
	require.NoError(t, env.Set("RETAIN_TEST_TOKEN=$RETAIN_TEST_TOKEN"))
	assert.Equal(t, "hunter2", env["RETAIN_TEST_TOKEN"], "a reference to its own name is expanded")
	require.NoError(t, env.Set("A=b=c"))
	require.NoError(t, env.Set("A=b=c"), "the same again")
	assert.ErrorContains(t, env.Set("A=d"), "given twice")
	assert.ErrorContains(t, env.Set("A"), "want NAME=VALUE")
	assert.ErrorContains(t, env.Set("=A"), "want NAME=VALUE")
	assert.ErrorContains(t, env.Set("RETAIN_TEST_NONE=$RETAIN_TEST_NONE"), "export it")
	assert.Equal(t, []string{"A=b=c", "RETAIN_TEST_TOKEN=$RETAIN_TEST_TOKEN"}, env.referenced(), "no secret is printed")
}

func TestShardIsPartOfItsCount(t *testing.T) {
	for text, want := range map[string]campaign.Shard{"0/1": {Index: 0, Of: 1}, "3/4": {Index: 3, Of: 4}} {
		with(t, shardFlag, text)
		got, err := shard()
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	for _, text := range []string{"", "1", "4/4", "-1/4", "0/0", "a/b"} {
		with(t, shardFlag, text)
		_, err := shard()
		assert.ErrorContains(t, err, "I from 0 to N-1", text)
	}
}

func TestFlagsThatContradictEachOtherAreRefused(t *testing.T) {
	with(t, &shippedFindings, document(t, KnownFindings)) // as the suite's own program has it
	for _, c := range []struct {
		name string
		set  func(t *testing.T)
		says string
	}{
		{"image and binary", func(t *testing.T) { with(t, &imageFlag, builds{plain: "i"}); with(t, &binaryFlag, builds{plain: "b"}) }, "name two servers"},
		{"image for the native server", func(t *testing.T) { with(t, &imageFlag, builds{plain: "i"}); with(t, runtimeFlag, "process") }, "say -runtime container"},
		{"a named image and a binary", func(t *testing.T) {
			with(t, &imageFlag, builds{named: map[string]string{"a": "i"}})
			with(t, &binaryFlag, builds{plain: "b"})
		}, "name two servers"},
		{"a named binary in a container", func(t *testing.T) {
			with(t, &binaryFlag, builds{named: map[string]string{"a": "b"}})
			with(t, runtimeFlag, "container")
		}, "-restate.binary is for the native server"},
		{"data of the simulated runtime", func(t *testing.T) { with(t, dataFlag, true); with(t, runtimeFlag, "simulated") }, "leave it out"},
		{"bugs in a real server", func(t *testing.T) { with(t, bugsFlag, "lost-write") }, "add -runtime simulated"},
		{"unknown runtime", func(t *testing.T) { with(t, runtimeFlag, "cloud") }, "want auto, container, process or simulated"},
		{"unknown configuration", func(t *testing.T) { with(t, serverFlag, "none") }, "the configurations are"},
		{"configuration that the version lacks", func(t *testing.T) { with(t, serverFlag, "vqueues-4"); with(t, versionFlag, "1.6.1") }, "and 1.6.1 has none: choose version 1.7.0 or later"},
		{"no check budget", func(t *testing.T) { with(t, budgetFlag, 0) }, "-check.budget 0s: want a duration above 0"},
		{"promotion of no plan", func(t *testing.T) { with(t, promoteFlag, "x") }, "give both"},
		{"one file for two reports", func(t *testing.T) { with(t, summaryFlag, "a"); with(t, junitFlag, "./a") }, "name two files"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			require.NoError(t, errors.Join(checkValues(), checkSource(), checkFiles()), "the defaults")
			c.set(t)
			assert.ErrorContains(t, errors.Join(checkValues(), checkSource(), checkFiles()), c.says)
		})
	}
}

func TestUnwritableOutputLeavesNoFile(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "summary.json")
	require.NoError(t, checkWritable("-summary", file))
	assert.NoFileExists(t, file, "the check leaves nothing behind")
	require.NoError(t, os.WriteFile(file, []byte("kept"), 0o600))
	require.NoError(t, checkWritable("-summary", file))
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, "kept", string(text))
	assert.ErrorContains(t, checkWritable("-summary", dir), "name a file that can be written")
}

func TestPathsOfOneDirectoryAreEqual(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.Mkdir("a", 0o700))
	assert.True(t, sameDir("a", "./b/../a"), "one that exists")
	assert.True(t, sameDir("c", "./c/"), "one that does not")
	assert.False(t, sameDir("a", "c"))
}

func TestVQueuesAreDrawnWhereTheVersionIsKnownToHaveThem(t *testing.T) {
	for _, c := range []struct {
		name string
		set  func(*testing.T)
		want bool
	}{
		{"the default version", func(*testing.T) {}, true},
		{"1.7.0", func(t *testing.T) { with(t, versionFlag, "1.7.0") }, true},
		{"1.6.2", func(t *testing.T) { with(t, versionFlag, "1.6.2") }, false},
		{"an image", func(t *testing.T) { with(t, &imageFlag, builds{plain: "i"}) }, false},
		{"a binary", func(t *testing.T) { with(t, &binaryFlag, builds{plain: "b"}) }, false},
		{"a variable that decides it", func(t *testing.T) { with(t, &envFlag, envs{"restate_experimental_enable_vqueues": "false"}) }, false},
		{"another variable", func(t *testing.T) { with(t, &envFlag, envs{"X": "y"}) }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.set(t)
			o := DrawOptions()
			assert.Equal(t, c.want, o.VQueues)
			having := 0
			for n := range 30 {
				if generators.Draw(1, n, o).Config.VQueues {
					having++
				}
			}
			assert.Equal(t, map[bool]int{true: 10, false: 0}[c.want], having, "a group of the first three")
		})
	}
}

func TestLongerRecheckGetsMoreMemory(t *testing.T) {
	usual, tenfold, most := recheckOptions(20*time.Second).Memory, recheckOptions(200*time.Second).Memory, recheckOptions(time.Hour).Memory
	assert.Equal(t, usual, recheckOptions(time.Nanosecond).Memory, "never less")
	assert.Equal(t, 8*usual, tenfold, "with a limit")
	assert.Equal(t, most, tenfold)
}

func TestPassesOfRegressionStateTheirPower(t *testing.T) {
	c := &regress.Case{Rate: generators.Rate{Failures: 20, Runs: 20}}
	assert.Contains(t, power(c, 3), "passed 3 times of 3, which excludes that it fails in more than 63 % of executions (95 %)")
	assert.Contains(t, power(c, 59), "more than 5 %")
	c.Rate.Failures = 0
	assert.Contains(t, power(c, 3), "it never failed")
}

func TestLogSwitchExistsFrom17On(t *testing.T) {
	for version, want := range map[string]bool{"1.6.2": false, "1.7.0": true, "1.7.12": true, "1.10.0": true, "2.0.0": true, "0.9.9": false, "1.7.0-rc.1": true, "": false, "newest": false} {
		assert.Equal(t, want, hasLogSwitch(runtime.Identity{Version: version}), version)
	}
}

func TestCampaignPlantsItsBugInTheServerUnderTest(t *testing.T) {
	with(t, runtimeFlag, "process")
	with(t, &envFlag, envs{"A": "b"})
	planted := Canaries(nil)
	require.Len(t, planted, 2)
	assert.Equal(t, "b", planted[0].Base.Env["A"], "beside the settings of the flags")
	for name, value := range WithoutLog {
		assert.Equal(t, value, planted[0].Base.Env[name])
		assert.NotContains(t, envFlag, name, "the flags stay as they are")
	}
	with(t, runtimeFlag, "simulated")
	assert.Len(t, Canaries(nil), 1, "the simulated runtime has its own")
}

func TestFileIsNoTerminal(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	require.NoError(t, err)
	defer file.Close()
	assert.Zero(t, columns(file))
}

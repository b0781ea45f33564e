package commandline_test

import (
	"os/exec"
	"strings"
	"testing"

	"retain/internal/cli"
	"retain/internal/selftest/suite"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// badNames are command lines that select nothing, or a test without its flags.
func badNames() []refusal {
	run := func(pattern string, more ...string) []string { return append([]string{"-test.run", pattern}, more...) }
	const words = "want Properties, StartAndStopRuntimeRetainsTheState, Replay, "
	return []refusal{
		{name: "a replay of nothing", args: run("Replay"), says: []string{"-run Replay needs -plan FILE"}},
		{name: "a replay of nothing, by its case", args: run("Replay/x"), says: []string{"-run Replay needs -plan FILE"}},
		{name: "a replay of the empty name", args: run("Replay", "-plan", ""), says: []string{"-run Replay needs -plan FILE"}},
		{name: "a check of nothing", args: run("^TestRecheck$"), says: []string{"-run Recheck needs -history FILE"}},
		{name: "a report of nothing", args: run("Report"), says: []string{"-run Report needs -dir DIR"}},
		{name: "a plan of no number", args: run("Redraw", "-dir", "."), says: []string{"-run Redraw needs -number N"}},
		{name: "a plan of nothing", args: run("Redraw"), says: []string{"-run Redraw needs -dir DIR", "-number N"}},
		{name: "a campaign of no length", args: run("Campaign"), says: []string{"-run Campaign needs -duration D", "-resume DIR"}},
		{name: "regressions of which there are none", args: run("Regressions"), says: []string{"testdata/regressions", "-promote NAME"}},
		{name: "two that both lack theirs", args: run("Replay|Recheck"), says: []string{"-run Replay needs -plan FILE", "; -run Recheck needs -history FILE"}},
		{name: "two of which the one that has its own is skipped", args: run("Replay|Recheck", "-history", "h", "-test.skip", "Recheck"), says: []string{"-history is read by -run Recheck"}},
		{name: "a name of a regression that is empty", args: run("Replay", "-plan", "p", "-promote", ""), says: []string{"-promote has an empty value"}},
		{name: "a campaign to go on with that is empty", args: run("Campaign", "-duration", "1m", "-resume", ""), says: []string{"-resume has an empty value"}},
		{name: "a summary without a name", args: run("Properties", "-runtime", "simulated", "-rapid.checks", "1", "-summary="), says: []string{"-summary has an empty value"}},
		{name: "a regression with the ending of its file", args: run("Replay", "-plan", "p", "-promote", "lost-write.json"), says: []string{`say "lost-write"`}},
		{name: "a name of a file that is too long", args: run("Recheck", "-history", strings.Repeat("a", 1<<16)), says: []string{"file name too long", "name a history.jsonl"}},
		{name: "a name in small letters", args: run("properties"), says: []string{"-run properties matches no test", "did you mean -run Properties?"}},
		{name: "a misspelt name", args: run("Propertees"), says: []string{"did you mean -run Properties?"}},
		{name: "a misspelt test", args: run("^TestRegresions$"), says: []string{"did you mean -run Regressions?"}},
		{name: "a name of nothing", args: run("Nonsense"), says: []string{"-run Nonsense matches no test", words}},
		{name: "a case of nothing", args: run("Regressions/lost-wrte"), before: suite.CopyRegressions, says: []string{"matches no case of Regressions", "did you mean -run Regressions/lost-write?"}},
		{name: "a fault that the case has not", args: run("StartAndStop.*/pause"), says: []string{"matches no case", "State/stop or ", "State/kill"}},
	}
}

// A -run that selects something runnable, or nothing on purpose, works as with any test
// binary.
func TestValidSelectionRuns(t *testing.T) {
	one := []string{"-runtime", "simulated", "-rapid.checks", "1"}
	for _, c := range []struct {
		name string
		args []string
		says string
	}{
		{"nothing", []string{"-test.run", "^$"}, "no tests to run"},
		{"nothing, with flags", append([]string{"-test.run", "^$"}, one...), "no tests to run"},
		{"a list", []string{"-test.list", "Replay"}, "TestReplay\n"},
		{"a list beside a name", []string{"-test.list", "Replay", "-test.run", "Nonsense"}, "TestReplay\n"},
		{"no benchmark", []string{"-test.run", "Nonsense", "-test.bench", "^$"}, "PASS"},
		{"what is skipped", []string{"-test.run", "Replay", "-test.skip", "Replay"}, "no tests to run"},
		{"one of two that has what it needs", append([]string{"-test.run", "Replay|Properties"}, one...), "1 pass"},
		{"a test and a case that it has not", append([]string{"-test.run", "Properties/none"}, one...), "1 pass"},
		{"an alternative in parentheses", append([]string{"-test.run", "^Test(Replay|Properties)$"}, one...), "1 pass"},
		{"a case", []string{"-test.run", "StartAndStop.*/^stop$", "-runtime", "simulated"}, "pass       "},
		{"the fuzz test's seeds", []string{"-test.run", "FuzzPlan/seed#0$"}, "PASS"},
		{"the fuzz test's seeds, with a session's flag", append([]string{"-test.run", "FuzzPlan/seed#0$"}, one...), "PASS"},
	} {
		t.Run(c.name, func(t *testing.T) {
			run := suite.New(t, nil, c.args...)
			require.NoError(t, run.Run(), run.Text())
			assert.Contains(t, run.Text(), c.says)
		})
	}
}

// Each entry point is a test, and -run WORD selects no other test with it.
func TestEachEntryPointIsSelectedAlone(t *testing.T) {
	list := suite.New(t, nil, "-test.list", ".")
	require.NoError(t, list.Run(), list.Text())
	tests := strings.Fields(list.Text())
	for _, word := range cli.EntryPoints() {
		assert.Contains(t, tests, "Test"+word)
		for _, name := range tests {
			assert.Equal(t, name == "Test"+word, strings.Contains(name, word), "-run %s selects %s", word, name)
		}
	}
}

// go test passes flags on before and after its own. Leftover arguments are refused.
func TestGoTestPassesFlagsOn(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("there is no go command here: ", err)
	}
	gotest := func(args ...string) *suite.Child {
		return suite.Command(t, suite.Root(), nil, "go", append([]string{"test", "-vet=off"}, args...)...)
	}
	run := gotest("-runtime", "simulated", "-run", "Properties$", "-rapid.checks", "2", "-count=1", ".")
	require.NoError(t, run.Run(), run.Text())
	refused(t, gotest("-run", "Properties$", "-runtime", "simulated", "./..."), `"./..."`, "-name=value")
}

package commandline_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"retain/internal/selftest/suite"
)

// badFlags are command lines that contradict themselves or have impossible values.
func badFlags() []refusal {
	return []refusal{
		{name: "an unknown bug", args: simulated("-bugs", "nosuch"), says: []string{"nosuch", "the bugs are lost-write"}},
		{name: "bugs in a real server", args: suite.Properties("-bugs", "lost-write"), says: []string{"add -runtime simulated"}},
		{name: "an unknown configuration", args: simulated("-config", "nosuch"), says: []string{"-config", "nosuch", "the configurations are plain-1"}},
		{name: "an unknown runtime", args: suite.Properties("-runtime", "cloud"), says: []string{"cloud", "want auto, container, process or simulated"}},
		{name: "no runtime", args: suite.Properties("-runtime", ""), says: []string{"want auto, container, process or simulated"}},
		{name: "a rate above 1", args: simulated("-bugs.rate", "2"), says: []string{"above 0, up to 1"}},
		{name: "a rate that is no number", args: simulated("-bugs.rate", "often"), says: []string{"often", "above 0 up to 1"}},
		{name: "a bound below 0", args: simulated("-recovery.max", "-1s"), says: []string{"want a duration above 0"}},
		{name: "a bound that is no duration", args: simulated("-completion.max", "soon"), says: []string{"soon", "longest operation"}},
		{name: "a number that is none", args: append(simulated(), "-rapid.checks", "many"), says: []string{"many", "rapid.checks"}},
		{name: "no plans", args: append(simulated(), "-rapid.checks", "-1"), says: []string{"want a number of plans above 0"}},
		{name: "an environment without a value", args: simulated("-restate.env", "NAME"), says: []string{"want NAME=VALUE"}},
		{name: "a variable given twice", args: suite.Properties("-restate.env", "RESTATE_A=1", "-restate.env", "RESTATE_A=2"), says: []string{"RESTATE_A is given twice", "leave one of them out"}},
		{name: "an unknown flag", args: simulated("-recovery.min", "1s"), says: []string{"-recovery.min", "docs/flags.md lists retain's flags"}},
		{name: "a flag without its value", args: simulated("-summary"), says: []string{"needs an argument", "file for the session as JSON"}},
		{name: "a leftover argument", args: simulated("-unresolved", "yes"), says: []string{`"yes"`, "-name=value"}},
		{name: "leftover arguments", args: simulated(".", "./..."), says: []string{`"./..."`, "-name=value"}},
		{name: "an image for the native server", args: suite.Properties("-runtime", "process", "-restate.image", "i"), says: []string{"say -runtime container"}},
		{name: "a binary for a container", args: suite.Properties("-runtime", "container", "-restate.binary", "b"), says: []string{"say -runtime process"}},
		{name: "an image and a binary", args: suite.Properties("-restate.image", "i", "-restate.binary", "b"), says: []string{"give one of them"}},
		{name: "a plan that nobody reads", args: simulated("-plan", "plan.json"), says: []string{"-run Replay"}},
		{name: "a time and a number of plans", args: simulated("-duration", "8h", "-test.timeout", "0"), says: []string{"leave one of -rapid.checks and -duration out"}},
		{name: "a load of no number", args: simulated("-load", "-1"), says: []string{"-load -1: want 1 to 256 clients, or 0 for no load"}},
		{name: "a load of too many", args: simulated("-load", "257"), says: []string{"-load 257: want 1 to 256 clients"}},
		{name: "a session whose reduction Go would end", args: []string{"-test.run", "^TestProperties$", "-duration", "8m", "-test.timeout", "10m"},
			says: []string{"-duration 8m0s and then 3m0s for a reduction (-shrink.budget): Go ends the test after 10m0s: add -timeout 0"}},
		{name: "a directory that nobody reads", args: simulated("-dir", "c"), says: []string{"-run Report"}},
		{name: "a version of the simulated server", args: simulated("-restate.version", "1.6.2"), says: []string{"are for a real server"}},
		{name: "an environment of the simulated server", args: simulated("-restate.env", "A=B"), says: []string{"are for a real server"}},
		{name: "plans of no steps", args: simulated("-rapid.steps", "-5"), says: []string{"above 0"}},
		{name: "a shard of a session", args: simulated("-shard", "0/2"), says: []string{"-run Campaign"}},
		{name: "no workers of a session", args: simulated("-workers", "0"), says: []string{"want a number above 0"}},
		{name: "a number of no campaign", args: []string{"-test.run", "^TestRedraw$", "-number", "1"}, says: []string{"-run Redraw needs -dir DIR"}},
		{name: "a number of a report", args: []string{"-test.run", "^TestReport$", "-dir", ".", "-number", "1"}, says: []string{"-run Redraw"}},
		{name: "a number below zero", args: []string{"-test.run", "^TestRedraw$", "-dir", ".", "-number", "-1"}, says: []string{"a number from 0"}},
		{name: "a summary of a history", args: []string{"-test.run", "^TestRecheck$", "-history", "history.jsonl", "-summary", "summary.json"}, says: []string{"-summary is read by -run Properties, ", "leave it out"}},
		{name: "one file for two reports", args: simulated("-summary", "a", "-junit", "./a"), says: []string{"-summary and -junit are both a", "name two files"}},
		{name: "data of the simulated server", args: simulated("-keep.data"), says: []string{"-keep.data", "-runtime process or container"}},
		{name: "a rate of no bugs", args: simulated("-bugs.rate", "1"), says: []string{"add -bugs NAME"}},
		{name: "a version beside an image", args: suite.Properties("-restate.image", "i", "-restate.version", "1.6.2"), says: []string{"leave one of them out"}},
		{name: "a version beside a binary", args: suite.Properties("-restate.binary", "b", "-restate.version", "1.6.2"), says: []string{"leave one of them out"}},
		{name: "an answer to a stored plan", args: []string{"-test.run", "^TestReplay$", "-plan", "p", "-unresolved"}, says: []string{"-unresolved is read by -run Properties, -run Compare or -run Campaign"}},
		{name: "a seed of a stored plan", args: []string{"-test.run", "^TestReplay$", "-plan", "p", "-rapid.seed", "1"}, says: []string{"-rapid.seed is read by -run Properties, -run Compare, -run Upgrade or -run Campaign"}},
		{name: "a runtime of a history", args: []string{"-test.run", "^TestRecheck$", "-history", "h", "-runtime", "simulated"}, says: []string{"-runtime is read by -run Properties, "}},
		{name: "plans of regressions", args: []string{"-test.run", "^TestRegressions/lost-write$", "-rapid.checks", "5"}, before: suite.CopyRegressions, says: []string{"-rapid.checks is read by"}},
		{name: "a history that nobody reads", args: simulated("-history", "history.jsonl"), says: []string{"-run Recheck"}},
	}
}

// badBuilds are names of builds that name none, or several.
func badBuilds() []refusal {
	return []refusal{
		{name: "a name of no build", args: suite.Properties("-restate.binary", "mine="), says: []string{"nothing stands behind mine="}},
		{name: "a name of two builds", args: suite.Properties("-restate.image", "a=i", "-restate.image", "a=j"), says: []string{"a is given twice"}},
		{name: "two builds without a name", args: suite.Properties("-restate.binary", "a", "-restate.binary", "b"), says: []string{"two servers have no name"}},
		{name: "a build that nothing starts", args: suite.Properties("-runtime", "process", "-restate.binary", "mine=/bin/ls"), says: []string{"no start has version mine", "add -restate.version mine"}},
	}
}

// badCampaigns are places and times of no campaign.
func badCampaigns() []refusal {
	return []refusal{
		{name: "a campaign that Go would end", args: []string{"-test.run", "^TestCampaign$", "-duration", "8h", "-test.timeout", "10m"}, says: []string{"add -timeout 0"}},
		{name: "a campaign of no time", args: []string{"-test.run", "^TestCampaign$", "-duration", "-1h"}, says: []string{"want a duration above 0"}},
		{name: "a shard that there is not", args: []string{"-test.run", "^TestCampaign$", "-duration", "1h", "-shard", "4/4"}, says: []string{"I from 0 to N-1"}},
		{name: "no workers", args: []string{"-test.run", "^TestCampaign$", "-duration", "1h", "-workers", "0"}, says: []string{"want a number above 0"}},
		{name: "a campaign of nothing", args: []string{"-test.run", "^TestCampaign$", "-duration", "0s"}, says: []string{"want a duration above 0"}},
		{name: "a campaign of so many plans", args: []string{"-test.run", "^TestCampaign$", "-duration", "1h", "-test.timeout", "0", "-rapid.checks", "5"}, says: []string{"-duration a time"}},
		{name: "a shard of no row of plans", args: []string{"-test.run", "^TestCampaign$", "-duration", "1h", "-test.timeout", "0", "-shard", "1/4"}, says: []string{"the same -rapid.seed"}},
		{name: "two places of a campaign", args: []string{"-test.run", "^TestCampaign$", "-dir", "a", "-resume", "b"}, says: []string{"-resume b and -dir a", "give one of them"}},
		{name: "a campaign that is not there", args: []string{"-test.run", "^TestCampaign$", "-resume", "c"}, says: []string{"-resume c: there is no campaign there", "-dir c -duration D"}},
		{name: "a directory without a campaign", args: []string{"-test.run", "^TestCampaign$", "-resume", ".", "-duration", "1m"}, says: []string{"-resume .: there is no campaign there"}},
		{name: "a place of no campaign for no time", args: []string{"-test.run", "^TestCampaign$", "-dir", "."}, says: []string{"-dir .: there is no campaign there", "such as -duration 8h"}},
	}
}

// badComparisons are flags of Compare that no comparison can be made with, and a plan's
// versions that no server can be led through.
func badComparisons() []refusal {
	return []refusal{
		{name: "one version to compare", args: comparing("-restate.versions", "none"), says: []string{"want two versions at least"}},
		{name: "a version twice", args: comparing("-restate.versions", "none,none"), says: []string{"none stands twice"}},
		{name: "versions that the simulated runtime lacks", args: comparing("-restate.versions", "1.6.2,1.7.12"), says: []string{"a version is none, or a planted bug"}},
		{name: "no versions to compare", args: comparing(), says: []string{"-run Compare needs -restate.versions A,B"}},
		{name: "versions that nobody reads", args: simulated("-restate.versions", "none,lost-write"), says: []string{"-run Compare"}},
		{name: "a version that is no release and no build", args: comparingReal("1.6.2,mine"), says: []string{"mine is no release such as 1.7.12", "-restate.binary mine=PATH"}},
		{name: "a build that is not compared", args: comparingReal("1.6.2,1.7.12", "-restate.binary", "mine=/bin/ls"), says: []string{"no start has version mine"}},
		{name: "a build without a name to compare", args: comparingReal("1.6.2,1.7.12", "-restate.binary", "/bin/ls"), says: []string{"a build needs a name among them"}},
		{name: "a comparison over a gap", args: comparingReal("1.5.3,1.5.2", "-plan", "over-a-gap.json"), before: planOverAGap,
			says: []string{"no version can be compared", "1.7.12 does not start on the data of 1.5.2: start a version from 1.6.0 on, before 1.7.0 between them"}},
		{name: "a plan over a gap", args: []string{"-test.run", "^TestReplay$", "-runtime", "process", "-restate.version", "1.5.3", "-plan", "over-a-gap.json"}, before: planOverAGap,
			says: []string{"step 2 (id 2): 1.7.12 does not start on the data of 1.5.3"}},
		{name: "bugs of versions", args: comparing("-restate.versions", "none,lost-write", "-bugs", "rollback"), says: []string{"-bugs is read by"}},
	}
}

// badUpgrades are flags of Upgrade that no server can be upgraded with.
func badUpgrades() []refusal {
	return []refusal{
		{name: "one version to upgrade", args: upgrading("-restate.versions", "1.6.2"), says: []string{"want two versions at least, such as 1.6.2,1.7.12"}},
		{name: "a version to upgrade twice", args: upgrading("-restate.versions", "1.6.2,1.7.12,1.6.2"), says: []string{"1.6.2 stands twice: leave one out"}},
		{name: "a plan to upgrade", args: upgrading("-restate.versions", "1.6.2,1.7.12", "-plan", "p"), says: []string{"-plan is read by -run Replay or -run Compare", "leave it out"}},
		{name: "an upgrade over a gap", args: upgrading("-restate.versions", "1.5.3,1.7.12"), says: []string{"1.7.12 does not start on the data of 1.5.3", "one from 1.6.0 on, before 1.7.0"}},
		{name: "an upgrade to no release", args: []string{"-test.run", "^TestUpgrade$", "-runtime", "process", "-restate.versions", "1.6.2,mine"}, says: []string{"mine is no release", "-restate.binary mine=PATH"}},
		{name: "an upgrade of one version", args: []string{"-test.run", "^TestUpgrade$", "-restate.versions", "1.6.2,1.7.12", "-restate.version", "1.6.2"}, says: []string{"-restate.version is read by"}},
		{name: "a configuration that a version to upgrade lacks", args: []string{"-test.run", "^TestUpgrade$", "-runtime", "process", "-restate.versions", "1.6.2,1.7.12", "-config", "vqueues-4"},
			says: []string{"-config vqueues-4: ", "1.6.2 has none: choose version 1.7.0 or later"}},
		{name: "a build that is not upgraded", args: []string{"-test.run", "^TestUpgrade$", "-runtime", "process", "-restate.versions", "1.6.2,1.7.12", "-restate.binary", "mine=/bin/ls"},
			says: []string{"no start has version mine: add to -restate.versions mine"}},
		{name: "an upgrade without a load", args: upgrading("-restate.versions", "1.6.2,1.7.12", "-load", "0"), says: []string{"-load 0: an upgrade is tested under load"}},
		{name: "an upgrade of nothing", args: upgrading(), says: []string{"-run Upgrade needs -restate.versions A,B"}},
		{name: "an upgrade that Go would end", args: upgrading("-restate.versions", "neighbours", "-test.timeout", "10m"), says: []string{"-duration 9m0s and then 3m0s for a reduction", "add -timeout 0"}},
		{name: "an upgrade that is not there", args: upgrading("-resume", "u"), says: []string{"u has no upgrade to go on with", "-dir u -restate.versions A,B"}},
		{name: "neighbours and others", args: upgrading("-restate.versions", "neighbours,1.6.2"), says: []string{"want neighbours, or neighbours:A,B,C"}},
		{name: "a build without a name to upgrade", args: []string{"-test.run", "^TestUpgrade$", "-restate.versions", "1.6.2,1.7.12", "-restate.binary", "b"}, says: []string{"a build needs a name among them"}},
	}
}

// badUnits are durations without a unit, or with one that Go does not know.
func badUnits() (out []refusal) {
	for given, says := range map[string]string{
		"90": "90 needs a unit: 90s, 90m or 90h", "1.5": "1.5 needs a unit: 1.5s, 1.5m or 1.5h", "-90": "not negative, with a unit, such as 90s",
		"90min": "want 90m", "8 hours": "want 8h", "2d": "want 48h", "8H": "want 8h", "soon": "soon",
	} {
		out = append(out, refusal{name: "a duration of " + given, args: []string{"-test.run", "Campaign", "-duration", given}, says: []string{"-duration", says, "such as 8h"}})
	}
	for _, flag := range []string{"recovery.max", "completion.max", "check.budget", "shrink.budget", "test.timeout"} {
		out = append(out, refusal{name: "a unit of " + flag, args: suite.Properties("-"+flag, "5"), says: []string{"-" + flag + " 5: 5 needs a unit: 5s, 5m or 5h"}})
	}
	return out
}

// simulated are the arguments of a session of the simulated runtime.
func simulated(more ...string) []string {
	return suite.Properties(append([]string{"-runtime", "simulated"}, more...)...)
}

// upgrading are the arguments of an upgrade of the simulated runtime.
func upgrading(more ...string) []string {
	return append([]string{"-test.run", "^TestUpgrade$", "-runtime", "simulated"}, more...)
}

// comparing are the arguments of a comparison on the simulated runtime.
func comparing(more ...string) []string {
	return append([]string{"-test.run", "^TestCompare$", "-runtime", "simulated"}, more...)
}

// comparingReal are the arguments of a comparison of real servers.
func comparingReal(versions string, more ...string) []string {
	return append([]string{"-test.run", "^TestCompare$", "-runtime", "process", "-restate.versions", versions}, more...)
}

// planOverAGap writes a plan that no server before 1.6.0 can begin.
func planOverAGap(t *testing.T, dir string) {
	text := `{"version":3,"seed":"0","number":0,"config":{},"steps":[{"id":1,"fault":"stop"},{"id":2,"fault":"start","version":"1.7.12"}]}`
	require.NoError(t, os.WriteFile(filepath.Join(dir, "over-a-gap.json"), []byte(text), 0o600))
}

package cli

import (
	"slices"

	"retain/model"
)

// entryPoint is a test that a user runs by name.
type entryPoint struct {
	// word selects the test with -run: its name is "Test" and the word.
	word string
	// missing names the flags that it needs and lacks, "" for none; nil if it needs none.
	missing func() string
	// reads are the flags that it reads.
	reads []string
	// cases are the names of its subtests; nil if it has none.
	cases func() []string
}

// test is the name of its test function.
func (e entryPoint) test() string { return "Test" + e.word }

var (
	// sessionFlags are read by what executes plans.
	sessionFlags = append(slices.Clone(serverFlags), "restate.env", "deployment.header", "config", "keep.data", "check.budget", "summary", "junit", "exclude", "kinds")
	// A regression says itself where it is expected to fail.
	regressionFlags = slices.DeleteFunc(slices.Clone(sessionFlags), func(name string) bool { return name == "known" })
	// comparedFlags are those that hold for each version of a comparison.
	comparedFlags = []string{"runtime", "restate.image", "restate.binary", "restate.config", "restate.env", "deployment", "deployment.header", "service.image", "service.env-file", "bugs.rate", "recovery.max", "completion.max", "config", "check.budget", "summary", "sdk", "exclude", "kinds"}
	// upgradeFlags are those that hold for each version of an upgrade.
	upgradeFlags = append(slices.Clone(comparedFlags), "bugs", "known", "keep.data", "junit")
	drawFlags    = []string{"unresolved", "load", "service.faults", "rapid.checks", "rapid.seed", "rapid.steps"}
)

// entryPoints are all entry points, in the order of docs/flags.md.
func entryPoints() []entryPoint {
	return []entryPoint{
		{word: "Properties", reads: slices.Concat(sessionFlags, drawFlags, []string{"shrink.budget", "duration", "workers"})},
		{word: "StartAndStopRuntimeRetainsTheState", reads: slices.Concat(sessionFlags, []string{"shrink.budget"}), cases: startAndStopCases},
		{word: "Replay", reads: slices.Concat(sessionFlags, []string{"shrink.budget", "plan", "promote", "rapid.checks"}),
			missing: needs("plan", "-plan FILE, the plan to execute")},
		{word: "Compare", reads: slices.Concat(comparedFlags, drawFlags, []string{"restate.version", "restate.versions", "sdks", "plan", "duration"}),
			missing: compareMissing},
		{word: "Upgrade", missing: upgradeMissing,
			reads: slices.Concat(upgradeFlags, []string{"load", "service.faults", "rapid.seed", "rapid.steps", "restate.versions", "shrink.budget", "duration", "workers", "resume", "dir"})},
		{word: "Recheck", reads: []string{"history", "check.budget"}, missing: needs("history", "-history FILE, the history to judge")},
		{word: "Regressions", reads: regressionFlags, cases: regressionCases, missing: regressionsMissing},
		{word: "Campaign", missing: campaignMissing,
			reads: slices.Concat(sessionFlags, drawFlags, []string{"shrink.budget", "duration", "workers", "resume", "shard", "dir"})},
		{word: "Report", reads: []string{"dir", "summary", "junit"}, missing: needs("dir", "-dir DIR, the directory of a campaign")},
		{word: "Redraw", reads: []string{"dir", "number", "rapid.steps"}, missing: redrawMissing},
	}
}

// EntryPoints are the words that select one entry point each with -run. The name of its
// test is "Test" and the word.
func EntryPoints() (words []string) {
	for _, e := range entryPoints() {
		words = append(words, e.word)
	}
	return words
}

// needs makes the check of an entry point that needs one flag.
func needs(flag, what string) func() string {
	return func() string {
		if flagValue(flag) == "" {
			return what
		}
		return ""
	}
}

func campaignMissing() string {
	if *durationFlag == 0 && campaignDir() == "" {
		return "-duration D, such as 8h, with -timeout 0; or -resume DIR"
	}
	return ""
}

func compareMissing() string {
	if *versionsFlag == "" && *sdksFlag == "" {
		return "-restate.versions A,B, the versions to compare, or -sdks A,B, the SDKs"
	}
	return ""
}

func regressionsMissing() string {
	if len(regressionCases()) == 0 {
		return "a case in " + Regressions + ", and there is none: -run Replay -plan FILE -promote NAME keeps one"
	}
	return ""
}

func redrawMissing() string {
	switch {
	case *dirFlag == "" && *numberFlag < 0:
		return "-dir DIR, the directory of a campaign, and -number N, the plan of it"
	case *dirFlag == "":
		return "-dir DIR, the directory of the campaign"
	case *numberFlag < 0:
		return "-number N, the plan of the campaign that is drawn again"
	}
	return ""
}

func startAndStopCases() []string { return []string{string(model.Stop), string(model.Kill)} }

func regressionCases() (names []string) {
	for _, c := range RegressionCases() {
		names = append(names, c.Name)
	}
	return names
}

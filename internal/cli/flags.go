package cli

import (
	"flag"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"retain/generators"
	"retain/harness"
	"retain/harness/backend"
	"retain/runtime"
	"retain/runtime/simulated"
	"retain/service/sdk"
)

// The flags of retain. Those of Go and rapid keep their meaning; docs/flags.md lists all.
var (
	runtimeFlag    = flag.String("runtime", string(backend.Auto), "where the runtime comes from: auto, container, process or simulated")
	versionFlag    = flag.String("restate.version", runtime.DefaultVersion, "version of the server: a release, or the NAME of a build of -restate.binary or -restate.image")
	versionsFlag   = flag.String("restate.versions", "", "with -run Compare or Upgrade: the versions, separated by commas; neighbours, or neighbours:A,B,C, upgrades each neighbouring pair; to compare on the simulated runtime, none or planted bugs")
	sdksFlag       = flag.String("sdks", "", "with -run Compare: the SDKs of the handlers, separated by commas: "+sdk.List()+", or NAME=URL for handlers that listen, or NAME=image:REF for an image of them")
	imageFlag      = builds{}
	binaryFlag     = builds{}
	configFlag     = flag.String("restate.config", "", "configuration file handed to the server")
	envFlag        = envs{}
	serverFlag     = flag.String("config", "", "configuration of the server for all plans, instead of one for each group of plans")
	bugsFlag       = flag.String("bugs", "", "planted bugs of the simulated runtime, separated by commas")
	bugsRateFlag   = flag.Float64("bugs.rate", simulated.DefaultRate, "how often a planted bug strikes when it can, above 0 up to 1")
	unresolvedFlag = flag.Bool("unresolved", false, "leave ambiguous operations open instead of re-sending them")
	loadFlag       = flag.Int("load", drawnLoad, "clients of each plan's load, 0 for no load; without the flag two thirds of the plans have one, of 8 to 64 clients")
	disturbFlag    = flag.Float64("service.faults", generators.ServiceFaults, "the share of drawn plans, 0 to 1, that have one or two faults of the service that the server calls")
	recoveryFlag   = flag.Duration("recovery.max", harness.DefaultBounds.Recovery, "longest recovery that is not a violation")
	completionFlag = flag.Duration("completion.max", harness.DefaultBounds.Completion, "longest operation that is not suspected to be stuck")
	budgetFlag     = flag.Duration("check.budget", 20*time.Second, "time for the check of one history")
	shrinkFlag     = flag.Duration("shrink.budget", 3*time.Minute, "time to reduce a violation to a small plan, 0 for none")
	promoteFlag    = flag.String("promote", "", "with -run Replay: keep the plan as testdata/regressions/NAME.json")
	excludeFlag    = flag.String("exclude", "", "file of what plans are not drawn with: kinds of objects, operations, configurations and faults, each with a reason")
	kindsFlag      = flag.String("kinds", "", "kinds of objects that plans are drawn with, separated by commas, instead of all")
	knownFlag      = flag.String("known", KnownFindings, "file of the findings that are known and do not fail a session, or none")
	dataFlag       = flag.Bool("keep.data", false, "keep the server's data directory with a violation, as a tar")
	summaryFlag    = flag.String("summary", "", "file for the session as JSON")
	junitFlag      = flag.String("junit", "", "file for the session as JUnit XML")
	sdkFlag        = flag.String("sdk", string(sdk.Go), "SDK of the reference service that the server calls: "+sdk.List())
	planFlag       = flag.String("plan", "", "with -run Replay or Compare: the plan to execute")
	durationFlag   = flag.Duration("duration", 0, "with -run Campaign or Properties: how long plans are drawn, such as 8h; add -timeout 0; with -run Compare: the time for all versions together")
	workersFlag    = flag.Int("workers", 2, "with -run Campaign or Properties: how many plans run side by side, each on a server of its own")
	resumeFlag     = flag.String("resume", "", "with -run Campaign: the directory of the campaign to go on with")
	shardFlag      = flag.String("shard", "0/1", "with -run Campaign: I/N, the part of the plans that this machine has; I is from 0")
	dirFlag        = flag.String("dir", "", "with -run Campaign: where the campaign is, a new one or one that goes on; with -run Report or -run Redraw: the directory of a campaign, or one that has those of all shards")
	numberFlag     = flag.Int("number", -1, "with -run Redraw: the plan of -dir that is drawn again")
	historyFlag    = flag.String("history", "", "with -run Recheck: the history to judge")
)

func init() {
	flag.Var(&imageFlag, "restate.image", "image of the server, instead of the official one; NAME=REF makes it the version NAME, and may be given again")
	flag.Var(&binaryFlag, "restate.binary", "executable that acts as restate-server; NAME=PATH makes it the version NAME, and may be given again")
	flag.Var(&envFlag, "restate.env", "K=V, handed to the server; may be given again")
}

// flagValue is a flag's value as text, "" if the flag does not exist.
func flagValue(name string) string {
	f := flag.Lookup(name)
	if f == nil {
		return ""
	}
	return f.Value.String()
}

// isFlag reports whether a flag exists.
func isFlag(name string) bool { return flag.Lookup(name) != nil }

// givenFlags are the names of the flags on the command line.
func givenFlags() (out []string) {
	flag.Visit(func(f *flag.Flag) { out = append(out, f.Name) })
	return out
}

// isSet reports whether a flag is on the command line.
func isSet(f *flag.Flag) (given bool) {
	flag.Visit(func(g *flag.Flag) { given = given || g == f })
	return given
}

// serverFlags are the flags that choose the server, its bounds and what is known of it, and
// foreignNames those of them that name handlers of others. -restate.env and -deployment.header
// are others.
var (
	serverFlags = []string{
		"runtime", "restate.version", "restate.image", "restate.binary", "restate.config", "deployment", "service.image", "service.env-file", "bugs", "bugs.rate", "recovery.max", "completion.max", "known", "sdk",
	}
	foreignNames = []string{"deployment", "service.image", "service.env-file"}
)

// serverArguments are the server flags of the command line, for a command that replays.
func serverArguments() []string {
	var out []string
	flag.Visit(func(f *flag.Flag) {
		if slices.Contains(serverFlags, f.Name) && !slices.Contains(foreignNames, f.Name) {
			out = append(out, arguments(f.Name, f.Value.String())...)
		}
	})
	for _, pair := range envFlag.referenced() {
		out = append(out, argument("restate.env", pair))
	}
	return append(out, foreignFlags().arguments()...)
}

// argument is a flag as an argument: -name=value. One that was given again has several.
func argument(name, value string) string { return strings.Join(arguments(name, value), " ") }

// arguments are those that give a flag its value.
func arguments(name, value string) (out []string) {
	for _, one := range strings.Split(value, argumentGap) {
		out = append(out, "-"+name+"="+one)
	}
	return out
}

// orDefault is the value, or the flag's default in place of "".
func orDefault(value string, f *flag.Flag) string {
	if value == "" {
		return f.DefValue
	}
	return value
}

// rapidFlag is the value of a flag of rapid, and whether it is on the command line.
func rapidFlag(name string) (value any, given bool) {
	f := flag.Lookup("rapid." + name)
	if f == nil {
		return nil, false
	}
	return f.Value.(flag.Getter).Get(), isSet(f)
}

// sessionSeed is -rapid.seed, or a random seed.
func sessionSeed() uint64 {
	if v, given := rapidFlag("seed"); given {
		if seed, ok := v.(uint64); ok && seed != 0 {
			return seed
		}
	}
	return rand.Uint64N(1_000_000_000) + 1
}

// plans is -rapid.checks, 0 if it is not given.
func plans() int {
	if v, given := rapidFlag("checks"); given {
		if n, ok := v.(int); ok {
			return n
		}
	}
	return 0
}

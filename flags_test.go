package retain_test

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"retain/campaign"
	"retain/checker"
	"retain/generators"
	"retain/harness"
	"retain/harness/backend"
	"retain/runtime"
	"retain/runtime/leftovers"
	"retain/runtime/simulated"
)

// The command line. Plain flags of Go and rapid keep their meaning; these are
// retain's own.
var (
	runtimeFlag    = flag.String("runtime", string(backend.Auto), "where the runtime comes from: auto, container, process or simulated")
	versionFlag    = flag.String("restate.version", runtime.DefaultVersion, "version of the server")
	imageFlag      = flag.String("restate.image", "", "image of the server, instead of the official one")
	binaryFlag     = flag.String("restate.binary", "", "executable that acts as restate-server")
	configFlag     = flag.String("restate.config", "", "configuration file handed to the server")
	envFlag        = envs{}
	serverFlag     = flag.String("config", "", "configuration of the server for all plans, instead of one for each group of plans")
	bugsFlag       = flag.String("bugs", "", "planted bugs of the simulated runtime, separated by commas")
	bugsRateFlag   = flag.Float64("bugs.rate", simulated.DefaultRate, "how often a planted bug strikes when it can, above 0 up to 1")
	unresolvedFlag = flag.Bool("unresolved", false, "leave ambiguous operations open instead of re-sending them")
	recoveryFlag   = flag.Duration("recovery.max", harness.DefaultBounds.Recovery, "longest recovery that is not a violation")
	completionFlag = flag.Duration("completion.max", harness.DefaultBounds.Completion, "longest operation that is not suspected to be stuck")
	budgetFlag     = flag.Duration("check.budget", 20*time.Second, "time for the check of one history")
	shrinkFlag     = flag.Duration("shrink.budget", 3*time.Minute, "time to reduce a violation to a small plan, 0 for none")
	promoteFlag    = flag.String("promote", "", "with -run Replay: keep the plan as testdata/regressions/NAME.json")
	dataFlag       = flag.Bool("keep.data", false, "keep the server's data directory with a violation, as a tar")
	summaryFlag    = flag.String("summary", "", "file for the session as JSON")
	junitFlag      = flag.String("junit", "", "file for the session as JUnit XML")
	planFlag       = flag.String("plan", "", "with -run Replay: the plan to execute")
	durationFlag   = flag.Duration("duration", 0, "with -run Campaign: how long plans are drawn, such as 8h; add -timeout 0")
	workersFlag    = flag.Int("workers", 2, "with -run Campaign: how many plans run side by side, each on a server of its own")
	resumeFlag     = flag.String("resume", "", "with -run Campaign: the directory of a campaign to go on with, or of one to begin")
	shardFlag      = flag.String("shard", "0/1", "with -run Campaign: I/N, the part of the plans that this machine has; I is from 0")
	dirFlag        = flag.String("dir", "", "with -run Report or -run Redraw: the directory of a campaign, or one that has those of all shards")
	numberFlag     = flag.Int("number", -1, "with -run Redraw: the plan of -dir that is drawn again")
	historyFlag    = flag.String("history", "", "with -run Recheck: the history to judge")
)

func init() {
	flag.Var(&envFlag, "restate.env", "K=V, handed to the server; may be given again")
}

// envs collects -restate.env.
type envs map[string]string

func (e *envs) String() string { return "" } // no default to show

func (e *envs) Set(s string) error {
	k, v, ok := strings.Cut(s, "=")
	if !ok || k == "" {
		return errors.New("want NAME=VALUE")
	}
	(*e)[k] = v
	return nil
}

// TestMain refuses what can't be meant, in one line, before anything starts.
func TestMain(m *testing.M) {
	err := parseFlags()
	if err == nil {
		err = takeOver()
	}
	if err == nil {
		err = checkFlags()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "retain:", err)
		os.Exit(2)
	}
	code := m.Run()
	if cutShort {
		code = runAgain
	}
	os.Exit(code)
}

// runAgain is the exit code of a campaign that did not come to its end, which
// running it again may: deploy/campaign.yaml tells it from one that is red.
const runAgain = 3

// cutShort is set by such a campaign.
var cutShort bool

// skipped skips a test that was not told what to do, and says so in a line where
// it was asked for by name.
func skipped(t testing.TB, why string) {
	t.Helper()
	if f := flag.Lookup("test.run"); f.Value.String() != "" {
		fmt.Println("skipped   ", why)
	}
	t.Skip(why)
}

// parseFlags parses the command line. What it can't mean is said in one line that
// ends with what the flag is for, not with all flags there are.
func parseFlags() error {
	flag.CommandLine.Init(os.Args[0], flag.ContinueOnError)
	flag.CommandLine.SetOutput(io.Discard)
	err := flag.CommandLine.Parse(os.Args[1:])
	flag.CommandLine.SetOutput(os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		flag.Usage()
		os.Exit(0)
	}
	if err == nil {
		return nil
	}
	if name := flagInError.FindStringSubmatch(err.Error()); name != nil {
		if f := flag.Lookup(name[1]); f != nil {
			return fmt.Errorf("%w (-%s: %s)", err, f.Name, f.Usage)
		}
	}
	return fmt.Errorf("%w; the README lists retain's flags, go help testflag lists Go's", err)
}

// flagInError finds the flag in an error of package flag.
var flagInError = regexp.MustCompile(`(?:flag |argument: |for )-([\w.]+)`)

func checkFlags() error {
	if rest := flag.Args(); len(rest) > 1 || len(rest) == 1 && rest[0] != "." {
		return fmt.Errorf("leftover arguments %q: flags are written -name value or -name=value, and nothing else is read", rest)
	}
	switch backend.Name(*runtimeFlag) {
	case backend.Auto, backend.Container, backend.Process, backend.Simulated:
	default:
		return fmt.Errorf("-runtime %s: want auto, container, process or simulated", *runtimeFlag)
	}
	bugs, err := simulated.ParseBugs(*bugsFlag)
	switch {
	case err != nil:
		return fmt.Errorf("-bugs: %w", err)
	case len(bugs) > 0 && backend.Name(*runtimeFlag) != backend.Simulated:
		return errors.New("-bugs are planted in the simulated runtime: add -runtime simulated")
	case !(*bugsRateFlag > 0 && *bugsRateFlag <= 1):
		return fmt.Errorf("-bugs.rate %v: want a number above 0, up to 1", *bugsRateFlag)
	}
	if *serverFlag != "" {
		if _, err := generators.ServerNamed(*serverFlag); err != nil {
			return fmt.Errorf("-config: %w", err)
		}
	}
	if n, given := rapidFlag("checks"); given && plans() < 1 {
		return fmt.Errorf("-rapid.checks %v: want a number of plans above 0; without the flag, plans are drawn for about %s", n, defaultTime)
	}
	if n, given := rapidFlag("steps"); given && n.(int) < 1 {
		return fmt.Errorf("-rapid.steps %v: want a number of steps above 0", n)
	}
	for name, d := range map[string]time.Duration{"recovery.max": *recoveryFlag, "completion.max": *completionFlag, "check.budget": *budgetFlag} {
		if d <= 0 {
			return fmt.Errorf("-%s %s: want a duration above 0, such as 30s", name, d)
		}
	}
	if *shrinkFlag < 0 {
		return fmt.Errorf("-shrink.budget %s: want a duration such as 3m, or 0 for none", *shrinkFlag)
	}
	return cmp.Or(checkSource(), checkFiles(), checkCampaign())
}

// checkCampaign refuses what no campaign can mean, and what is meant for one that
// -run does not select.
func checkCampaign() error {
	part, err := shard()
	if err != nil {
		return err
	}
	switch {
	case *durationFlag < 0, *durationFlag == 0 && isSet(flag.Lookup("duration")):
		return fmt.Errorf("-duration %s: want a duration above 0, such as 8h", *durationFlag)
	case *workersFlag < 1:
		return fmt.Errorf("-workers %d: want a number above 0", *workersFlag)
	case (*durationFlag > 0 || *resumeFlag != "") && !runs("TestCampaign"):
		return errors.New("-duration and -resume are for -run Campaign, which is not what -run says")
	case *dirFlag != "" && !runs("TestReport") && !runs("TestRedraw"):
		return errors.New("-dir is read by -run Report and -run Redraw, which is not what -run says")
	case *numberFlag < 0 && isSet(flag.Lookup("number")):
		return fmt.Errorf("-number %d: want a number from 0, as the records count plans", *numberFlag)
	case *numberFlag >= 0 && (*dirFlag == "" || !runs("TestRedraw")):
		return errors.New("-number is a plan of the campaign in -dir, for -run Redraw: give all three")
	case *durationFlag > 0 && plans() > 0:
		return errors.New("-rapid.checks is a number of plans, and a campaign lasts a time: leave one of -rapid.checks and -duration out")
	case (isSet(flag.Lookup("workers")) || isSet(flag.Lookup("shard"))) && !runs("TestCampaign"):
		return errors.New("-workers and -shard are for -run Campaign, which is not what -run says")
	}
	if _, seeded := rapidFlag("seed"); part.Of > 1 && !seeded && *durationFlag > 0 {
		if last, err := lastSitting(*resumeFlag); last == nil {
			return cmp.Or(err, errors.New("-shard: all shards draw from one row of plans: give each the same -rapid.seed"))
		}
	}
	limit := flag.Lookup("test.timeout").Value.(flag.Getter).Get().(time.Duration)
	if limit > 0 && *durationFlag >= limit {
		return fmt.Errorf("-duration %s: Go ends the test after %s: add -timeout 0", *durationFlag, limit)
	}
	return nil
}

// shard is -shard.
func shard() (campaign.Shard, error) {
	var s campaign.Shard
	i, n, found := strings.Cut(*shardFlag, "/")
	index, e1 := strconv.Atoi(i)
	of, e2 := strconv.Atoi(n)
	if !found || e1 != nil || e2 != nil || of < 1 || index < 0 || index >= of {
		return s, fmt.Errorf("-shard %q: want I/N, such as 0/4, I from 0 to N-1", *shardFlag)
	}
	return campaign.Shard{Index: index, Of: of}, nil
}

// checkSource refuses a server that the runtime could not use.
func checkSource() error {
	name := backend.Name(*runtimeFlag)
	switch {
	case *imageFlag != "" && *binaryFlag != "":
		return errors.New("-restate.image and -restate.binary name two servers: give one of them")
	case *imageFlag != "" && (name == backend.Process || name == backend.Simulated):
		return fmt.Errorf("-restate.image is for containers: leave out -runtime %s, or say -runtime container", name)
	case name == backend.Simulated && (isSet(flag.Lookup("restate.version")) || *configFlag != "" || len(envFlag) > 0):
		return errors.New("-restate.version, -restate.config and -restate.env are for a real server: leave them out, or say -runtime process or container")
	case *binaryFlag != "" && (name == backend.Container || name == backend.Simulated):
		return fmt.Errorf("-restate.binary is for the native server: leave out -runtime %s, or say -runtime process", name)
	}
	return nil
}

// checkFiles refuses files that nobody would read or that can't be written: a
// session must not end with that.
func checkFiles() error {
	switch {
	case *planFlag != "" && !runs("TestReplay"):
		return errors.New("-plan is read by -run Replay, which is not what -run says")
	case *promoteFlag != "" && *planFlag == "":
		return errors.New("-promote keeps what -run Replay -plan FILE executes: give both")
	case *historyFlag != "" && !runs("TestRecheck"):
		return errors.New("-history is read by -run Recheck, which is not what -run says")
	case *historyFlag != "" && *summaryFlag+*junitFlag != "":
		return errors.New("-summary and -junit tell of a session, and judging -history is none: leave them out")
	}
	if *promoteFlag != "" {
		if _, err := harness.CaseFile(regressions, *promoteFlag); err != nil {
			return fmt.Errorf("-promote: %w", err)
		}
	}
	return cmp.Or(writable("-summary", *summaryFlag), writable("-junit", *junitFlag))
}

// writable refuses a file that can't be written; "" is none.
func writable(name, path string) error {
	if path == "" {
		return nil
	}
	_, absent := os.Stat(path)
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return fmt.Errorf("%s: %w: name a file that can be written", name, err)
	}
	if absent != nil {
		_ = os.Remove(path)
	}
	return file.Close()
}

// runs reports whether -run may select the test.
func runs(test string) bool {
	f := flag.Lookup("test.run")
	pattern, err := regexp.Compile(strings.ReplaceAll(f.Value.String(), "/", "|"))
	return err != nil || pattern.MatchString(test) // a bad pattern is for package testing to refuse
}

// checkPlaces makes sure that a session can leave behind what it finds.
func checkPlaces() error {
	running := filepath.Join(artifacts, "running")
	err := os.MkdirAll(running, 0o755)
	if err == nil {
		var file *os.File
		if file, err = os.CreateTemp(running, "writable-"); err == nil {
			err = errors.Join(file.Close(), os.Remove(file.Name()))
		}
	}
	if err != nil {
		return fmt.Errorf("histories and findings are kept in %s here: %w: make it a directory that can be written", artifacts, err)
	}
	return nil
}

// artifacts is the directory that takes histories, findings and undecided cases.
const artifacts = "testdata"

// regressions is the directory of the kept ones.
const regressions = "testdata/regressions"

// serverFlags are the flags that choose the server and what is asked of it;
// -restate.env is one as well.
var serverFlags = []string{
	"runtime", "restate.version", "restate.image", "restate.binary", "restate.config", "bugs", "bugs.rate", "recovery.max", "completion.max",
}

// given are those of them that were given, for the command that replays.
func given() []string {
	var out []string
	flag.Visit(func(f *flag.Flag) {
		if slices.Contains(serverFlags, f.Name) {
			out = append(out, spelled(f.Name, f.Value.String()))
		}
	})
	for _, pair := range envFlag.pairs() {
		out = append(out, spelled("restate.env", pair))
	}
	return out
}

// settings are what the flags say of every server.
func settings() runtime.Settings {
	return runtime.Settings{Version: *versionFlag, Env: envFlag, ConfigFile: *configFlag}
}

// pinned is the plan on the server of -config, if that was given.
func pinned(p generators.Plan) generators.Plan {
	if *serverFlag != "" {
		p.Config.Server, p.Config.Partitions = *serverFlag, 0
	}
	return p
}

// rapidFlag is the value of a flag of rapid's, and whether it was given.
func rapidFlag(name string) (value any, given bool) {
	f := flag.Lookup("rapid." + name)
	if f == nil {
		return nil, false
	}
	return f.Value.(flag.Getter).Get(), isSet(f)
}

// sessionSeed is -rapid.seed, or a random one.
func sessionSeed() uint64 {
	if v, given := rapidFlag("seed"); given {
		if seed, ok := v.(uint64); ok && seed != 0 {
			return seed
		}
	}
	return rand.Uint64N(1_000_000_000) + 1
}

// plans is -rapid.checks if it was given, 0 otherwise.
func plans() int {
	if v, given := rapidFlag("checks"); given {
		if n, ok := v.(int); ok {
			return n
		}
	}
	return 0
}

func bounds() harness.Bounds {
	return harness.Bounds{Recovery: *recoveryFlag, Completion: *completionFlag}
}

func checks() checker.Options { return checker.Options{Budget: *budgetFlag} }

// open settles on the runtime under test and removes what dead sessions left.
func open(ctx context.Context, seed uint64) (harness.Open, error) {
	opened, _, err := choose(ctx, seed)
	return opened, err
}

// choose is [open], and what it settled on.
func choose(ctx context.Context, seed uint64) (harness.Open, backend.Choice, error) {
	bugs, err := simulated.ParseBugs(*bugsFlag)
	if err != nil {
		return nil, backend.Choice{}, err
	}
	open, choice, err := backend.Choose(ctx, settings(), backend.Options{
		Name: backend.Name(*runtimeFlag), Image: *imageFlag, Binary: *binaryFlag,
		Bugs: bugs, Rate: *bugsRateFlag, Seed: seed, Notice: func(line string) { say("note      ", line) },
	})
	if err != nil {
		return nil, choice, err
	}
	if choice.Name != backend.Simulated {
		if swept, err := leftovers.Sweep(ctx); err != nil {
			say("note       leftovers could not be removed:", err)
		} else if swept.Removed() {
			say("note      ", swept)
		}
	}
	return announced(open, choice), choice, nil
}

// say prints a line of the command line's: a campaign's display has it print where
// its bar is not.
var say = func(words ...any) { fmt.Println(words...) }

// announced says what is tested once there is something to test; until then the
// reason of an error is all that is said.
func announced(open harness.Open, choice backend.Choice) harness.Open {
	announce := sync.OnceFunc(func() { say("runtime   ", choice) })
	return func(ctx context.Context, s runtime.Settings) (*harness.System, error) {
		sys, err := open(ctx, s)
		if err == nil {
			announce()
		} else if backend.Name(*runtimeFlag) == backend.Auto {
			err = fmt.Errorf("%s: %w", choice, err)
		}
		return sys, err
	}
}

// cannotBegin ends a test that could not begin, in one line.
func cannotBegin(t testing.TB, err error) {
	t.Helper()
	line := strings.Join(strings.Fields(err.Error()), " ")
	fmt.Println("harness    could not begin, which says nothing about Restate:", line)
	t.FailNow()
}

// interruptible is a context that ends with the test, with Ctrl-C, or with the
// signal by which a container is told to end.
func interruptible(t testing.TB) context.Context {
	ctx, stop := signal.NotifyContext(t.Context(), os.Interrupt, syscall.SIGTERM)
	t.Cleanup(stop)
	return ctx
}

package cli

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"retain/generators"
	"retain/harness"
	"retain/harness/backend"
	"retain/harness/compare"
	"retain/harness/upgrade"
	"retain/report"
	"retain/runtime"
	"retain/runtime/simulated"
	"retain/runtime/versions"
)

// comparisons is the directory of the pages of comparisons.
const comparisons = "testdata/comparisons"

const (
	// compareTime bounds the executions of one plan without -duration, and mostExecutions
	// those of a version without -rapid.checks.
	compareTime    = 5 * time.Minute
	mostExecutions = 20
	// withoutBugs is the version of the simulated runtime that has no planted bug.
	withoutBugs = "none"
)

// Compare executes the plan of -plan, or drawn plans, on each version of
// -restate.versions, and says which of them break a guarantee. Known findings count like
// others.
func Compare(t T) {
	if missing := compareMissing(); missing != "" {
		skipped(t, "give "+missing)
	}
	axis, names, ordered := compared()
	out := report.Comparison{Flags: serverArguments(), At: time.Now().UTC()}
	if *planFlag != "" {
		var err error
		if out.Plan, out.Record, err = compare.Load(*planFlag, checks()); err != nil {
			cannotBegin(t, fmt.Errorf("-plan: %w", err))
		}
		out.Plan, out.PlanFile = withServer(out.Plan), *planFlag
	} else {
		out.Seed = sessionSeed()
	}
	if out.PlanFile != "" && len(out.Plan.Steps) == 0 && out.Plan.Load.Clients == 0 {
		cannotBegin(t, fmt.Errorf("-plan %s: the plan has no steps and no load: there is nothing to execute", out.PlanFile))
	}
	if out.PlanFile != "" {
		noteExcluded(out.Plan)
	}
	if err := checkCompared(axis, names, out.Plan); err != nil {
		cannotBegin(t, err)
	}
	ctx := Interruptible(t)
	all, err := comparedVersions(ctx, axis, names, out)
	if err != nil && ctx.Err() == nil {
		cannotBegin(t, err)
	}
	out.VersionFlag, out.Arguments = axisFlag(axis), argumentsOf(axis, names)
	out.Result = conductComparison(ctx, axis, all, ordered, &out)
	concludeComparison(t, out)
}

// checkVersionNames refuses versions that can't be compared.
func checkVersionNames() error {
	if *versionsFlag == "" || runs("Upgrade") && !runs("Compare") {
		return nil
	}
	names, err := upgrade.Names(*versionsFlag)
	if err != nil {
		return fmt.Errorf("-restate.versions: %w", err)
	}
	for _, name := range names {
		if backend.Name(*runtimeFlag) != backend.Simulated {
			continue
		}
		if _, err := bugsOfVersion(name); err != nil {
			return fmt.Errorf("-restate.versions: on the simulated runtime a version is %s, or a planted bug: %w", withoutBugs, err)
		}
	}
	switch {
	case len(*bugsFlag) > 0:
		return errors.New("-bugs and -restate.versions: on the simulated runtime the versions are the planted bugs: leave -bugs out")
	case isSet(flag.Lookup("restate.version")):
		return errors.New("-restate.version is one version, -restate.versions are those that are compared: leave one of them out")
	}
	return nil
}

// checkComparedBuilds refuses versions that are no releases and no builds of the flags, and
// builds that are none of the versions, those that a plan starts included.
func checkComparedBuilds(names, started []string) error {
	if backend.Name(*runtimeFlag) == backend.Simulated {
		return nil
	}
	if imageFlag.plain+binaryFlag.plain != "" {
		return errors.New("-restate.versions: a build needs a name among them: give it as NAME=, and NAME in -restate.versions")
	}
	for _, name := range names {
		if _, ordered := versions.Parse(name); !ordered && !isBuild(name) {
			return fmt.Errorf("-restate.versions: %s is no release such as %s: name your build with -restate.binary %s=PATH or -restate.image %s=REF",
				name, runtime.DefaultVersion, name, name)
		}
	}
	return checkNamedIn(slices.Concat(names, started), "add to -restate.versions ")
}

// bugsOfVersion are the planted bugs of a version of the simulated runtime.
func bugsOfVersion(name string) ([]simulated.Bug, error) {
	if name == withoutBugs {
		return nil, nil
	}
	return simulated.ParseBugs(name)
}

// comparedVersions makes the server of each version ready to be opened. A version that
// refuses a setting is one of the result, and so are handlers that can't be built here; it is
// an error if all do.
func comparedVersions(ctx context.Context, axis compare.Axis, names []string, c report.Comparison) (all []compare.Version, err error) {
	if err := checkArtifactsWritable(); err != nil {
		return nil, err
	}
	refused := 0
	for _, name := range names {
		v, err := comparedVersion(ctx, axis, name, c)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", axis, v.Name, err)
		}
		if v.Refusal != nil {
			refused++
		}
		all = append(all, v)
	}
	for i := range all { // what one of them does not serve is asked of none
		all[i].Session.Exclude = exclusions
	}
	if refused == len(all) {
		return nil, fmt.Errorf("no %s can be compared: %s: %s", axis, all[0].Name, all[0].Refusal)
	}
	if backend.Name(*runtimeFlag) != backend.Simulated {
		sweep(ctx)
	}
	return all, nil
}

// comparedVersion is one version of a comparison.
func comparedVersion(ctx context.Context, axis compare.Axis, name string, c report.Comparison) (compare.Version, error) {
	server := flagServer(backend.Name(*runtimeFlag))
	server.versions = c.Plan.Versions()
	v := compare.Version{Name: name}
	switch {
	case axis == compare.SDKs:
		v.Name = server.calls(name)
	case backend.Name(*runtimeFlag) == backend.Simulated:
		server.bugs, _ = bugsOfVersion(name) // checked before anything started
	default:
		server.settings.Version = name
	}
	v.Session = Options()
	v.Session.Dir, v.Session.Base = artifacts, server.settings
	if axis == compare.Versions && backend.Name(*runtimeFlag) != backend.Simulated {
		err := generators.CheckServer(c.Plan, name)
		if err == nil {
			err = generators.CheckPath(c.Plan, name, generators.AsNamed)
		}
		if err != nil {
			v.Refusal = &harness.Refusal{Reason: harness.RefusedPlan, Line: err.Error()}
			return v, nil
		}
	}
	on, err := chooseServer(ctx, backend.Name(*runtimeFlag), max(1, c.Seed), func(string) {}, server)
	refused, unusable := (*refusedSettings)(nil), (*unusableHandlers)(nil)
	switch {
	case errors.As(err, &unusable) && axis == compare.SDKs:
		v.Refusal = &harness.Refusal{Reason: harness.RefusedSDK, Line: unusable.Error()}
		return v, nil
	case errors.As(err, &refused) && axis == compare.Versions:
		v.Refusal = &harness.Refusal{Reason: harness.RefusedSetting, Line: refused.Error()}
		return v, nil
	case err != nil:
		return v, err
	}
	v.Session.Open, v.Session.Room, v.Session.Altered = on.open, on.choice.Room, slices.Concat(server.foreign.altered(), on.altered)
	return v, nil
}

// conductComparison conducts the comparison and shows its progress.
func conductComparison(ctx context.Context, axis compare.Axis, all []compare.Version, ordered bool, c *report.Comparison) *compare.Result {
	if c.PlanFile == "" {
		within := cmp.Or(*durationFlag, defaultTime*time.Duration(len(all)))
		progress := newComparisonProgress(within)
		defer console.Watch(progress.status)()
		return compare.ConductDrawn(ctx, compare.DrawnOptions{
			Versions: all, Axis: axis, Ordered: ordered, Plans: plans(), Time: within, OnRun: progress.run,
			Draw: func(n int) generators.Plan { return generators.Draw(c.Seed, n, drawOptionsFor(all)) },
		})
	}
	progress := newComparisonProgress(cmp.Or(*durationFlag, compareTime))
	defer console.Watch(progress.status)()
	c.Most = cmp.Or(plans(), mostExecutions)
	return compare.Conduct(ctx, compare.Options{
		Versions: all, Axis: axis, Ordered: ordered, Plan: c.Plan, Record: c.Record, Time: cmp.Or(*durationFlag, compareTime), Most: c.Most, OnExecution: progress.measured,
	})
}

// drawOptionsFor are those of plans that each of the versions can execute.
func drawOptionsFor(all []compare.Version) generators.Options {
	o := DrawOptions()
	o.VQueues = drawsVQueuesOn(all[0].Session.Base.Version)
	for _, v := range all[1:] {
		o.VQueues = o.VQueues && drawsVQueuesOn(v.Session.Base.Version)
	}
	return o
}

// concludeComparison prints the comparison, writes its files, and fails the test unless it
// passed on each version.
func concludeComparison(t T, c report.Comparison) {
	id := make([]byte, 4)
	_, _ = rand.Read(id) // never fails, by its documentation
	c.Dir = filepath.Join(comparisons, hex.EncodeToString(id))
	errs := []error{c.WriteComparison()}
	rows := c.Rows()
	rows.Print(console)
	if *summaryFlag != "" {
		errs = append(errs, c.WriteJSON(*summaryFlag))
	}
	if path := os.Getenv(report.StepSummary); path != "" {
		errs = append(errs, rows.AppendMarkdown(path))
	}
	if err := errors.Join(errs...); err != nil {
		ended.red = true
		t.Errorf("harness: %v", err)
	}
	switch c.Verdict() {
	case harness.Pass:
	case harness.Interrupted:
		ended.interrupted = true
		t.Fail()
	default:
		ended.red = true
		t.Fail()
	}
}

// comparisonProgress is how far a comparison is. Safe for concurrent use.
type comparisonProgress struct {
	within time.Duration
	began  time.Time

	mu    sync.Mutex
	names []string
	done  map[string][2]int // failures and executions of each version
}

func newComparisonProgress(within time.Duration) *comparisonProgress {
	return &comparisonProgress{within: within, began: time.Now(), done: map[string][2]int{}}
}

func (p *comparisonProgress) count(name string, failures, runs int) {
	if _, known := p.done[name]; !known {
		p.names = append(p.names, name)
	}
	p.done[name] = [2]int{failures, runs}
}

func (p *comparisonProgress) measured(all []compare.Measured) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range all {
		p.count(m.Name, m.Rate.Failures+m.Others, m.Executions())
	}
}

func (p *comparisonProgress) run(version string, r harness.Run) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.done[version]
	if r.Verdict == harness.Violation {
		n[0]++
	}
	if !r.Ledger {
		n[1]++
	}
	p.count(version, n[0], n[1])
}

func (p *comparisonProgress) status() report.Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	gone := time.Since(p.began)
	out := report.Status{Done: min(1, gone.Seconds()/p.within.Seconds())}
	for _, name := range p.names {
		out.Parts = append(out.Parts, fmt.Sprintf("%s: %d of %d failed", name, p.done[name][0], p.done[name][1]))
	}
	out.Parts = append(out.Parts, "left "+max(0, p.within-gone).Round(time.Second).String()+" at most")
	return out
}

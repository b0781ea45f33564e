package cli

import (
	"context"
	"flag"
	"fmt"
	"path/filepath"
	"strings"

	"retain/generators"
	"retain/harness"
	"retain/harness/backend"
	"retain/harness/regress"
	"retain/internal/printable"
	"retain/report"
	"retain/runtime/container"
	"retain/runtime/process"
	"retain/runtime/simulated"
)

// RegressionCase is a stored case of the directory [Regressions].
type RegressionCase struct {
	// Name is the name of its file without the extension.
	Name string
	file string
	// ordinal is its place among the cases: "case 1 of 9".
	ordinal string
}

// RegressionCases are the stored cases, in the order of their names.
func RegressionCases() (cases []RegressionCase) {
	files, _ := filepath.Glob(filepath.Join(Regressions, "*.json")) // the pattern is well-formed
	for i, file := range files {
		cases = append(cases, RegressionCase{
			Name: strings.TrimSuffix(filepath.Base(file), ".json"), file: file,
			ordinal: fmt.Sprintf("case %d of %d", i+1, len(files)),
		})
	}
	return cases
}

// Replay executes the case so often that a failure that is back is missed at most 1 time
// in 20. The runtime is that which the case was kept for, unless -runtime is given.
func (c RegressionCase) Replay(t T) { regression(t, c.file, c.ordinal) }

// backendOf is the backend that a case is replayed on.
func backendOf(c *regress.Case) backend.Name {
	name := backend.Name(c.Backend())
	if isSet(flag.Lookup("runtime")) || name == "" {
		return backend.Name(*runtimeFlag)
	}
	if name == backend.Simulated {
		return name
	}
	// A real server is one wherever it comes from: where this machine or the flags rule the
	// case's backend out, another one is chosen.
	if imageFlag.given() || binaryFlag.given() {
		return backend.Auto
	}
	if name == backend.Process && process.Available(context.Background(), settings()) == nil {
		return name
	}
	if name == backend.Container && container.Available(context.Background()) == nil {
		return name
	}
	return backend.Auto
}

// regression replays a stored case and prints whether it is back.
func regression(t T, file, about string) {
	kept, plan, err := regress.LoadCase(file)
	if err != nil {
		cannotBegin(t, err)
	}
	if _, err := simulated.ParseBugs(strings.Join(kept.Bugs(), ",")); err != nil {
		cannotBegin(t, fmt.Errorf("%s: expected_to_fail: %w", file, err))
	}
	kept.Guarantee = printable.Line(kept.Guarantee) // a person may have edited the file
	place := backendOf(kept)
	if err := checkVersions(plan, place); err != nil {
		cannotBegin(t, fmt.Errorf("%s: %w", file, err))
	}
	ctx := Interruptible(t)
	if place != backend.Simulated {
		if err := discover(ctx, backend.Options{Handlers: foreignFlags().handlers()}); err != nil {
			cannotBegin(t, err)
		}
	}
	if says := saysExcluded(withServer(plan)); says != "" {
		skipped(t, "it has what is excluded ("+says+")")
	}
	output := &strings.Builder{} // of a violation, which may be expected
	reporter := &report.Reporter{Name: t.Name(), Out: output, Flags: serverArguments(), Seed: plan.Seed}
	options := Options()
	options.Draw, options.Plans, options.Workers, options.Fresh = func(int) generators.Plan { return withServer(plan) }, kept.Runs(), 3, true
	options.Base, options.Dir, options.KeepData = settingsOn(place), artifacts, *dataFlag && place != backend.Simulated
	j := &job{ctx: ctx, on: place, reporter: reporter, progress: report.NewSessionProgress(about, kept.Runs(), 0), options: options, versions: plan.Versions()}
	defer j.watch()()
	session := j.conduct(t)
	defer func() {
		copyArtifacts(t, session)
		finish(t, reporter, session, session.Verdict == harness.Pass || reporter.Expected != "")
	}()
	replayedCase{kept: kept, file: file, session: session, reporter: reporter, output: output, on: subject(session)}.tell()
}

package cli

import (
	"cmp"
	"context"
	"time"

	"retain/generators"
	"retain/harness"
	"retain/harness/backend"
	"retain/harness/regress"
	"retain/harness/session"
	"retain/model"
	"retain/report"
)

// Properties draws plans, runs them against the runtime, and judges whether the runtime
// kept what it acknowledged.
func Properties(t T) {
	seed := sessionSeed()
	conduct(t, program{seed: seed, plans: plans(), draw: func(n int) generators.Plan {
		return generators.Draw(seed, n, DrawOptions())
	}})
}

// StartAndStop runs the case that the suite grew from: a client adds 1, the runtime is
// stopped or killed and started again, the client adds 2 and reads 3.
func StartAndStop(t T, fault model.FaultKind) {
	if says := saysExcluded(generators.StartAndStop(fault)); says != "" {
		skipped(t, "it has what -exclude leaves out ("+says+")")
	}
	session := conduct(t, program{plans: 1, draw: func(int) generators.Plan { return withServer(generators.StartAndStop(fault)) }})
	if session.Verdict == harness.Pass && session.Tally.Faults[fault] == 0 {
		t.Errorf("harness: the plan passed without its %s", fault)
	}
}

// defaultTime is how long a session draws plans if neither -rapid.checks nor -duration is
// given, and besideTests how long if it is one of all tests, which nobody asked for by -run.
const (
	defaultTime = time.Minute
	besideTests = 20 * time.Second
)

// sessionTime is how long a session draws plans, if it is not bounded by their number.
func sessionTime() time.Duration {
	if *durationFlag == 0 && !runsByName() {
		return besideTests
	}
	return cmp.Or(*durationFlag, defaultTime)
}

// program is what a session executes.
type program struct {
	seed  uint64
	plans int // 0 for as many as [sessionTime] has room for
	draw  func(int) generators.Plan
	fresh bool // a new runtime for every plan
	// versions are those that starts of its plans name.
	versions []string
}

// conduct executes a program as the flags say, and fails the test unless it passes.
func conduct(t T, p program) *session.Result {
	e := execute(t, p)
	e.end(t)
	return e.session
}

// executed is a session that has ended.
type executed struct {
	reporter *report.Reporter
	session  *session.Result
	// shrunk is the reduction of the first violation, nil for none.
	shrunk *regress.Shrunk
}

// execute executes a program, prints the result and reduces the first violation.
func execute(t T, p program) *executed {
	if err := checkNamed(p.versions); err != nil {
		cannotBegin(t, err)
	}
	reporter := &report.Reporter{Name: t.Name(), Out: console, Verbose: verbose(), Flags: serverArguments(), Seed: p.seed}
	options := Options()
	options.Draw, options.Plans, options.Time, options.Workers, options.Fresh = p.draw, p.plans, sessionTime(), workers(p.plans), p.fresh
	if options.Time != besideTests {
		options.AtLeast = harness.Judgeable
	}
	options.Dir, options.KeepData, options.Known = artifacts, *dataFlag, knownFindings
	j := &job{
		ctx: Interruptible(t), on: backend.Name(*runtimeFlag), reporter: reporter,
		progress: report.NewSessionProgress("", p.plans, sessionTime()), options: options, versions: p.versions,
	}
	defer j.watch()()
	session := j.conduct(t)
	reporter.End(session)
	shrunk := j.shrink(session)
	copyArtifacts(t, session)
	return &executed{reporter, session, shrunk}
}

// job is a session that is conducted on a backend, reported and watched.
type job struct {
	ctx      context.Context
	on       backend.Name
	reporter *report.Reporter
	progress *report.SessionProgress
	options  session.Options
	// versions are those that starts of its plans name.
	versions []string
}

// watch shows the progress until stop is called.
func (j *job) watch() (stop func()) {
	j.options.OnRun = func(r harness.Run) {
		j.progress.Run(r)
		j.reporter.Run(r)
	}
	j.options.OnPhase = j.progress.Phase
	j.progress.Phase(session.Starting)
	return console.Watch(j.progress.Status)
}

// workers is how many of n plans run side by side; n 0 is for as many as there is time for.
func workers(n int) int {
	if n == 1 {
		return 1
	}
	return *workersFlag
}

// conduct conducts the session. It ends the test if the session can't begin.
func (j *job) conduct(t T) *session.Result {
	session, err := j.tryToConduct()
	switch {
	case err == nil:
		return session
	case j.ctx.Err() != nil:
		return j.reporter.Interrupted()
	}
	if err := write(j.reporter, j.reporter.CouldNotBegin(err), true); err != nil {
		t.Errorf("harness: %v", err)
	}
	cannotBegin(t, err)
	return nil
}

// tryToConduct conducts the session. The reporter gets the settings in which the runtime
// differs from the defaults, also if the session can't begin.
func (j *job) tryToConduct() (*session.Result, error) {
	j.reporter.Altered = alteredSettings(j.on)
	if err := checkArtifactsWritable(); err != nil {
		return nil, err
	}
	on, err := choose(j.ctx, j.on, j.reporter.Seed, j.versions, j.progress.Notice)
	if err != nil {
		return nil, err
	}
	j.options.Open, j.options.Room, j.options.Altered, j.options.Exclude = on.open, on.choice.Room, on.altered, exclusions
	j.reporter.Altered = on.altered
	return session.Conduct(j.ctx, j.options)
}

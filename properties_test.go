package retain_test

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"retain/generators"
	"retain/harness"
	"retain/report"
)

// TestProperties is the main job: it draws plans, runs them against the runtime
// and says whether it kept what it acknowledged.
func TestProperties(t *testing.T) {
	seed := sessionSeed()
	conduct(t, seed, plans(), false, func(n int) generators.Plan {
		return generators.Draw(seed, n, generators.Options{Unresolved: *unresolvedFlag, Server: *serverFlag})
	})
}

// TestStartAndStopRuntimeRetainsTheState is the case that this suite grew from:
// one client adds 1, the runtime ends and starts, the client adds 2 and reads 3.
func TestStartAndStopRuntimeRetainsTheState(t *testing.T) {
	for _, fault := range []generators.FaultKind{generators.Stop, generators.Kill} {
		t.Run(string(fault), func(t *testing.T) {
			session := conduct(t, 0, 1, false, func(int) generators.Plan { return pinned(generators.StartAndStop(fault)) })
			require.Equal(t, 1, session.Counts[harness.Pass])
			require.NotZero(t, session.Tally.Faults[string(fault)])
		})
	}
}

// TestReplay executes the plan of -plan, and with -promote keeps it.
func TestReplay(t *testing.T) {
	if *planFlag == "" {
		skipped(t, "give -plan FILE to execute a stored plan")
	}
	text, err := os.ReadFile(*planFlag)
	if err != nil {
		cannotBegin(t, fmt.Errorf("-plan: %w: name a plan.json", err))
	}
	plan, err := generators.Decode(text)
	if err != nil {
		cannotBegin(t, fmt.Errorf("-plan %s: %w", *planFlag, err))
	}
	if len(plan.Steps) == 0 {
		cannotBegin(t, fmt.Errorf("-plan %s: the plan has no steps: there is nothing to execute", *planFlag))
	}
	n := max(1, plans())
	if *promoteFlag != "" && plans() == 0 {
		n = rateRuns // a plan that fails now and then should get the chance
	}
	session, shrunk := judged(t, plan.Seed, n, true, func(int) generators.Plan { return pinned(plan) })
	if *promoteFlag != "" {
		promote(t, pinned(plan), session, shrunk)
	}
}

// conduct runs a session of the flags and fails the test unless it passes. A
// fresh one has a new runtime for every plan.
func conduct(t *testing.T, seed uint64, n int, fresh bool, draw func(int) generators.Plan) *harness.Session {
	session, _ := judged(t, seed, n, fresh, draw)
	return session
}

// judged is [conduct], and what the first violation was reduced to, nil for
// nothing.
func judged(t *testing.T, seed uint64, n int, fresh bool, draw func(int) generators.Plan) (*harness.Session, *harness.Shrunk) {
	ctx := interruptible(t)
	reporter := &report.Reporter{Name: t.Name(), Out: os.Stdout, Verbose: testing.Verbose(), SDK: sdk(), Flags: given(), Seed: seed}
	options := harness.Options{
		Draw: draw, Plans: n, Time: defaultTime, Workers: workers(n), Fresh: fresh, Base: settings(),
		Bounds: bounds(), Check: checks(), Dir: artifacts, KeepData: *dataFlag,
		OnRun: reporter.Run,
	}
	session, err := begin(ctx, seed, &options)
	if err != nil {
		if err := write(reporter, reporter.CouldNotBegin(err), true); err != nil {
			t.Errorf("harness: %v", err)
		}
		cannotBegin(t, err)
	}
	reporter.End(session)
	shrunk := shrink(ctx, options, session, reporter)
	copyArtifacts(t, session)
	red := session.Verdict != harness.Pass
	if err := write(reporter, session, red); err != nil {
		t.Errorf("harness: %v", err)
	}
	if red {
		t.Fail()
	}
	return session, shrunk
}

// workers is how many plans run side by side, of n, or of as many as there is time
// for.
func workers(n int) int {
	if n == 1 {
		return 1
	}
	return 2
}

// begin conducts a session on the runtime of the flags, where it can leave behind
// what it finds.
func begin(ctx context.Context, seed uint64, o *harness.Options) (*harness.Session, error) {
	if err := checkPlaces(); err != nil {
		return nil, err
	}
	opened, err := open(ctx, seed)
	if err != nil {
		return nil, err
	}
	o.Open = opened
	return harness.Conduct(ctx, *o)
}

// redSummary is set once the file of -summary tells of a session that is red.
var redSummary bool

// write tells of the session in the files that were asked for. The summary has room
// for one session: of several it is the first that is red, or else the last.
func write(r *report.Reporter, s *harness.Session, red bool) error {
	var errs []error
	if *summaryFlag != "" && !redSummary {
		redSummary = red
		errs = append(errs, r.Summary(*summaryFlag, s))
	}
	if *junitFlag != "" {
		junit.Add(r, s)
		errs = append(errs, junit.Write(*junitFlag))
	}
	if path := os.Getenv(report.StepSummary); path != "" {
		errs = append(errs, r.AppendMarkdown(path, s))
	}
	return errors.Join(errs...)
}

// junit collects the sessions of this process.
var junit report.JUnit

//go:embed go.mod
var modules string

// sdk names the handlers under test, which are the Go SDK's, in the version that
// this project was built with.
func sdk() string {
	_, after, _ := strings.Cut(modules, "github.com/restatedev/sdk-go v")
	version, _, _ := strings.Cut(after, "\n")
	return "sdk go " + version
}

// defaultTime is how long a session draws plans when their number is not given.
const defaultTime = time.Minute

// copyArtifacts gives Go's artefact directory, if it was asked for, a copy of
// what the session kept.
func copyArtifacts(t *testing.T, s *harness.Session) {
	for _, r := range s.Failures {
		if r.Dir == "" {
			continue
		}
		if err := os.CopyFS(filepath.Join(t.ArtifactDir(), filepath.Base(r.Dir)), os.DirFS(r.Dir)); err != nil {
			t.Errorf("harness: copy the artefacts of plan %d: %v", r.Number, err)
		}
	}
}

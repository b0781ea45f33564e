// Package runtimetest tests whether an implementation of [runtime.Runtime] keeps
// the interface's contract, the optional interfaces included.
//
// A package that implements a runtime runs the suite in its own tests:
//
//	suite := runtimetest.New(runtimetest.Fixture{...})
//	for _, test := range suite.Tests() {
//		t.Run(test.Name, func(t *testing.T) {
//			if err := test.Run(t.Context()); err != nil {
//				t.Error(err)
//			}
//		})
//	}
//
// The tests share one runtime, since the start of a server takes seconds. Each
// brings it into the state that it needs, so that one can be run alone.
package runtimetest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"retain/runtime"
)

// Fixture makes the runtimes that a suite tests.
type Fixture struct {
	// Backend is [runtime.Identity].Backend of each.
	Backend string
	// New makes a runtime that was never started.
	New func(ctx context.Context) (runtime.Runtime, error)
	// Another is a version that is not the runtime's own, and comes back from its data;
	// Missing one that there is not, "" where there is any.
	Another, Missing string
	// Save stores something in the server, which is up and healthy, and returns a
	// check whether the server still has it. What the check needs lives until ctx
	// ends.
	Save func(ctx context.Context, r runtime.Runtime) (check func(context.Context) error, err error)
	// Observe returns a function that says what the server, which is up and healthy, does:
	// something else in each of [Environments] and in none. What it needs lives until
	// ctx ends. Nil for servers that no environment changes.
	Observe func(ctx context.Context, r runtime.Runtime) (observe func(context.Context) (string, error), err error)
	// Deaf makes a runtime whose server ignores SIGTERM from its first line of log on
	// and is killed after the grace; nil if there is no such server.
	Deaf func(ctx context.Context) (r runtime.Runtime, grace time.Duration, err error)
	// Failing makes a runtime whose server ends by itself soon after its start, with
	// exit code 1, and logs the reason; nil if there is no such server.
	Failing func(ctx context.Context) (r runtime.Runtime, reason string, err error)
}

// Test is one part of the contract.
type Test struct {
	Name string
	// Run returns the defect, nil if there is none.
	Run func(ctx context.Context) error
}

// Suite is the tests of one implementation.
type Suite struct {
	fixture Fixture
	r       runtime.Runtime // shared; nil before the first test
}

// New makes a suite. [Suite.Tests] run first, [Suite.Close] last.
func New(f Fixture) *Suite { return &Suite{fixture: f} }

// Tests are the tests that leave the shared runtime open, in the order in which
// they cost the least.
func (s *Suite) Tests() []Test {
	tests := []Test{
		{"nothing is up before the first start", s.nothingIsUpBeforeTheFirstStart},
		{"start with an ended context leaves it down", s.startWithAnEndedContext},
		{"start makes it answer", s.startMakesItAnswer},
		{"identity is stable and parses", s.identityIsStable},
		{"stop is graceful", s.stopIsGraceful},
		{"data and log outlive a stop", s.dataAndLogOutliveAStop},
		{"kill is SIGKILL", s.killIsSIGKILL},
		{"data and log outlive a kill", s.dataAndLogOutliveAKill},
		{"each start has its own environment", s.startsHaveTheirOwnEnvironment},
		{"each start has its own version", s.startsMayHaveAnotherVersion},
		{"start that is refused loses nothing", s.startThatIsRefusedLosesNothing},
		{"logs begin at the offset", s.logsBeginAtTheOffset},
		{"paused server does not answer", s.pausedServerDoesNotAnswer},
		{"pause and resume in quick turns", s.pauseAndResumeInQuickTurns},
		{"stop of a paused server is graceful", s.stopOfAPausedServer},
		{"kill of a paused server ends it", s.killOfAPausedServer},
		{"kill right after start from another goroutine", s.killRightAfterStart},
		{"stop right after start is no kill", s.stopRightAfterStart},
		{"archive has the data of a server that is down", s.archiveHasTheData},
		{"metrics are those of the server", s.metricsAreTheServers},
		{"processes are those of a server that is up", s.processesAreTheServers},
	}
	if s.fixture.Deaf != nil {
		tests = append(tests, Test{"stop that outlasts the grace is a kill", s.stopThatOutlastsTheGrace})
	}
	if s.fixture.Failing != nil {
		tests = append(tests, Test{"server that ends by itself is known", s.serverThatEndsByItself})
	}
	return tests
}

// Close tests the end of the shared runtime, which is removed by it.
func (s *Suite) Close() Test { return Test{"close ends a server that is up, twice", s.closeEndsIt} }

// Runtime is the shared runtime, made if need be, for tests of the implementation's
// own.
func (s *Suite) Runtime(ctx context.Context) (runtime.Runtime, error) {
	if s.r != nil {
		return s.r, nil
	}
	r, err := s.fixture.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("make the runtime: %w", err)
	}
	s.r = r
	return r, nil
}

// Up is the shared runtime with a server that is up and healthy.
func (s *Suite) Up(ctx context.Context) (runtime.Runtime, error) {
	r, err := s.Runtime(ctx)
	if err != nil {
		return nil, err
	}
	if err := r.Start(ctx, runtime.StartOptions{}); err != nil && !errors.Is(err, runtime.ErrState) {
		return nil, err
	}
	return r, Healthy(ctx, r)
}

// down is the shared runtime with a server that is down.
func (s *Suite) down(ctx context.Context) (runtime.Runtime, error) {
	r, err := s.Runtime(ctx)
	if err != nil {
		return nil, err
	}
	if err := r.Kill(ctx); err != nil && !errors.Is(err, runtime.ErrState) {
		return nil, err
	}
	return r, nil
}

// wrong collects what is wrong.
type wrong struct{ errs []error }

// unless notes that a condition does not hold.
func (w *wrong) unless(holds bool, format string, args ...any) {
	if !holds {
		w.errs = append(w.errs, fmt.Errorf(format, args...))
	}
}

// refused notes that a call did not return [runtime.ErrState].
func (w *wrong) refused(call string, err error) {
	w.unless(errors.Is(err, runtime.ErrState), "%s returns %v, want ErrState", call, err)
}

// add notes an error.
func (w *wrong) add(err error) {
	if err != nil {
		w.errs = append(w.errs, err)
	}
}

func (w *wrong) err() error { return errors.Join(w.errs...) }

package retain_test

import (
	"testing"

	"retain/internal/cli"
	"retain/model"
)

// TestProperties draws plans, runs them against the runtime, and judges whether the
// runtime kept what it acknowledged.
func TestProperties(t *testing.T) { cli.Properties(t) }

// TestStartAndStopRuntimeRetainsTheState is the case that the suite grew from: a client
// adds 1, the runtime ends and starts again, the client adds 2 and reads 3.
func TestStartAndStopRuntimeRetainsTheState(t *testing.T) {
	for _, fault := range []model.FaultKind{model.Stop, model.Kill} {
		t.Run(string(fault), func(t *testing.T) { cli.StartAndStop(t, fault) })
	}
}

// TestReplay executes the plan of -plan, and keeps it with -promote.
func TestReplay(t *testing.T) { cli.Replay(t) }

// TestCompare executes the plan of -plan, or drawn plans, on each version of
// -restate.versions.
func TestCompare(t *testing.T) { cli.Compare(t) }

// TestUpgrade leads a server up, down and up again along -restate.versions, and writes the
// certificate of that.
func TestUpgrade(t *testing.T) { cli.Upgrade(t) }

// TestRecheck judges the history of -history, without a runtime.
func TestRecheck(t *testing.T) { cli.Recheck(t) }

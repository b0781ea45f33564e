// Package sessiontest conducts sessions on simulated servers, for the tests of the packages
// that build on sessions.
package sessiontest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/generators"
	"retain/harness"
	"retain/harness/internal/harnesstest"
	"retain/harness/session"
	"retain/harness/triage"
	"retain/model"
	"retain/runtime"
	"retain/runtime/simulated"
)

// Quick are bounds for a simulated server.
var Quick = harness.Bounds{Recovery: 20 * time.Second, Completion: time.Second}

// PlainPlan has one kill in its program, which ends with one more. It leaves a counter at 3.
func PlainPlan(int) generators.Plan { return generators.StartAndStop(model.Kill) }

// KillsOfAPlan is how often [PlainPlan] kills the server.
const KillsOfAPlan = 2

// Open opens simulated servers.
func Open(o simulated.Options) harness.Open {
	return func(_ context.Context, s runtime.Settings) (*harness.System, error) {
		o := o
		o.Settings, o.Nonce = s, "n"
		r := simulated.New(o)
		return &harness.System{Runtime: r, Control: r, Nonce: "n", Contract: simulated.Contract()}, nil
	}
}

// Opening opens simulated servers that a test can meddle with; wire, if not nil, arranges
// each.
func Opening(o simulated.Options, wire func(*harnesstest.Wired)) harness.Open {
	return func(_ context.Context, s runtime.Settings) (*harness.System, error) {
		o := o
		o.Settings, o.Nonce = s, "n"
		w := &harnesstest.Wired{Runtime: simulated.New(o)}
		if wire != nil {
			wire(w)
		}
		return &harness.System{Runtime: w, Control: w, Nonce: "n", Contract: simulated.Contract()}, nil
	}
}

// Wired is a system with a wired server that is up.
func Wired(t *testing.T, o simulated.Options) (*harness.System, *harnesstest.Wired) {
	o.Nonce = "n"
	w := &harnesstest.Wired{Runtime: simulated.New(o)}
	s := &harness.System{Runtime: w, Control: w, Nonce: "n", Contract: simulated.Contract()}
	require.NoError(t, s.Boot(t.Context()))
	t.Cleanup(func() { require.NoError(t, s.Shutdown(context.Background())) })
	return s, w
}

// Conduct conducts a session on wired servers and checks that it leaves no history behind.
func Conduct(t *testing.T, o session.Options, arrange func(*harnesstest.Wired)) *session.Result {
	t.Helper()
	o.Open = Opening(simulated.Options{}, arrange)
	if o.Draw == nil {
		o.Draw = PlainPlan
	}
	o.Dir, o.Late = t.TempDir(), -1
	if o.Bounds.Completion == 0 {
		o.Bounds = Quick
	}
	result, err := session.Conduct(t.Context(), o)
	require.NoError(t, err)
	left, err := filepath.Glob(filepath.Join(o.Dir, "running", "*"))
	require.NoError(t, err)
	assert.Empty(t, left, "no history is left behind")
	return result
}

// WriteAndRead is a write, faults, and reads of one client.
func WriteAndRead(faults []model.FaultKind, reads int) generators.Plan {
	register := model.Object{Kind: model.Register}
	p := generators.Plan{Config: generators.Config{Partitions: 1}, Steps: []generators.Step{
		generators.Operate{ID: 1, Object: register, Op: model.RegisterWrite{Value: "v1"}},
	}}
	for _, f := range faults {
		p.Steps = append(p.Steps, generators.Inject{ID: len(p.Steps) + 1, Fault: f, When: generators.InPlace{}})
	}
	for range reads {
		p.Steps = append(p.Steps, generators.Operate{ID: len(p.Steps) + 1, Object: register, Op: model.RegisterRead{}})
	}
	return p
}

// Violating runs a plan against a server with a bug that strikes when it can, a
// few times if need be: an answer that was sent may not be marked as such yet.
func Violating(t *testing.T, bug simulated.Bug, p generators.Plan, o session.Options) harness.Run {
	t.Helper()
	o.Plans, o.Draw, o.Bounds, o.Late = 10, func(int) generators.Plan { return p }, Quick, -1
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	o.Open = Open(simulated.Options{Bugs: []simulated.Bug{bug}, Rate: 1})
	return *Failing(t, o)
}

// Failing conducts a session until a run violates.
func Failing(t *testing.T, o session.Options) *harness.Run {
	t.Helper()
	result, err := session.Conduct(t.Context(), o)
	require.NoError(t, err)
	require.Equal(t, harness.Violation, result.Verdict, fmt.Sprint(result.Failures))
	return &result.Failures[0]
}

// ReadFinding reads the facts of a finding back.
func ReadFinding(t *testing.T, r harness.Run) triage.Finding {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(r.Dir, triage.FindingFile))
	require.NoError(t, err)
	var f triage.Finding
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(&f))
	assert.Equal(t, triage.FindingVersion, f.Version)
	return f
}

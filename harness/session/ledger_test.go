package session_test

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/checker"
	"retain/generators"
	"retain/harness"
	"retain/harness/internal/harnesstest"
	"retain/harness/internal/sessiontest"
	"retain/harness/session"
	"retain/harness/triage"
	"retain/model"
	"retain/runtime"
	"retain/runtime/ingress"
	"retain/runtime/simulated"
)

// call makes a call that is on nobody's record.
func call(t *testing.T, ep runtime.Endpoints, key string, op model.Operation) {
	c := ingress.New(ep)
	defer c.Close()
	result := c.Try(t.Context(), ingress.Call{ObjectKey: key, Op: op})
	assert.NotNil(t, result.Answer, result.Detail)
}

// forgetful loses what a plan left, at the kill with this number.
func forgetful(t *testing.T, w *harnesstest.Wired, kill, plan int) {
	var key atomic.Value
	w.Sending = func(tag, _ string) error {
		if run, _, _ := strings.Cut(tag, "/"); strings.HasSuffix(run, "-"+strconv.Itoa(plan)) {
			key.Store(run + "-counter-0")
		}
		return nil
	}
	kills := 0
	w.Killing = func() {
		kills++
		if k, seen := key.Load().(string); seen && kills == kill {
			call(t, w.Runtime.Endpoints(), k, model.CounterReset{})
		}
	}
}

// Every plan has passed. The kill at the end of the session loses a write of the first
// or of the last plan.
func TestLedgerFindsALossAtTheLastKill(t *testing.T) {
	for _, victim := range []int{0, 2} {
		result := sessiontest.Conduct(t, session.Options{Plans: 3}, func(w *harnesstest.Wired) { forgetful(t, w, 3*sessiontest.KillsOfAPlan+1, victim) })
		require.Equal(t, harness.Violation, result.Verdict)
		assert.Equal(t, map[harness.Verdict]int{harness.Pass: 2, harness.Violation: 1}, result.Counts)
		require.Len(t, result.Failures, 1)
		r := result.Failures[0]
		require.NoError(t, r.Problem)
		assert.True(t, r.Ledger)
		assert.Equal(t, victim, r.Number)
		assert.Equal(t, r.Check.Reason, r.Sentence, "the guarantee is the checker's")
		assert.Equal(t, sessiontest.PlainPlan(0), r.Plan)
		assert.Equal(t, 3, result.Tally.Plans, "a plan counts once")

		file, err := os.Open(filepath.Join(r.Dir, triage.HistoryFile))
		require.NoError(t, err)
		defer file.Close()
		h, err := model.ReadHistory(file)
		require.NoError(t, err)
		assert.True(t, h.Ended)
		assert.Equal(t, r.Outcome.History, h)
		assert.Equal(t, checker.Violation, checker.Check(h, checker.Options{}).Verdict, "its file shows it by itself")
		last := h.Operations[len(h.Operations)-1]
		assert.Equal(t, model.Ledger, last.Phase)
		kill, start := h.Faults[len(h.Faults)-2], h.Faults[len(h.Faults)-1]
		assert.Equal(t, []model.FaultKind{"kill", "start"}, []model.FaultKind{kill.Kind, start.Kind})
		assert.Less(t, kill.End.Ns, start.Begin.Ns)
		assert.Less(t, start.End.Ns, last.Call.Ns, "one clock")
		assert.Greater(t, kill.Begin.Ns, h.Operations[len(h.Operations)-3].Return.Ns)
		back := h.Recoveries[len(h.Recoveries)-1]
		assert.GreaterOrEqual(t, back.Down, kill.Begin.Ns)
		assert.Less(t, back.Probe, last.Call.Ns)
	}
}

// The test runs on every runtime.
func TestLedgerReadsEveryObject(t *testing.T) {
	for name, o := range map[string]session.Options{
		"one runtime": {Plans: 3}, "two runtimes": {Plans: 4, Workers: 2}, "each plan its own": {Plans: 3, Fresh: true},
	} {
		t.Run(name, func(t *testing.T) {
			var kills atomic.Int32
			result := sessiontest.Conduct(t, o, func(w *harnesstest.Wired) { w.Killing = func() { kills.Add(1) } })
			assert.Equal(t, harness.Pass, result.Verdict)
			ledger := result.Ledger
			assert.Equal(t, session.Ledger{Objects: o.Plans, Of: o.Plans, Reads: 2 * o.Plans, Took: ledger.Took}, ledger, "a counter is read shared and exclusive")
			assert.Positive(t, ledger.Took)
			assert.Equal(t, o.Plans*sessiontest.KillsOfAPlan, result.Tally.Faults["kill"], "the ledger's kills prove nothing of the plans")
			least := o.Plans*sessiontest.KillsOfAPlan + 1
			if o.Fresh {
				least = o.Plans * (sessiontest.KillsOfAPlan + 1)
			}
			assert.GreaterOrEqual(t, int(kills.Load()), least)
		})
	}
}

// The runtime of a replay serves one plan and loses its writes at the kill after it. The
// session ends there.
func TestServerThatLeavesThePoolHasItsLedgerFirst(t *testing.T) {
	result := sessiontest.Conduct(t, session.Options{Plans: 3, Fresh: true}, func(w *harnesstest.Wired) { forgetful(t, w, sessiontest.KillsOfAPlan+1, 1) })
	require.Equal(t, harness.Violation, result.Verdict)
	require.Len(t, result.Failures, 1)
	assert.Equal(t, 1, result.Failures[0].Number)
	assert.Equal(t, map[harness.Verdict]int{harness.Pass: 1, harness.Violation: 1}, result.Counts)
}

func TestServerDownAtTheLedgerIsOneViolation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bounds := harness.Bounds{Recovery: time.Second, Completion: time.Second}
		result := sessiontest.Conduct(t, session.Options{Plans: 2, Bounds: bounds}, func(w *harnesstest.Wired) {
			w.Dialling = func() error {
				if w.Starts.Load() > 2*sessiontest.KillsOfAPlan+1 {
					return harnesstest.ErrCut
				}
				return nil
			}
		})
		require.Equal(t, harness.Violation, result.Verdict)
		require.Len(t, result.Failures, 1)
		r := result.Failures[0]
		assert.True(t, r.Ledger)
		assert.Equal(t, "the runtime comes back after a restart", r.Outcome.Liveness.Guarantee.String())
		assert.Zero(t, result.Ledger.Objects)
		assert.Equal(t, 2, result.Ledger.Of)
		assert.NotEmpty(t, result.Ledger.Note)
	})
}

// The interrupted reads are no violations of their own.
func TestServerThatEndsDuringTheLedgerIsOneViolation(t *testing.T) {
	result := sessiontest.Conduct(t, session.Options{Plans: 3}, func(w *harnesstest.Wired) {
		w.Sending = func(tag, _ string) error {
			if strings.Contains(tag, "ledger") {
				_ = w.Runtime.Kill(context.Background())
			}
			return nil
		}
	})
	require.Equal(t, harness.Violation, result.Verdict)
	require.Len(t, result.Failures, 1)
	assert.Equal(t, "the runtime runs until it is told to end", result.Failures[0].Outcome.Liveness.Guarantee.String())
	assert.Equal(t, map[harness.Verdict]int{harness.Pass: 2, harness.Violation: 1}, result.Counts)
}

func TestAnotherServerInTheLedgerIsAHarnessError(t *testing.T) {
	kills := 0
	var sys *harness.System
	o := session.Options{Plans: 2, Draw: sessiontest.PlainPlan, Dir: t.TempDir(), Bounds: sessiontest.Quick, Open: func(_ context.Context, s runtime.Settings) (*harness.System, error) {
		w := &harnesstest.Wired{Runtime: simulated.New(simulated.Options{Settings: s, Nonce: "n"})}
		w.Killing = func() {
			if kills++; kills > 2*sessiontest.KillsOfAPlan {
				sys.Nonce = "another"
			}
		}
		sys = &harness.System{Runtime: w, Control: w, Nonce: "n", Contract: simulated.Contract()}
		return sys, nil
	}}
	result, err := session.Conduct(t.Context(), o)
	require.NoError(t, err)
	assert.Equal(t, harness.Harness, result.Verdict)
	assert.Equal(t, map[harness.Verdict]int{harness.Pass: 1, harness.Harness: 1}, result.Counts)
}

// Its runtime is not read again, and the session ends.
func TestServerThatViolatedHasNoLedger(t *testing.T) {
	kills := 0
	result := sessiontest.Conduct(t, session.Options{Plans: 3}, func(w *harnesstest.Wired) {
		forgetful(t, w, sessiontest.KillsOfAPlan+2, 1)
		forgets := w.Killing
		w.Killing = func() { kills++; forgets() }
	})
	require.Equal(t, harness.Violation, result.Verdict)
	assert.False(t, result.Failures[0].Ledger)
	assert.Equal(t, 2*sessiontest.KillsOfAPlan+1, kills, "and one for a second look at the violation")
	assert.Equal(t, session.Ledger{Of: 1, Note: "a runtime had failed"}, result.Ledger)
}

func TestLedgerOutOfTimeReportsASample(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		result := sessiontest.Conduct(t, session.Options{Plans: 30}, func(w *harnesstest.Wired) {
			w.Answering = func(tag string) error {
				if strings.Contains(tag, "/ledger") {
					<-time.After(300 * time.Millisecond) // a slow server
				}
				return nil
			}
		})
		ledger := result.Ledger
		assert.Equal(t, 30, ledger.Of)
		assert.Positive(t, ledger.Objects)
		assert.Less(t, ledger.Objects, 30)
		assert.Equal(t, "chosen at random: at most 10 % of the session's time is for the ledger", ledger.Note)
	})
}

// The ledger compares with the history.
func TestMissingHistoryInTheLedgerIsAHarnessError(t *testing.T) {
	result := sessiontest.Conduct(t, session.Options{Plans: 2, OnRun: func(r harness.Run) {
		if r.Number == 1 && r.Outcome != nil {
			assert.NoError(t, os.Remove(r.Outcome.Path))
		}
	}}, nil)
	assert.Equal(t, harness.Harness, result.Verdict)
	require.Len(t, result.Failures, 1)
	assert.Contains(t, result.Failures[0].Sentence, "read the history again")
}

// The objects of loads are read again as those of programs are, and a loss at the last kill
// is found on them.
func TestLedgerCoversTheObjectsOfLoads(t *testing.T) {
	draw := func(n int) generators.Plan {
		p := sessiontest.PlainPlan(n)
		p.Load = generators.Load{Clients: 4, Objects: 4, Seed: uint64(n), Between: 20, Operations: []string{"counter add"}}
		return p
	}
	t.Run("all of them", func(t *testing.T) {
		result := sessiontest.Conduct(t, session.Options{Plans: 3, Draw: draw}, nil)
		require.Equal(t, 3, result.Counts[harness.Pass])
		assert.Equal(t, 3*5, result.Ledger.Of)
		assert.Equal(t, 3*5, result.Ledger.Objects)
	})
	t.Run("a loss", func(t *testing.T) {
		result := sessiontest.Conduct(t, session.Options{Plans: 2, Draw: draw}, func(w *harnesstest.Wired) {
			var key atomic.Value
			w.Sending = func(tag, _ string) error {
				if run, name, _ := strings.Cut(tag, "/"); strings.HasPrefix(name, "load-2-") && strings.HasSuffix(run, "-0") {
					key.Store(run + "-counter-1002")
				}
				return nil
			}
			kills := 0
			w.Killing = func() {
				if kills++; kills == 2*sessiontest.KillsOfAPlan+1 {
					call(t, w.Runtime.Endpoints(), key.Load().(string), model.CounterReset{})
				}
			}
		})
		require.Equal(t, harness.Violation, result.Verdict)
		require.Len(t, result.Failures, 1)
		r := result.Failures[0]
		assert.True(t, r.Ledger)
		assert.Equal(t, model.Object{Kind: model.Counter, N: 1002}, r.Check.Broken().Object)
	})
}

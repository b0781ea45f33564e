package harness

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
	"retain/model"
	"retain/runtime"
	"retain/runtime/ingress"
	"retain/runtime/simulated"
)

// plainPlan has one kill in its program, which ends with one more. What it leaves
// is a counter at 3.
func plainPlan(int) generators.Plan { return generators.StartAndStop(generators.Kill) }

const killsOfAPlan = 2

// sessionOf has a session with a [Wired] runtime; arrange is told of each.
func sessionOf(t *testing.T, o Options, arrange func(*Wired)) *Session {
	t.Helper()
	o.Open = func(_ context.Context, s runtime.Settings) (*System, error) {
		w := &Wired{Runtime: simulated.New(simulated.Options{Settings: s, Nonce: "n"})}
		if arrange != nil {
			arrange(w)
		}
		return &System{Runtime: w, Control: w, Nonce: "n", Shared: simulated.Shared()}, nil
	}
	if o.Draw == nil {
		o.Draw = plainPlan
	}
	o.Dir, o.Late = t.TempDir(), -1
	if o.Bounds == (Bounds{}) {
		o.Bounds = quick
	}
	session, err := Conduct(t.Context(), o)
	require.NoError(t, err)
	left, err := filepath.Glob(filepath.Join(o.Dir, "running", "*"))
	require.NoError(t, err)
	assert.Empty(t, left, "no history is left behind")
	return session
}

// call makes a call that is on nobody's record.
func call(t *testing.T, ep runtime.Endpoints, key string, op model.Operation) {
	c := ingress.New(ep)
	defer c.Close()
	result := c.Try(t.Context(), ingress.Call{ObjectKey: key, Op: op})
	assert.NotNil(t, result.Answer, result.Detail)
}

// forgetful loses what a plan left, at the kill with this number.
func forgetful(t *testing.T, w *Wired, kill, plan int) {
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

// TestALossAtTheLastKillIsFound: what the first or the last plan left is gone
// with the kill at the session's end, when every plan has passed.
func TestALossAtTheLastKillIsFound(t *testing.T) {
	for _, victim := range []int{0, 2} {
		session := sessionOf(t, Options{Plans: 3}, func(w *Wired) { forgetful(t, w, 3*killsOfAPlan+1, victim) })
		require.Equal(t, Violation, session.Verdict)
		assert.Equal(t, map[Verdict]int{Pass: 2, Violation: 1}, session.Counts)
		require.Len(t, session.Failures, 1)
		r := session.Failures[0]
		require.NoError(t, r.Problem)
		assert.True(t, r.Ledger)
		assert.Equal(t, victim, r.Number)
		assert.Equal(t, r.Check.Reason, r.Sentence, "the guarantee is the checker's")
		assert.Equal(t, plainPlan(0), r.Plan)
		assert.Equal(t, 3, session.Tally.Plans, "a plan counts once")

		file, err := os.Open(filepath.Join(r.Dir, HistoryFile))
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
		assert.Equal(t, []string{"kill", "start"}, []string{kill.Kind, start.Kind})
		assert.Less(t, kill.End.Ns, start.Begin.Ns)
		assert.Less(t, start.End.Ns, last.Call.Ns, "one clock")
		assert.Greater(t, kill.Begin.Ns, h.Operations[len(h.Operations)-3].Return.Ns)
		back := h.Recoveries[len(h.Recoveries)-1]
		assert.GreaterOrEqual(t, back.Down, kill.Begin.Ns)
		assert.Less(t, back.Canary, last.Call.Ns)
	}
}

// TestALedgerReadsEverything that a session left, on every runtime.
func TestALedgerReadsEverything(t *testing.T) {
	for name, o := range map[string]Options{
		"one runtime": {Plans: 3}, "two runtimes": {Plans: 4, Workers: 2}, "each plan its own": {Plans: 3, Fresh: true},
	} {
		t.Run(name, func(t *testing.T) {
			var kills atomic.Int32
			session := sessionOf(t, o, func(w *Wired) { w.Killing = func() { kills.Add(1) } })
			assert.Equal(t, Pass, session.Verdict)
			ledger := session.Ledger
			assert.Equal(t, Ledger{Objects: o.Plans, Of: o.Plans, Reads: 2 * o.Plans, Took: ledger.Took}, ledger, "a counter is read shared and exclusive")
			assert.Positive(t, ledger.Took)
			assert.Equal(t, o.Plans*killsOfAPlan, session.Tally.Faults["kill"], "the ledger's kills prove nothing of the plans")
			least := o.Plans*killsOfAPlan + 1
			if o.Fresh {
				least = o.Plans * (killsOfAPlan + 1)
			}
			assert.GreaterOrEqual(t, int(kills.Load()), least)
		})
	}
}

// TestARuntimeThatLeavesHasItsLedgerThen: a replay's runtime serves one plan, and
// loses what it left with the kill after it. The session ends there.
func TestARuntimeThatLeavesHasItsLedgerThen(t *testing.T) {
	session := sessionOf(t, Options{Plans: 3, Fresh: true}, func(w *Wired) { forgetful(t, w, killsOfAPlan+1, 1) })
	require.Equal(t, Violation, session.Verdict)
	require.Len(t, session.Failures, 1)
	assert.Equal(t, 1, session.Failures[0].Number)
	assert.Equal(t, map[Verdict]int{Pass: 1, Violation: 1}, session.Counts)
}

// TestARuntimeThatDoesNotComeBackForTheLedger is a violation like any other, once.
func TestARuntimeThatDoesNotComeBackForTheLedger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bounds := Bounds{Recovery: time.Second, Completion: time.Second}
		session := sessionOf(t, Options{Plans: 2, Bounds: bounds}, func(w *Wired) {
			w.Dialling = func() error {
				if w.starts.Load() > 2*killsOfAPlan+1 {
					return errCut
				}
				return nil
			}
		})
		require.Equal(t, Violation, session.Verdict)
		require.Len(t, session.Failures, 1)
		r := session.Failures[0]
		assert.True(t, r.Ledger)
		assert.Equal(t, "the runtime comes back after a restart", r.Outcome.Liveness.Guarantee)
		assert.Zero(t, session.Ledger.Objects)
		assert.Equal(t, 2, session.Ledger.Of)
		assert.NotEmpty(t, session.Ledger.Note)
	})
}

// TestAServerThatEndsDuringTheLedger by itself: the reads that it interrupts are
// no findings of their own.
func TestAServerThatEndsDuringTheLedger(t *testing.T) {
	session := sessionOf(t, Options{Plans: 3}, func(w *Wired) {
		w.Sending = func(tag, _ string) error {
			if strings.Contains(tag, "ledger") {
				_ = w.Runtime.Kill(context.Background())
			}
			return nil
		}
	})
	require.Equal(t, Violation, session.Verdict)
	require.Len(t, session.Failures, 1)
	assert.Equal(t, "the runtime runs until it is told to end", session.Failures[0].Outcome.Liveness.Guarantee)
	assert.Equal(t, map[Verdict]int{Pass: 2, Violation: 1}, session.Counts)
}

// TestAnotherServerInTheLedgerIsTheHarnesssAffair.
func TestAnotherServerInTheLedgerIsTheHarnesssAffair(t *testing.T) {
	kills := 0
	var sys *System
	o := Options{Plans: 2, Draw: plainPlan, Dir: t.TempDir(), Bounds: quick, Open: func(_ context.Context, s runtime.Settings) (*System, error) {
		w := &Wired{Runtime: simulated.New(simulated.Options{Settings: s, Nonce: "n"})}
		w.Killing = func() {
			if kills++; kills > 2*killsOfAPlan {
				sys.Nonce = "another"
			}
		}
		sys = &System{Runtime: w, Control: w, Nonce: "n", Shared: simulated.Shared()}
		return sys, nil
	}}
	session, err := Conduct(t.Context(), o)
	require.NoError(t, err)
	assert.Equal(t, Harness, session.Verdict)
	assert.Equal(t, map[Verdict]int{Pass: 1, Harness: 1}, session.Counts)
}

// TestAViolationHasNoLedger: nothing more is learnt from its runtime, and the
// session ends.
func TestAViolationHasNoLedger(t *testing.T) {
	kills := 0
	session := sessionOf(t, Options{Plans: 3}, func(w *Wired) {
		forgetful(t, w, killsOfAPlan+2, 1)
		forgets := w.Killing
		w.Killing = func() { kills++; forgets() }
	})
	require.Equal(t, Violation, session.Verdict)
	assert.False(t, session.Failures[0].Ledger)
	assert.Equal(t, 2*killsOfAPlan+1, kills, "and one for a second look at the violation")
	assert.Equal(t, Ledger{Of: 1, Note: "a runtime had failed"}, session.Ledger)
}

// TestALedgerTakesATenthOfTheTime at most, and says what it left out.
func TestALedgerTakesATenthOfTheTime(t *testing.T) {
	s := &session{Options: Options{Workers: 2}, began: time.Now().Add(-time.Minute)}
	sys := &System{up: true, served: []served{{plan: plainPlan(0)}}}
	until := func(closing, due bool) (time.Duration, string) {
		u, why := s.grant(t.Context(), sys, closing, due)
		return time.Until(u).Round(time.Second), why
	}
	left, why := until(true, false)
	assert.Empty(t, why)
	assert.Equal(t, 12*time.Second, left, "a tenth of a minute, of two workers")
	left, _ = until(false, false)
	assert.Equal(t, 6*time.Second, left, "what leaves earlier has half of it")

	s.audits = audits{spent: 10 * time.Second, once: 3 * time.Second}
	_, why = until(true, false)
	assert.Equal(t, sampled, why, "the kill and the start would take longer")
	left, why = until(true, true)
	assert.Empty(t, why, "the session's own is due")
	assert.Equal(t, 6*time.Second, left)
	s.audits.once = time.Second
	_, why = until(false, false)
	assert.Equal(t, sampled, why)

	s.Fresh = true
	u, why := s.grant(t.Context(), sys, false, false)
	assert.Empty(t, why)
	assert.Zero(t, u, "a replay's is whole")
	sys.unfit = true
	_, why = until(true, true)
	assert.Equal(t, "a runtime had failed", why)
}

// TestALedgerThatRunsOutOfTimeIsASample.
func TestALedgerThatRunsOutOfTimeIsASample(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		session := sessionOf(t, Options{Plans: 30}, func(w *Wired) {
			w.Answering = func(tag string) error {
				if strings.Contains(tag, "/ledger") {
					<-time.After(300 * time.Millisecond) // a slow server
				}
				return nil
			}
		})
		ledger := session.Ledger
		assert.Equal(t, 30, ledger.Of)
		assert.Positive(t, ledger.Objects)
		assert.Less(t, ledger.Objects, 30)
		assert.Equal(t, sampled, ledger.Note)
	})
}

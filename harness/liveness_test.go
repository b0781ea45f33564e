package harness

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/generators"
	"retain/harness/internal/harnesstest"
	"retain/model"
	"retain/runtime"
	"retain/runtime/ingress"
	"retain/runtime/simulated"
	"retain/service"
)

// fails plays steps on a system whose run does not get to its end.
func fails(t *testing.T, s *System, steps ...generators.Step) (*Outcome, error) {
	plan := generators.Plan{Steps: steps}
	require.NoError(t, generators.Validate(plan))
	out, err := Execute(t.Context(), s, plan, Execution{ID: "run", Path: filepath.Join(t.TempDir(), "h.jsonl"), Bounds: quick})
	require.NotNil(t, out)
	assert.NotEmpty(t, s.Retired, "such a runtime is not used again")
	require.NoError(t, out.History.Validate())
	return out, err
}

var restarted = []generators.Step{
	harnesstest.Operate(1, 0, counter, model.CounterAdd{Delta: 1}),
	harnesstest.Inject(2, model.Kill, generators.InPlace{}),
	harnesstest.Inject(3, model.Start, generators.InPlace{}),
	harnesstest.Operate(4, 0, counter, model.CounterGet{}),
}

// The violation names the last milestone that the server reached.
func TestServerThatDoesNotComeBackIsAViolation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := WiredSystem(t, simulated.Options{Timings: harnesstest.Slow})
		w.Dialling = func() error {
			if w.Starts.Load() > 1 {
				return &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
			}
			return nil
		}
		began := time.Now()
		out, err := fails(t, s, restarted...)
		require.NoError(t, err)
		require.NotNil(t, out.Liveness)
		assert.Equal(t, "the runtime comes back after a restart", out.Liveness.Guarantee.String())
		assert.Contains(t, out.Liveness.Detail, "never accepted a connection")
		assert.Contains(t, out.Liveness.Detail, "connection refused")
		assert.GreaterOrEqual(t, time.Since(began), quick.Recovery, "the whole recovery is waited for")
		assert.Less(t, time.Since(began), quick.Recovery+2*time.Second)
		assert.Equal(t, "ended before it was ready", out.fault(3).Detail)
		assert.NotZero(t, out.History.Recoveries[0].Spawned)
		assert.Zero(t, out.History.Recoveries[0].Port)
	})
}

// Nothing was acknowledged yet.
func TestServerThatWasNeverReadyIsAHarnessError(t *testing.T) {
	for _, age := range []int{0, 3} {
		synctest.Test(t, func(t *testing.T) {
			s, w := WiredSystem(t, simulated.Options{Timings: harnesstest.Slow})
			s.plans = age
			w.Dialling = func() error { return harnesstest.ErrCut }
			out, err := fails(t, s, restarted...)
			if age > 0 {
				require.NoError(t, err)
				require.NotNil(t, out.Liveness, "it had served plans before")
				return
			}
			assert.Nil(t, out.Liveness)
			require.ErrorIs(t, err, errTooLong)
			assert.ErrorContains(t, err, "never ready since it was first started")
		})
	}
}

// slowToStop is a runtime that takes its time to stop.
type slowToStop struct {
	*harnesstest.Wired
	takes time.Duration
}

func (s *slowToStop) Stop(ctx context.Context) (runtime.Exit, error) {
	time.Sleep(s.takes) // on the simulated clock
	return s.Wired.Stop(ctx)
}

// A start that a stop overtook did not fail to come back, however long the stop takes.
func TestStopDuringAStartIsNoLateRecovery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := WiredSystem(t, simulated.Options{Timings: harnesstest.Slow})
		s.Runtime = &slowToStop{Wired: w, takes: 2 * quick.Recovery}
		w.Dialling = func() error {
			if w.Starts.Load() == 2 {
				return harnesstest.ErrCut // nobody can call the second incarnation
			}
			return nil
		}
		out := play(t, s, generators.Config{},
			harnesstest.Inject(1, model.Kill, generators.InPlace{}),
			harnesstest.Inject(2, model.Start, generators.InPlace{}),
			harnesstest.Inject(3, model.Stop, generators.Starting{Milestone: generators.Spawned}),
			harnesstest.Inject(4, model.Start, generators.InPlace{}),
			harnesstest.Operate(5, 0, counter, model.CounterAdd{Delta: 1}))
		assert.Nil(t, out.Liveness)
		assert.Equal(t, model.OK, out.step(5).Outcome)
	})
}

// The run ends at once.
func TestWrongServerAfterARestartIsAHarnessError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := WiredSystem(t, simulated.Options{Timings: harnesstest.Slow})
		w.Killing = func() { s.Nonce = "another" } // what it expects is another's from now on
		began := time.Now()
		out, err := fails(t, s, restarted...)
		assert.ErrorIs(t, err, ingress.ErrWrongServer)
		assert.Nil(t, out.Liveness)
		assert.Less(t, time.Since(began), quick.Recovery/2)
	})
}

// A server that ends while it should be up, or right before its stop or kill, violates
// a guarantee. It is no error of the harness.
func TestServerThatEndsByItselfIsAViolation(t *testing.T) {
	crash := func(w *harnesstest.Wired) { _ = w.Runtime.Kill(context.Background()) }
	for name, arrange := range map[string]func(t *testing.T, w *harnesstest.Wired){
		"right before a kill": func(t *testing.T, w *harnesstest.Wired) {
			w.Killing = func() { crash(w) }
		},
		"while it starts": func(t *testing.T, w *harnesstest.Wired) {
			var n atomic.Int32
			w.Dialling = func() error {
				if w.Starts.Load() == 2 && n.Add(1) == 1 {
					go crash(w)
				}
				return nil
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, w := WiredSystem(t, simulated.Options{Timings: harnesstest.Slow})
				arrange(t, w)
				out, err := fails(t, s, restarted...)
				require.NoError(t, err)
				require.NotNil(t, out.Liveness)
				assert.Equal(t, "the runtime runs until it is told to end", out.Liveness.Guarantee.String())
			})
		})
	}
}

func TestEndCausedByThePlanIsNoCrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := WiredSystem(t, simulated.Options{Timings: harnesstest.Slow})
		var steps []generators.Step
		for i := range 10 {
			kind := model.Kill
			if i%2 == 0 {
				kind = model.Stop
			}
			steps = append(steps,
				harnesstest.Operate(3*i+1, 0, counter, model.CounterAdd{Delta: 1}),
				harnesstest.Inject(3*i+2, kind, generators.InPlace{}),
				harnesstest.Inject(3*i+3, model.Start, generators.InPlace{}))
		}
		out := play(t, s, generators.Config{}, steps...)
		assert.Len(t, out.History.Recoveries, 11)
	})
}

// hanging is a call that is never answered: its answer is held back for good.
func hanging(w *harnesstest.Wired, tags ...string) (release func()) {
	done := make(chan struct{})
	w.Answering = func(tag string) error {
		for _, hangs := range tags {
			if tag == hangs {
				<-done
				return harnesstest.ErrCut
			}
		}
		return nil
	}
	return func() { close(done) }
}

// An operation beyond its bound is stuck if probes of its partition are answered
// meanwhile, even slowly. Without an answer, or with none after the first few, the
// runtime is not back.
func TestStuckOperationNeedsAnsweredProbes(t *testing.T) {
	const stuck, gone = "an accepted operation finishes", "the runtime comes back after a restart"
	for name, c := range map[string]struct {
		// probe is how long probe number n takes, from 1; it fails if negative.
		probe func(n int) time.Duration
		want  string
	}{
		"quick probes":               {func(int) time.Duration { return 0 }, stuck},
		"slow probes":                {func(int) time.Duration { return 4 * time.Second }, stuck},
		"seldom probes":              {func(n int) time.Duration { return time.Duration(n%3-1) * time.Second }, stuck},
		"no probes":                  {func(int) time.Duration { return -1 }, gone},
		"probes that hang":           {func(int) time.Duration { return time.Hour }, gone},
		"some probes, and then none": {func(n int) time.Duration { return time.Duration(5-n) * time.Second }, gone},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, w := WiredSystem(t, simulated.Options{Timings: harnesstest.Slow})
				defer hanging(w, "run/look-counter-0-0")()
				var late atomic.Bool
				var n atomic.Int32
				looked := harnesstest.Observed(w, "run/look-counter-0-0", service.Finished)
				go func() { <-looked; late.Store(true) }()
				w.Pinging = func(ctx context.Context) error {
					if !late.Load() {
						return nil
					}
					d := c.probe(int(n.Add(1)))
					if d < 0 {
						return harnesstest.ErrCut
					}
					select {
					case <-time.After(d):
					case <-ctx.Done():
					}
					return nil
				}
				out, err := fails(t, s, harnesstest.Operate(1, 0, counter, model.CounterAdd{Delta: 1}))
				require.NoError(t, err)
				require.NotNil(t, out.Liveness)
				assert.Equal(t, c.want, out.Liveness.Guarantee.String(), out.Liveness.Detail)
				assert.Equal(t, out.History.Operations[out.Liveness.Operation-1].Phase, model.Look)
				assert.Contains(t, out.Liveness.Detail, "counter-0 get()")
				if c.want == stuck {
					assert.GreaterOrEqual(t, n.Load(), int32(enoughProbes))
				}
			})
		})
	}
}

// The runtime is up and leaves an operation unanswered. The reads after the heal tell a
// stuck operation from a slow one.
func TestProgramIsCutShortAfterATimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := WiredSystem(t, simulated.Options{Timings: harnesstest.Slow})
		defer hanging(w, "run/1")()
		plan := generators.Plan{Config: generators.Config{Resolve: generators.LeaveOpen}, Steps: []generators.Step{
			harnesstest.Operate(1, 0, counter, model.CounterAdd{Delta: 1}),
			harnesstest.Inject(2, model.Stop, generators.InPlace{}),
			harnesstest.Inject(3, model.Start, generators.InPlace{}),
			harnesstest.Operate(4, 1, register, model.RegisterWrite{Value: "v4"}),
			harnesstest.Operate(5, 2, register, model.RegisterRead{}),
			harnesstest.Inject(6, model.Kill, generators.AtGate{Step: 4}),
		}}
		out, err := Execute(t.Context(), s, plan, Execution{ID: "run", Path: filepath.Join(t.TempDir(), "h.jsonl"), Bounds: quick})
		require.NoError(t, err)
		assert.Nil(t, out.Liveness, "slow is no violation")
		assert.Equal(t, model.TimedOut, out.step(1).Reason)
		assert.Zero(t, out.fault(2), "the rest is left out")
		assert.Zero(t, out.step(4).ID)
		assert.Contains(t, out.History.Notes, "operation 1 had no answer for 1s on a runtime that is up: the rest of the program is left out")
		assert.Equal(t, model.Look, out.History.Operations[1].Phase)
	})
}

func TestStallOfThisProcessExcusesALateAnswer(t *testing.T) {
	late := &Liveness{Guarantee: model.Guarantee{Code: model.OperationFinishes}, Detail: "operation 3"}
	assert.Equal(t, error(late), excused(late, maxHeartbeatGap))
	err := excused(late, maxHeartbeatGap+time.Millisecond)
	var l *Liveness
	assert.False(t, errors.As(err, &l), "it is an error of the harness now")
	assert.ErrorContains(t, err, "stood still for 5.001s")
	assert.ErrorContains(t, err, late.Error())
	assert.Equal(t, harnesstest.ErrCut, excused(harnesstest.ErrCut, time.Hour), "other errors stay")
	assert.NoError(t, excused(nil, time.Hour))
}

func TestHeartbeatMeasuresTheLongestGap(t *testing.T) {
	start := time.Now()
	p := &heartbeat{last: start}
	for _, beat := range []struct{ at, worst time.Duration }{
		{100 * time.Millisecond, 0}, {200 * time.Millisecond, 0}, {6300 * time.Millisecond, 6 * time.Second}, {6400 * time.Millisecond, 6 * time.Second},
	} {
		assert.Equal(t, beat.worst, p.beat(start.Add(beat.at)))
	}
	p = &heartbeat{last: start.Add(-7 * time.Second)}
	assert.Greater(t, p.worst(), 6*time.Second, "a gap that is not over counts")

	synctest.Test(t, func(t *testing.T) {
		p := startHeartbeat()
		defer p.stop()
		time.Sleep(time.Minute) // on the simulated clock
		assert.Zero(t, p.worst())
	})
}

// An interruption is no violation.
func TestInterruptedRunEndsSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := WiredSystem(t, simulated.Options{Timings: harnesstest.Slow})
		ctx, cancel := context.WithCancelCause(t.Context())
		g := w.Arm("run/1", service.Before)
		go func() { <-g.Held(); cancel(harnesstest.ErrCut) }()
		out, err := Execute(ctx, s, generators.Plan{Steps: restarted}, Execution{ID: "run", Path: filepath.Join(t.TempDir(), "h.jsonl"), Bounds: DefaultBounds})
		assert.ErrorIs(t, err, harnesstest.ErrCut)
		assert.Nil(t, out.Liveness)
		assert.Equal(t, model.LeftOpen, out.step(1).Reason)
		assert.Equal(t, model.Forever, out.step(1).Return)
	})
}

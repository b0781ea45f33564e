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
	out, err := execute(t.Context(), s, plan, "run", filepath.Join(t.TempDir(), "h.jsonl"), quick)
	require.NotNil(t, out)
	assert.NotEmpty(t, s.retired, "such a runtime is not used again")
	require.NoError(t, out.History.Validate())
	return out, err
}

var restarted = []generators.Step{
	operate(1, 0, counter, model.CounterAdd{Delta: 1}),
	inject(2, generators.Kill, generators.InPlace{}),
	inject(3, generators.Start, generators.InPlace{}),
	operate(4, 0, counter, model.CounterGet{}),
}

// TestARuntimeThatDoesNotComeBack says how far it came.
func TestARuntimeThatDoesNotComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := WiredSystem(t, simulated.Options{Timings: slow})
		w.Dialling = func() error {
			if w.starts.Load() > 1 {
				return &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
			}
			return nil
		}
		began := time.Now()
		out, err := fails(t, s, restarted...)
		require.NoError(t, err)
		require.NotNil(t, out.Liveness)
		assert.Equal(t, "the runtime comes back after a restart", out.Liveness.Guarantee)
		assert.Contains(t, out.Liveness.Detail, "never accepted a connection")
		assert.Contains(t, out.Liveness.Detail, "connection refused")
		assert.GreaterOrEqual(t, time.Since(began), quick.Recovery, "the whole recovery is waited for")
		assert.Less(t, time.Since(began), quick.Recovery+2*time.Second)
		assert.Equal(t, "ended before it was ready", out.fault(3).Detail)
		assert.NotZero(t, out.History.Recoveries[0].Spawned)
		assert.Zero(t, out.History.Recoveries[0].Port)
	})
}

// TestARuntimeThatWasNeverReadyIsTheHarnesssAffair: nothing of it is known yet.
func TestARuntimeThatWasNeverReadyIsTheHarnesssAffair(t *testing.T) {
	for _, age := range []int{0, 3} {
		synctest.Test(t, func(t *testing.T) {
			s, w := WiredSystem(t, simulated.Options{Timings: slow})
			s.plans = age
			w.Dialling = func() error { return errCut }
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
	*Wired
	takes time.Duration
}

func (s *slowToStop) Stop(ctx context.Context) (runtime.Exit, error) {
	time.Sleep(s.takes) // on the simulated clock
	return s.Wired.Stop(ctx)
}

// A start that a stop overtook did not fail to come back, however long the stop takes.
func TestAStopThatOvertakesAStartTakesItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := WiredSystem(t, simulated.Options{Timings: slow})
		s.Runtime = &slowToStop{Wired: w, takes: 2 * quick.Recovery}
		w.Dialling = func() error {
			if w.starts.Load() == 2 {
				return errCut // nobody can call the second life
			}
			return nil
		}
		out := play(t, s, generators.Config{},
			inject(1, generators.Kill, generators.InPlace{}),
			inject(2, generators.Start, generators.InPlace{}),
			inject(3, generators.Stop, generators.Starting{Milestone: generators.Spawned}),
			inject(4, generators.Start, generators.InPlace{}),
			operate(5, 0, counter, model.CounterAdd{Delta: 1}))
		assert.Nil(t, out.Liveness)
		assert.Equal(t, model.OK, out.step(5).Outcome)
	})
}

// TestAWrongServerAfterARestartIsTheHarnesssAffair, at once.
func TestAWrongServerAfterARestartIsTheHarnesssAffair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := WiredSystem(t, simulated.Options{Timings: slow})
		w.Killing = func() { s.Nonce = "another" } // what it expects is another's from now on
		began := time.Now()
		out, err := fails(t, s, restarted...)
		assert.ErrorIs(t, err, ingress.ErrWrongServer)
		assert.Nil(t, out.Liveness)
		assert.Less(t, time.Since(began), quick.Recovery/2)
	})
}

// TestAServerThatEndsByItself while it should be up, or right before it is told
// to: that is a violation, and not an error of the harness.
func TestAServerThatEndsByItself(t *testing.T) {
	crash := func(w *Wired) { _ = w.Runtime.Kill(context.Background()) }
	for name, arrange := range map[string]func(t *testing.T, w *Wired){
		"right before a kill": func(t *testing.T, w *Wired) {
			w.Killing = func() { crash(w) }
		},
		"while it starts": func(t *testing.T, w *Wired) {
			var n atomic.Int32
			w.Dialling = func() error {
				if w.starts.Load() == 2 && n.Add(1) == 1 {
					go crash(w)
				}
				return nil
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, w := WiredSystem(t, simulated.Options{Timings: slow})
				arrange(t, w)
				out, err := fails(t, s, restarted...)
				require.NoError(t, err)
				require.NotNil(t, out.Liveness)
				assert.Equal(t, "the runtime runs until it is told to end", out.Liveness.Guarantee)
			})
		})
	}
}

// TestWhatThePlanEndsIsNoCrash: every planned end, of every kind, is not one.
func TestWhatThePlanEndsIsNoCrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := WiredSystem(t, simulated.Options{Timings: slow})
		var steps []generators.Step
		for i := range 10 {
			kind := generators.Kill
			if i%2 == 0 {
				kind = generators.Stop
			}
			steps = append(steps,
				operate(3*i+1, 0, counter, model.CounterAdd{Delta: 1}),
				inject(3*i+2, kind, generators.InPlace{}),
				inject(3*i+3, generators.Start, generators.InPlace{}))
		}
		out := play(t, s, generators.Config{}, steps...)
		assert.Len(t, out.History.Recoveries, 11)
	})
}

// hanging is a call that is never answered: its answer is held back for good.
func hanging(w *Wired, tags ...string) (release func()) {
	done := make(chan struct{})
	w.Answering = func(tag string) error {
		for _, hangs := range tags {
			if tag == hangs {
				<-done
				return errCut
			}
		}
		return nil
	}
	return func() { close(done) }
}

// TestStuckIsNotSlow: an operation whose bound has passed is stuck if canaries of
// its partition are answered meanwhile, if slowly; if none is, the runtime is not
// back; if there are some and then none, the same.
func TestStuckIsNotSlow(t *testing.T) {
	const stuck, gone = "an accepted operation finishes", "the runtime comes back after a restart"
	for name, c := range map[string]struct {
		// canary is how long canary number n takes, from 1; it fails if negative.
		canary func(n int) time.Duration
		want   string
	}{
		"quick canaries":               {func(int) time.Duration { return 0 }, stuck},
		"slow canaries":                {func(int) time.Duration { return 4 * time.Second }, stuck},
		"seldom canaries":              {func(n int) time.Duration { return time.Duration(n%3-1) * time.Second }, stuck},
		"no canaries":                  {func(int) time.Duration { return -1 }, gone},
		"canaries that hang":           {func(int) time.Duration { return time.Hour }, gone},
		"some canaries, and then none": {func(n int) time.Duration { return time.Duration(5-n) * time.Second }, gone},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, w := WiredSystem(t, simulated.Options{Timings: slow})
				defer hanging(w, "run/look-counter-0-0")()
				var late atomic.Bool
				var n atomic.Int32
				looked := observed(w, "run/look-counter-0-0", service.Finished)
				go func() { <-looked; late.Store(true) }()
				w.Pinging = func(ctx context.Context) error {
					if !late.Load() {
						return nil
					}
					d := c.canary(int(n.Add(1)))
					if d < 0 {
						return errCut
					}
					select {
					case <-time.After(d):
					case <-ctx.Done():
					}
					return nil
				}
				out, err := fails(t, s, operate(1, 0, counter, model.CounterAdd{Delta: 1}))
				require.NoError(t, err)
				require.NotNil(t, out.Liveness)
				assert.Equal(t, c.want, out.Liveness.Guarantee, out.Liveness.Detail)
				assert.Equal(t, out.History.Operations[out.Liveness.Operation-1].Phase, model.Look)
				assert.Contains(t, out.Liveness.Detail, "counter-0 get()")
				if c.want == stuck {
					assert.GreaterOrEqual(t, n.Load(), int32(enoughCanaries))
				}
			})
		})
	}
}

// TestAProgramIsCutShort when a runtime that is up leaves an operation
// unanswered: the reads after the heal then tell stuck from slow.
func TestAProgramIsCutShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := WiredSystem(t, simulated.Options{Timings: slow})
		defer hanging(w, "run/1")()
		plan := generators.Plan{Config: generators.Config{Resolve: generators.LeaveOpen}, Steps: []generators.Step{
			operate(1, 0, counter, model.CounterAdd{Delta: 1}),
			inject(2, generators.Stop, generators.InPlace{}),
			inject(3, generators.Start, generators.InPlace{}),
			operate(4, 1, register, model.RegisterWrite{Value: "v4"}),
			operate(5, 2, register, model.RegisterRead{}),
			inject(6, generators.Kill, generators.AtGate{Step: 4}),
		}}
		out, err := execute(t.Context(), s, plan, "run", filepath.Join(t.TempDir(), "h.jsonl"), quick)
		require.NoError(t, err)
		assert.Nil(t, out.Liveness, "slow is no violation")
		assert.Equal(t, model.TimedOut, out.step(1).Reason)
		assert.Zero(t, out.fault(2), "the rest is left out")
		assert.Zero(t, out.step(4).ID)
		assert.Contains(t, out.History.Notes, "operation 1 had no answer for 1s on a runtime that is up: the rest of the program is left out")
		assert.Equal(t, model.Look, out.History.Operations[1].Phase)
	})
}

// TestAProcessThatStoodStillSaysNothing of what did not happen in time.
func TestAProcessThatStoodStillSaysNothing(t *testing.T) {
	late := &Liveness{Guarantee: "an accepted operation finishes", Detail: "operation 3"}
	assert.Equal(t, error(late), excused(late, maxPulseGap))
	err := excused(late, maxPulseGap+time.Millisecond)
	var l *Liveness
	assert.False(t, errors.As(err, &l), "it is an error of the harness now")
	assert.ErrorContains(t, err, "stood still for 5.001s")
	assert.ErrorContains(t, err, late.Error())
	assert.Equal(t, errCut, excused(errCut, time.Hour), "other errors stay")
	assert.NoError(t, excused(nil, time.Hour))
}

func TestThePulseSeesTheLongestGap(t *testing.T) {
	start := time.Now()
	p := &pulse{last: start}
	for _, beat := range []struct{ at, worst time.Duration }{
		{100 * time.Millisecond, 0}, {200 * time.Millisecond, 0}, {6300 * time.Millisecond, 6 * time.Second}, {6400 * time.Millisecond, 6 * time.Second},
	} {
		assert.Equal(t, beat.worst, p.beat(start.Add(beat.at)))
	}
	p = &pulse{last: start.Add(-7 * time.Second)}
	assert.Greater(t, p.worst(), 6*time.Second, "a gap that is not over counts")

	synctest.Test(t, func(t *testing.T) {
		p := startPulse()
		defer p.stop()
		time.Sleep(time.Minute) // on the simulated clock
		assert.Zero(t, p.worst())
	})
}

// TestARunThatIsInterruptedEndsSoon and nothing of it is a violation.
func TestARunThatIsInterruptedEndsSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := WiredSystem(t, simulated.Options{Timings: slow})
		ctx, cancel := context.WithCancelCause(t.Context())
		g := w.Arm("run/1", service.Before)
		go func() { <-g.Held(); cancel(errCut) }()
		out, err := execute(ctx, s, generators.Plan{Steps: restarted}, "run", filepath.Join(t.TempDir(), "h.jsonl"), DefaultBounds)
		assert.ErrorIs(t, err, errCut)
		assert.Nil(t, out.Liveness)
		assert.Equal(t, model.LeftOpen, out.step(1).Reason)
		assert.Equal(t, model.Forever, out.step(1).Return)
	})
}

// TestAStartOfAnotherVersionIsRefused: no version but the running one is
// accepted yet.
func TestAStartOfAnotherVersionIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := WiredSystem(t, simulated.Options{Timings: slow})
		_, err := fails(t, s,
			inject(1, generators.Kill, generators.InPlace{}),
			generators.Inject{ID: 2, Fault: generators.Start, Version: "1.6.2"})
		assert.ErrorContains(t, err, "step 2, start: the step names version 1.6.2, and this runtime is "+runtime.DefaultVersion)
	})
}

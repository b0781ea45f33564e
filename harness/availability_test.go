package harness

import (
	"context"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/generators"
	"retain/harness/internal/harnesstest"
	"retain/model"
	"retain/runtime/simulated"
)

func TestSpansAreBetweenAnswers(t *testing.T) {
	up := func(at ...int64) (out []mark) {
		for _, a := range at {
			out = append(out, mark{a, true})
		}
		return out
	}
	down := func(at ...int64) []mark {
		out := up(at...)
		for i := range out {
			out[i].up = false
		}
		return out
	}
	for name, c := range map[string]struct {
		marks [][]mark
		want  []model.Span
	}{
		"nothing":          {nil, nil},
		"one answer":       {[][]mark{up(3)}, []model.Span{{From: 3, To: 3, Up: true}}},
		"always up":        {[][]mark{up(1, 5, 9)}, []model.Span{{From: 1, To: 9, Up: true}}},
		"an outage":        {[][]mark{up(1, 5), down(7, 9), up(12, 15)}, []model.Span{{From: 1, To: 5, Up: true}, {From: 5, To: 12}, {From: 12, To: 15, Up: true}}},
		"told out of turn": {[][]mark{up(1, 12), down(7), up(5)}, []model.Span{{From: 1, To: 5, Up: true}, {From: 5, To: 12}, {From: 12, To: 12, Up: true}}},
		"not back":         {[][]mark{up(1, 5), down(7, 30)}, []model.Span{{From: 1, To: 5, Up: true}, {From: 5, To: 30}}},
		"down at first":    {[][]mark{down(2), up(4)}, []model.Span{{From: 2, To: 4}, {From: 4, To: 4, Up: true}}},
	} {
		t.Run(name, func(t *testing.T) {
			var p prober
			for _, some := range c.marks {
				for _, m := range some {
					p.mark(m.at, m.up)
				}
			}
			assert.Equal(t, c.want, p.spans())
		})
	}
}

// probed runs steps on a system with a prober, on the simulated clock.
func probed(t *testing.T, bounds Bounds, arrange func(*harnesstest.Wired), steps ...generators.Step) *Outcome {
	s, w := WiredSystem(t, simulated.Options{Timings: harnesstest.Slow})
	s.Probed = true
	arrange(w)
	out, err := Execute(t.Context(), s, generators.Plan{Config: generators.Config{NoClosingKill: true}, Steps: steps},
		Execution{ID: "run", Path: filepath.Join(t.TempDir(), "h.jsonl"), Bounds: bounds})
	require.NoError(t, err)
	return out
}

// The span is from the last answer before the kill to the first one after it, on disk
// too.
func TestRecoveryIsASpanWithoutAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := probed(t, quick, func(*harnesstest.Wired) {}, restarted...)
		h := out.History
		require.Len(t, h.Availability, 3)
		before, gone, after := h.Availability[0], h.Availability[1], h.Availability[2]
		assert.Equal(t, []bool{true, false, true}, []bool{before.Up, gone.Up, after.Up})
		kill, back := h.Faults[0], h.Recoveries[0]
		assert.LessOrEqual(t, before.To, kill.Begin.Ns)
		assert.GreaterOrEqual(t, before.To, out.step(1).Return.Ns, "an operation's answer is one")
		assert.Equal(t, before.To, gone.From)
		assert.Equal(t, gone.To, after.From)
		assert.InDelta(t, back.Probe, gone.To, float64(time.Millisecond))

		recovered := TallyOf(0, h).Recoveries[0]
		require.Len(t, recovered.Spans, 2)
		assert.Equal(t, Span{To: recovered.Spans[1].From}, recovered.Spans[0], "down from the server's end on")
		assert.InDelta(t, float64(recovered.Took()), float64(recovered.Spans[0].To), float64(time.Millisecond))
		assert.True(t, recovered.Spans[1].Up)
	})
}

// silent lets no probe through for a while after the operation was sent, which
// hangs as long.
func silent(tag string, d time.Duration) func(*harnesstest.Wired) {
	return func(w *harnesstest.Wired) {
		var until time.Time
		w.Sending = func(sent, _ string) error {
			if sent == tag {
				until = time.Now().Add(d)
			}
			return nil
		}
		w.Answering = func(answered string) error {
			if answered == tag {
				time.Sleep(time.Until(until)) // on the simulated clock
			}
			return nil
		}
		w.Pinging = func(context.Context) error {
			if time.Now().Before(until) {
				return harnesstest.ErrCut
			}
			return nil
		}
	}
}

// The silence must last longer than a recovery may take. It is no violation after a
// fault.
func TestServerThatIsUpAndSilentIsAViolation(t *testing.T) {
	bounds := Bounds{Recovery: 2 * time.Second, Completion: time.Minute}
	for name, c := range map[string]struct {
		silence time.Duration
		broken  bool
	}{"for too long": {2500 * time.Millisecond, true}, "for a moment": {1900 * time.Millisecond, false}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				out := probed(t, bounds, silent("run/1", c.silence),
					harnesstest.Operate(1, 0, counter, model.CounterAdd{Delta: 1}), harnesstest.Operate(2, 0, counter, model.CounterGet{}))
				quiet, _ := quietest(out.History)
				assert.InDelta(t, c.silence.Seconds(), quiet.Seconds(), 2*probeInterval.Seconds())
				if !c.broken {
					assert.Nil(t, out.Liveness)
					return
				}
				require.NotNil(t, out.Liveness)
				assert.Equal(t, "a runtime that is up answers", out.Liveness.Guarantee.String())
				assert.Contains(t, out.Liveness.Detail, "2s are allowed")
			})
		})
	}
}

// The server calls the handlers of all probes one after the other, those that were given
// up too.
func TestProbesLeaveASlowServerTimeToAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const call, silence = 300 * time.Millisecond, 10 * time.Second
		var asked, begun atomic.Int64
		turn := make(chan struct{}, 1) // a wait for a mutex would stop the simulated clock
		probed(t, Bounds{Recovery: 20 * time.Second, Completion: time.Minute}, func(w *harnesstest.Wired) {
			silent("run/1", silence)(w)
			w.Pinging = func(context.Context) error {
				asked.Add(1)
				turn <- struct{}{}
				defer func() { <-turn }()
				begun.Add(1)
				time.Sleep(call) // on the simulated clock
				return nil
			}
		}, harnesstest.Operate(1, 0, counter, model.CounterAdd{Delta: 1}))
		assert.Less(t, asked.Load()-begun.Load(), int64(8), "probes that wait for the handler")
		assert.Less(t, asked.Load(), 2*int64(silence/call))
	})
}

// The bound is that of -recovery.max.
func TestRecoveryBeyondItsBoundIsAViolation(t *testing.T) {
	for name, c := range map[string]struct {
		takes  time.Duration
		broken bool
	}{"longer": {2200 * time.Millisecond, true}, "as long as it may": {1800 * time.Millisecond, false}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var from time.Time
				out := probed(t, Bounds{Recovery: 2 * time.Second, Completion: time.Second}, func(w *harnesstest.Wired) {
					w.Pinging = func(context.Context) error {
						if w.Starts.Load() < 2 {
							return nil
						}
						if from.IsZero() {
							from = time.Now()
						}
						if time.Since(from) < c.takes {
							return harnesstest.ErrCut
						}
						return nil
					}
				}, restarted...)
				if !c.broken {
					assert.Nil(t, out.Liveness)
					return
				}
				require.NotNil(t, out.Liveness)
				assert.Equal(t, "the runtime comes back after a restart", out.Liveness.Guarantee.String())
				assert.Contains(t, out.Liveness.Detail, "no answer within 2s")
				last := out.History.Availability[len(out.History.Availability)-1]
				assert.False(t, last.Up)
			})
		})
	}
}

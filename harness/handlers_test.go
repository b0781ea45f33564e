package harness

import (
	"context"
	"errors"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/checker"
	"retain/generators"
	"retain/harness/internal/harnesstest"
	"retain/model"
	"retain/runtime"
	"retain/service"
)

// looked is a system whose handlers are looked for often.
func looked(t *testing.T, alive func(context.Context) error) *System {
	s := servedSystem(t)
	s.looks = handlerLooks{silence: 20 * time.Millisecond, between: 10 * time.Millisecond, bound: 50 * time.Millisecond}
	s.Alive = alive
	return s
}

var errNobody = errors.New("nobody listens there")

// added is a plan of an operation and another one.
var added = generators.Plan{Steps: []generators.Step{
	harnesstest.Operate(1, 0, counter, model.CounterAdd{Delta: 1}),
	harnesstest.Inject(2, model.Kill, generators.InPlace{}),
	harnesstest.Inject(3, model.Start, generators.InPlace{}),
}}

// Handlers go away before a plan or in it: the run ends long before its bounds have passed,
// and it is no violation.
func TestHandlersThatAreGoneEndTheRun(t *testing.T) {
	s := looked(t, func(context.Context) error { return errNobody })
	release := s.Control.Stall()
	defer release()
	bounds := Bounds{Recovery: time.Minute, Completion: time.Minute}
	began := time.Now()
	out, err := Execute(t.Context(), s, added, Execution{ID: "run", Path: filepath.Join(t.TempDir(), "h.jsonl"), Bounds: bounds})
	gone := (*HandlersGone)(nil)
	require.ErrorAs(t, err, &gone)
	assert.EqualError(t, gone, "the handlers under test do not answer any more: nobody listens there")
	assert.Less(t, time.Since(began), bounds.Recovery/2)
	assert.Nil(t, out.Liveness)
	assert.NotEmpty(t, s.Retired)
	r := Run{Outcome: out, Plan: added, Verdict: Harness}
	r.Judge(err, checker.Options{})
	assert.Equal(t, Harness, r.Verdict)
}

// enough waits for a few looks.
func enough(ctx context.Context, looks <-chan struct{}) {
	for range 5 {
		select {
		case <-looks:
		case <-ctx.Done():
		}
	}
}

// One look that fails is not enough, nor is one that has no end: the machine may have no time
// for the handlers.
func TestHandlersThatAreSlowAreNotGone(t *testing.T) {
	for name, alive := range map[string]func(ctx context.Context, number int) error{
		"away once": func(_ context.Context, number int) error {
			if number%2 == 0 {
				return nil
			}
			return errNobody
		},
		"slow": func(ctx context.Context, _ int) error {
			<-ctx.Done()
			return errNobody
		},
	} {
		t.Run(name, func(t *testing.T) {
			looks, number := make(chan struct{}, 1000), 0
			s := looked(t, func(ctx context.Context) error {
				number++
				looks <- struct{}{}
				return alive(ctx, number)
			})
			release := s.Control.Stall()
			go func() {
				enough(t.Context(), looks)
				release()
			}()
			playPlan(t, s, generators.Plan{Config: generators.Config{NoClosingKill: true}, Steps: added.Steps[:1]})
		})
	}
}

// slowProcess is a process that is away for some looks, while it is restarted and once it is
// frozen.
type slowProcess struct {
	service.Process
	looks <-chan struct{}
	away  *atomic.Bool
}

func (p slowProcess) Restart(ctx context.Context, another bool) error {
	p.away.Store(true)
	enough(ctx, p.looks)
	p.away.Store(false)
	return p.Process.Restart(ctx, another)
}

func (p slowProcess) Freeze() error {
	p.away.Store(true)
	return p.Process.Freeze()
}

func (p slowProcess) Thaw() error {
	p.away.Store(false)
	return p.Process.Thaw()
}

// A fault that keeps them away is not their end.
func TestHandlersThatAFaultKeepsAwayAreNotGone(t *testing.T) {
	for _, k := range []model.FaultKind{model.Crash, model.Freeze} {
		t.Run(string(k), func(t *testing.T) {
			var away atomic.Bool
			looks := make(chan struct{}, 1000)
			s := looked(t, func(context.Context) error {
				if !away.Load() {
					return nil
				}
				looks <- struct{}{}
				return errNobody
			})
			s.Service = slowProcess{s.Service, looks, &away}
			r := newRun(s, generators.Plan{}, newTestRecorder(t), "run", quick)
			r.state = ready
			ctx, fail := context.WithCancelCause(t.Context())
			r.fail = fail
			defer r.watchHandlers(ctx)()
			require.NoError(t, r.inject(ctx, generators.Inject{Fault: k}, func() {}))
			if k == model.Freeze {
				enough(ctx, looks)
			}
			r.leaveService()
			assert.NoError(t, context.Cause(ctx))
		})
	}
}

// Handlers that go away before they are known to the server.
func TestHandlersThatAreGoneEndTheRegistration(t *testing.T) {
	s := looked(t, func(context.Context) error { return errNobody })
	s.Deploy = func(ctx context.Context, _ runtime.Endpoints) (Deployed, error) {
		<-ctx.Done()
		return Deployed{}, context.Cause(ctx)
	}
	began := time.Now()
	err := s.deploy(t.Context())
	gone := (*HandlersGone)(nil)
	require.ErrorAs(t, err, &gone)
	assert.Less(t, time.Since(began), StartBound/4)
}

package lifecycle_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/runtime"
	"retain/runtime/lifecycle"
)

// fake is a server that ends some time after SIGTERM, and at once by SIGKILL.
type fake struct {
	*lifecycle.Incarnation
	drains time.Duration
	refuse error // of every request
}

func (f *fake) Terminate(context.Context) error {
	go func() {
		select {
		case <-time.After(f.drains):
			f.End(runtime.Exit{})
		case <-f.Done():
		}
	}()
	return f.refuse
}

func (f *fake) Kill(context.Context) error {
	if f.refuse == nil {
		f.End(runtime.Exit{Code: -1, Killed: true})
	}
	return f.refuse
}

func (f *fake) Pause(context.Context) error  { return f.refuse }
func (f *fake) Resume(context.Context) error { return f.refuse }

// up is a lifecycle whose server was started.
func up(t *testing.T, grace, drains time.Duration) (*lifecycle.Lifecycle, *fake) {
	var last *fake
	l := lifecycle.New("toy", grace, func(context.Context, runtime.StartOptions) (lifecycle.Server, error) {
		last = &fake{Incarnation: lifecycle.Begin(), drains: drains}
		return last, nil
	})
	require.NoError(t, l.Start(t.Context(), runtime.StartOptions{}))
	return l, last
}

func TestStopKillsAServerThatOutlastsTheGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _ := up(t, time.Second, time.Minute)
		exit, err := l.Stop(t.Context())
		require.NoError(t, err)
		assert.True(t, exit.Killed)
		assert.Equal(t, time.Second, exit.Took)
		assert.Equal(t, time.Now(), exit.At)
	})
}

func TestStopWaitsWithoutGraceForTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _ := up(t, 0, time.Hour)
		exit, err := l.Stop(t.Context())
		require.NoError(t, err)
		assert.True(t, exit.Graceful())
		assert.Equal(t, time.Hour, exit.Took)
	})
}

func TestStopWhoseContextEndsLeavesTheServerStopping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _ := up(t, time.Minute, time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		_, err := l.Stop(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		_, ended := l.LastExit()
		assert.False(t, ended)
		<-l.Exited()
		exit, ended := l.LastExit()
		assert.True(t, ended)
		assert.True(t, exit.Graceful(), "it was not killed")
	})
}

// A context that has ended does not hide the end of a server.
func TestCloseWithAnEndedContextKillsTheServer(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 50 {
		l, _ := up(t, time.Minute, time.Second)
		require.NoError(t, l.Close(ctx))
		exit, ended := l.LastExit()
		assert.True(t, ended)
		assert.True(t, exit.Killed)
	}
}

func TestErrorsNameTheTransitionAndTheServer(t *testing.T) {
	l, f := up(t, time.Minute, time.Second)
	f.refuse = errors.New("refused")
	_, err := l.Stop(t.Context())
	require.ErrorContains(t, err, "stop the toy: refused")
	require.ErrorContains(t, l.Kill(t.Context()), "kill the toy: refused")
	require.ErrorContains(t, l.Pause(t.Context()), "pause the toy: refused")
	require.ErrorContains(t, l.Resume(t.Context()), "resume the toy: refused")
	f.refuse = nil
	require.NoError(t, l.Kill(t.Context()))
	require.ErrorContains(t, l.Kill(t.Context()), "kill the toy: the server is not in the right state for this: it is not up")
}

// A start that fails may have begun an incarnation, which can be waited for.
func TestStartThatFailsKeepsWhatItBegan(t *testing.T) {
	begun := &fake{Incarnation: lifecycle.Begin()}
	l := lifecycle.New("toy", time.Minute, func(context.Context, runtime.StartOptions) (lifecycle.Server, error) {
		return begun, errors.New("no ports")
	})
	require.ErrorContains(t, l.Start(t.Context(), runtime.StartOptions{}), "start the toy: no ports")
	require.ErrorIs(t, l.Start(t.Context(), runtime.StartOptions{}), runtime.ErrState, "it may be up")
	require.NoError(t, l.Kill(t.Context()))
	<-l.Exited()
}

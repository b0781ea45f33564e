package harness

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/harness/internal/harnesstest"
	"retain/runtime"
	"retain/runtime/simulated"
)

// complaining is a runtime whose server logs the same error ten times a second.
type complaining struct {
	runtime.Runtime
	since time.Time
}

func (c complaining) Logs(offset int64) ([]byte, error) {
	var log strings.Builder
	for n := range int(time.Since(c.since) / (100 * time.Millisecond)) {
		fmt.Fprintf(&log, "2026-11-29T15:11:17.%06dZ ERROR log_server: write failed: Sync writes has to enable WAL.\n", n)
	}
	return []byte(log.String())[min(offset, int64(log.Len())):], nil
}

// backingOff is a runtime whose server logs the same error ever later, as 1.6.2 with one
// partition and without its log was seen to do.
type backingOff struct {
	runtime.Runtime
	since time.Time
}

func (b backingOff) Logs(offset int64) ([]byte, error) {
	var log strings.Builder
	for n, ms := range []int64{3400, 3700, 4400, 5500, 7500, 11700, 17000, 22100, 27300, 32500} {
		if time.Since(b.since).Milliseconds() >= ms {
			fmt.Fprintf(&log, "2026-11-29T15:11:17.%06dZ ERROR log_server: write failed: Sync writes has to enable WAL.\n", n)
		}
	}
	return []byte(log.String())[min(offset, int64(log.Len())):], nil
}

func TestServerThatTriesEverLaterIsGivenUpWithin10s(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := WiredSystem(t, simulated.Options{Timings: harnesstest.Slow})
		s.Runtime, s.GiveUp, s.answered = backingOff{s.Runtime, time.Now()}, EarlyGiveUp, false
		w.Spoiling = func(tag string) string { return harnesstest.Response(503, "") }
		began := time.Now()
		_, err := fails(t, s, restarted...)
		require.NotNil(t, RefusalIn(err), "%v", err)
		assert.Less(t, time.Since(began), 10*time.Second)
	})
}

func TestServerThatRepeatsAnErrorIsGivenUpBeforeItsBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := WiredSystem(t, simulated.Options{Timings: harnesstest.Slow})
		s.Runtime, s.GiveUp, s.answered = complaining{s.Runtime, time.Now()}, EarlyGiveUp, false
		w.Spoiling = func(tag string) string { return harnesstest.Response(503, "") }
		began := time.Now()
		_, err := fails(t, s, restarted...)
		require.NotNil(t, RefusalIn(err), "%v", err)
		assert.Equal(t, RefusedByError, RefusalIn(err).Reason)
		assert.ErrorContains(t, err, "logged the same error")
		assert.ErrorContains(t, err, "Sync writes has to enable WAL.")
		assert.Less(t, time.Since(began), 6*time.Second)
	})
}

// What sessions do: a server that logs errors may come up all the same.
func TestServerThatRepeatsAnErrorIsAwaitedWithoutGiveUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := WiredSystem(t, simulated.Options{Timings: harnesstest.Slow})
		s.Runtime = complaining{s.Runtime, time.Now()}
		w.Spoiling = func(string) string { return harnesstest.Response(503, "") }
		began := time.Now()
		_, err := fails(t, s, restarted...)
		assert.Nil(t, RefusalIn(err), "%v", err)
		assert.GreaterOrEqual(t, time.Since(began), s.GiveUp.Span+10*time.Second)
	})
}

func TestBootGivesUpAServerThatRepeatsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, m := booting(func(ctx context.Context, _ *movable, _ runtime.Endpoints) (Deployed, error) {
			<-ctx.Done() // nobody answers
			return Deployed{}, ctx.Err()
		})
		s.Runtime, s.GiveUp = complaining{m, time.Now()}, EarlyGiveUp
		began := time.Now()
		err := s.Boot(t.Context())
		require.NotNil(t, RefusalIn(err), "%v", err)
		assert.Less(t, time.Since(began), 6*time.Second)
		require.NoError(t, s.Shutdown(t.Context()))
	})
}

func TestRefusalSaysWhatTheServerDid(t *testing.T) {
	assert.Equal(t, "not ready after 6.2 s, and logged the same error 214 times in 3.1 s: x",
		(&Refusal{Reason: RefusedByError, Line: "x", Times: 214, SpanMs: 3100, AfterMs: 6200}).Error())
	assert.Equal(t, "not ready after 6.2 s, and panicked: x", (&Refusal{Reason: RefusedByPanic, Line: "x", AfterMs: 6200}).String())
	assert.Equal(t, "refuses a setting: x", (&Refusal{Reason: RefusedSetting, Line: "x"}).String())
	ended := &Refusal{Reason: RefusedByEnd, Line: "x", Exit: "exit 1"}
	assert.Equal(t, "ended before it was ready (exit 1): x", ended.String())
	assert.ErrorIs(t, ended, errEndedEarly)
}

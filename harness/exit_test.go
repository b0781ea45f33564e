package harness

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/harness/internal/harnesstest"
	"retain/model"
	"retain/runtime"
	"retain/runtime/ingress"
	"retain/runtime/simulated"
)

// left is a runtime whose server ended.
type left struct {
	runtime.Runtime
	exit runtime.Exit
}

func (left) Exited() <-chan struct{} { return nil }

func (l left) LastExit() (runtime.Exit, bool) { return l.exit, true }

func TestEndOfTheServerIsDescribedByItsExit(t *testing.T) {
	var l *Liveness
	require.ErrorAs(t, endedByItself(left{exit: runtime.Exit{Code: 3}}), &l)
	assert.Contains(t, l.Detail, "exit code 3")
	require.ErrorAs(t, endedByItself(left{exit: runtime.Exit{Code: -1}}), &l)
	assert.Contains(t, l.Detail, "a signal")
	require.ErrorAs(t, endedByItself(left{}), &l)
	assert.Contains(t, l.Detail, "exit code 0, as after a SIGTERM, which was not ours")
	err := endedByItself(left{exit: runtime.Exit{Code: -1, Killed: true}})
	assert.NotErrorAs(t, err, &l, "no server kills itself: it is the machine's affair")
	assert.ErrorContains(t, err, "SIGKILL")
}

// An answer that no probe gives is a violation if this session started the server, and a
// failure of the harness if another server may have given it.
func TestAnswerThatNoProbeGivesIsAViolationOfOurServer(t *testing.T) {
	for name, c := range map[string]struct {
		times int32
		ours  bool
	}{"once": {1, true}, "several times": {3, true}, "always": {1 << 30, false}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, w := WiredSystem(t, simulated.Options{Timings: harnesstest.Slow})
				var n atomic.Int32
				w.Spoiling = func(tag string) string {
					if tag == "" && w.Starts.Load() > 1 && n.Add(1) <= c.times {
						return harnesstest.Response(200, "")
					}
					return ""
				}
				out, err := fails(t, s, restarted...)
				if !c.ours {
					require.ErrorIs(t, err, ingress.ErrWrongServer)
					assert.Nil(t, out.Liveness)
					return
				}
				require.NoError(t, err)
				require.NotNil(t, out.Liveness)
				assert.Equal(t, "a call is answered with its own answer", out.Liveness.Guarantee.String())
				assert.Contains(t, out.Liveness.Detail, `the probe was answered with "", and with its nonce when it was asked again`)
				assert.Equal(t, out.Liveness, excused(out.Liveness, time.Hour), "a wrong answer is not a late one")
			})
		})
	}
}

// A call that is refused for ever was never accepted.
func TestCallRefusedInEveryAttemptViolatesAcceptance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := WiredSystem(t, simulated.Options{Timings: harnesstest.Slow})
		w.Spoiling = func(tag string) string {
			if tag == "" {
				return ""
			}
			return harnesstest.Response(404, `{"code":404,"message":"no such service"}`)
		}
		out, err := fails(t, s, restarted...)
		require.NoError(t, err)
		require.NotNil(t, out.Liveness)
		assert.Equal(t, "a call of a registered handler is accepted", out.Liveness.Guarantee.String())
		assert.Regexp(t, `was refused in each of \d+ attempts for .*; the last time: .*no such service`, out.Liveness.Detail)
	})
}

func TestRefusalsOfFinishedAttemptsAreCounted(t *testing.T) {
	end := model.Instant{Seq: 9}
	refused := model.Attempt{End: end, Status: 404, Reason: model.Rejected, Detail: "404 no such service"}
	for name, c := range map[string]struct {
		attempts []model.Attempt
		last     string
		refused  int
		all      bool
	}{
		"none":                   {},
		"refused":                {[]model.Attempt{refused, refused}, "404 no such service", 2, true},
		"and one under way":      {[]model.Attempt{refused, {}}, "404 no such service", 1, true},
		"an error":               {[]model.Attempt{refused, {End: end, Status: 500, Reason: model.Unavailable, Detail: "500 internal"}}, "500 internal", 1, false},
		"nothing the last time":  {[]model.Attempt{refused, {End: end, Reason: model.TimedOut, Detail: "deadline"}}, "", 1, false},
		"nothing but at the end": {[]model.Attempt{{End: end, Reason: model.TimedOut}, refused}, "404 no such service", 1, false},
	} {
		last, refused, all := refusals(c.attempts)
		assert.Equal(t, c.last, last, name)
		assert.Equal(t, c.refused, refused, name)
		assert.Equal(t, c.all, all, name)
	}
}

// killedForMemory is a server that Docker says was killed for want of memory.
type killedForMemory struct{ runtime.Runtime }

func (killedForMemory) Exited() <-chan struct{} { return nil }

func (killedForMemory) LastExit() (runtime.Exit, bool) {
	return runtime.Exit{Killed: true, OutOfMemory: true}, true
}

// Whose memory ran out is decided later.
func TestOOMKilledContainerIsNoViolation(t *testing.T) {
	err := endedByItself(killedForMemory{})
	require.ErrorIs(t, err, ErrKilled)
	require.ErrorIs(t, err, ErrOutOfMemory)
	assert.ErrorContains(t, err, "OOMKilled")
}

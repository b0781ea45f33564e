package process

import (
	goruntime "runtime"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/runtime"
	"retain/runtime/resources"
)

func itoa(n int) string { return strconv.Itoa(n) }

// Wrappers that stay, as a script does that has something left to do.
func TestWrapperScriptsStopGracefullyAndLeaveNothing(t *testing.T) {
	for name, body := range map[string]string{
		"hands arguments on and stays": `"$server" "$@"
exit $?`,
		"becomes the server":        `exec "$server" "$@"`,
		"knows no arguments":        `exec "$server"`,
		"hands SIGTERM on":          `"$server" "$@" & child=$!; trap 'kill -TERM $child' TERM; wait $child; code=$?; while kill -0 $child 2>/dev/null; do wait $child; code=$?; done; exit $code`,
		"a shell in between stays":  `sh -c '"$0" "$@"; exit $?' "$server" "$@"`,
		"configures it differently": `RESTATE_SHUTDOWN_TIMEOUT=10s exec "$server" "$@"`,
	} {
		t.Run(name, func(t *testing.T) {
			r := newRuntime(t, runtime.Settings{}, WithBinary(script(t, body)))
			ctx := bounded(t, time.Minute)
			assert.Equal(t, runtime.DefaultVersion, r.Identity().Version)

			require.NoError(t, r.Start(ctx, runtime.StartOptions{}))
			healthy(t, r)
			group := groupOf(r.pid())
			exit, err := r.Stop(ctx)
			require.NoError(t, err)
			assert.True(t, exit.Graceful(), exit.String())
			log, err := r.Logs(0)
			require.NoError(t, err)
			assert.NotContains(t, string(log), "during an ongoing shutdown", "it got SIGTERM twice")

			require.NoError(t, r.Start(ctx, runtime.StartOptions{}))
			healthy(t, r)
			for pid := range groupOf(r.pid()) {
				group[pid] = true
			}
			require.NoError(t, r.Kill(ctx))
			for pid := range group {
				assert.False(t, alive(pid), "process %d is left", pid)
			}
			last, _ := r.LastExit()
			assert.True(t, last.Killed)
		})
	}
}

// fake answers --version as the server does, and then does something else.
func fake(t *testing.T, body string) string {
	return script(t, `[ "$1" = --version ] && exec "$server" --version
`+body)
}

// deafRuntime runs a program that ignores SIGTERM once it has written a line.
func deafRuntime(t *testing.T) *Runtime {
	r := newRuntime(t, runtime.Settings{}, WithBinary(fake(t, `trap '' TERM
echo deaf
while :; do sleep 1000; done`)))
	r.Grace = 300 * time.Millisecond
	return r
}

func TestStopGraceIsLongEnough(t *testing.T) {
	assert.GreaterOrEqual(t, newRuntime(t, runtime.Settings{}).Grace, 65*time.Second)
}

// Children of the leader belong to the server. They end without a signal to the leader.
func TestServerIsUpUntilTheLastChildOfItsLeaderEnds(t *testing.T) {
	r := newRuntime(t, runtime.Settings{}, WithBinary(fake(t, `sleep 1000 & sleep 1000 & exit 0`)))
	ctx := bounded(t, time.Minute)
	require.NoError(t, r.Start(ctx, runtime.StartOptions{}))
	eventually(t, "the leader is still there", func() bool { return !alive(r.pid()) })
	_, ended := r.LastExit()
	assert.False(t, ended, "its children still run")
	require.NoError(t, r.Kill(ctx))
	exit, _ := r.LastExit()
	assert.True(t, exit.Killed)
}

func TestExitCode137IsAKill(t *testing.T) {
	r := newRuntime(t, runtime.Settings{}, WithBinary(fake(t, `sh -c 'kill -KILL $$'; exit $?`)))
	require.NoError(t, r.Start(bounded(t, time.Minute), runtime.StartOptions{}))
	<-r.Exited()
	exit, _ := r.LastExit()
	assert.True(t, exit.Killed, "%+v", exit)
}

// The server dies of a limit of its own within milliseconds.
func TestLimitsOfServerThatEndedAreKnown(t *testing.T) {
	if goruntime.GOOS != "linux" {
		t.Skip("needs Linux's /proc")
	}
	r := newRuntime(t, runtime.Settings{}, WithBinary(fake(t, "ulimit -n 77; exec false")))
	assert.Empty(t, r.LastLimits())
	ctx := bounded(t, time.Minute)
	require.NoError(t, r.Start(ctx, runtime.StartOptions{}))
	eventually(t, "it has not ended", func() bool { _, ended := r.LastExit(); return ended })
	var limits []uint64
	for _, l := range r.LastLimits() {
		if l.Kind == resources.Descriptors {
			assert.Equal(t, "the server that ended is limited to 77 descriptors", l.String())
			limits = append(limits, l.Size)
		}
	}
	assert.Equal(t, []uint64{77}, limits)
}

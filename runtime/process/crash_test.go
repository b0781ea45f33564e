package process

import (
	"context"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/runtime/reaper"
	"retain/runtime/runtimetest"
)

// another starts this test binary as a session of its own, over the program and in the
// same cache.
func another(t *testing.T, program string) (*runtimetest.Child, sessionReport) {
	var report sessionReport
	child, err := runtimetest.StartChild(childVariable+"="+program, &report)
	require.NoError(t, err)
	t.Cleanup(child.Kill)
	require.Empty(t, report.Failed)
	return child, report
}

// The next session sweeps. A second session that is alive is not touched.
func TestSweepRemovesWhatAKilledSessionLeft(t *testing.T) {
	direct, staying := native(t).Path, script(t, `"$server" "$@"
exit $?`)
	t.Setenv(reaper.EnvCache, t.TempDir())
	live, alongside := another(t, direct)
	for name, program := range map[string]string{"server": direct, "wrapper": staying} {
		t.Run(name, func(t *testing.T) {
			killed, report := another(t, program)
			require.NotEmpty(t, report.Group)
			require.DirExists(t, report.Dir)
			killed.Kill()
			for _, pid := range report.Group {
				eventually(t, "the server outlives its session", func() bool { return !alive(pid) })
			}
			swept, err := reaper.Sweep(bounded(t, 30*time.Second))
			require.NoError(t, err)
			assert.Equal(t, reaper.Swept{Sessions: 1, Live: 1, Dirs: 1}, swept)
			assert.NoDirExists(t, report.Dir)
		})
	}
	assert.True(t, alive(alongside.Server), "the live session's server was touched")
	assert.DirExists(t, alongside.Dir)
	assert.True(t, answers(bounded(t, 30*time.Second), http.DefaultClient, alongside.Admin+"/health"))
	http.DefaultClient.CloseIdleConnections()
	require.NoError(t, live.End())
	assert.NoDirExists(t, alongside.Dir)
}

// Neither the parent-death signal nor the guardian ended them. Some are children in
// another process group.
func TestSweepFindsProcessesOfAWrapper(t *testing.T) {
	if _, err := os.Stat("/proc/self/environ"); err != nil {
		t.Skip("other systems than Linux do not show a process's environment: ", err)
	}
	unguarded := script(t, `[ "$1" = --version ] && exec "$server" "$@"
setsid "$server" &
wait`)
	t.Setenv(reaper.EnvCache, t.TempDir())
	killed, report := another(t, unguarded)
	killed.Kill()
	eventually(t, "the wrapper outlives its session", func() bool { return !alive(report.Server) })
	require.True(t, answers(bounded(t, 5*time.Second), http.DefaultClient, report.Admin+"/health"), "the server that got away must be up for this test to show anything")
	swept, err := reaper.Sweep(bounded(t, 30*time.Second))
	require.NoError(t, err)
	assert.Equal(t, reaper.Swept{Sessions: 1, Processes: 1, Dirs: 1}, swept)
	assert.False(t, answers(bounded(t, 5*time.Second), http.DefaultClient, report.Admin+"/health"))
}

func answersSoon(url string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for ctx.Err() == nil {
		if answers(ctx, &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, url) {
			return true
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
		}
	}
	return false
}

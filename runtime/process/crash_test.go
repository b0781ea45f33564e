package process

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/runtime/leftovers"
)

// another starts this test binary as a session of its own, over the program and
// in the same cache, and returns what it says of itself.
func another(t *testing.T, program string) (*exec.Cmd, io.Closer, sessionReport) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+program)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	require.NoError(t, err)
	var report sessionReport
	require.NoError(t, json.Unmarshal(line, &report))
	require.Empty(t, report.Failed)
	return cmd, stdin, report
}

// A session that is killed leaves nothing behind after the next one's sweep,
// and a second one that lives beside it is not touched.
func TestKilledSession(t *testing.T) {
	direct, staying := native(t).Path, script(t, `"$server" "$@"
exit $?`)
	t.Setenv(leftovers.EnvCache, t.TempDir())
	live, stdin, alongside := another(t, direct)
	for name, program := range map[string]string{"server": direct, "wrapper": staying} {
		t.Run(name, func(t *testing.T) {
			killed, _, report := another(t, program)
			require.NotEmpty(t, report.Group)
			require.DirExists(t, report.Dir)
			require.NoError(t, killed.Process.Kill())
			_ = killed.Wait()
			for _, pid := range report.Group {
				eventually(t, "the server outlives its session", func() bool { return !alive(pid) })
			}
			swept, err := leftovers.Sweep(bounded(t, 30*time.Second))
			require.NoError(t, err)
			assert.Equal(t, leftovers.Swept{Sessions: 1, Live: 1, Dirs: 1}, swept)
			assert.NoDirExists(t, report.Dir)
		})
	}
	assert.True(t, alive(alongside.Server), "the live session's server was touched")
	assert.DirExists(t, alongside.Dir)
	assert.True(t, answers(bounded(t, 30*time.Second), http.DefaultClient, alongside.Admin+"/health"))
	http.DefaultClient.CloseIdleConnections()
	require.NoError(t, stdin.Close())
	require.NoError(t, live.Wait())
	assert.NoDirExists(t, alongside.Dir)
}

// Where neither the parent-death signal nor the guardian did its work, the
// sweep finds the processes: a wrapper's children too, in another group even.
func TestSweepFindsProcesses(t *testing.T) {
	if _, err := os.Stat("/proc/self/environ"); err != nil {
		t.Skip("other systems than Linux do not show a process's environment: ", err)
	}
	unguarded := script(t, `[ "$1" = --version ] && exec "$server" "$@"
setsid "$server" &
wait`)
	t.Setenv(leftovers.EnvCache, t.TempDir())
	killed, _, report := another(t, unguarded)
	require.NoError(t, killed.Process.Kill())
	_ = killed.Wait()
	eventually(t, "the wrapper outlives its session", func() bool { return !alive(report.Server) })
	require.True(t, answers(bounded(t, 5*time.Second), http.DefaultClient, report.Admin+"/health"), "the server that got away must be up for this test to show anything")
	swept, err := leftovers.Sweep(bounded(t, 30*time.Second))
	require.NoError(t, err)
	assert.Equal(t, leftovers.Swept{Sessions: 1, Processes: 1, Dirs: 1}, swept)
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

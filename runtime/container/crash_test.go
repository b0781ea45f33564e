package container

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/runtime/binary"
	"retain/runtime/leftovers"
)

// another starts this test binary as a session of its own, in the same cache,
// and returns what it says of itself.
func another(t *testing.T) (*exec.Cmd, io.Closer, sessionReport) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"=1")
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
	docker := connect(t)
	// The servers come from the user's cache or image, the sessions are ours.
	_, err := binary.Install(bounded(t, 10*time.Minute), binary.Request{}, daemonPlatform(t, docker))
	require.NoError(t, err)
	newImage(t, docker)
	t.Setenv(leftovers.EnvCache, t.TempDir())

	live, stdin, alongside := another(t)
	killed, _, report := another(t)
	require.NoError(t, killed.Process.Kill())
	_ = killed.Wait()
	swept, err := leftovers.Sweep(bounded(t, time.Minute))
	require.NoError(t, err)
	assert.Equal(t, 1, swept.Sessions)
	assert.Equal(t, 1, swept.Live)
	if os.Getenv(reaperVariable) == "true" {
		// Else the reaper may have been quicker.
		assert.Equal(t, 1, swept.Containers)
		assert.Equal(t, 1, swept.Volumes)
	}
	assert.False(t, docker.hasContainer(t, report.Container))
	assert.False(t, docker.hasVolume(t, report.Volume))

	assert.True(t, docker.hasContainer(t, alongside.Container), "the live session's container was touched")
	assert.True(t, docker.hasVolume(t, alongside.Volume))
	assert.True(t, answers(bounded(t, 30*time.Second), alongside.Admin+"/health"))
	require.NoError(t, stdin.Close())
	require.NoError(t, live.Wait())
	assert.False(t, docker.hasContainer(t, alongside.Container))
	assert.False(t, docker.hasVolume(t, alongside.Volume))
}

// newImage has the image ready before the cache is another one.
func newImage(t *testing.T, d *daemon) {
	d.prepare(bounded(t, 5*time.Minute), func(string) {})
	_, err := d.image(bounded(t, 10*time.Minute), options{notice: func(string) {}}, "1.7.12")
	require.NoError(t, err)
}

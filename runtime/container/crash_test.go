package container

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/runtime/binary"
	"retain/runtime/reaper"
	"retain/runtime/runtimetest"
)

// another starts this test binary as a session of its own, in the same cache.
func another(t *testing.T) (*runtimetest.Child, sessionReport) {
	var report sessionReport
	child, err := runtimetest.StartChild(childVariable+"=1", &report)
	require.NoError(t, err)
	t.Cleanup(child.Kill)
	require.Empty(t, report.Failed)
	return child, report
}

// The next session sweeps. A second session that is alive is not touched.
func TestSweepRemovesContainersOfAKilledSession(t *testing.T) {
	docker := connect(t)
	// The servers come from the user's cache or image, the sessions are ours.
	_, err := binary.Install(bounded(t, 10*time.Minute), binary.Request{}, daemonPlatform(t, docker))
	require.NoError(t, err)
	newImage(t, docker)
	t.Setenv(reaper.EnvCache, t.TempDir())

	live, alongside := another(t)
	killed, report := another(t)
	killed.Kill()
	swept, err := reaper.Sweep(bounded(t, time.Minute))
	require.NoError(t, err)
	assert.Equal(t, 1, swept.Sessions)
	assert.Equal(t, 1, swept.Live)
	if os.Getenv(ryukVariable) == "true" {
		// Else the reaper may have been quicker.
		assert.Equal(t, 1, swept.Containers)
		assert.Equal(t, 1, swept.Volumes)
	}
	assert.False(t, docker.hasContainer(t, report.Container))
	assert.False(t, docker.hasVolume(t, report.Volume))

	assert.True(t, docker.hasContainer(t, alongside.Container), "the live session's container was touched")
	assert.True(t, docker.hasVolume(t, alongside.Volume))
	assert.True(t, answers(bounded(t, 30*time.Second), alongside.Admin+"/health"))
	require.NoError(t, live.End())
	assert.False(t, docker.hasContainer(t, alongside.Container))
	assert.False(t, docker.hasVolume(t, alongside.Volume))
}

// newImage has the image ready before the cache is another one.
func newImage(t *testing.T, d *daemon) {
	d.prepare(bounded(t, 5*time.Minute), func(string) {})
	_, err := d.image(bounded(t, 10*time.Minute), "", "1.7.12", func(string) {})
	require.NoError(t, err)
}

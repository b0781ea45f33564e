package container

import (
	"os"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/runtime"
)

// The container has less memory than a server needs. Where the daemon is on this
// machine, its processes and its volume are visible, and so is the kernel's kill.
func TestOutOfMemoryKillIsKnown(t *testing.T) {
	needsDocker(t)
	r, err := New(bounded(t, 2*time.Minute), runtime.Settings{Partitions: 1})
	require.NoError(t, err)
	defer func() { require.NoError(t, r.Close(bounded(t, time.Minute))) }()
	assert.Empty(t, r.Processes(), "it was not started")
	const limit = 40 << 20
	_, err = r.docker.ContainerUpdate(bounded(t, time.Minute), r.container.GetContainerID(),
		client.ContainerUpdateOptions{Resources: &container.Resources{Memory: limit, MemorySwap: limit}})
	require.NoError(t, err)
	require.NoError(t, r.Start(bounded(t, time.Minute), runtime.StartOptions{}))
	if _, err := os.Stat("/proc/self/cgroup"); err == nil && r.mountpoint != "" {
		assert.NotEmpty(t, r.Processes())
		assert.DirExists(t, r.Directory())
	}
	<-r.Exited()
	exit, over := r.LastExit()
	require.True(t, over)
	assert.True(t, exit.OutOfMemory)
	assert.True(t, exit.Killed)
	assert.Empty(t, r.Processes())
}

package container

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"retain/runtime/binary"
	"retain/runtime/reaper"
)

// probeMax is how long an image may take to say its version. A variable for the
// tests.
var probeMax = 30 * time.Second

// probed are the versions of the images that have been asked in this process.
var probed sync.Map // image id to string

// version asks the image for the server's version by running it with --version.
// An image that ignores that starts a server, which says it too and is ended.
func (d *daemon) version(ctx context.Context, owner *reaper.Owner, reference string) (string, error) {
	image, err := d.ImageInspect(ctx, reference)
	if err != nil {
		return "", fmt.Errorf("look at the image %s: %w", reference, err)
	}
	if known, ok := probed.Load(image.ID); ok {
		return known.(string), nil
	}
	command := arguments(image, "--version")
	limited, cancel := context.WithTimeout(ctx, probeMax)
	defer cancel()
	version, said, err := d.ask(limited, owner, reference, command)
	switch {
	case ctx.Err() != nil:
		return "", fmt.Errorf("ask the image %s for its version: %w", reference, context.Cause(ctx))
	case version != "":
		probed.Store(image.ID, version)
		return version, nil
	case limited.Err() != nil:
		said = fmt.Sprintf("it did not answer --version in %s", probeMax)
	case err != nil:
		return "", fmt.Errorf("ask the image %s for its version: %w", reference, err)
	}
	return "", fmt.Errorf("the image %s is %w: %s", reference, binary.ErrNotRestate, said)
}

// ask runs the image with the command. If that does not make it known, said is
// what it did instead.
func (d *daemon) ask(ctx context.Context, owner *reaper.Owner, reference string, command []string) (version, said string, err error) {
	made, err := d.ContainerCreate(ctx, client.ContainerCreateOptions{
		Config: &container.Config{
			Image: reference, Cmd: command, Labels: map[string]string{reaper.Label: owner.ID()},
			Env: []string{"DO_NOT_TRACK=1", "RESTATE_LOG_DISABLE_ANSI_CODES=true"},
		},
		HostConfig: &container.HostConfig{NetworkMode: "none", LogConfig: container.LogConfig{Type: "json-file"}},
	})
	if err != nil {
		// For example an image with no command at all.
		return "", firstLine(err), nil
	}
	defer d.discard(made.ID)
	if _, err := d.ContainerStart(ctx, made.ID, client.ContainerStartOptions{}); err != nil {
		return "", firstLine(err), nil
	}
	log, err := d.ContainerLogs(ctx, made.ID, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Follow: true})
	if err != nil {
		return "", "", err
	}
	defer log.Close()
	r, w := io.Pipe()
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		_, err := stdcopy.StdCopy(w, w, log)
		_ = w.CloseWithError(err)
	}()
	version, _, _ = binary.Recognise(r)
	_ = log.Close()
	_ = r.Close()
	<-copied
	return version, "--version does not make it say so", nil
}

// discard removes a container that is of no use any more. What it can't remove
// is left to the sweep.
func (d *daemon) discard(id string) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_, _ = d.ContainerRemove(ctx, id, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
}

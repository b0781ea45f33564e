package reaper

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
)

// dockerMax bounds the removal of one session's containers and volumes, so that
// a daemon that hangs does not hang the start of a session.
const dockerMax = 30 * time.Second

// removeDocker removes the containers and volumes that have the session's label
// from the daemon.
func removeDocker(ctx context.Context, host, id string) (containers, volumes int, err error) {
	ctx, cancel := context.WithTimeout(ctx, dockerMax)
	defer cancel()
	docker, err := client.New(client.FromEnv, client.WithHost(host))
	if err != nil {
		return 0, 0, fmt.Errorf("reach Docker at %s: %w", host, err)
	}
	defer docker.Close()
	ours := make(client.Filters).Add("label", Label+"="+id)

	list, err := docker.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: ours})
	if err != nil {
		return 0, 0, fmt.Errorf("list the containers at %s: %w", host, err)
	}
	var errs []error
	for _, c := range list.Items {
		_, err := docker.ContainerRemove(ctx, c.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
		if err == nil {
			containers++
		} else if !errdefs.IsNotFound(err) {
			errs = append(errs, fmt.Errorf("remove container %s: %w", c.ID, err))
		}
	}
	found, err := docker.VolumeList(ctx, client.VolumeListOptions{Filters: ours})
	if err != nil {
		return containers, 0, errors.Join(append(errs, fmt.Errorf("list the volumes at %s: %w", host, err))...)
	}
	for _, v := range found.Items {
		_, err := docker.VolumeRemove(ctx, v.Name, client.VolumeRemoveOptions{Force: true})
		if err == nil {
			volumes++
		} else if !errdefs.IsNotFound(err) {
			errs = append(errs, fmt.Errorf("remove volume %s: %w", v.Name, err))
		}
	}
	return containers, volumes, errors.Join(errs...)
}

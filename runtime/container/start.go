package container

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"

	"retain/runtime"
	"retain/runtime/lifecycle"
)

// begin starts the container, in place of which there is another one first if the
// start has another environment or version. Docker publishes its ports anew.
func (r *Runtime) begin(ctx context.Context, o runtime.StartOptions) (lifecycle.Server, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	server, err := r.servers.find(ctx, o.Version)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.configure(ctx, server, r.environment(o)); err != nil {
		return nil, err
	}
	id := r.container.GetContainerID()
	i, err := r.docker.run(ctx, id)
	if err != nil {
		r.undo(id)
		return nil, fmt.Errorf("start its container: %w", err)
	}
	r.last = i
	if err := r.readEndpoints(ctx, id); err != nil {
		r.undo(id)
		return i, err
	}
	return i, nil
}

// run starts a container and watches it until its end.
func (d *daemon) run(ctx context.Context, id string) (*incarnation, error) {
	// The wait begins before the start, so that no end is missed, and outlasts
	// the caller's context.
	waiting, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	wait := d.ContainerWait(waiting, id, client.ContainerWaitOptions{Condition: container.WaitConditionNextExit})
	if _, err := d.ContainerStart(ctx, id, client.ContainerStartOptions{}); err != nil {
		giveUp()
		return nil, err
	}
	i := &incarnation{Incarnation: lifecycle.Begin(), docker: d, id: id}
	go func() {
		defer giveUp()
		i.watch(wait)
	}()
	return i, nil
}

// configure makes sure that the container has an image and an environment. Those of a
// container can't be changed: another one takes its place, with the same volume and
// labels. The log of the one before is copied whole first.
func (r *Runtime) configure(ctx context.Context, s server, env map[string]string) error {
	if r.server == s && maps.Equal(r.env, env) {
		return nil
	}
	next, err := r.create(ctx, s.image, env)
	if err == nil {
		err = r.followLog(ctx, next.GetContainerID())
	}
	removing, cancel := context.WithTimeout(context.WithoutCancel(ctx), removeMax)
	defer cancel()
	if err != nil {
		return errors.Join(err, remove(removing, next)) // it may be there even with an error
	}
	before := r.container
	r.container, r.server, r.env = next, s, env
	return remove(removing, before)
}

// removeMax bounds the removal of a container.
const removeMax = 30 * time.Second

// remove removes a container, nil for none. One that runs ends by SIGKILL.
func remove(ctx context.Context, c testcontainers.Container) error {
	err := testcontainers.TerminateContainer(c, testcontainers.StopContext(ctx), testcontainers.StopTimeout(0))
	if err != nil {
		return fmt.Errorf("remove the container: %w", err)
	}
	return nil
}

// undo ends what a start that failed may have begun nevertheless.
func (r *Runtime) undo(id string) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_, _ = r.docker.ContainerKill(ctx, id, client.ContainerKillOptions{Signal: "SIGKILL"})
}

// readEndpoints reads where Docker published the ports this time.
func (r *Runtime) readEndpoints(ctx context.Context, id string) error {
	now, err := r.docker.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
	if err != nil {
		return fmt.Errorf("look up the ports of its container: %w", err)
	}
	if now.Container.State != nil {
		r.last.pid = now.Container.State.Pid
	}
	ingress, admin, err := served(r.env)
	if err != nil {
		return err
	}
	ports := network.PortMap{}
	if now.Container.NetworkSettings != nil {
		ports = now.Container.NetworkSettings.Ports
	}
	r.endpoints = runtime.Endpoints{Ingress: r.url(ports, ingress), Admin: r.url(ports, admin), Version: r.server.version}
	return nil
}

func (r *Runtime) url(ports network.PortMap, port network.Port) string {
	published := "0"
	for _, binding := range ports[port] {
		published = binding.HostPort
	}
	return "http://" + net.JoinHostPort(r.docker.published, published)
}

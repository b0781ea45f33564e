package container

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/testcontainers/testcontainers-go"

	"retain/internal/printable"
	"retain/runtime/loopback"
	"retain/runtime/reaper"
	"retain/service"
)

const (
	// portVariable says on which port handlers listen, as the official images of test
	// services have it, and defaultPort which one that is without it.
	portVariable = "PORT"
	defaultPort  = "9080"
	// lastLines are how many lines of a container's log an error has.
	lastLines = 3
	// serviceBound bounds what Docker is asked for a container of handlers.
	serviceBound = 30 * time.Second
)

// Service is a container of handlers, of any SDK. Its port is published on loopback. It is
// safe for concurrent use.
type Service struct {
	docker *daemon
	owner  *reaper.Owner
	image  string
	env    map[string]string
	port   network.Port // where they listen in the container

	mu        sync.Mutex // held during a start, too
	container testcontainers.Container
	published int          // where the container's port is on this machine
	last      *incarnation // nil before the first start
	killed    bool         // last was ended here
	failed    error        // how the start ended that came after that, nil for well
	closed    bool
}

var _ service.Process = (*Service)(nil)

// StartService starts a container of an image that is there or can be pulled, with variables
// in its environment. The handlers in it are not waited for. They listen on the port that
// PORT names, else on the only one that the image exposes, else on 9080.
func StartService(ctx context.Context, image string, env map[string]string, notice func(string)) (*Service, error) {
	owner, err := reaper.Session()
	if err != nil {
		return nil, err
	}
	docker, err := dialSoon(ctx)
	if err != nil {
		return nil, fmt.Errorf("start the service's image: %w", err)
	}
	s := &Service{docker: docker, owner: owner, image: image, env: env}
	if err := s.start(ctx, notice); err != nil {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), serviceBound)
		defer cancel()
		return nil, errors.Join(fmt.Errorf("start the service's image %s: %s", image, firstLine(err)), s.Close(closing))
	}
	return s, nil
}

func (s *Service) start(ctx context.Context, notice func(string)) error {
	if err := s.owner.OwnDocker(s.docker.host); err != nil {
		return err
	}
	s.docker.prepare(ctx, notice)
	if _, err := s.docker.image(ctx, s.image, "", notice); err != nil {
		return err
	}
	var err error
	if s.port, err = s.listensOn(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.startElsewhere(ctx)
}

// listensOn is where the handlers listen in the container.
func (s *Service) listensOn(ctx context.Context) (network.Port, error) {
	found, err := s.docker.ImageInspect(ctx, s.image)
	if err != nil {
		return network.Port{}, err
	}
	of, exposed := s.env[portVariable], ""
	if c := found.Config; c != nil {
		for _, pair := range c.Env {
			if name, value, _ := strings.Cut(pair, "="); name == portVariable {
				of = cmp.Or(of, value)
			}
		}
		if ports := slices.Collect(maps.Keys(c.ExposedPorts)); len(ports) == 1 {
			exposed, _, _ = strings.Cut(ports[0], "/")
		}
	}
	port, err := network.ParsePort(cmp.Or(of, exposed, defaultPort) + "/tcp")
	if err != nil {
		return port, fmt.Errorf("its %s is no port: %w", portVariable, err)
	}
	return port, nil
}

// startElsewhere starts another container, on a port of this machine that no container of the
// service had, and removes the one before. The caller holds the lock.
func (s *Service) startElsewhere(ctx context.Context) error {
	ctx, cancel := withinBound(ctx)
	defer cancel()
	var err error
	for range portTries {
		if err = s.replace(ctx); err != nil {
			return err
		}
		if err = s.run(ctx); err == nil || ctx.Err() != nil {
			break
		}
	}
	return err
}

// portTries is how often a container that can't be started is replaced by one on another
// port: somebody may have taken it.
const portTries = 3

// withinBound is a context for what Docker is asked.
func withinBound(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, serviceBound, fmt.Errorf("docker took longer than %s", serviceBound))
}

// replace makes another container in place of the one before. The port of a container is
// fixed, unless Docker chooses another one at each start.
func (s *Service) replace(ctx context.Context) error {
	port, socket, err := loopback.Draw()
	if err != nil {
		return err
	}
	_ = syscall.Close(socket)
	next, err := s.create(ctx, port)
	if err != nil {
		removing, cancel := context.WithTimeout(context.WithoutCancel(ctx), removeMax)
		defer cancel()
		return errors.Join(err, remove(removing, next)) // it may be there even with an error
	}
	before := s.container
	s.container, s.published = next, port
	return remove(ctx, before)
}

func (s *Service) create(ctx context.Context, published int) (testcontainers.Container, error) {
	all := map[string]string{portVariable: fmt.Sprint(s.port.Num())}
	maps.Copy(all, s.env)
	return testcontainers.GenericContainer(ctx, testcontainers.GenericContainerRequest{ContainerRequest: testcontainers.ContainerRequest{
		Image:        s.image,
		Labels:       map[string]string{reaper.Label: s.owner.ID()},
		Env:          all,
		ExposedPorts: []string{s.port.String()},
		HostConfigModifier: func(host *container.HostConfig) {
			host.PortBindings = network.PortMap{s.port: {{HostIP: s.docker.bind, HostPort: strconv.Itoa(published)}}}
			host.ExtraHosts = []string{hostName + ":host-gateway"}
			host.LogConfig = container.LogConfig{Type: "json-file"}
		},
	}})
}

// run starts the container.
func (s *Service) run(ctx context.Context) error {
	i, err := s.docker.run(ctx, s.container.GetContainerID())
	if err != nil {
		return err
	}
	s.last, s.killed = i, false
	return nil
}

// URL is the base URL of the handlers, under the name or address by which the caller reaches
// this machine; "" is that under which this process does.
func (s *Service) URL(dialHost string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.url(dialHost)
}

func (s *Service) url(dialHost string) string {
	return "http://" + net.JoinHostPort(cmp.Or(dialHost, s.docker.published), strconv.Itoa(s.published))
}

// Exited is closed when the container that was started last has ended, by itself or not.
func (s *Service) Exited() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last.Done()
}

// Ended says in one line how the container ended by itself, or did not start again; nil while
// it runs, or if it was ended here.
func (s *Service) Ended() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended()
}

// ended is [Service.Ended], called with s.mu held.
func (s *Service) ended() error {
	switch {
	case s.failed != nil:
		return s.failed
	case s.last == nil || s.killed || !s.last.Over():
		return nil
	}
	exit := s.last.Exit()
	how := fmt.Sprintf("with exit code %d", exit.Code)
	switch {
	case exit.OutOfMemory:
		how = "since its memory ran out (Docker says OOMKilled)"
	case exit.Killed:
		how = "by a SIGKILL that was not retain's"
	case exit.Code < 0:
		how = "by a signal that was not retain's"
	}
	return fmt.Errorf("the container of %s ended by itself %s%s", s.image, how, s.lastWords())
}

// lastWords are the last lines of the log, on one line.
func (s *Service) lastWords() string {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	entries, err := s.docker.tail(ctx, s.last.id, lastLines)
	if err != nil || len(entries) == 0 {
		return ", and printed nothing"
	}
	var lines []string
	for _, e := range entries {
		lines = append(lines, printable.Cut(strings.TrimSpace(e.text), 200))
	}
	return ", and printed last: " + strings.Join(lines, " | ")
}

// Close ends the container by SIGKILL and removes it. It is safe to call more than once.
func (s *Service) Close(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.container != nil {
		_ = s.kill(ctx) // one that ended by itself is removed all the same
		if err := remove(ctx, s.container); err != nil {
			return err
		}
	}
	return s.docker.Close()
}

package container

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"

	"retain/internal/printable"
	"retain/runtime/reaper"
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

// Service is a container of handlers, of any SDK. Its port is published on loopback.
type Service struct {
	docker    *daemon
	container testcontainers.Container
	image     string
	url       string
	ended     chan struct{}
	end       error // set when ended is closed
}

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
	s := &Service{docker: docker, image: image, ended: make(chan struct{})}
	if err := s.start(ctx, owner, env, notice); err != nil {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), serviceBound)
		defer cancel()
		return nil, errors.Join(fmt.Errorf("start the service's image %s: %s", image, firstLine(err)), s.Close(closing))
	}
	return s, nil
}

func (s *Service) start(ctx context.Context, owner *reaper.Owner, env map[string]string, notice func(string)) error {
	if err := owner.OwnDocker(s.docker.host); err != nil {
		return err
	}
	s.docker.prepare(ctx, notice)
	if _, err := s.docker.image(ctx, s.image, "", notice); err != nil {
		return err
	}
	port, err := s.port(ctx, env)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, serviceBound, fmt.Errorf("docker took longer than %s", serviceBound))
	defer cancel()
	if s.container, err = s.create(ctx, owner, env, port); err != nil {
		return err
	}
	if err := s.container.Start(ctx); err != nil {
		return err
	}
	return s.watch(ctx, port)
}

// port is where the handlers listen in the container.
func (s *Service) port(ctx context.Context, env map[string]string) (network.Port, error) {
	found, err := s.docker.ImageInspect(ctx, s.image)
	if err != nil {
		return network.Port{}, err
	}
	of, exposed := env[portVariable], ""
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

func (s *Service) create(ctx context.Context, owner *reaper.Owner, env map[string]string, port network.Port) (testcontainers.Container, error) {
	all := map[string]string{portVariable: fmt.Sprint(port.Num())}
	maps.Copy(all, env)
	return testcontainers.GenericContainer(ctx, testcontainers.GenericContainerRequest{ContainerRequest: testcontainers.ContainerRequest{
		Image:        s.image,
		Labels:       map[string]string{reaper.Label: owner.ID()},
		Env:          all,
		ExposedPorts: []string{port.String()},
		HostConfigModifier: func(host *container.HostConfig) {
			publish(host, s.docker.bind, port)
			host.ExtraHosts = []string{hostName + ":host-gateway"}
			host.LogConfig = container.LogConfig{Type: "json-file"}
		},
	}})
}

// watch reads where the port is published, and notes the end of the container.
func (s *Service) watch(ctx context.Context, port network.Port) error {
	id := s.container.GetContainerID()
	now, err := s.docker.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
	if err != nil {
		return err
	}
	published := ""
	if settings := now.Container.NetworkSettings; settings != nil {
		for _, binding := range settings.Ports[port] {
			published = binding.HostPort
		}
	}
	s.url = "http://" + net.JoinHostPort(s.docker.published, cmp.Or(published, "0"))
	wait := s.docker.ContainerWait(context.Background(), id, client.ContainerWaitOptions{Condition: container.WaitConditionNotRunning})
	go func() {
		defer close(s.ended)
		select {
		case end := <-wait.Result:
			s.end = fmt.Errorf("the container of %s ended by itself with exit code %d%s", s.image, end.StatusCode, s.last())
		case err := <-wait.Error:
			s.end = fmt.Errorf("the container of %s can't be watched: %w", s.image, err)
		}
	}()
	return nil
}

// last are the last lines of the log, on one line.
func (s *Service) last() string {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	entries, err := s.docker.tail(ctx, s.container.GetContainerID(), lastLines)
	if err != nil || len(entries) == 0 {
		return ", and printed nothing"
	}
	var lines []string
	for _, e := range entries {
		lines = append(lines, printable.Cut(strings.TrimSpace(e.text), 200))
	}
	return ", and printed last: " + strings.Join(lines, " | ")
}

// URL is the base URL of the handlers.
func (s *Service) URL() string { return s.url }

// Ended is closed when the container has ended, by itself or not.
func (s *Service) Ended() <-chan struct{} { return s.ended }

// End says how the container ended, in one line; nil while it runs.
func (s *Service) End() error {
	select {
	case <-s.ended:
		return s.end
	default:
		return nil
	}
}

// Close ends the container by SIGKILL and removes it. It is safe to call more than once.
func (s *Service) Close(ctx context.Context) error {
	if s.container != nil {
		if err := remove(ctx, s.container); err != nil {
			return err
		}
	}
	if s.url != "" {
		<-s.ended
	}
	return s.docker.Close()
}

package container

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/netip"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"

	"retain/runtime"
	"retain/runtime/binary"
	"retain/runtime/reaper"
)

const (
	// dataDir is where the volume is, configPath the configuration file, in the
	// container.
	dataDir    = "/restate-data"
	configPath = "/restate-config.toml"
	// hostName is this machine's name in the container.
	hostName = "host.docker.internal"
)

// environment is all that configures the server of a start. Settings.Env wins.
func (r *Runtime) environment(o runtime.StartOptions) map[string]string {
	env := map[string]string{
		"RESTATE_BASE_DIR":              dataDir,
		"RESTATE_INGRESS__BIND_ADDRESS": "0.0.0.0:8080",
		"RESTATE_ADMIN__BIND_ADDRESS":   "0.0.0.0:9070",
		// There is one node: no other one has to reach it, although the container of
		// the next incarnation has another address and name.
		"RESTATE_BIND_ADDRESS":       "127.0.0.1:5122",
		"RESTATE_ADVERTISED_ADDRESS": "http://127.0.0.1:5122/",
	}
	if r.settings.ConfigFile != "" {
		env["RESTATE_CONFIG"] = configPath
	}
	maps.Copy(env, binary.Environment(r.settings.With(o), r.cluster))
	return env
}

// inner is the port in the container that a bind address of the environment
// names.
func inner(address string) (network.Port, error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return network.Port{}, err
	}
	return network.ParsePort(port + "/tcp")
}

// served are the ports in a container of the environment.
func served(env map[string]string) (ingress, admin network.Port, err error) {
	if ingress, err = inner(env["RESTATE_INGRESS__BIND_ADDRESS"]); err != nil {
		return ingress, admin, fmt.Errorf("read RESTATE_INGRESS__BIND_ADDRESS: %w", err)
	}
	if admin, err = inner(env["RESTATE_ADMIN__BIND_ADDRESS"]); err != nil {
		return ingress, admin, fmt.Errorf("read RESTATE_ADMIN__BIND_ADDRESS: %w", err)
	}
	return ingress, admin, nil
}

// create makes a container for the lives of the server that have this image and
// environment. It may be there even with an error.
func (r *Runtime) create(ctx context.Context, image string, env map[string]string) (testcontainers.Container, error) {
	ingress, admin, err := served(env)
	if err != nil {
		return nil, err
	}
	about, err := r.docker.Info(ctx, client.InfoOptions{})
	if err != nil {
		return nil, fmt.Errorf("ask Docker what it can do: %w", err)
	}
	// The kernel drops a signal that a container's first process does not
	// handle (yet): SIGTERM to a server that is just starting would be lost,
	// and the stop end in a kill after 65 s. A small init passes it on.
	init := about.Info.InitBinary != ""
	request := testcontainers.ContainerRequest{
		Image:        image,
		Labels:       map[string]string{reaper.Label: r.owner.ID()},
		ExposedPorts: []string{ingress.String(), admin.String()},
		ConfigModifier: func(config *container.Config) {
			config.Env = binary.List(env, r.settings.Env) // in this order
		},
		HostConfigModifier: func(host *container.HostConfig) {
			host.Init = &init
			publish(host, r.docker.bind, ingress, admin)
			host.ExtraHosts = []string{hostName + ":host-gateway"}
			host.Mounts = []mount.Mount{{Type: mount.TypeVolume, Source: r.volume, Target: dataDir}}
			// The daemon's default may be a driver whose logs can not be read.
			host.LogConfig = container.LogConfig{Type: "json-file"}
		},
	}
	if r.settings.ConfigFile != "" {
		request.Files = []testcontainers.ContainerFile{{HostFilePath: r.settings.ConfigFile, ContainerFilePath: configPath, FileMode: 0o644}}
	}
	made, err := testcontainers.GenericContainer(ctx, testcontainers.GenericContainerRequest{ContainerRequest: request})
	if err != nil {
		return made, fmt.Errorf("make the server's container: %w", err)
	}
	return made, nil
}

// publish gives the ports addresses on the host. Docker chooses them at each
// start.
func publish(host *container.HostConfig, bind netip.Addr, ports ...network.Port) {
	host.PortBindings = network.PortMap{}
	for _, port := range ports {
		host.PortBindings[port] = []network.PortBinding{{HostIP: bind}}
	}
}

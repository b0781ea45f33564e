package container

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	goruntime "runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/moby/moby/client"
)

// ErrNoDocker is wrapped if there is no Docker that could run servers.
var ErrNoDocker = errors.New("no Docker for containers")

// availableMax bounds the look at Docker.
const availableMax = 2500 * time.Millisecond

// Available says in one line why containers can't be used here, or nil. It takes
// milliseconds, and less than 3 s if the daemon hangs.
func Available(ctx context.Context) error {
	d, err := dialSoon(ctx)
	if err != nil {
		return err
	}
	return d.Close()
}

// dialSoon is [dial] within [availableMax].
func dialSoon(ctx context.Context) (*daemon, error) {
	ctx, cancel := context.WithTimeout(ctx, availableMax)
	defer cancel()
	return dial(ctx)
}

// daemon is a Docker daemon that answers and whose ports can be reached.
type daemon struct {
	*client.Client
	host string // as in DOCKER_HOST
	// published is the host under which published ports are reached, bind the
	// address they are published on.
	published string
	bind      netip.Addr
	// gateway is the address of the bridge network on this machine, not valid
	// if that isn't on this machine (Docker Desktop).
	gateway netip.Addr
}

// dial finds the daemon in the order of testcontainers, which must come to the
// same, but never passes over one that the user has named.
func dial(ctx context.Context) (*daemon, error) {
	var last error
	for _, host := range hosts() {
		d, err := reach(ctx, host)
		if err == nil {
			return d, nil
		}
		if last == nil {
			last = err
		}
	}
	if last == nil {
		return nil, fmt.Errorf("%w: there is no socket %s; install and start Docker, or set DOCKER_HOST",
			ErrNoDocker, strings.TrimPrefix(client.DefaultDockerHost, "unix://"))
	}
	return nil, last
}

// hosts are where a daemon may listen.
func hosts() []string {
	if host := property("tc.host"); host != "" {
		return []string{host}
	}
	if host := os.Getenv(client.EnvOverrideHost); host != "" {
		return []string{host}
	}
	sockets := []string{strings.TrimPrefix(client.DefaultDockerHost, "unix://")}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		sockets = append(sockets, filepath.Join(dir, "docker.sock"))
	}
	if home, err := os.UserHomeDir(); err == nil {
		sockets = append(sockets, filepath.Join(home, ".docker", "run", "docker.sock"), filepath.Join(home, ".docker", "desktop", "docker.sock"))
	}
	sockets = append(sockets, filepath.Join("/run/user", strconv.Itoa(os.Getuid()), "docker.sock"))
	var found []string
	for i, socket := range sockets {
		if _, err := os.Stat(socket); err == nil {
			found = append(found, "unix://"+socket)
		}
		if host := property("docker.host"); i == 0 && host != "" {
			found = append(found, host)
		}
	}
	return found
}

// property is a value of testcontainers' configuration file in the home
// directory, "" if it isn't there.
func property(name string) string {
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	f, err := os.Open(filepath.Join(home, ".testcontainers.properties"))
	if err != nil {
		return ""
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		key, value, ok := strings.Cut(lines.Text(), "=")
		if ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// reach connects to the daemon.
func reach(ctx context.Context, host string) (*daemon, error) {
	docker, err := client.New(client.FromEnv, client.WithHost(host))
	if err != nil {
		return nil, fmt.Errorf("%w: reach it at %s: %w", ErrNoDocker, host, err)
	}
	d := &daemon{Client: docker, host: host}
	if err := d.check(ctx); err != nil {
		_ = docker.Close()
		return nil, err
	}
	return d, nil
}

func (d *daemon) check(ctx context.Context) error {
	ping, err := d.Ping(ctx, client.PingOptions{NegotiateAPIVersion: true})
	if err != nil {
		return fmt.Errorf("%w: it does not answer at %s: %s; start it, or set DOCKER_HOST", ErrNoDocker, d.host, firstLine(innermost(err)))
	}
	if ping.OSType != "" && ping.OSType != "linux" {
		return fmt.Errorf("%w: the one at %s runs containers for %s, not for linux", ErrNoDocker, d.host, ping.OSType)
	}
	d.gateway = d.bridge(ctx)
	d.published, d.bind, err = d.ports()
	return err
}

// overrideVariable names the host under which a daemon's ports are reached.
const overrideVariable = "TESTCONTAINERS_HOST_OVERRIDE"

// override is what the user has set it to; what prepare sets it to for
// testcontainers doesn't count.
func override() string {
	host := os.Getenv(overrideVariable)
	if ours, ok := overridden.Load().(string); ok && host == ours {
		return ""
	}
	return host
}

var overridden atomic.Value // string

// ports says how published ports are reached. They are published on loopback,
// so the daemon must be on this machine, unless the user says otherwise.
func (d *daemon) ports() (host string, bind netip.Addr, err error) {
	loopback := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	if host := override(); host != "" {
		if address, err := netip.ParseAddr(host); err == nil {
			return host, address, nil
		}
		return host, loopback, nil
	}
	at, err := url.Parse(d.host)
	if err != nil {
		return "", loopback, fmt.Errorf("%w: DOCKER_HOST %q is not an address", ErrNoDocker, d.host)
	}
	if name := at.Hostname(); at.Scheme != "unix" && name != "localhost" {
		if address, err := netip.ParseAddr(name); err != nil || !address.IsLoopback() {
			return "", loopback, fmt.Errorf("%w: the one at %s is on another machine, whose loopback ports can't be reached from here; if they can, set %s", ErrNoDocker, d.host, overrideVariable)
		}
	}
	if inContainer() && goruntime.GOOS == "linux" && !d.gateway.IsValid() {
		return "", loopback, fmt.Errorf("%w: the one at %s is outside of the container that this process is in, and its loopback ports can't be reached from here; if they can, set %s", ErrNoDocker, d.host, overrideVariable)
	}
	return loopback.String(), loopback, nil
}

// inContainer is how testcontainers knows that it runs in a container.
func inContainer() bool {
	_, err := os.Stat("/.dockerenv")
	return err == nil
}

// bridge is the address of the bridge network's gateway if it is one of this
// machine: what host.docker.internal:host-gateway stands for in a container.
func (d *daemon) bridge(ctx context.Context) netip.Addr {
	none := netip.Addr{}
	inspected, err := d.NetworkInspect(ctx, "bridge", client.NetworkInspectOptions{})
	if err != nil || goruntime.GOOS != "linux" {
		return none
	}
	candidates := map[netip.Addr]bool{}
	for _, config := range inspected.Network.IPAM.Config {
		switch {
		case config.Gateway.Is4():
			candidates[config.Gateway] = true
		case config.Subnet.Addr().Is4():
			// Not told before the first container: the first of the subnet.
			candidates[config.Subnet.Masked().Addr().Next()] = true
		}
	}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return none
	}
	for _, address := range addresses {
		if ip, ok := address.(*net.IPNet); ok {
			if local, ok := netip.AddrFromSlice(ip.IP); ok && candidates[local.Unmap()] {
				return local.Unmap()
			}
		}
	}
	return none
}

// innermost is what the network said, without the advice that clients put before
// it; the error itself where it was not the network.
func innermost(err error) error {
	var network *net.OpError
	if errors.As(err, &network) {
		return network
	}
	return err
}

// firstLine is an error as one line, short enough for a message.
func firstLine(err error) string {
	line, _, _ := strings.Cut(strings.TrimSpace(err.Error()), "\n")
	line = strings.TrimPrefix(line, "Error response from daemon: ")
	if len(line) > 300 {
		line = line[:300] + " ..."
	}
	return strings.TrimSpace(line)
}

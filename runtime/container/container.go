// Package container runs restate-server in a Docker container with its data on
// a named volume, through any number of starts of the same container. A start with
// another environment or another version has another container on that volume, for
// neither can be changed.
//
// Docker publishes the ports anew at each start, on loopback: addresses change
// with every start. The container and the volume carry the session's label;
// what a killed session leaves is removed by testcontainers' reaper where its
// image can be had, and by the next session's reaper.Sweep in any case.
package container

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"

	"retain/runtime"
	"retain/runtime/binary"
	"retain/runtime/lifecycle"
	"retain/runtime/reaper"
)

// Runtime is a server's container with its volume. It implements
// [runtime.Runtime] and every optional interface of package runtime except
// [runtime.Metered].
type Runtime struct {
	*lifecycle.Lifecycle
	settings runtime.Settings
	docker   *daemon
	servers  *servers
	volume   string
	// mountpoint is where this machine has the volume, "" if it has not.
	mountpoint string
	cluster    string
	log        logCopy
	owner      *reaper.Owner

	mu        sync.Mutex // held while an incarnation begins, and for the fields below
	container testcontainers.Container
	server    server            // of the container
	env       map[string]string // of the container
	last      *incarnation      // the current or last one; nil before the first
	endpoints runtime.Endpoints
	commits   map[server]string // the build of each server, once its log said it
	removed   bool
}

var (
	_ runtime.Runtime  = (*Runtime)(nil)
	_ runtime.Pauser   = (*Runtime)(nil)
	_ runtime.Exiter   = (*Runtime)(nil)
	_ runtime.Archiver = (*Runtime)(nil)
	_ runtime.Hosted   = (*Runtime)(nil)
)

// options of New.
type options struct {
	image  string
	images map[string]string
	notice func(string)
}

// Option is an option of [New].
type Option func(*options)

// WithImage names the image to run. Its version is not checked. Its entrypoint, or the
// first word of its command, must be a restate-server or act as one.
func WithImage(reference string) Option { return func(o *options) { o.image = reference } }

// WithImages names images by versions, such as "mine": where a version of that name is
// asked for, the image runs.
func WithImages(references map[string]string) Option {
	return func(o *options) { o.images = references }
}

// WithNotice gets a line for the user when something takes time or is not as it
// could be expected: an image that had to be built, a reaper that is off.
func WithNotice(notice func(line string)) Option { return func(o *options) { o.notice = notice } }

func collect(opts []Option) options {
	o := options{notice: func(string) {}}
	for _, opt := range opts {
		opt(&o)
	}
	return o
}

// New gets the image and makes the container and its volume. Nothing is
// started. Close removes both. The official image of the version is used; where
// it can't be pulled, one is built from the npm package.
func New(ctx context.Context, s runtime.Settings, opts ...Option) (*Runtime, error) {
	o := collect(opts)
	if s.Version == "" {
		s.Version = runtime.DefaultVersion
	}
	if err := binary.FindConfig(&s); err != nil {
		return nil, err
	}
	owner, err := reaper.Session()
	if err != nil {
		return nil, err
	}
	docker, err := dialSoon(ctx)
	if err != nil {
		return nil, err
	}
	r := &Runtime{settings: s, docker: docker, owner: owner, commits: map[server]string{}}
	r.servers = &servers{docker: docker, owner: owner, options: o}
	r.Lifecycle = lifecycle.New("server", lifecycle.StopGrace, r.begin)
	if err := r.make(ctx); err != nil {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer cancel()
		return nil, errors.Join(err, r.Close(closing))
	}
	return r, nil
}

// make gets everything ready for the first start.
func (r *Runtime) make(ctx context.Context) error {
	if err := r.owner.OwnDocker(r.docker.host); err != nil {
		return err
	}
	r.docker.prepare(ctx, r.servers.options.notice)
	if err := r.servers.findOwn(ctx, r.settings.Version); err != nil {
		return err
	}
	r.cluster = binary.NewCluster()
	_, err := r.docker.VolumeCreate(ctx, client.VolumeCreateOptions{
		Name: r.cluster, Labels: map[string]string{reaper.Label: r.owner.ID()},
	})
	if err != nil {
		return fmt.Errorf("make the server's volume: %w", err)
	}
	r.volume = r.cluster
	r.mountpoint = r.docker.mounted(ctx, r.volume)
	return r.configure(ctx, r.servers.own, r.environment(runtime.StartOptions{}))
}

// Callback says how the server reaches this process: the address to listen on
// and the host to tell the server. On Linux the address is that of Docker's
// bridge, which nobody outside of this machine reaches; where the bridge isn't
// on this machine (Docker Desktop) containers reach its loopback.
func (r *Runtime) Callback() (listen, dial string) {
	if r.docker.gateway.IsValid() {
		return r.docker.gateway.String(), hostName
	}
	return "127.0.0.1", hostName
}

// Endpoints implements [runtime.Runtime]. A server that ended while it was started
// has port 0: nobody answers there.
func (r *Runtime) Endpoints() runtime.Endpoints {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.endpoints
}

// Provide implements [runtime.Runtime]. The error wraps [binary.ErrVersion] if there is
// neither an official image of the version nor an npm package.
func (r *Runtime) Provide(ctx context.Context, version string) (string, error) {
	found, err := r.servers.find(ctx, version)
	return found.version, err
}

// Identity says what runs. The build of a server is known from its first log lines on.
func (r *Runtime) Identity() runtime.Identity {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.commits[r.server] == "" && r.last != nil && !r.removed {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if log, err := r.readLog(ctx, r.log.begins()); err == nil {
			if _, commit := binary.Build(log); commit != "" {
				r.commits[r.server] = commit
			}
		}
	}
	return runtime.Identity{
		Backend: "container", Version: r.server.version, Build: r.commits[r.server], Source: r.server.image,
		Node: r.env["RESTATE_NODE_NAME"], Cluster: r.env["RESTATE_CLUSTER_NAME"],
	}
}

// Close implements [runtime.Runtime]; the server ends by SIGKILL.
func (r *Runtime) Close(ctx context.Context) error {
	errs := []error{r.Lifecycle.Close(ctx)}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.removed {
		return nil
	}
	errs = append(errs, remove(ctx, r.container))
	if r.volume != "" {
		if _, err := r.docker.VolumeRemove(ctx, r.volume, client.VolumeRemoveOptions{Force: true}); err != nil && !errdefs.IsNotFound(err) {
			errs = append(errs, fmt.Errorf("remove the server's volume: %w", err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	r.removed = true
	return errors.Join(r.log.Close(), r.docker.Close())
}

// Package container runs restate-server in a Docker container with its data on
// a named volume, through any number of starts of the same container.
//
// Docker publishes the ports of each life anew, on loopback: addresses change
// with every start. The container and the volume carry the session's label;
// what a killed session leaves is removed by testcontainers' reaper where its
// image can be had, and by the next session's leftovers.Sweep in any case.
package container

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"

	"retain/runtime"
	"retain/runtime/binary"
	"retain/runtime/leftovers"
)

// stopGrace is how long a server may take to end after SIGTERM. Restate gives
// itself up to 60 s; Docker's own default is 10 s.
const stopGrace = 65 * time.Second

// Runtime is a server's container with its volume. It implements
// [runtime.Runtime], [runtime.Pauser], [runtime.Exiter] and [runtime.Archiver].
type Runtime struct {
	settings runtime.Settings
	docker   *daemon
	image    string
	version  string
	volume   string
	cluster  string
	owner    *leftovers.Owner
	grace    time.Duration

	mu        sync.Mutex // held while a life begins, and for the fields below
	container testcontainers.Container
	life      *life // the current or last one; nil before the first
	endpoints runtime.Endpoints
	build     string
	closed    bool
	removed   bool
}

var (
	_ runtime.Runtime = (*Runtime)(nil)
	_ runtime.Pauser  = (*Runtime)(nil)
	_ runtime.Exiter  = (*Runtime)(nil)
	_ runtime.Ender   = (*Runtime)(nil)
)

// options of New.
type options struct {
	image  string
	notice func(string)
}

// Option is an option of [New].
type Option func(*options)

// WithImage names the image to run, whatever its version. Its entrypoint, or the
// first word of its command, must be a restate-server or act as one.
func WithImage(reference string) Option { return func(o *options) { o.image = reference } }

// WithNotice gets a line for the user when something takes time or is not as it
// could be expected: an image that had to be built, a reaper that is off.
func WithNotice(notice func(line string)) Option { return func(o *options) { o.notice = notice } }

// New gets the image and makes the container and its volume. Nothing is
// started. Close removes both. The official image of the version is used; where
// it can't be pulled, one is built from the npm package.
func New(ctx context.Context, s runtime.Settings, opts ...Option) (*Runtime, error) {
	o := options{notice: func(string) {}}
	for _, opt := range opts {
		opt(&o)
	}
	if s.Version == "" {
		s.Version = runtime.DefaultVersion
	}
	if s.ConfigFile != "" {
		path, err := filepath.Abs(s.ConfigFile)
		if err == nil {
			_, err = os.Stat(path)
		}
		if err != nil {
			return nil, fmt.Errorf("find the server's configuration file: %w", err)
		}
		s.ConfigFile = path
	}
	owner, err := leftovers.Session()
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, availableMax)
	docker, err := dial(limited)
	cancel()
	if err != nil {
		return nil, err
	}
	r := &Runtime{settings: s, docker: docker, owner: owner, grace: stopGrace}
	if err := r.make(ctx, o); err != nil {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer cancel()
		return nil, errors.Join(err, r.Close(closing))
	}
	return r, nil
}

// make gets everything ready for the first start.
func (r *Runtime) make(ctx context.Context, o options) error {
	if err := r.owner.OwnDocker(r.docker.host); err != nil {
		return err
	}
	r.docker.prepare(ctx, o.notice)
	var err error
	if r.image, err = r.docker.image(ctx, o, r.settings.Version); err != nil {
		return err
	}
	if r.version, err = r.docker.version(ctx, r.owner, r.image); err != nil {
		return err
	}
	random := make([]byte, 5)
	_, _ = rand.Read(random)
	r.cluster = "retain-" + hex.EncodeToString(random)
	_, err = r.docker.VolumeCreate(ctx, client.VolumeCreateOptions{
		Name: r.cluster, Labels: map[string]string{leftovers.Label: r.owner.ID()},
	})
	if err != nil {
		return fmt.Errorf("make the server's volume: %w", err)
	}
	r.volume = r.cluster
	return r.create(ctx)
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

// Endpoints are the addresses of the current life. A server that ended while it
// was started has port 0: nobody answers there.
func (r *Runtime) Endpoints() runtime.Endpoints {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.endpoints
}

// Identity says what runs. The build is known from the first log lines on.
func (r *Runtime) Identity() runtime.Identity {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.build == "" && r.life != nil && !r.removed {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if head, err := r.log(ctx, 64<<10); err == nil {
			_, r.build = binary.Build(head)
		}
	}
	env := r.environment()
	return runtime.Identity{
		Backend: "container", Version: r.version, Build: r.build, Source: r.image,
		Node: env["RESTATE_NODE_NAME"], Cluster: env["RESTATE_CLUSTER_NAME"],
	}
}

// Logs are what the server wrote to its standard output and error. They go with
// Close.
func (r *Runtime) Logs() ([]byte, error) {
	r.mu.Lock()
	removed := r.removed
	r.mu.Unlock()
	if removed {
		return nil, fmt.Errorf("read the server's log: %w: it is closed", runtime.ErrState)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	log, err := r.log(ctx, 1<<62)
	if err != nil {
		return nil, fmt.Errorf("read the server's log: %w", err)
	}
	return log, nil
}

// log is the beginning of the log.
func (r *Runtime) log(ctx context.Context, size int64) ([]byte, error) {
	log, err := r.docker.ContainerLogs(ctx, r.container.GetContainerID(), client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true})
	if err != nil {
		return nil, err
	}
	defer log.Close()
	var all bytes.Buffer
	_, err = stdcopy.StdCopy(&all, &all, io.LimitReader(log, size))
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil // cut off by the limit
	}
	return all.Bytes(), err
}

// Close implements [runtime.Runtime]; the server ends by SIGKILL.
func (r *Runtime) Close(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	if r.removed {
		return nil
	}
	var errs []error
	if r.container != nil {
		if r.life != nil && !r.life.over() {
			errs = append(errs, r.kill(ctx, r.life))
		}
		errs = append(errs, testcontainers.TerminateContainer(r.container, testcontainers.StopContext(ctx), testcontainers.StopTimeout(0)))
	}
	if r.volume != "" {
		if _, err := r.docker.VolumeRemove(ctx, r.volume, client.VolumeRemoveOptions{Force: true}); err != nil && !errdefs.IsNotFound(err) {
			errs = append(errs, fmt.Errorf("remove the server's volume: %w", err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("remove the server's container: %w", err)
	}
	r.removed = true
	return r.docker.Close()
}

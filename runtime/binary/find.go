package binary

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"

	"retain/runtime"
	"retain/runtime/resources"
)

var (
	// ErrNotRestate is wrapped if a program is not a restate-server.
	ErrNotRestate = errors.New("not a restate-server")
	// ErrVersion is wrapped if there is no server of the wanted version.
	ErrVersion = errors.New("no such version of restate-server")
	// ErrNoSource is wrapped if there is no server on this machine and nothing
	// to install it with.
	ErrNoSource = errors.New("no restate-server and no npm to install it with")
)

// name is the program's name on the PATH.
const name = "restate-server"

// Server is a restate-server that has said its version.
type Server struct {
	// Path is absolute.
	Path string
	// Version as the server reports it.
	Version string
	// OnPath is true if it was found on the PATH, where nobody named it.
	OnPath bool
}

// Request says which server to find.
type Request struct {
	// Path is the program that the user named. Any version is accepted. A refused
	// program is not replaced by another. "" for none.
	Path string
	// Version is the wanted one; "" is [runtime.DefaultVersion].
	Version string
	// Notice gets a line for the user when something takes time or is not as
	// it could be expected; nil for none.
	Notice func(line string)
}

func (r Request) version() string {
	if r.Version == "" {
		return runtime.DefaultVersion
	}
	return r.Version
}

func (r Request) notice(format string, args ...any) {
	if r.Notice != nil {
		r.Notice(fmt.Sprintf(format, args...))
	}
}

// Find returns the program the user named, else a restate-server of the wanted
// version on the PATH, else the one of the npm package, which it installs into
// the cache if it isn't there. Errors are one line that says what to do.
func Find(ctx context.Context, r Request) (Server, error) {
	// A server is asked for its version in a directory for temporary files: without one,
	// it would look broken.
	if err := resources.Enough(resources.DataPlace(os.TempDir()), nil); err != nil {
		return Server{}, fmt.Errorf("find restate-server: %w", err)
	}
	if r.Path != "" {
		return named(ctx, r.Path)
	}
	if err := checkVersion(r.version()); err != nil {
		return Server{}, err
	}
	if server, ok := onPath(ctx, r); ok {
		return server, nil
	}
	host, err := HostPlatform()
	if err != nil {
		return Server{}, err
	}
	return installed(ctx, r, host)
}

// Available says, without installing anything and in milliseconds, why [Find]
// could not work, or nil. A nil is no promise: npm may not get the package.
func Available(ctx context.Context, r Request) error {
	if r.Path != "" {
		_, err := named(ctx, r.Path)
		return err
	}
	if err := checkVersion(r.version()); err != nil {
		return err
	}
	if _, ok := onPath(ctx, r); ok {
		return nil
	}
	host, err := HostPlatform()
	if err != nil {
		return err
	}
	if path, err := cached(r.version(), host); err != nil {
		return err
	} else if _, err := os.Stat(path); err == nil {
		return nil
	}
	_, err = npmClient()
	return err
}

// named checks the program the user named.
func named(ctx context.Context, path string) (Server, error) {
	server, err := look(ctx, path)
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("%w; name an executable that acts as restate-server with -restate.binary", err)
	}
	return server, err
}

func look(ctx context.Context, path string) (Server, error) {
	found, err := exec.LookPath(path)
	if err != nil {
		return Server{}, fmt.Errorf("use %s as restate-server: %w", path, errors.Unwrap(err))
	}
	if found, err = filepath.Abs(found); err != nil {
		return Server{}, fmt.Errorf("use %s as restate-server: %w", path, err)
	}
	return probe(ctx, found)
}

// onPath looks for a server of the wanted version on the PATH. A program there
// that is something else is no error: it was not asked for.
func onPath(ctx context.Context, r Request) (Server, bool) {
	path, err := exec.LookPath(name)
	if err != nil {
		return Server{}, false
	}
	if path, err = filepath.Abs(path); err != nil {
		return Server{}, false
	}
	server, err := probe(ctx, path)
	if err != nil {
		r.notice("not used: %v", err)
		return Server{}, false
	}
	if server.Version != r.version() {
		r.notice("not used: %s on the PATH is %s, wanted is %s", path, server.Version, r.version())
		return Server{}, false
	}
	server.OnPath = true
	return server, true
}

// CheckBuild refuses a build under the name of a release that it does not report to be.
func CheckBuild(name, reported string) error {
	if versionForm.MatchString(name) && name != reported {
		return fmt.Errorf("%w: the build that is called %s reports version %s: call it otherwise", ErrVersion, name, reported)
	}
	return nil
}

var versionForm = regexp.MustCompile(`^\d+\.\d+\.\d+([-+.][0-9A-Za-z.+-]+)?$`)

// checkVersion refuses what can't be the version of a release before it becomes part of a path
// or a package's name.
func checkVersion(version string) error {
	if !versionForm.MatchString(version) {
		return fmt.Errorf("%w: %q does not look like a version such as %s", ErrVersion, version, runtime.DefaultVersion)
	}
	return nil
}

package binary

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"retain/runtime/reaper"
	"retain/runtime/resources"
)

// installMax bounds an installation: the package is about 80 MB to download.
const installMax = 10 * time.Minute

// cacheDir is where the servers are installed.
func cacheDir() (string, error) {
	cache, err := reaper.CacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(cache, "restate-server"), nil
}

// cached is where the server of the version is, or would be.
func cached(version string, p Platform) (string, error) {
	dir, err := cacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, version, p.String(), "bin", name), nil
}

// Install returns the path of the npm package's server for a platform that need
// not be this machine's, so that its version can't be asked here.
func Install(ctx context.Context, r Request, p Platform) (string, error) {
	if err := checkVersion(r.version()); err != nil {
		return "", err
	}
	path, err := cached(r.version(), p)
	if err != nil {
		return "", err
	}
	return path, install(ctx, r, p, path, func() bool {
		_, err := os.Stat(path)
		return err == nil
	})
}

// installed is the npm package's server for this machine. One in the cache that
// does not say its version is replaced.
func installed(ctx context.Context, r Request, p Platform) (Server, error) {
	path, err := cached(r.version(), p)
	if err != nil {
		return Server{}, err
	}
	err = install(ctx, r, p, path, func() bool {
		server, err := probe(ctx, path)
		return err == nil && server.Version == r.version()
	})
	if err != nil {
		return Server{}, err
	}
	server, err := probe(ctx, path)
	if err == nil && server.Version != r.version() {
		err = fmt.Errorf("%w: the package %s@%s holds a restate-server %s", ErrVersion, packageName(p), r.version(), server.Version)
	}
	return server, err
}

// install makes path unless the file there is complete, as believed reports. Of several
// sessions one installs and the others wait.
func install(ctx context.Context, r Request, p Platform, path string, believed func() bool) error {
	if believed() {
		return nil
	}
	npm, err := npmClient()
	if err != nil {
		return err
	}
	dir, err := cacheDir()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make a place for restate-server %s: %w", r.version(), err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, installMax, fmt.Errorf("it took more than %s", installMax))
	defer cancel()
	lock := filepath.Join(dir, fmt.Sprintf("%s-%s.lock", r.version(), p))
	release, err := reaper.Lock(ctx, lock, func() {
		r.notice("waiting for another session that installs restate-server %s", r.version())
	})
	if err != nil {
		return fmt.Errorf("install restate-server %s: %w", r.version(), err)
	}
	defer release()
	if believed() {
		return nil
	}
	if err := enoughCache(dir); err != nil {
		return fmt.Errorf("install restate-server %s: %w", r.version(), err)
	}
	r.notice("installing restate-server %s (%s) with npm, once", r.version(), p)
	return installLocked(ctx, npm, dir, path, r.version(), p)
}

// enoughCache says what the cache's file system lacks for an installation.
func enoughCache(dir string) error {
	place := resources.Place{Role: "the cache", Path: dir, Set: reaper.EnvCache}
	return resources.Enough(place, resources.Need{resources.Space: resources.CacheSpace, resources.Inodes: 16})
}

// installLocked lets npm install into a directory beside the final one, which it then
// replaces by one rename: an interrupted installation leaves no part of it.
func installLocked(ctx context.Context, npm, dir, path, version string, p Platform) error {
	prefix := fmt.Sprintf(".install-%s-%s-", version, p)
	removeInterrupted(dir, prefix)
	work, err := os.MkdirTemp(dir, prefix)
	if err != nil {
		return fmt.Errorf("make a place for restate-server %s: %w", version, err)
	}
	defer os.RemoveAll(work)
	if err := npmInstall(ctx, npm, work, version, p); err != nil {
		return err
	}
	unpacked := filepath.Join(work, "node_modules", filepath.FromSlash(packageName(p)))
	return place(unpacked, filepath.Dir(filepath.Dir(path)))
}

// place moves the package's directory to where it is looked for, if it holds a
// server.
func place(unpacked, final string) error {
	if _, err := os.Stat(filepath.Join(unpacked, "bin", name)); err != nil {
		return fmt.Errorf("the npm package holds no %s: %w", name, err)
	}
	if err := os.RemoveAll(final); err != nil {
		return fmt.Errorf("remove a broken restate-server from the cache: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(final), 0o755); err != nil {
		return fmt.Errorf("put restate-server into the cache: %w", err)
	}
	if err := os.Rename(unpacked, final); err != nil {
		return fmt.Errorf("put restate-server into the cache: %w", err)
	}
	return nil
}

// removeInterrupted removes what installations that were cut off left behind.
// The lock is held, so none of them is still at work.
func removeInterrupted(dir, prefix string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), prefix) {
			_ = os.RemoveAll(filepath.Join(dir, entry.Name()))
		}
	}
}

package sdk

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"retain/runtime/reaper"
	"retain/runtime/resources"
)

const (
	// buildBound bounds a build, downloads included.
	buildBound = 15 * time.Minute
	// buildSpace is what the build of a service takes at most.
	buildSpace = 500 << 20
	// unused is how long a build stays in the cache that no session used.
	unused = 30 * 24 * time.Hour
)

// built is a service that can be started.
type built struct {
	name     Name
	language *language
	tools    tools
	dir      string
}

// prepare finds the tools, and the service in the cache or builds it there.
func prepare(ctx context.Context, n Name, o Options) (built, error) {
	l := languages[n]
	if l == nil {
		return built{}, n.Check()
	}
	b := built{name: n, language: l}
	var err error
	if b.tools, err = l.find(ctx, false); err != nil {
		return b, err
	}
	cache, err := reaper.CacheDir()
	if err != nil {
		return b, err
	}
	key, err := l.key(b.tools)
	if err != nil {
		return b, fmt.Errorf("read the sources of the %s service: %w", l.title, err)
	}
	b.dir = filepath.Join(cache, "services", fmt.Sprintf("%s-%s", n, key))
	if b.complete() {
		return b, nil
	}
	if b.tools, err = l.find(ctx, true); err != nil {
		return b, err
	}
	return b, b.make(ctx, o)
}

// key is a hash of the sources, of their names and of what the build depends on.
func (l *language) key(t tools) (string, error) {
	hash := sha256.New()
	fmt.Fprintf(hash, "%q\n", t.fingerprint)
	err := fs.WalkDir(l.sources, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := fs.ReadFile(l.sources, path)
		fmt.Fprintf(hash, "%q %d\n%s", path, len(content), content)
		return err
	})
	return hex.EncodeToString(hash.Sum(nil))[:16], err
}

// complete reports whether the build is there, and marks it as used. A build gets its name
// when it is complete.
func (b built) complete() bool {
	now := time.Now()
	return os.Chtimes(b.dir, now, now) == nil
}

// make builds the service. Of several sessions one builds and the others wait.
func (b built) make(ctx context.Context, o Options) error {
	parent := filepath.Dir(b.dir)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return fmt.Errorf("make a place for the %s service: %w", b.language.title, err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, buildBound, fmt.Errorf("it took more than %s", buildBound))
	defer cancel()
	release, err := reaper.Lock(ctx, filepath.Join(parent, string(b.name)+".lock"), func() {
		o.notice("waiting for another session that builds the %s service", b.language.title)
	})
	if err != nil {
		return fmt.Errorf("build the %s service: %w", b.language.title, err)
	}
	defer release()
	if b.complete() {
		return nil
	}
	b.removeOld()
	place := resources.Place{Role: "the cache", Path: parent, Set: reaper.EnvCache}
	if err := resources.Enough(place, resources.Need{resources.Space: buildSpace}); err != nil {
		return fmt.Errorf("build the %s service: %w", b.language.title, err)
	}
	o.notice("building the %s service, once", b.language.title)
	return b.makeLocked(ctx, parent)
}

// makeLocked builds in a directory beside the final one, which then gets its name: an
// interrupted build leaves no part of it there.
func (b built) makeLocked(ctx context.Context, parent string) error {
	work, err := os.MkdirTemp(parent, b.workPrefix())
	if err != nil {
		return fmt.Errorf("make a place for the %s service: %w", b.language.title, err)
	}
	defer os.RemoveAll(work)
	if err := os.CopyFS(work, b.language.sources); err != nil {
		return fmt.Errorf("copy the sources of the %s service: %w", b.language.title, err)
	}
	if err := b.language.build(ctx, b.tools, work); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return fmt.Errorf("build the %s service: %w", b.language.title, err)
	}
	if err := os.Rename(work, b.dir); err != nil {
		return fmt.Errorf("put the %s service into the cache: %w", b.language.title, err)
	}
	return nil
}

func (b built) workPrefix() string { return ".build-" + string(b.name) + "-" }

// removeOld removes what builds that were cut off left behind, and builds that were not used
// for long. The lock is held, so none of the former is still at work.
func (b built) removeOld() {
	parent := filepath.Dir(b.dir)
	entries, _ := os.ReadDir(parent)
	for _, entry := range entries {
		old := false
		if strings.HasPrefix(entry.Name(), string(b.name)+"-") {
			info, err := entry.Info()
			old = err == nil && time.Since(info.ModTime()) > unused
		}
		if old || strings.HasPrefix(entry.Name(), b.workPrefix()) {
			_ = os.RemoveAll(filepath.Join(parent, entry.Name()))
		}
	}
}

// buildWith runs a tool of a build; the error has the last lines that it printed.
func buildWith(ctx context.Context, dir, program string, args ...string) error {
	out, err := run(ctx, dir, program, args...)
	if err != nil {
		return fmt.Errorf("%s: %w%s", filepath.Base(program), err, lastLines(out))
	}
	return nil
}

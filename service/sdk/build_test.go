package sdk

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/runtime/reaper"
)

// inCache are the names in the cache's directory of services.
func inCache(t *testing.T) (names []string) {
	entries, err := os.ReadDir(filepath.Join(os.Getenv(reaper.EnvCache), "services"))
	require.NoError(t, err)
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

func TestConcurrentSessionsBuildOnce(t *testing.T) {
	const others = 3
	waiting := make(chan struct{}, others)
	builds := fakeLanguage(t, "well", func(ctx context.Context, dir string) error {
		for range others {
			select {
			case <-waiting:
			case <-ctx.Done():
				return errors.New("the others do not wait")
			}
		}
		return os.WriteFile(filepath.Join(dir, "built"), nil, 0o644)
	})
	var all sync.WaitGroup
	for range 1 + others {
		all.Go(func() {
			b, err := prepare(bounded(t, time.Minute), fake, Options{Notice: func(line string) {
				if strings.HasPrefix(line, "waiting for another session") {
					waiting <- struct{}{}
				}
			}})
			assert.NoError(t, err)
			assert.FileExists(t, filepath.Join(b.dir, "built"))
			assert.FileExists(t, filepath.Join(b.dir, "src", "main.fake"))
		})
	}
	all.Wait()
	require.EqualValues(t, 1, builds.Load())
	require.NoError(t, Prepare(bounded(t, time.Minute), fake, Options{}))
	assert.EqualValues(t, 1, builds.Load())
}

func TestBuildIsMadeAgainIfItsSourcesOrToolsChange(t *testing.T) {
	builds := fakeLanguage(t, "well", nil)
	require.NoError(t, Prepare(bounded(t, time.Minute), fake, Options{}))
	l := languages[fake]
	l.sources = fstest.MapFS{"src/main.fake": {Data: []byte("other")}}
	require.NoError(t, Prepare(bounded(t, time.Minute), fake, Options{}))
	l.sources = fstest.MapFS{"src/other.fake": {Data: []byte("other")}}
	require.NoError(t, Prepare(bounded(t, time.Minute), fake, Options{}))
	l.find = func(context.Context, bool) (tools, error) { return tools{fingerprint: "2"}, nil }
	require.NoError(t, Prepare(bounded(t, time.Minute), fake, Options{}))
	assert.EqualValues(t, 4, builds.Load())
	assert.Len(t, inCache(t), 5, "four builds and a lock")
}

func TestInterruptedBuildLeavesNothingHalf(t *testing.T) {
	halfway := make(chan struct{})
	builds := fakeLanguage(t, "well", func(ctx context.Context, dir string) error {
		_ = os.WriteFile(filepath.Join(dir, "half"), nil, 0o644)
		close(halfway)
		<-ctx.Done()
		return ctx.Err()
	})
	ctx, cut := context.WithCancelCause(bounded(t, time.Minute))
	result := make(chan error, 1)
	go func() { result <- Prepare(ctx, fake, Options{}) }()
	<-halfway
	cut(errors.New("interrupted"))
	require.EqualError(t, <-result, "build the Fake service: interrupted")
	assert.Equal(t, []string{"fake.lock"}, inCache(t))

	// As a killed session would have left it, and a build that nobody used for long.
	services := filepath.Join(os.Getenv(reaper.EnvCache), "services")
	require.NoError(t, os.Mkdir(filepath.Join(services, ".build-fake-1"), 0o755))
	old, young := filepath.Join(services, "fake-old"), filepath.Join(services, "fake-young")
	require.NoError(t, errors.Join(os.Mkdir(old, 0o755), os.Mkdir(young, 0o755)))
	past := time.Now().Add(-2 * unused)
	require.NoError(t, os.Chtimes(old, past, past))
	languages[fake].build = func(context.Context, tools, string) error { return nil }
	require.NoError(t, Prepare(bounded(t, time.Minute), fake, Options{}))
	assert.EqualValues(t, 1, builds.Load())
	assert.NoDirExists(t, filepath.Join(services, ".build-fake-1"))
	assert.NoDirExists(t, old)
	assert.DirExists(t, young)
}

func TestFailedBuildShowsTheLastLinesOfItsTool(t *testing.T) {
	fakeLanguage(t, "well", func(ctx context.Context, dir string) error {
		return buildWith(ctx, dir, "/bin/sh", "-c", "seq 100; echo 'error: no such symbol' >&2; exit 7")
	})
	err := Prepare(bounded(t, time.Minute), fake, Options{})
	oneLine(t, err, "build the Fake service: sh: exit status 7")
	assert.Contains(t, err.Error(), "\n  100\n  error: no such symbol")
	assert.NotContains(t, err.Error(), "\n  50\n")
	assert.Equal(t, []string{"fake.lock"}, inCache(t))
}

package binary

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"retain/runtime/reaper"
)

// The thread that starts children never ends: see [child.Start].
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("retain/runtime/child.parentThread"))
}

func bounded(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// real is the pinned version's server, installed into the user's cache.
func real(t testing.TB) Server {
	server, err := Find(bounded(t, 10*time.Minute), Request{Notice: func(line string) { t.Log(line) }})
	require.NoError(t, err)
	return server
}

// executable writes a shell script and returns its path.
func executable(t testing.TB, dir, name, body string) string {
	path := filepath.Join(dir, name)
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+body+"\n"), 0o755))
	return path
}

// onlyPath makes the directory, and what a shell script needs, the PATH.
func onlyPath(t *testing.T, dir string) {
	for _, tool := range []string{"mkdir", "cat", "sleep", "touch", "cp", "ls"} {
		for _, from := range []string{"/usr/bin/", "/bin/"} {
			if _, err := os.Stat(from + tool); err == nil {
				_ = os.Symlink(from+tool, filepath.Join(dir, tool))
			}
		}
	}
	t.Setenv("PATH", dir)
}

// emptyCache gives the test a cache of its own.
func emptyCache(t *testing.T) string {
	dir := t.TempDir()
	t.Setenv(reaper.EnvCache, dir)
	return dir
}

// oneLine asserts that an error is a line a person can act on.
func oneLine(t *testing.T, err error, says ...string) {
	t.Helper()
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "\n")
	assert.Less(t, len(err.Error()), 400, "too long: %s", err)
	for _, part := range says {
		assert.Contains(t, err.Error(), part)
	}
}

// fakeNPM is a client that "installs" a script which says the version, after
// the steps of body. It appends a line to calls.
func fakeNPM(t *testing.T, dir, calls, body, says string) {
	host, err := HostPlatform()
	require.NoError(t, err)
	executable(t, dir, "npm", fmt.Sprintf(`echo "$@" >> %q
prefix=
while [ $# -gt 0 ]; do [ "$1" = --prefix ] && prefix=$2; shift; done
bin="$prefix/node_modules/%s/bin"
mkdir -p "$bin"
%s
cat > "$bin/restate-server" <<'END'
#!/bin/sh
echo "restate-server %s"
END
[ -x /bin/chmod ] && /bin/chmod 755 "$bin/restate-server" || /usr/bin/chmod 755 "$bin/restate-server"`,
		calls, packageName(host), body, says))
}

func lines(t *testing.T, path string) []string {
	b, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return nil
	}
	require.NoError(t, err)
	return slices.Collect(strings.Lines(string(b))) // none for an empty file
}

package retain_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"retain/harness/backend"
	"retain/model"
	"retain/runtime/container"
)

// TestAKilledSessionLeavesNothing shows for both real runtimes: after SIGKILL in
// the middle of a plan the history on disk reads back, the next session removes
// what ran, and a session that is alive beside it is not touched.
func TestAKilledSessionLeavesNothing(t *testing.T) {
	backends := []backend.Name{backend.Process}
	if err := container.Available(t.Context()); err == nil {
		backends = append(backends, backend.Container)
	} else {
		t.Logf("without the container: %v", err)
	}
	for _, name := range backends {
		t.Run(string(name), func(t *testing.T) {
			session := []string{"-test.run", "Properties$", "-test.timeout", "5m", "-runtime", string(name)}
			victim := newChild(t, nil, append(session, "-rapid.checks", "1000")...)
			require.NoError(t, victim.Start())
			neighbour := newChild(t, nil, append(session, "-rapid.checks", "4")...)
			require.NoError(t, neighbour.Start())

			history := awaitReturn(t, victim.dir)
			require.NoError(t, victim.Process.Kill())
			require.Error(t, victim.Wait(), "it was killed")

			next := newChild(t, nil, append(session, "-rapid.checks", "1")...)
			require.NoError(t, next.Run(), next.text())
			require.Contains(t, next.text(), "leftovers removed")
			require.NoError(t, neighbour.Wait(), neighbour.text())
			require.Contains(t, neighbour.text(), "4 pass", "the neighbour was not touched")

			file, err := os.Open(history)
			require.NoError(t, err)
			defer file.Close()
			h, err := model.ReadHistory(file)
			require.NoError(t, err)
			require.NotEmpty(t, h.Operations)
			require.False(t, h.Ended)
		})
	}
}

// awaitReturn waits until a session in the directory has an operation answered,
// and gives that history's file.
func awaitReturn(t *testing.T, dir string) string {
	var found string
	require.Eventually(t, func() bool {
		files, _ := filepath.Glob(filepath.Join(dir, "testdata", "running", "*", "*.jsonl"))
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err == nil && strings.Contains(string(text), `"e":"return"`) && !strings.Contains(string(text), `"e":"end"`) {
				found = f
				return true
			}
		}
		return false
	}, time.Minute, 5*time.Millisecond, "no plan began")
	return found
}

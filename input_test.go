package retain_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestBadInputGetsOneClearLine runs this binary as a user would, with input that
// can't work, and shows that one line says what is wrong and nothing else is
// printed but that the test failed.
func TestBadInputGetsOneClearLine(t *testing.T) {
	files := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(files, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
		return path
	}
	nothing := []string{"PATH=/nonexistent", "DOCKER_HOST=unix:///nonexistent", "RETAIN_CACHE=" + files + "/cache"}
	properties := func(args ...string) []string { return append([]string{"-test.run", "Properties$"}, args...) }
	for _, c := range []struct {
		name string
		env  []string
		args []string
		line string // what the line must contain
	}{
		{"no Docker and no npm", nothing, properties(), "install npm"},
		{"no Docker", nothing, properties("-runtime", "container"), "no Docker"},
		{"unknown version", nil, properties("-runtime", "process", "-restate.version", "9.9.9"), "choose with -restate.version"},
		{"a binary that is not Restate", nil, properties("-restate.binary", "/bin/true"), "not a restate-server"},
		{"a binary that is not there", nil, properties("-restate.binary", "/nonexistent/server"), "/nonexistent/server"},
		{"a configuration that is not there", nil, properties("-runtime", "process", "-restate.config", "/nonexistent.toml"), "configuration file"},
		{"unknown bug", nil, properties("-runtime", "simulated", "-bugs", "nosuch"), "the bugs are lost-write"},
		{"bugs in a real server", nil, properties("-bugs", "lost-write"), "add -runtime simulated"},
		{"unknown runtime", nil, properties("-runtime", "cloud"), "want auto, container, process or simulated"},
		{"no rate", nil, properties("-runtime", "simulated", "-bugs.rate", "2"), "up to 1"},
		{"no bound", nil, properties("-runtime", "simulated", "-recovery.max", "-1s"), "want a duration"},
		{"leftover arguments", nil, properties("-runtime", "simulated", "-unresolved", "yes"), "leftover arguments"},
		{"no artefact directory", nil, properties("-runtime", "simulated", "-rapid.checks", "1"), "directory of the artefacts"},
		{"a plan that is not there", nil, []string{"-test.run", "Replay$", "-plan", files + "/none"}, "read the plan"},
		{"a plan cut short", nil, []string{"-test.run", "Replay$", "-runtime", "simulated", "-plan",
			write("cut.json", `{"version":1,"steps":[{"id":1,`)}, "cut short"},
		{"a plan of a later version", nil, []string{"-test.run", "Replay$", "-runtime", "simulated", "-plan",
			write("later.json", `{"version":99,"steps":[]}`)}, "use a newer one"},
		{"a history that is not there", nil, []string{"-test.run", "Recheck$", "-history", files + "/none"}, "read the history"},
		{"something that is no history", nil, []string{"-test.run", "Recheck$", "-history", write("no.jsonl", "hello\n")}, "line 1"},
		{"a history of a later version", nil, []string{"-test.run", "Recheck$", "-history",
			write("later.jsonl", `{"e":"header","version":99,"run":"x","runtime":"y"}`+"\n")}, "use a newer one"},
	} {
		t.Run(c.name, func(t *testing.T) {
			run := newChild(t, c.env, c.args...)
			if c.name == "no artefact directory" {
				require.NoError(t, os.WriteFile(filepath.Join(run.dir, "testdata"), nil, 0o644))
			}
			require.Error(t, run.Run(), "it must fail: %s", run.text())
			said := telling(run.text())
			require.Len(t, said, 1, run.text())
			require.Contains(t, said[0], c.line)
			require.NotContains(t, run.text(), "goroutine")
			require.NotContains(t, run.text(), "panic")
		})
	}
}

// telling are the lines of an output that tell what is wrong: not Go's own, not
// those that say what is being done, and not the verdict's first line.
func telling(output string) []string {
	var out []string
	for line := range strings.SplitSeq(output, "\n") {
		line = strings.TrimSpace(line)
		switch {
		case line == "", line == "FAIL", strings.HasPrefix(line, "--- FAIL"), strings.HasPrefix(line, "note "),
			strings.HasPrefix(line, "runtime "), strings.HasPrefix(line, "harness "):
		default:
			out = append(out, line)
		}
	}
	return out
}

package sdk

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"retain/internal/printable"
	"retain/runtime/child"
	"retain/runtime/reaper"
)

// toolBound is the longest that a program may take to say its version.
const toolBound = 30 * time.Second

// tool is a program that a service is built or run with.
type tool struct {
	// name is that of the program, and of the tool in sentences.
	name, title string
	// home is the environment variable that names a directory with it in bin, "" for none.
	home string
	// ask are the arguments that make it print its version, which the first group of version
	// matches.
	ask     []string
	version *regexp.Regexp
	// least is the oldest version that will do, and install what to do where there is none.
	least, install string
}

// find returns the path and the version of a tool, or one line that says what to install.
func (t tool) find(ctx context.Context, n Name) (path, version string, err error) {
	need := fmt.Sprintf("-sdk %s needs %s %s or newer", n, t.title, t.least)
	path, err = t.locate()
	if err != nil {
		return "", "", fmt.Errorf("%s, and there is no %s: %s", need, t.name, t.install)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, toolBound, fmt.Errorf("it took more than %s", toolBound))
	defer cancel()
	out, err := run(ctx, "", path, t.ask...)
	if ctx.Err() != nil {
		return "", "", fmt.Errorf("ask %s for its version: %w", path, context.Cause(ctx))
	}
	found := t.version.FindSubmatch(out)
	if err != nil || found == nil {
		return "", "", fmt.Errorf("%s, and %s does not say its version (%s): %s", need, path, lastLine(out, err), t.install)
	}
	if version = string(found[1]); older(version, t.least) {
		return "", "", fmt.Errorf("%s, and %s is %s: %s", need, path, version, t.install)
	}
	return path, version, nil
}

// locate finds the program.
func (t tool) locate() (string, error) {
	if dir := os.Getenv(t.home); t.home != "" && dir != "" {
		return exec.LookPath(filepath.Join(dir, "bin", t.name))
	}
	return exec.LookPath(t.name)
}

// older reports whether a version is older than another. What is no number ends a version.
func older(version, least string) bool {
	have, want := numbers(version), numbers(least)
	for i, n := range want {
		switch {
		case i == len(have) || have[i] < n:
			return true
		case have[i] > n:
			return false
		}
	}
	return false
}

func numbers(version string) (out []int) {
	for part := range strings.SplitSeq(version, ".") {
		n, err := strconv.Atoi(part)
		if err != nil {
			break
		}
		out = append(out, n)
	}
	return out
}

// run runs a program of a build in a directory, and returns what it printed.
func run(ctx context.Context, dir, program string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	cmd.Env = os.Environ()
	if owner, err := reaper.Session(); err == nil {
		cmd.Env = append(cmd.Env, reaper.EnvSession+"="+owner.ID())
	}
	return child.Output(cmd)
}

// shownLines is how many of the last lines of an output stand in an error.
const shownLines = 12

// lastLines are the last lines of an output that are not empty, each below the other and
// indented.
func lastLines(out []byte) string {
	var lines []string
	for line := range strings.Lines(string(out)) {
		if line = strings.TrimRight(printable.Line(strings.TrimRight(line, "\r\n")), " "); line != "" {
			lines = append(lines, line)
		}
	}
	lines = lines[max(0, len(lines)-shownLines):]
	if len(lines) == 0 {
		return ""
	}
	return "\n  " + strings.Join(lines, "\n  ")
}

// lastLine is the last line of an output, or else the error.
func lastLine(out []byte, err error) string {
	if lines := lastLines(out); lines != "" {
		return strings.TrimSpace(lines[strings.LastIndex(lines, "\n"):])
	}
	if err == nil {
		return "it printed nothing"
	}
	return err.Error()
}

// findAll finds several tools.
func findAll(ctx context.Context, n Name, wanted ...tool) (tools, error) {
	found := tools{programs: map[string]string{}}
	for _, t := range wanted {
		path, _, err := t.find(ctx, n)
		if err != nil {
			return tools{}, err
		}
		found.programs[t.name] = path
	}
	return found, nil
}

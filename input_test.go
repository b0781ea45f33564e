package retain_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/client"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/runtime/container"
	"retain/runtime/leftovers"
)

// refusal is input that can't work, and what its one line must say.
type refusal struct {
	name string
	env  []string
	args []string
	says []string // the last one is what to do
	// before prepares the child's directory.
	before func(t *testing.T, dir string)
}

// TestBadInputGetsOneClearLine runs this binary as a user would, with input that
// can't work, and shows that one line says what is wrong and what to do, and that
// nothing else is printed but that the test failed.
func TestBadInputGetsOneClearLine(t *testing.T) {
	for _, group := range [][]refusal{badServers(t), badFlags(), badPlaces(), badFiles(t)} {
		for _, c := range group {
			t.Run(c.name, func(t *testing.T) {
				run := newChild(t, c.env, c.args...)
				if c.before != nil {
					c.before(t, run.dir)
				}
				refused(t, run, c.says...)
			})
		}
	}
}

// refused runs a child and shows that it ends soon, not green, and in one line.
func refused(t *testing.T, run *child, says ...string) {
	began := time.Now()
	var exit *exec.ExitError
	require.True(t, errors.As(run.Run(), &exit), "it must fail: %s", run.text())
	assert.True(t, exit.Exited(), "it ended by a signal: %s", exit)
	assert.Less(t, time.Since(began), 30*time.Second)
	said := telling(run.text())
	require.Len(t, said, 1, run.text())
	assert.Regexp(t, "^(harness    could not begin, which says nothing about Restate: |retain: )", said[0])
	for _, what := range says {
		assert.Contains(t, said[0], what)
	}
	for _, noise := range []string{"goroutine", "panic", ".go:", "Usage of"} {
		assert.NotContains(t, run.text(), noise)
	}
}

// own are the lines that package testing and the go command print of their own
// accord.
var own = regexp.MustCompile(`^(FAIL(\s.*)?|exit status \d+|\s*--- FAIL: .*)$`)

// telling are the lines of an output that tell what is wrong: not Go's own, and
// not those that say what is tested and what takes its time.
func telling(output string) (out []string) {
	for line := range strings.SplitSeq(strings.TrimSpace(output), "\n") {
		if !own.MatchString(line) && !strings.HasPrefix(line, "note  ") && !strings.HasPrefix(line, "runtime  ") {
			out = append(out, line)
		}
	}
	return out
}

// properties are the arguments for one plan of the main job.
func properties(more ...string) []string {
	return append([]string{"-test.run", "^TestProperties$", "-rapid.checks", "1"}, more...)
}

// badServers are servers that are not there, are none, or can't start.
func badServers(t *testing.T) []refusal {
	cache := t.TempDir()
	nothing := []string{"PATH=/nonexistent", "DOCKER_HOST=unix:///nonexistent", "HOME=" + cache, leftovers.EnvCache + "=" + cache}
	broken := filepath.Join(t.TempDir(), "restate.toml")
	require.NoError(t, os.WriteFile(broken, []byte("hello = = there\n"), 0o644))
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = taken.Close() })
	const another = "name an executable that acts as restate-server with -restate.binary"
	return []refusal{
		{name: "no Docker and no npm", env: nothing, args: properties(), says: []string{"start it, or set DOCKER_HOST", "install npm"}},
		{name: "no Docker", env: nothing, args: properties("-runtime", "container"), says: []string{"no Docker", "start it, or set DOCKER_HOST"}},
		{name: "no npm", env: nothing, args: properties("-runtime", "process"), says: []string{"no npm", "install npm"}},
		{name: "an unknown version", args: properties("-runtime", "process", "-restate.version", "9.9.9"), says: []string{"9.9.9", "choose with -restate.version"}},
		{name: "no version", args: properties("-runtime", "process", "-restate.version", "newest"), says: []string{"newest", "such as 1."}},
		{name: "a binary that is not Restate", args: properties("-restate.binary", "/bin/ls"), says: []string{"not a restate-server", another}},
		{name: "a binary that is a directory", args: properties("-restate.binary", os.TempDir()), says: []string{"is a directory", another}},
		{name: "a binary that is not there", args: properties("-restate.binary", "/nonexistent/server"), says: []string{"/nonexistent/server", another}},
		{name: "a configuration that is not there", args: properties("-runtime", "process", "-restate.config", "/nonexistent.toml"), says: []string{"configuration file", "/nonexistent.toml"}},
		{name: "a configuration that is none", args: properties("-runtime", "process", "-restate.config", broken), says: []string{"restate.toml", "ended before it was up", "mend what its last words name"}},
		{name: "a port that is taken", args: properties("-runtime", "process", "-restate.env", "RESTATE_INGRESS__BIND_ADDRESS="+taken.Addr().String()),
			says: []string{taken.Addr().String(), "Address", "in use", "mend what its last words name"}},
	}
}

// badFlags are command lines that can't be meant.
func badFlags() []refusal {
	simulated := func(more ...string) []string {
		return properties(append([]string{"-runtime", "simulated"}, more...)...)
	}
	return []refusal{
		{name: "an unknown bug", args: simulated("-bugs", "nosuch"), says: []string{"nosuch", "the bugs are lost-write"}},
		{name: "bugs in a real server", args: properties("-bugs", "lost-write"), says: []string{"add -runtime simulated"}},
		{name: "an unknown configuration", args: simulated("-config", "nosuch"), says: []string{"-config", "nosuch", "the configurations are plain-1"}},
		{name: "an unknown runtime", args: properties("-runtime", "cloud"), says: []string{"cloud", "want auto, container, process or simulated"}},
		{name: "no runtime", args: properties("-runtime", ""), says: []string{"want auto, container, process or simulated"}},
		{name: "a rate above 1", args: simulated("-bugs.rate", "2"), says: []string{"above 0, up to 1"}},
		{name: "a rate that is no number", args: simulated("-bugs.rate", "often"), says: []string{"often", "above 0 up to 1"}},
		{name: "a bound below 0", args: simulated("-recovery.max", "-1s"), says: []string{"want a duration above 0"}},
		{name: "a bound that is no duration", args: simulated("-completion.max", "soon"), says: []string{"soon", "longest operation"}},
		{name: "a number that is none", args: append(simulated(), "-rapid.checks", "many"), says: []string{"many", "rapid.checks"}},
		{name: "no plans", args: append(simulated(), "-rapid.checks", "-1"), says: []string{"want a number of plans above 0"}},
		{name: "an environment without a value", args: simulated("-restate.env", "NAME"), says: []string{"want NAME=VALUE"}},
		{name: "an unknown flag", args: simulated("-recovery.min", "1s"), says: []string{"-recovery.min", "the README lists retain's flags"}},
		{name: "a flag without its value", args: simulated("-summary"), says: []string{"needs an argument", "file for the session as JSON"}},
		{name: "a leftover argument", args: simulated("-unresolved", "yes"), says: []string{`"yes"`, "-name=value"}},
		{name: "leftover arguments", args: simulated(".", "./..."), says: []string{`"./..."`, "-name=value"}},
		{name: "an image for the native server", args: properties("-runtime", "process", "-restate.image", "i"), says: []string{"say -runtime container"}},
		{name: "a binary for a container", args: properties("-runtime", "container", "-restate.binary", "b"), says: []string{"say -runtime process"}},
		{name: "an image and a binary", args: properties("-restate.image", "i", "-restate.binary", "b"), says: []string{"give one of them"}},
		{name: "a plan that nobody reads", args: simulated("-plan", "plan.json"), says: []string{"-run Replay"}},
		{name: "a campaign that nobody conducts", args: simulated("-duration", "8h"), says: []string{"-run Campaign"}},
		{name: "a campaign that Go would end", args: []string{"-test.run", "^TestCampaign$", "-duration", "8h", "-test.timeout", "10m"}, says: []string{"add -timeout 0"}},
		{name: "a campaign of no time", args: []string{"-test.run", "^TestCampaign$", "-duration", "-1h"}, says: []string{"want a duration above 0"}},
		{name: "a shard that there is not", args: []string{"-test.run", "^TestCampaign$", "-duration", "1h", "-shard", "4/4"}, says: []string{"I from 0 to N-1"}},
		{name: "no workers", args: []string{"-test.run", "^TestCampaign$", "-duration", "1h", "-workers", "0"}, says: []string{"want a number above 0"}},
		{name: "a directory that nobody reads", args: simulated("-dir", "c"), says: []string{"-run Report"}},
		{name: "a version of the simulated server", args: simulated("-restate.version", "1.6.2"), says: []string{"are for a real server"}},
		{name: "an environment of the simulated server", args: simulated("-restate.env", "A=B"), says: []string{"are for a real server"}},
		{name: "plans of no steps", args: simulated("-rapid.steps", "-5"), says: []string{"above 0"}},
		{name: "a campaign of nothing", args: []string{"-test.run", "^TestCampaign$", "-duration", "0s"}, says: []string{"want a duration above 0"}},
		{name: "a campaign of so many plans", args: []string{"-test.run", "^TestCampaign$", "-duration", "1h", "-test.timeout", "0", "-rapid.checks", "5"}, says: []string{"a campaign lasts a time"}},
		{name: "a shard of no row of plans", args: []string{"-test.run", "^TestCampaign$", "-duration", "1h", "-test.timeout", "0", "-shard", "1/4"}, says: []string{"the same -rapid.seed"}},
		{name: "a shard of a session", args: simulated("-shard", "0/2"), says: []string{"-run Campaign"}},
		{name: "workers of a session", args: simulated("-workers", "4"), says: []string{"-run Campaign"}},
		{name: "a number of no campaign", args: []string{"-test.run", "^TestRedraw$", "-number", "1"}, says: []string{"give all three"}},
		{name: "a number of a report", args: []string{"-test.run", "^TestReport$", "-dir", ".", "-number", "1"}, says: []string{"-run Redraw"}},
		{name: "a number below zero", args: []string{"-test.run", "^TestRedraw$", "-dir", ".", "-number", "-1"}, says: []string{"a number from 0"}},
		{name: "a summary of a history", args: []string{"-test.run", "^TestRecheck$", "-history", "history.jsonl", "-summary", "summary.json"}, says: []string{"-summary and -junit", "leave them out"}},
		{name: "a history that nobody reads", args: simulated("-history", "history.jsonl"), says: []string{"-run Recheck"}},
	}
}

// badPlaces are places that can't be written to. A file stands where a directory
// should be: to a superuser every directory is writable.
func badPlaces() []refusal {
	fileAt := func(name string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			path := filepath.Join(dir, name)
			require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
			require.NoError(t, os.WriteFile(path, nil, 0o644))
		}
	}
	simulated := slices.Clip(properties("-runtime", "simulated"))
	const do = "make it a directory that can be written"
	return []refusal{
		{name: "no directory for artefacts", args: simulated, before: fileAt("testdata"), says: []string{"testdata", do}},
		{name: "no directory for histories", args: simulated, before: fileAt("testdata/running"), says: []string{"testdata/running", do}},
		{name: "no directory for the summary", args: append(simulated, "-summary", "/dev/null/summary.json"), says: []string{"/dev/null/summary.json", "name a file that can be written"}},
		{name: "no directory for the JUnit report", args: append(simulated, "-junit", "/dev/null/junit.xml"), says: []string{"-junit", "/dev/null/junit.xml", "name a file that can be written"}},
		{name: "a directory as the summary", args: append(simulated, "-summary", "."), says: []string{"is a directory", "name a file that can be written"}},
	}
}

// badFiles are plans and histories that can't be read.
func badFiles(t *testing.T) []refusal {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
		return path
	}
	replay := func(path string) []string {
		return []string{"-test.run", "^TestReplay$", "-runtime", "simulated", "-plan", path}
	}
	recheck := func(path string) []string { return []string{"-test.run", "^TestRecheck$", "-history", path} }
	const header = `{"e":"header","version":1,"run":"x","runtime":"y"}` + "\n"
	return []refusal{
		{name: "a plan that is not there", args: replay(dir + "/none"), says: []string{dir + "/none", "name a plan.json"}},
		{name: "a directory as a plan", args: replay(dir), says: []string{"is a directory", "name a plan.json"}},
		{name: "an empty plan", args: replay(file("empty.json", "")), says: []string{"empty.json", "the plan is empty"}},
		{name: "a plan cut short", args: replay(file("cut.json", `{"version":1,"steps":[{"id":1,`)), says: []string{"line 1:31", "cut short"}},
		{name: "a plan of nothing", args: replay(file("none.json", `{"version":1}`)), says: []string{"none.json", "has no steps"}},
		{name: "a plan with an unknown operation", args: replay(file("addd.json", `{"version":1,"steps":[{"id":1,"client":0,"do":"counter-0 addd(1)"}]}`)), says: []string{"step 1", "has add"}},
		{name: "a plan of a later version", args: replay(file("later.json", `{"version":99,"steps":[]}`)), says: []string{"99", "use a newer one"}},
		{name: "something that is no plan", args: replay(file("no.json", "hello")), says: []string{"line 1:1", "not JSON"}},
		{name: "a history that is not there", args: recheck(dir + "/none"), says: []string{dir + "/none", "name a history.jsonl"}},
		{name: "something that is no history", args: recheck(file("no.jsonl", "hello\n")), says: []string{"line 1", "not a JSON object"}},
		{name: "a history of a later version", args: recheck(file("later.jsonl", strings.Replace(header, "1", "99", 1))), says: []string{"99", "use a newer one"}},
		{name: "a history of nothing", args: recheck(file("header.jsonl", header)), says: []string{"header.jsonl", "no operations"}},
		{name: "what was read after a violation", args: recheck(file("late.jsonl", strings.Replace(header, "}", `,"fragment":"the late reads"}`, 1))), says: []string{"no whole history but the late reads", "name the history.jsonl beside it"}},
		{name: "a history broken in the middle", args: recheck(file("mid.jsonl", header+`{"e":"nothing"}`+"\n"+`{"e":"end","seq":2,"ns":2}`+"\n")), says: []string{"line 2", "nothing"}},
	}
}

// TestAnImageThatIsNotRestateGetsOneClearLine needs Docker and builds one.
func TestAnImageThatIsNotRestateGetsOneClearLine(t *testing.T) {
	if err := container.Available(t.Context()); err != nil {
		t.Skip("there is no Docker here to take an image from: ", err)
	}
	const image = "retain-test/hello:1"
	importImage(t, image, "package main\n\nfunc main() { println(\"Hello from Docker!\") }\n")
	refused(t, newChild(t, newCache(t).env(), properties("-restate.image", image)...), image, "not a restate-server")
}

// importImage makes an image of one Go program, removed after the test.
func importImage(t *testing.T, reference, program string) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "main.go"), []byte(program), 0o644))
	build := newCommand(t, dir, []string{"CGO_ENABLED=0", "GOOS=linux", "GOFLAGS="}, "go", "build", "-o", "program", "main.go")
	require.NoError(t, build.Run(), build.text())
	binary, err := os.ReadFile(filepath.Join(dir, "program"))
	require.NoError(t, err)
	var layer bytes.Buffer
	files := tar.NewWriter(&layer)
	require.NoError(t, files.WriteHeader(&tar.Header{Name: "program", Mode: 0o755, Size: int64(len(binary))}))
	_, err = files.Write(binary)
	require.NoError(t, errors.Join(err, files.Close()))

	docker, err := client.New(client.FromEnv)
	require.NoError(t, err)
	t.Cleanup(func() { _ = docker.Close() })
	done, err := docker.ImageImport(t.Context(), client.ImageImportSource{Source: &layer, SourceName: "-"}, reference,
		client.ImageImportOptions{Changes: []string{`ENTRYPOINT ["/program"]`}})
	require.NoError(t, err)
	_, err = io.Copy(io.Discard, done)
	require.NoError(t, errors.Join(err, done.Close()))
	t.Cleanup(func() {
		_, err := docker.ImageRemove(context.WithoutCancel(t.Context()), reference, client.ImageRemoveOptions{Force: true})
		assert.NoError(t, err)
	})
}

// TestTheGoCommandHandsFlagsOn runs `go test` itself, in this package: flags may
// stand before and after those of Go's own, and what is left over is refused.
func TestTheGoCommandHandsFlagsOn(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("there is no go command here: ", err)
	}
	gotest := func(args ...string) *child {
		return newCommand(t, ".", nil, "go", append([]string{"test", "-vet=off"}, args...)...)
	}
	run := gotest("-runtime", "simulated", "-run", "Properties$", "-rapid.checks", "2", "-count=1", ".")
	require.NoError(t, run.Run(), run.text())
	refused(t, gotest("-run", "Properties$", "-runtime", "simulated", "./..."), `"./..."`, "-name=value")
}

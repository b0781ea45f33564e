package commandline_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"retain/internal/cli"
	"retain/internal/selftest/suite"
)

// badPlaces are places that can't be written. A file stands where a directory should be,
// since to a superuser every directory is writable.
func badPlaces() []refusal {
	fileAt := func(name string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			path := filepath.Join(dir, name)
			require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
			require.NoError(t, os.WriteFile(path, nil, 0o644))
		}
	}
	simulated := slices.Clip(suite.Properties("-runtime", "simulated"))
	const do = "make it a directory that can be written"
	return []refusal{
		{name: "no directory for artefacts", args: simulated, before: fileAt("testdata"), says: []string{"testdata", do}},
		{name: "no directory for histories", args: simulated, before: fileAt("testdata/running"), says: []string{"testdata/running", do}},
		{name: "no directory for the summary", args: append(simulated, "-summary", "/dev/null/summary.json"), says: []string{"/dev/null/summary.json", "name a file that can be written"}},
		{name: "no directory for the JUnit report", args: append(simulated, "-junit", "/dev/null/junit.xml"), says: []string{"-junit", "/dev/null/junit.xml", "name a file that can be written"}},
		{name: "a directory as the summary", args: append(simulated, "-summary", "."), says: []string{"is a directory", "name a file that can be written"}},
	}
}

// badFiles are plans, histories and cases that can't be read.
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
	upgradeTo := func(version string) string {
		return `{"version":1,"steps":[{"id":1,"fault":"stop"},{"id":2,"fault":"start","version":"` + version + `"}]}`
	}
	recheck := func(path string) []string { return []string{"-test.run", "^TestRecheck$", "-history", path} }
	const header = `{"e":"header","version":1,"run":"x","runtime":"y"}` + "\n"
	fifo := filepath.Join(dir, "fifo")
	require.NoError(t, unix.Mkfifo(fifo, 0o600))
	pipeAt := func(path string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			path := filepath.Join(dir, path)
			require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
			require.NoError(t, unix.Mkfifo(path, 0o600))
		}
	}
	unknownBug := func(t *testing.T, dir string) {
		suite.CopyRegressions(t, dir)
		path := filepath.Join(dir, cli.Regressions, "lost-write.json")
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(path, bytes.Replace(text, []byte(`"bug": "lost-write"`), []byte(`"bug": "lost-wrote"`), 1), 0o644))
	}
	return []refusal{
		{name: "a pipe as a regression", args: []string{"-test.run", "^TestRegressions$"}, before: pipeAt(cli.Regressions + "/c.json"), says: []string{"c.json is a pipe"}},
		{name: "a pipe as the records of a campaign", args: []string{"-test.run", "^TestReport$", "-dir", "c"}, before: pipeAt("c/records/0of1-x.jsonl"), says: []string{"0of1-x.jsonl is a pipe"}},
		{name: "a regression of an unknown bug", args: []string{"-test.run", "^TestRegressions/lost-write$"}, before: unknownBug, says: []string{"lost-write.json", "lost-wrote", "the bugs are"}},
		{name: "a plan that is not there", args: replay(dir + "/none"), says: []string{dir + "/none", "name a plan.json"}},
		{name: "a directory as a plan", args: replay(dir), says: []string{"is a directory", "name a plan.json"}},
		{name: "an empty plan", args: replay(file("empty.json", "")), says: []string{"empty.json", "the plan is empty"}},
		{name: "a plan cut short", args: replay(file("cut.json", `{"version":1,"steps":[{"id":1,`)), says: []string{"line 1:31", "cut short"}},
		{name: "a plan of nothing", args: replay(file("none.json", `{"version":1}`)), says: []string{"none.json", "has no steps and no load"}},
		{name: "a plan with an unknown operation", args: replay(file("addd.json", `{"version":1,"steps":[{"id":1,"client":0,"do":"counter-0 addd(1)"}]}`)), says: []string{"step 1", "has add"}},
		{name: "a plan of a later version", args: replay(file("later.json", `{"version":99,"steps":[]}`)), says: []string{"99", "use a newer one"}},
		{name: "a plan of no version", args: replay(file("upgrade.json", upgradeTo("../1.8.0"))), says: []string{"upgrade.json: step 2 (id 2)", "want a release such as 1.7.12"}},
		{name: "a plan of a build that is not named", args: append(replay(file("build.json", upgradeTo("mine"))), "-runtime", "process"),
			says: []string{"build.json", "it starts version mine, which is no release", "-restate.binary mine=PATH"}},
		{name: "something that is no plan", args: replay(file("no.json", "hello")), says: []string{"line 1:1", "not JSON"}},
		{name: "a history that is not there", args: recheck(dir + "/none"), says: []string{dir + "/none", "name a history.jsonl"}},
		{name: "something that is no history", args: recheck(file("no.jsonl", "hello\n")), says: []string{"line 1", "not a JSON object"}},
		{name: "a history of a later version", args: recheck(file("later.jsonl", strings.Replace(header, "1", "99", 1))), says: []string{"99", "use a newer one"}},
		{name: "a history of nothing", args: recheck(file("header.jsonl", header)), says: []string{"header.jsonl", "no operations"}},
		{name: "what was read after a violation", args: recheck(file("late.jsonl", strings.Replace(header, "}", `,"fragment":"the late reads"}`, 1))), says: []string{"no whole history but the late reads", "name the history.jsonl beside it"}},
		{name: "a device as a history", args: recheck("/dev/zero"), says: []string{"/dev/zero is a device", "copy what it gives to a file"}},
		{name: "a device as a plan", args: replay("/dev/zero"), says: []string{"/dev/zero is a device", "copy what it gives to a file"}},
		{name: "a pipe as a history", args: recheck(fifo), says: []string{"is a pipe", "copy what it gives to a file"}},
		{name: "a pipe as a plan", args: replay(fifo), says: []string{"is a pipe", "copy what it gives to a file"}},
		{name: "a history of zero bytes", args: recheck(file("zeros.jsonl", strings.Repeat("\x00", 1<<16))), says: []string{"zeros.jsonl", "no text"}},
		{name: "a history with a byte order mark", args: recheck(file("bom.jsonl", "\xef\xbb\xbf"+header)), says: []string{"byte order mark", "without one"}},
		{name: "a history in CRLF", args: recheck(file("crlf.jsonl", strings.TrimSuffix(header, "\n")+"\r\n")), says: []string{"line 1", "CRLF", "newline alone"}},
		{name: "a history that is not UTF-8", args: recheck(suite.StoredHistory("utf8-distinct")), says: []string{"line 2", "0xff is not UTF-8"}},
		{name: "a history that lacks a field", args: recheck(suite.StoredHistory("seq-missing-makes-pass")), says: []string{"line 4", `"seq" is missing`}},
		{name: "a history that tries to print a line", args: recheck(file("forged.jsonl", strings.Replace(header, "header", "\\u001b[31m\\npass", 1))), says: []string{"line 1", `\x1b[31m\npass`}},
		{name: "a history broken in the middle", args: recheck(file("mid.jsonl", header+`{"e":"nothing"}`+"\n"+`{"e":"end","seq":2,"ns":2}`+"\n")), says: []string{"line 2", "nothing"}},
	}
}

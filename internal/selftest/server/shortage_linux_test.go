package server_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/harness"
	"retain/internal/selftest"
	"retain/internal/selftest/suite"
	"retain/runtime"
)

// shortage is a session on a native server whose machine runs out of something.
type shortage struct {
	// disk are the options of the tmpfs that TMPDIR is on; "" is the machine's own, "ext4"
	// a file system of that kind.
	disk string
	// wrapper is a part of a shell script that runs before the server: LIFE counts the
	// lives, CGROUP is a memory cgroup of 600 MB. What it takes lasts longer than the time
	// between two looks at a server that starts.
	wrapper string
	args    []string
	// strike takes the resource away in the middle of a plan; nil for nothing.
	strike func(t *testing.T, m *machine)
	// tries is how many sessions may end otherwise first, where the server may end before
	// what the test shows.
	tries int
	// verdict is the first word of the session, says is what its lines have.
	verdict harness.Verdict
	says    []string
}

const (
	later   = "[ $LIFE -lt 3 ] || "
	grouped = "\necho 1000 >/proc/self/oom_score_adj; echo $$ >CGROUP/cgroup.procs" // the first to be killed
	leaks   = later + "{ sleep 0.4; echo $BASHPID >CGROUP/cgroup.procs; head -c 590m /dev/zero | tail -c 590m | sleep 3; } &" + grouped
	garbage = later + "{ sleep 0.4; exec cat /dev/zero >$RESTATE_BASE_DIR/garbage; } 2>/dev/null &"
	logs    = later + "{ sleep 0.4; echo \"thread 'main' panicked at a.rs:1:1: %s\" >&2; } &"
)

var (
	// oneServer has the cgroup to itself: a second server in it is the victim of the first.
	oneServer = []string{"-workers", "1"}
	noLog     = []string{"-restate.env", "RESTATE_LOG_SERVER__ROCKSDB_DISABLE_WAL=true"}

	shortages = map[string]shortage{
		"a disk of 4 MB":                    {disk: "size=4m", verdict: harness.Harness, says: []string{"4 of 4 MB free, and 2 servers need 936 MB: free space there, or set TMPDIR"}},
		"a disk of 60 MB":                   {disk: "size=60m", verdict: harness.Harness, says: []string{"60 of 60 MB free, and 2 servers need 936 MB: free space there, or set TMPDIR"}},
		"a disk that somebody fills":        {disk: "size=1100m", strike: keepFull, verdict: harness.Harness, says: []string{" of 1100 MB free", "set TMPDIR"}},
		"a disk without inodes":             {disk: "size=1100m,nr_inodes=700", strike: spent, verdict: harness.Harness, says: []string{"inodes free"}},
		"a disk that becomes read-only":     {disk: "ext4", strike: broken, verdict: harness.Harness, says: []string{"read-only"}},
		"a disk that vanishes":              {disk: "size=1100m", strike: vanished, verdict: harness.Harness, says: []string{"is not there"}},
		"a limit of descriptors":            {strike: limited, verdict: harness.Harness, says: []string{"limited to 60 descriptors"}},
		"a limit of threads":                {strike: crowded, verdict: harness.Harness, says: []string{"the pids cgroup"}},
		"a limit of the address space":      {wrapper: later + "ulimit -v 420000", verdict: harness.Harness, says: []string{"limited to 410 MB of address space"}},
		"memory that others use up":         {wrapper: grouped, strike: starved, verdict: harness.Harness, says: []string{"somebody else killed the server", "the memory cgroup", "the kernel killed a process for it"}},
		"a server that leaks memory":        {wrapper: leaks, args: oneServer, verdict: harness.Violation, says: []string{"the memory cgroup", "; the server uses ", "the server itself used it up"}},
		"a server that leaks descriptors":   {wrapper: later + "{ ulimit -n 600; for i in {1..590}; do exec {fd}</dev/null; done; sleep 0.3; }", verdict: harness.Violation, says: []string{"limited to 600 descriptors; the server uses ", "the server itself used it up"}},
		"a server that fills the disk":      {disk: "size=1800m", wrapper: garbage, verdict: harness.Violation, says: []string{" of 1800 MB free; the server uses ", "the server itself used it up"}},
		"a lost write on a full disk":       {disk: "size=1100m", strike: fill(12 << 20), args: noLog, tries: 4, verdict: harness.Violation, says: []string{"what broke: state", "of 1100 MB free", "must be kept all the same"}},
		"a panic with plenty of everything": {wrapper: fmt.Sprintf(logs, "no entry"), verdict: harness.Violation, says: []string{"the server reports a panic"}},
		"a shortage in words alone": {wrapper: fmt.Sprintf(logs, "Out of memory (os error 12)"), verdict: harness.Violation,
			says: []string{"the server reports a panic", "NOT ruled out: environment (the server names a shortage, and there was plenty)"}},
	}
)

// What follows from a shortage of the machine is no violation, unless the server used
// the resource up.
func TestShortageIsBlamedOnItsConsumer(t *testing.T) {
	selftest.Nightly(t, "70 s")
	if os.Getuid() != 0 {
		t.Skip("needs root, for mount(2), prlimit(2) and cgroups")
	}
	server := source(t)
	for name, c := range shortages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.plays(t, server)
		})
	}
}

// source is the path of the native server.
func source(t *testing.T) string {
	sys, err := suite.Native(t)(t.Context(), runtime.Settings{Version: runtime.DefaultVersion})
	require.NoError(t, err)
	defer sys.Close()
	require.NoError(t, sys.Runtime.Close(t.Context()))
	return sys.Runtime.Identity().Source
}

// wrapped writes a wrapper of the server.
func (c shortage) wrapped(t *testing.T, m *machine, server string) string {
	script := c.wrapper
	if strings.Contains(script, "CGROUP") {
		m.group = cgroup(t, "memory")
		control(t, m.group, "memory.limit_in_bytes", 600<<20)
		script = strings.ReplaceAll(script, "CGROUP", m.group)
	}
	path := filepath.Join(t.TempDir(), "restate-server")
	script = fmt.Sprintf("#!/bin/bash\nif [ \"$1\" != --version ]; then\nLIFE=$(($(cat '%[1]s' 2>/dev/null || echo 0) + 1))\necho $LIFE >'%[1]s'\n%[2]s\nfi\nexec '%[3]s' \"$@\"\n",
		path+".lives", script, server)
	require.NoError(t, os.WriteFile(path, []byte(script), 0o755))
	return path
}

// plays conducts sessions and asserts the lines of the last one.
func (c shortage) plays(t *testing.T, server string) {
	first, violation := regexp.MustCompile("(?m)^"+string(c.verdict)+" "), regexp.MustCompile("(?m)^violation ")
	// The other worker's plan may be the machine's, where one is the server's.
	asWanted := func(text string) bool {
		return first.MatchString(text) && (c.verdict == harness.Violation || !violation.MatchString(text))
	}
	text := c.session(t, server)
	for tried := 0; tried < c.tries && !asWanted(text); tried++ {
		text = c.session(t, server)
	}
	assert.True(t, asWanted(text), "want %s: %s", c.verdict, text)
	for _, what := range c.says {
		assert.Contains(t, text, what)
	}
}

// session is what a session on a machine that runs out prints.
func (c shortage) session(t *testing.T, server string) string {
	m := &machine{cache: suite.NewCache(t), tmp: t.TempDir()}
	if c.disk != "" {
		m.tmp = mount(t, c.disk)
	}
	args := append([]string{"-test.run", "^TestProperties$", "-runtime", "process", "-config", "plain-1", "-rapid.checks", "20", "-shrink.budget", "0",
		"-recovery.max", "8s", "-completion.max", "4s"}, c.args...)
	if c.wrapper != "" {
		args = append(args, "-restate.binary", c.wrapped(t, m, server))
	}
	m.Child = suite.New(t, append(m.cache.Env(), "TMPDIR="+m.tmp), args...)
	began := time.Now()
	require.NoError(t, m.Start())
	if c.strike != nil {
		m.AwaitCall(t)
		c.strike(t, m)
	}
	_ = m.Wait()
	t.Logf("%.1f s:\n%s", time.Since(began).Seconds(), m.Text())
	return m.Text()
}

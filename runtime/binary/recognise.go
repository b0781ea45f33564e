package binary

import (
	"bufio"
	"io"
	"regexp"

	"retain/runtime/resources"
)

var (
	versionLine = regexp.MustCompile(`^restate-server (\d+\.\d+\.\d+\S*)`)
	// startLine is, for example, "Starting Restate Server 1.7.12 (577e032
	// x86_64-unknown-linux-musl 2026-09-22)"; a debug build says " (debug)"
	// before the commit.
	startLine = regexp.MustCompile(`Starting Restate Server (\S+)(?: \(debug\))? \(([^\s()]+) `)
)

// Recognise reads what a program prints until it is known to be Restate: the
// answer to --version, or the line with which a server starts (a wrapper that
// hands no arguments on starts one). The build is "" unless the server started.
// Recognise returns ok = false at the end of the output or after 1 MiB of it, and
// reads no further than it must.
func Recognise(output io.Reader) (version, build string, ok bool) {
	lines := bufio.NewReader(io.LimitReader(output, 1<<20))
	for {
		line, err := lines.ReadString('\n')
		if m := versionLine.FindStringSubmatch(line); m != nil {
			return m[1], "", true
		}
		if m := startLine.FindStringSubmatch(line); m != nil {
			return m[1], m[2], true
		}
		if err != nil {
			return "", "", false
		}
	}
}

// Build is the version and the commit that a server's log names in its newest
// "Starting Restate Server" line, "" if there is none (RUST_LOG=warn hides it).
func Build(log []byte) (version, commit string) {
	all := startLine.FindAllSubmatch(log, -1)
	if len(all) == 0 {
		return "", ""
	}
	newest := all[len(all)-1]
	return string(newest[1]), string(newest[2])
}

// PortTaken reports whether a server's log says that it could not listen on one
// of its addresses.
func PortTaken(log []byte) bool { return resources.PortTaken.Match(log) }

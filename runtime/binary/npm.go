package binary

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"time"

	"retain/runtime/child"
	"retain/runtime/reaper"
)

// packageName is the npm package that holds the server for one platform. It is
// installed itself, not the package restate-server that depends on it: that one
// has fewer versions, and a reporter of installations among its dependencies.
func packageName(p Platform) string {
	return "@restatedev/restate-server-" + p.String()
}

// npmClient is the npm on the PATH.
func npmClient() (string, error) {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return "", fmt.Errorf("%w: install npm (Node.js), or name a server with -restate.binary", ErrNoSource)
	}
	return npm, nil
}

// npmInstall installs the package into the directory, without its scripts.
func npmInstall(ctx context.Context, npm, dir, version string, p Platform) error {
	out, err := runNPM(ctx, npm, append(impatient(), "install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund",
		"--force", "--os="+p.OS, "--cpu="+p.CPU, "--loglevel=error", "--prefix", dir, packageName(p)+"@"+version)...)
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("install restate-server %s with npm: %w", version, context.Cause(ctx))
	}
	switch {
	case noSpace.Match(out):
		return fmt.Errorf("install restate-server %s with npm: %s: free 400 MB there, or set %s to a directory with more", version, npmReason(out, err), reaper.EnvCache)
	case outOfReach.Match(out):
		return fmt.Errorf("install restate-server %s with npm: the registry can't be reached: %s: check the network and npm's registry setting, or name a server with -restate.binary", version, npmReason(out, err))
	case bytes.Contains(out, []byte("ETARGET")), bytes.Contains(out, []byte("E404")):
		return fmt.Errorf("%w: npm has no %s %s%s; choose with -restate.version, or name a server with -restate.binary",
			ErrVersion, name, version, others(ctx, npm, p))
	default:
		return fmt.Errorf("install restate-server %s with npm: %s", version, npmReason(out, err))
	}
}

// impatient makes npm give up after seconds, not after more than a minute, if the
// registry can't be reached: it tries once more, and waits 15 s for each answer (not for
// the whole download). Settings of npm in the environment stay.
func impatient() []string {
	var out []string
	for _, set := range [][2]string{{"fetch-retries", "1"}, {"fetch-retry-mintimeout", "1000"}, {"fetch-retry-maxtimeout", "2000"}, {"fetch-timeout", "15000"}} {
		if os.Getenv("npm_config_"+strings.ReplaceAll(set[0], "-", "_")) == "" {
			out = append(out, "--"+set[0]+"="+set[1])
		}
	}
	return out
}

var (
	noSpace    = regexp.MustCompile(`\bENOSPC\b|\bEDQUOT\b|TAR_ENTRY_ERROR (ENOSPC|EDQUOT)`)
	outOfReach = regexp.MustCompile(`\b(ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT|FETCH_ERROR)\b|\bEIDLETIMEOUT\b`)
)

// others lists the versions there are, for an error message: nothing if npm
// does not tell them.
func others(ctx context.Context, npm string, p Platform) string {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	out, err := runNPM(ctx, npm, append(impatient(), "view", packageName(p), "versions", "--json", "--loglevel=silent")...)
	var versions []string
	if err != nil || json.Unmarshal(out, &versions) != nil || len(versions) == 0 {
		return ""
	}
	return " (it has " + strings.Join(versions, ", ") + ")"
}

// runNPM runs the client, all of which ends with the context. The output holds what it
// printed to both streams.
func runNPM(ctx context.Context, npm string, args ...string) ([]byte, error) {
	return child.Output(exec.CommandContext(ctx, npm, args...))
}

// npmReason is the telling line of npm's output: the first error that is not
// merely a code.
func npmReason(out []byte, err error) string {
	for line := range strings.Lines(string(out)) {
		line = strings.TrimSpace(line)
		rest, isError := strings.CutPrefix(line, "npm error ")
		if !isError {
			rest, isError = strings.CutPrefix(line, "npm ERR! ")
		}
		if isError && rest != "" && !strings.HasPrefix(rest, "code ") && !strings.HasPrefix(rest, "errno ") && !strings.HasPrefix(rest, "syscall ") {
			return rest
		}
	}
	return err.Error()
}

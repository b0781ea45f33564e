package binary

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"github.com/pelletier/go-toml/v2"

	"retain/internal/printable"
	"retain/runtime"
	"retain/runtime/dumpconfig"
)

// Dumper is the server as one that prints its configuration, in the environment of
// [Environment] and with what a dump's input has over it. file is the name of the
// configuration file that errors show.
func (s Server) Dumper(file string) dumpconfig.Server {
	return dumpconfig.Server{
		Name: "restate-server " + s.Version,
		Dump: func(ctx context.Context, in dumpconfig.Input) (dumpconfig.Output, error) {
			return dumpConfig(ctx, s.Path, file, in)
		},
		Mentions: func(name string) bool { return mentions(s.Path, name) },
	}
}

// dumpConfig runs the program with --dump-config, in a directory of its own. A
// wrapper that hands no arguments on starts a server instead, and is killed as soon
// as it logs that.
func dumpConfig(ctx context.Context, path, file string, in dumpconfig.Input) (dumpconfig.Output, error) {
	dir, err := os.MkdirTemp("", "retain-dump-")
	if err != nil {
		return dumpconfig.Output{}, err
	}
	defer os.RemoveAll(dir)
	env := probeEnvironment(dir)
	maps.Copy(env, Environment(runtime.Settings{}, "retain-probe"))
	if in.File != nil {
		env["RESTATE_CONFIG"] = filepath.Join(dir, filepath.Base(file))
		if err := os.WriteFile(env["RESTATE_CONFIG"], in.File, 0o600); err != nil {
			return dumpconfig.Output{}, err
		}
	}
	maps.Copy(env, in.Env)
	limited, cancel := context.WithTimeout(ctx, probeMax)
	defer cancel()
	cmd := exec.CommandContext(limited, path, "--dump-config")
	cmd.Dir, cmd.Env = dir, List(env, in.Env)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	stdout, stderr := &startWatch{started: cancel}, &startWatch{started: cancel}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	err = cmd.Run()
	text, said := stdout.text(dir), stderr.text(dir)
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return dumpconfig.Output{}, context.Cause(ctx)
	case limited.Err() != nil:
		return dumpconfig.Output{}, fmt.Errorf("%s: %w", path, dumpconfig.ErrUnable)
	case errors.As(err, &exit):
		return Dumped(text, said, exit.ExitCode())
	case err != nil:
		return dumpconfig.Output{}, err
	}
	return Dumped(text, said, 0)
}

// Dumped is what the output of a program with --dump-config says. The error is
// [dumpconfig.ErrUnable] if that is no configuration and no reason why there is none.
func Dumped(stdout, stderr string, code int) (dumpconfig.Output, error) {
	if code != 0 {
		if strings.Contains(stderr, "--dump-config") {
			return dumpconfig.Output{}, dumpconfig.ErrUnable // an argument that it does not know
		}
		return dumpconfig.Output{Refused: refusal(stderr + "\n" + stdout)}, nil
	}
	var document map[string]any
	if toml.Unmarshal([]byte(stdout), &document) != nil || len(document) == 0 {
		return dumpconfig.Output{}, dumpconfig.ErrUnable
	}
	return dumpconfig.Output{Text: stdout}, nil
}

// maxRefusal bounds the words with which a server refuses its configuration, in
// columns.
const maxRefusal = 300

// refusal is why a server refuses its configuration, on one line.
func refusal(output string) string {
	const loading, panicked = "configuration loading error: ", " panicked at "
	var out []string
	for line := range strings.SplitSeq(output, "\n") {
		line = strings.TrimSpace(line)
		if _, after, found := strings.Cut(line, loading); found {
			out, line = nil, after
		} else if strings.Contains(line, panicked) {
			out = nil
			continue
		}
		if line == "" && len(out) > 0 {
			break
		}
		if line != "" && strings.Trim(line, "|^ ") != "" {
			out = append(out, line)
		}
		if line == "stack backtrace:" {
			out = out[:len(out)-1]
			break
		}
	}
	if len(out) == 0 {
		return "it ends without a word"
	}
	return printable.Cut(strings.Join(out, " "), maxRefusal)
}

// mentions reports whether the program's file has the name of a variable in it.
// Names stand behind each other there, without a separator.
func mentions(path, name string) bool {
	file, err := os.Open(path)
	if err != nil {
		return false
	}
	defer file.Close()
	block, kept := make([]byte, 1<<20), 0
	for {
		n, err := io.ReadFull(file, block[kept:])
		have := block[:kept+n]
		if hasName(have, name) {
			return true
		}
		if err != nil {
			return false
		}
		kept = copy(block, have[len(have)-len(name)-1:])
	}
}

// hasName reports whether a name stands in the text, and is not the beginning of a
// longer one with an underscore.
func hasName(text []byte, name string) bool {
	for {
		i := bytes.Index(text, []byte(name))
		if i < 0 {
			return false
		}
		text = text[i+len(name):]
		if len(text) > 0 && text[0] != '_' {
			return true
		}
	}
}

// startWatch takes a program's output, and notices that it starts a server.
type startWatch struct {
	mu      sync.Mutex
	all     bytes.Buffer
	started func()
}

// maxDump bounds the output that is kept.
const maxDump = 4 << 20

// Write keeps the output, and calls started once a server's first line is in it.
func (w *startWatch) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.all.Len() < maxDump {
		w.all.Write(b)
	}
	if startLine.Match(w.all.Bytes()) {
		w.started()
	}
	return len(b), nil
}

// text is what was written, with the directory's name left out of it.
func (w *startWatch) text(dir string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.ReplaceAll(w.all.String(), dir, "DIR")
}

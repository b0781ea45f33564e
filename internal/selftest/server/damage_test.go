package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"retain/generators"
	"retain/harness"
	"retain/harness/backend"
	"retain/harness/session"
	"retain/internal/poll"
	"retain/model"
	"retain/runtime"
	"retain/runtime/binary"
	"retain/runtime/introspect"
)

// The environment of this test's own binary where it spoils what a server keeps.
const (
	envDamage = "RETAIN_TEST_DAMAGE" // what it does
	envServer = "RETAIN_TEST_SERVER" // the server's program
)

// damages are what wrappers of a server do to the data before its first start.
var damages = map[string]func(context.Context, runtime.Endpoints) error{
	"drop an object":   dropObject,
	"forget answers":   purgeAnswers,
	"keep it as it is": func(context.Context, runtime.Endpoints) error { return nil },
}

// damage does what a wrapper of a server is to do, on a server of its own that ends then.
func damage(what string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	ingress, admin := freeAddress(), freeAddress()
	cmd := exec.Command(os.Getenv(envServer))
	cmd.Env = append(os.Environ(), "RESTATE_INGRESS__BIND_ADDRESS="+ingress, "RESTATE_ADMIN__BIND_ADDRESS="+admin)
	if err := cmd.Start(); err != nil {
		return err
	}
	ep := runtime.Endpoints{Ingress: "http://" + ingress, Admin: "http://" + admin}
	// Its tables answer before each partition is there: an object of each kind is.
	err := poll.Until(ctx, 50*time.Millisecond, func() error {
		rows, err := introspect.Query(ctx, ep, "SELECT DISTINCT service_name FROM state")
		if err == nil && len(rows) < len(model.Kinds()) {
			return fmt.Errorf("only the objects %v are there", rows)
		}
		return err
	})
	if err == nil { // a partition may change its leader once more
		err = poll.Until(ctx, 50*time.Millisecond, func() error { return damages[what](ctx, ep) })
	}
	_ = cmd.Process.Signal(syscall.SIGTERM)
	_ = cmd.Wait()
	return err
}

func freeAddress() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// dropObject takes the state of one object away.
func dropObject(ctx context.Context, ep runtime.Endpoints) error {
	rows, err := introspect.Query(ctx, ep, "SELECT service_name, service_key FROM state WHERE service_name = 'Register'")
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return errors.New("no register is there")
	}
	service, key := rows[0].Text("service_name"), rows[0].Text("service_key")
	body, err := json.Marshal(map[string]any{"object_key": key, "new_state": map[string]any{}})
	if err != nil {
		return err
	}
	if err := askAdmin(ctx, http.MethodPost, ep.Admin+"/services/"+service+"/state", body); err != nil {
		return err
	}
	return poll.Until(ctx, 20*time.Millisecond, func() error {
		left, err := introspect.Query(ctx, ep, fmt.Sprintf("SELECT service_key FROM state WHERE service_name = '%s' AND service_key = '%s'", service, key))
		if err == nil && len(left) > 0 {
			err = errors.New("its state is still there")
		}
		return err
	})
}

// purgeAnswers makes the server forget every invocation that is over, with its answer and
// its idempotency key.
func purgeAnswers(ctx context.Context, ep runtime.Endpoints) error {
	over := func() ([]introspect.Row, error) {
		return introspect.Query(ctx, ep, "SELECT id FROM sys_invocation WHERE status = '"+introspect.Completed+"' AND idempotency_key IS NOT NULL")
	}
	rows, err := over()
	if err != nil {
		return err
	}
	for _, row := range rows {
		if err := askAdmin(ctx, http.MethodPatch, ep.Admin+"/invocations/"+row.Text("id")+"/purge", nil); err != nil {
			return err
		}
	}
	return poll.Until(ctx, 20*time.Millisecond, func() error {
		left, err := over()
		if err == nil && len(left) > 0 {
			err = fmt.Errorf("%d answers are still there", len(left))
		}
		return err
	})
}

func askAdmin(ctx context.Context, method, url string, body []byte) error {
	r, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %s", method, url, answer.Status)
	}
	return nil
}

// spoiling is a build of a version that does some damage to the data before its first start.
func spoiling(t *testing.T, version, what string) string {
	t.Helper()
	require.Contains(t, damages, what)
	server, err := binary.Find(t.Context(), binary.Request{Version: version})
	require.NoError(t, err)
	self, err := os.Executable()
	require.NoError(t, err)
	dir := t.TempDir()
	path := filepath.Join(dir, "restate-server")
	script := "#!/bin/sh\nif [ $# -eq 0 ] && [ ! -e \"$RESTATE_BASE_DIR/spoiled\" ]; then\n" +
		"  touch \"$RESTATE_BASE_DIR/spoiled\"\n" +
		fmt.Sprintf("  %s='%s' %s='%s' '%s' >&2 || { echo \"the damage failed with $?\" >&2; exit 1; }\nfi\nexec '%s' \"$@\"\n", envDamage, what, envServer, server.Path, self, server.Path)
	require.NoError(t, os.WriteFile(path, []byte(script), 0o755))
	return path
}

// led conducts one plan on a native server of a version, with builds beside.
func led(t *testing.T, version string, builds map[string]string, plan generators.Plan) harness.Run {
	t.Helper()
	open, _, err := backend.Choose(t.Context(), runtime.Settings{Version: version}, backend.Options{Name: backend.Process, Binaries: builds})
	require.NoError(t, err)
	var judged harness.Run
	result, err := session.Conduct(t.Context(), session.Options{
		Open: open, Draw: func(int) generators.Plan { return plan }, Plans: 1, Fresh: true, Bounds: harness.DefaultBounds, Dir: t.TempDir(), Late: -1,
		Base: runtime.Settings{Version: version},
		OnRun: func(r harness.Run) {
			if !r.Ledger {
				judged = r
			}
		},
	})
	require.NoError(t, err)
	require.NotEqual(t, harness.Harness, result.Verdict, "%+v", result.Failures)
	if judged.Guarantee().Code == model.RuntimeRuns { // a wrapper says here what it could not do
		log, err := os.ReadFile(filepath.Join(judged.Dir, "runtime_0.log"))
		require.NoError(t, err)
		for line := range strings.Lines(string(log)) {
			if !strings.Contains(line, " INFO ") {
				t.Log(strings.TrimSpace(line))
			}
		}
	}
	return judged
}

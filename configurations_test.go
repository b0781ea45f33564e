package retain_test

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/generators"
	"retain/harness"
	"retain/model"
	"retain/runtime"
	"retain/runtime/ingress"
)

// TestEachConfigurationIsOneOnTheServer runs a few plans on the native server in
// each configuration and asks the server what it made of it: its configuration,
// as it prints it; its admin API; and how often it enters a handler.
func TestEachConfigurationIsOneOnTheServer(t *testing.T) {
	for _, c := range generators.Servers() {
		t.Run(c.Name, func(t *testing.T) {
			told := &asked{Open: native(t)}
			reentered := 0
			session, err := harness.Conduct(t.Context(), harness.Options{
				Open: told.open, Plans: 3, Bounds: harness.DefaultBounds, Dir: t.TempDir(),
				Draw: func(n int) generators.Plan { return generators.Draw(11, n, generators.Options{Server: c.Name}) },
				OnRun: func(r harness.Run) {
					if r.Outcome != nil {
						reentered += reentries(r.Outcome.History)
					}
				},
			})
			require.NoError(t, err)
			require.Equal(t, harness.Pass, session.Verdict, "%v", session.Failures)
			require.Equal(t, map[string]int{c.Name: 3}, session.Tally.Servers)

			inactivity := c.Env["RESTATE_WORKER__INVOKER__INACTIVITY_TIMEOUT"]
			assert.Equal(t, inactivity, told.inactivity(t), "as the admin API tells it")
			lazy := strings.HasPrefix(c.Name, "lazy")
			if inactivity == "0s" && lazy {
				assert.NotZero(t, reentered, "a handler that looks at state is suspended and entered again")
			} else {
				assert.Zero(t, reentered, "nothing is entered again before the first fault")
			}
			printed := told.dump(t, c)
			assert.Contains(t, printed, `inactivity-timeout = "`+inactivity+`"`)
			assert.Equal(t, lazy, strings.Contains(printed, `eager-state-size-limit = "0 B"`))
			assert.Equal(t, c.Name == "one-timer", strings.Contains(printed, "num-timers-in-memory-limit = 1"))
		})
	}
}

// reentries counts the entries of operations into a handler, but for the first
// of each, before the first fault.
func reentries(h *model.History) int {
	n := 0
	for _, e := range h.Evidence {
		if e.Entry > 1 && (len(h.Faults) == 0 || e.At.Seq < h.Faults[0].Begin.Seq) {
			n++
		}
	}
	return n
}

// asked opens servers and asks each what its configuration is.
type asked struct {
	Open harness.Open

	mu       sync.Mutex
	timeouts []string // by the admin API, for each server
	binary   string
}

func (a *asked) open(ctx context.Context, s runtime.Settings) (*harness.System, error) {
	sys, err := a.Open(ctx, s)
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	a.binary = sys.Runtime.Identity().Source
	a.mu.Unlock()
	deploy := sys.Deploy
	sys.Deploy = func(ctx context.Context, ep runtime.Endpoints) ([]string, error) {
		shared, err := deploy(ctx, ep)
		if err != nil {
			return nil, err
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		var service struct {
			Inactivity string `json:"inactivity_timeout"`
		}
		err = ingress.Admin(ctx, ep, http.MethodGet, "/services/Counter", "", &service)
		a.timeouts = append(a.timeouts, service.Inactivity)
		return shared, err
	}
	return sys, nil
}

// inactivity is the inactivity timeout of the counter on the server.
func (a *asked) inactivity(t *testing.T) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	require.NotEmpty(t, a.timeouts)
	return a.timeouts[0]
}

// dump is the configuration as the server prints it.
func (a *asked) dump(t *testing.T, c generators.Server) string {
	cmd := exec.CommandContext(t.Context(), a.binary, "--dump-config")
	cmd.Env, cmd.Dir = os.Environ(), t.TempDir()
	for name, value := range c.Env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	out, err := cmd.Output()
	require.NoError(t, err)
	return string(out)
}

package retain_test

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"retain/generators"
	"retain/harness"
	"retain/model"
	"retain/runtime"
	"retain/runtime/ingress"
)

const (
	// cyclesPerTurn is how many restarts a turn of [BenchmarkRestartCycle] has.
	cyclesPerTurn = 4
	// canariesPerCycle is how many objects' canaries must be back.
	canariesPerCycle = 4
)

// BenchmarkRestartCycle compares a plan's restarts, from the fault on record to
// the last canary, with those of a loop that signals the same server, waits for
// its end, spawns it with the same environment and polls the same canaries at
// the same interval. The ratio is the harness's time to the bare one: at most
// 1.15 is wanted.
func BenchmarkRestartCycle(b *testing.B) {
	for _, fault := range []generators.FaultKind{generators.Kill, generators.Stop} {
		b.Run(string(fault), func(b *testing.B) {
			plan := restartPlan(fault)
			t := turns{
				plan:      func(int) generators.Plan { return plan },
				conducted: cyclesOf,
				bare: func(sys *harness.System, n int) []float64 {
					return bareCycles(b, sys, fault)
				},
			}
			t.take(b).report(b, "ms/cycle")
		})
	}
}

// restartPlan writes each object once and restarts the server some times.
func restartPlan(fault generators.FaultKind) generators.Plan {
	plan := generators.Plan{Config: generators.Config{NoClosingKill: true}}
	id := func() int { return len(plan.Steps) + 1 }
	for n := range canariesPerCycle {
		plan.Steps = append(plan.Steps, generators.Operate{
			ID: id(), Object: model.Object{Kind: model.Counter, N: n}, Op: model.CounterAdd{Delta: 1},
		})
	}
	for range cyclesPerTurn {
		for _, f := range []generators.FaultKind{fault, generators.Start} {
			plan.Steps = append(plan.Steps, generators.Inject{ID: id(), Fault: f, When: generators.InPlace{}})
		}
	}
	return plan
}

// cyclesOf are a history's restarts in milliseconds.
func cyclesOf(h *model.History) []float64 {
	var out []float64
	began := map[int]int64{} // faults by step
	for _, f := range h.Faults {
		began[f.Step] = f.Begin.Ns
	}
	for _, r := range h.Recoveries {
		out = append(out, inMilliseconds(time.Duration(r.Canary-began[r.Step-1])))
	}
	return out
}

// bareCycles restarts the system's server outside the harness, and leaves it as
// it was.
func bareCycles(b *testing.B, sys *harness.System, fault generators.FaultKind) []float64 {
	ctx := interruptible(b)
	server := findServer(b, sys)
	ep, keys := sys.Runtime.Endpoints(), make([]string, canariesPerCycle)
	for i := range keys {
		keys[i] = "bare-" + uuid.NewString()
	}
	require.NoError(b, sys.Runtime.Kill(ctx))
	server.start(b)
	server.awaitCanaries(ep, keys)
	signal := syscall.SIGKILL
	if fault == generators.Stop {
		signal = syscall.SIGTERM
	}
	var out []float64
	for range cyclesPerTurn {
		began := time.Now()
		server.end(b, signal)
		server.start(b)
		server.awaitCanaries(ep, keys)
		out = append(out, inMilliseconds(time.Since(began)))
	}
	server.end(b, syscall.SIGKILL)
	require.NoError(b, sys.Runtime.Start(ctx))
	require.NoError(b, ingress.AwaitReady(ctx, sys.Runtime.Endpoints(), sys.Nonce, keys, ingress.Milestones{}))
	return out
}

// bareServer is a server as its process table entry shows it.
type bareServer struct {
	path, dir string
	env       []string
	log       string
	cmd       *exec.Cmd
}

// findServer finds the process of a system's server.
func findServer(b *testing.B, sys *harness.System) *bareServer {
	name := "RESTATE_CLUSTER_NAME=" + sys.Runtime.Identity().Cluster
	commands, err := filepath.Glob("/proc/[0-9]*/environ")
	require.NoError(b, err)
	for _, file := range commands {
		environ, err := os.ReadFile(file)
		env := strings.Split(strings.TrimRight(string(environ), "\x00"), "\x00")
		comm, _ := os.ReadFile(filepath.Join(filepath.Dir(file), "comm")) // "" if it has ended
		if err != nil || !bytes.HasPrefix(comm, []byte("restate-server")) || !slices.Contains(env, name) {
			continue
		}
		s := &bareServer{env: env, log: filepath.Join(b.TempDir(), "server.log")}
		s.path, err = os.Readlink(filepath.Join(filepath.Dir(file), "exe"))
		require.NoError(b, err)
		s.dir, err = os.Readlink(filepath.Join(filepath.Dir(file), "cwd"))
		require.NoError(b, err)
		return s
	}
	b.Skip("the server's process can't be seen here, so that nothing can be held against it: /proc of Linux is needed")
	return nil
}

func (s *bareServer) start(b *testing.B) {
	log, err := os.OpenFile(s.log, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	require.NoError(b, err)
	defer log.Close()
	s.cmd = exec.Command(s.path)
	s.cmd.Dir, s.cmd.Env, s.cmd.Stdout, s.cmd.Stderr = s.dir, s.env, log, log
	require.NoError(b, s.cmd.Start())
}

func (s *bareServer) end(b *testing.B, signal syscall.Signal) {
	require.NoError(b, s.cmd.Process.Signal(signal))
	err := s.cmd.Wait()
	if signal == syscall.SIGTERM {
		require.NoError(b, err)
	}
}

// bareBound bounds one bare canary: one that comes too early can hang while a
// later one is answered.
const bareBound = 100 * time.Millisecond

// awaitCanaries polls until each key's canary was answered.
func (s *bareServer) awaitCanaries(ep runtime.Endpoints, keys []string) {
	transport := new(http.Transport)
	defer transport.CloseIdleConnections()
	var all sync.WaitGroup
	for _, key := range keys {
		all.Go(func() {
			tick := time.NewTicker(ingress.PollInterval)
			defer tick.Stop()
			for canary(transport, ep, key) != nil {
				<-tick.C
			}
		})
	}
	all.Wait()
}

func canary(through http.RoundTripper, ep runtime.Endpoints, key string) error {
	ctx, cancel := context.WithTimeout(context.Background(), bareBound)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, ep.Ingress+"/"+ingress.CanaryService+"/"+key+"/ping", nil)
	if err != nil {
		return err
	}
	req.Header["idempotency-key"] = []string{uuid.NewString()}
	return send(through, req)
}

package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"retain/generators"
	"retain/harness"
	"retain/model"
	"retain/runtime"
	"retain/runtime/ingress"
)

const (
	// cyclesPerTurn is how many restarts a turn of [BenchmarkRestartCycle] has.
	cyclesPerTurn = 4
	// probesPerCycle is how many objects' probes must be back.
	probesPerCycle = 4
)

// BenchmarkRestartCycle compares a plan's restarts, from the fault on record to
// the last probe, with those of a loop that signals the same server, waits for
// its end, spawns it with the same environment and polls the same probes at
// the same interval. The ratio is the harness's time to the bare one: at most
// 1.15 is wanted.
func BenchmarkRestartCycle(b *testing.B) {
	if goruntime.GOOS != "linux" {
		b.Skip("the bare side finds the server's process and its environment in Linux's /proc")
	}
	for _, fault := range []model.FaultKind{model.Kill, model.Stop} {
		b.Run(string(fault), func(b *testing.B) {
			plan := restartPlan(fault)
			t := turns{
				plan:      func(int) generators.Plan { return plan },
				conducted: cyclesOf,
				bare: func(ctx context.Context, sys *harness.System, _ int) ([]float64, error) {
					return bareCycles(ctx, sys, fault, filepath.Join(b.TempDir(), "server.log"))
				},
			}
			t.take(b).report(b, "ms/cycle")
		})
	}
}

// restartPlan writes each object once and restarts the server some times.
func restartPlan(fault model.FaultKind) generators.Plan {
	plan := generators.Plan{Config: generators.Config{NoClosingKill: true}}
	id := func() int { return len(plan.Steps) + 1 }
	for n := range probesPerCycle {
		plan.Steps = append(plan.Steps, generators.Operate{
			ID: id(), Object: model.Object{Kind: model.Counter, N: n}, Op: model.CounterAdd{Delta: 1},
		})
	}
	for range cyclesPerTurn {
		for _, f := range []model.FaultKind{fault, model.Start} {
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
		out = append(out, inMilliseconds(time.Duration(r.Probe-began[r.Step-1])))
	}
	return out
}

// bareCycles restarts the system's server outside the harness, and leaves it as
// it was.
func bareCycles(ctx context.Context, sys *harness.System, fault model.FaultKind, log string) (took []float64, err error) {
	server, err := findServer(sys, log)
	if err != nil {
		return nil, err
	}
	ep, keys := sys.Runtime.Endpoints(), make([]string, probesPerCycle)
	for i := range keys {
		keys[i] = "bare-" + uuid.NewString()
	}
	if err := sys.Runtime.Kill(ctx); err != nil {
		return nil, err
	}
	if err := server.start(); err != nil {
		return nil, err
	}
	defer func() {
		err = errors.Join(err, server.end(syscall.SIGKILL), sys.Runtime.Start(ctx, runtime.StartOptions{}))
		if err == nil {
			err = ingress.AwaitReady(ctx, sys.Runtime.Endpoints(), sys.Prober(), keys, ingress.Milestones{})
		}
	}()
	signal := syscall.SIGKILL
	if fault == model.Stop {
		signal = syscall.SIGTERM
	}
	for n := range cyclesPerTurn + 1 { // the first one brings it up and is not counted
		began := time.Now()
		if n > 0 {
			if err := errors.Join(server.end(signal), server.start()); err != nil {
				return nil, err
			}
		}
		if err := server.awaitProbes(ctx, ep, keys); err != nil {
			return nil, err
		}
		if n > 0 {
			took = append(took, inMilliseconds(time.Since(began)))
		}
	}
	return took, nil
}

// bareServer is a server as its process table entry shows it.
type bareServer struct {
	path, dir string
	env       []string
	log       string
	cmd       *exec.Cmd
}

// findServer finds the process of a system's server.
func findServer(sys *harness.System, log string) (*bareServer, error) {
	name := "RESTATE_CLUSTER_NAME=" + sys.Runtime.Identity().Cluster
	processes, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, err
	}
	for _, process := range processes {
		// What has ended meanwhile is read as nothing.
		environ, _ := os.ReadFile(filepath.Join(process, "environ"))
		comm, _ := os.ReadFile(filepath.Join(process, "comm"))
		env := strings.Split(strings.TrimRight(string(environ), "\x00"), "\x00")
		if !bytes.HasPrefix(comm, []byte("restate-server")) || !slices.Contains(env, name) {
			continue
		}
		path, err := os.Readlink(filepath.Join(process, "exe"))
		dir, err2 := os.Readlink(filepath.Join(process, "cwd"))
		return &bareServer{path: path, dir: dir, env: env, log: log}, errors.Join(err, err2)
	}
	return nil, fmt.Errorf("no process of the server with %s is to be seen", name)
}

func (s *bareServer) start() error {
	log, err := os.OpenFile(s.log, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	s.cmd = exec.Command(s.path)
	s.cmd.Dir, s.cmd.Env, s.cmd.Stdout, s.cmd.Stderr = s.dir, s.env, log, log
	return s.cmd.Start()
}

// end signals the server and waits for it. One that is told to stop ends with 0.
func (s *bareServer) end(signal syscall.Signal) error {
	if s.cmd.Process == nil {
		return nil // it could not be started
	}
	if err := s.cmd.Process.Signal(signal); err != nil {
		return err
	}
	if err := s.cmd.Wait(); signal == syscall.SIGTERM {
		return err
	}
	return nil
}

// bareBound bounds one bare probe: one that comes too early can hang while a
// later one is answered.
const bareBound = 100 * time.Millisecond

// awaitProbes polls until each key's probe was answered.
func (s *bareServer) awaitProbes(ctx context.Context, ep runtime.Endpoints, keys []string) error {
	transport := new(http.Transport)
	defer transport.CloseIdleConnections()
	var all sync.WaitGroup
	for _, key := range keys {
		all.Go(func() {
			tick := time.NewTicker(ingress.PollInterval)
			defer tick.Stop()
			for ctx.Err() == nil && probe(ctx, transport, ep, key) != nil {
				<-tick.C
			}
		})
	}
	all.Wait()
	return ctx.Err()
}

func probe(ctx context.Context, through http.RoundTripper, ep runtime.Endpoints, key string) error {
	ctx, cancel := context.WithTimeout(ctx, bareBound)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, ep.Ingress+"/"+ingress.ProbeService+"/"+key+"/ping", nil)
	if err != nil {
		return err
	}
	req.Header["idempotency-key"] = []string{uuid.NewString()}
	return send(through, req)
}

package runtimetest_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/runtime"
	"retain/runtime/runtimetest"
	"retain/runtime/simulated"
)

// broken is a runtime with one defect, by the method that a test replaces.
type broken struct {
	*simulated.Runtime
	env       map[string]string // what the server does depends on it
	start     func(context.Context, runtime.StartOptions) error
	stop      func(context.Context) (runtime.Exit, error)
	kill      func(context.Context) error
	pause     func(context.Context) error
	logs      func(int64) ([]byte, error)
	lastExit  func() (runtime.Exit, bool)
	identity  func() runtime.Identity
	endpoints func() runtime.Endpoints
	close     func(context.Context) error
}

func (b *broken) Start(ctx context.Context, o runtime.StartOptions) error { return b.start(ctx, o) }
func (b *broken) Stop(ctx context.Context) (runtime.Exit, error)          { return b.stop(ctx) }
func (b *broken) Kill(ctx context.Context) error                          { return b.kill(ctx) }
func (b *broken) Pause(ctx context.Context) error                         { return b.pause(ctx) }
func (b *broken) Logs(offset int64) ([]byte, error)                       { return b.logs(offset) }
func (b *broken) LastExit() (runtime.Exit, bool)                          { return b.lastExit() }
func (b *broken) Identity() runtime.Identity                              { return b.identity() }
func (b *broken) Endpoints() runtime.Endpoints                            { return b.endpoints() }
func (b *broken) Close(ctx context.Context) error                         { return b.close(ctx) }

// wrap makes it a sound runtime.
func (b *broken) wrap(r *simulated.Runtime) {
	*b = broken{r, nil, nil, r.Stop, r.Kill, r.Pause, r.Logs, r.LastExit, r.Identity, r.Endpoints, r.Close}
	b.start = func(ctx context.Context, o runtime.StartOptions) error {
		b.env = maps.Clone(o.Env)
		return r.Start(ctx, o)
	}
}

// suite is the suite of simulated runtimes with a defect.
func suite(defect func(b *broken)) *runtimetest.Suite {
	return runtimetest.New(runtimetest.Fixture{
		Backend: "simulated", Another: "1.6.2",
		Save: runtimetest.SaveCounter,
		Observe: func(_ context.Context, r runtime.Runtime) (func(context.Context) (string, error), error) {
			return func(context.Context) (string, error) { return fmt.Sprint(r.(*broken).env), nil }, nil
		},
		New: func(context.Context) (runtime.Runtime, error) {
			r := simulated.New(simulated.Options{Settings: runtime.Settings{Partitions: 1}})
			b := new(broken)
			b.wrap(r)
			defect(b)
			return b, nil
		},
	})
}

// failures are the names of the tests that find something wrong.
func failures(t *testing.T, defect func(b *broken)) map[string]error {
	s := suite(defect)
	found := map[string]error{}
	for _, test := range append(s.Tests(), s.Close()) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		if err := test.Run(ctx); err != nil {
			found[test.Name] = err
		}
		cancel()
	}
	return found
}

func TestSuitePassesACorrectRuntime(t *testing.T) {
	assert.Empty(t, failures(t, func(*broken) {}))
}

func TestSuiteFindsEachDefect(t *testing.T) {
	for name, c := range map[string]struct {
		defect func(b *broken)
		found  []string
	}{
		"start of a server that is up": {func(b *broken) {
			b.start = func(ctx context.Context, o runtime.StartOptions) error {
				if err := b.Runtime.Start(ctx, o); !errors.Is(err, runtime.ErrState) {
					return err
				}
				return nil
			}
		}, []string{"start makes it answer", "close ends a server that is up, twice"}},
		"stop that is a kill": {func(b *broken) {
			b.stop = func(ctx context.Context) (runtime.Exit, error) {
				err := b.Runtime.Kill(ctx)
				exit, _ := b.Runtime.LastExit()
				return exit, err
			}
		}, []string{"stop is graceful", "stop right after start is no kill", "stop of a paused server is graceful"}},
		"kill that is a stop": {func(b *broken) {
			b.kill = func(ctx context.Context) error { _, err := b.Runtime.Stop(ctx); return err }
		}, []string{"kill is SIGKILL", "kill of a paused server ends it", "kill right after start from another goroutine"}},
		"kill of a server that is down": {func(b *broken) {
			b.kill = func(ctx context.Context) error { _ = b.Runtime.Kill(ctx); return nil }
		}, []string{"nothing is up before the first start", "stop is graceful"}},
		"exit of a server that is up": {func(b *broken) {
			b.lastExit = func() (runtime.Exit, bool) { exit, _ := b.Runtime.LastExit(); return exit, true }
		}, []string{"start makes it answer", "paused server does not answer"}},
		"pause that does not freeze": {func(b *broken) {
			b.pause = func(ctx context.Context) error { return errors.Join(b.Runtime.Pause(ctx), b.Runtime.Resume(ctx)) }
		}, []string{"paused server does not answer"}},
		"logs that ignore the offset": {func(b *broken) {
			b.logs = func(int64) ([]byte, error) { return b.Runtime.Logs(0) }
		}, []string{"logs begin at the offset"}},
		"logs of the current incarnation only": {func(b *broken) {
			b.logs = func(offset int64) ([]byte, error) {
				all, err := b.Runtime.Logs(0)
				all = all[max(0, bytes.LastIndex(all, []byte("begins"))):]
				return all[min(offset, int64(len(all))):], err
			}
		}, []string{"data and log outlive a stop", "data and log outlive a kill"}},
		"data that is lost by a restart": {func(b *broken) {
			inner := b.Runtime
			b.start = func(ctx context.Context, o runtime.StartOptions) error {
				if _, ended := inner.LastExit(); ended {
					inner = simulated.New(simulated.Options{Settings: runtime.Settings{Partitions: 1}})
					b.endpoints = inner.Endpoints
				}
				return inner.Start(ctx, o)
			}
		}, []string{"data and log outlive a stop"}},
		"environment that is ignored": {func(b *broken) {
			b.start = b.Runtime.Start
		}, []string{"each start has its own environment"}},
		"environment that outlives its start": {func(b *broken) {
			b.env = map[string]string{}
			b.start = func(ctx context.Context, o runtime.StartOptions) error {
				maps.Copy(b.env, o.Env)
				return b.Runtime.Start(ctx, o)
			}
		}, []string{"each start has its own environment"}},
		"environment of the first start that has one": {func(b *broken) {
			start := b.start
			b.start = func(ctx context.Context, o runtime.StartOptions) error {
				if len(o.Env) > 0 && len(b.env) > 0 {
					o.Env = b.env
				}
				return start(ctx, o)
			}
		}, []string{"each start has its own environment"}},
		"log that another environment loses": {func(b *broken) {
			lost, start := 0, b.start
			b.start = func(ctx context.Context, o runtime.StartOptions) error {
				if !maps.Equal(b.env, o.Env) {
					all, _ := b.Runtime.Logs(0)
					lost = len(all)
				}
				return start(ctx, o)
			}
			b.logs = func(offset int64) ([]byte, error) { return b.Runtime.Logs(offset + int64(lost)) }
		}, []string{"each start has its own environment"}},
		"data that another environment loses": {func(b *broken) {
			start := b.start
			b.start = func(ctx context.Context, o runtime.StartOptions) error {
				if maps.Equal(b.env, o.Env) {
					return start(ctx, o)
				}
				identity := b.identity
				before, _ := b.logs(0)
				b.wrap(simulated.New(simulated.Options{Settings: runtime.Settings{Partitions: 1}}))
				logs := b.logs
				b.identity = identity
				b.logs = func(offset int64) ([]byte, error) {
					all, err := logs(0)
					all = append(before[:len(before):len(before)], all...)
					return all[min(offset, int64(len(all))):], err
				}
				return b.start(ctx, o)
			}
		}, []string{"each start has its own environment"}},
		"version of a start that is ignored": {func(b *broken) {
			b.start = func(ctx context.Context, o runtime.StartOptions) error {
				if runtime.CheckVersion(o.Version) == nil {
					o.Version = ""
				}
				return b.Runtime.Start(ctx, o)
			}
		}, []string{"each start has its own version"}},
		"version of a start that stays": {func(b *broken) {
			last := ""
			b.start = func(ctx context.Context, o runtime.StartOptions) error {
				o.Version = cmp.Or(o.Version, last)
				err := b.Runtime.Start(ctx, o)
				if err == nil {
					last = o.Version
				}
				return err
			}
		}, []string{"each start has its own version"}},
		"identity of the first start for good": {func(b *broken) {
			id := b.Runtime.Identity()
			b.identity = func() runtime.Identity { return id }
		}, []string{"each start has its own version"}},
		"anything that is taken for a version": {func(b *broken) {
			b.start = func(ctx context.Context, o runtime.StartOptions) error {
				if runtime.CheckVersion(o.Version) != nil {
					o.Version = ""
				}
				return b.Runtime.Start(ctx, o)
			}
		}, []string{"start that is refused loses nothing"}},
		"data that another version loses": {func(b *broken) {
			version := ""
			var start func(context.Context, runtime.StartOptions) error
			start = func(ctx context.Context, o runtime.StartOptions) error {
				if o.Version != version && runtime.CheckVersion(o.Version) == nil {
					version = o.Version
					b.wrap(simulated.New(simulated.Options{Settings: runtime.Settings{Partitions: 1}}))
					b.start = start
				}
				return b.Runtime.Start(ctx, o)
			}
			b.start = start
		}, []string{"each start has its own version"}},
		"another backend": {func(b *broken) {
			b.identity = func() runtime.Identity { id := b.Runtime.Identity(); id.Backend = "process"; return id }
		}, []string{"identity is stable and parses"}},
		"close that leaves the server up": {func(b *broken) {
			b.close = func(context.Context) error { return nil }
		}, []string{"close ends a server that is up, twice"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := failures(t, c.defect)
			for _, test := range c.found {
				assert.Contains(t, found, test)
			}
		})
	}
}

// No test needs those before it.
func TestEachTestOfTheSuiteRunsAlone(t *testing.T) {
	for i, test := range suite(func(*broken) {}).Tests() {
		t.Run(test.Name, func(t *testing.T) {
			t.Parallel()
			s := suite(func(*broken) {})
			require.NoError(t, s.Tests()[i].Run(t.Context()))
			require.NoError(t, s.Close().Run(t.Context()))
		})
	}
}

package server_test

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/generators"
	"retain/harness"
	"retain/harness/backend"
	"retain/harness/session"
	"retain/internal/selftest"
	"retain/internal/selftest/official"
	"retain/internal/selftest/suite"
	"retain/model"
	"retain/runtime"
	"retain/runtime/loopback"
	"retain/service"
	"retain/service/deployment"
)

// calling opens native servers that call the handlers at a URL.
func calling(t *testing.T, url string) harness.Open {
	t.Helper()
	open, _, err := backend.Choose(t.Context(), runtime.Settings{}, backend.Options{
		Name: backend.Process, Handlers: backend.Handlers{Backend: service.Backend{URL: url}},
	})
	require.NoError(t, err)
	return open
}

// The handlers are of the shapes that the official test services have: they have no probe and
// no register, and kinds other than those of the reference service.
func TestOfficialServicesPassByDiscoveryAlone(t *testing.T) {
	selftest.Long(t, "20 s")
	t.Parallel()
	url := suite.Official(t)
	found, err := deployment.Discover(t.Context(), service.Backend{URL: url}, time.Second)
	require.NoError(t, err)
	unserved := harness.Unserved(found.Contract)
	require.NoError(t, unserved.Check())
	assert.Equal(t, []model.Kind{model.Counter, model.List, model.Map}, unserved.Kinds())
	kinds := map[model.Kind]bool{}
	result, err := session.Conduct(t.Context(), session.Options{
		Plans: 8, Workers: 2, Dir: t.TempDir(), Bounds: harness.DefaultBounds, Base: runtime.Settings{Version: runtime.DefaultVersion},
		Draw: func(n int) generators.Plan {
			return generators.Draw(16, n, generators.Options{Exclude: unserved, StartConfigs: true, Scheduled: true, Loads: generators.Loads{Share: 0.5}})
		},
		Open: calling(t, url),
		OnRun: func(r harness.Run) {
			if r.Outcome == nil || r.Outcome.History == nil {
				return
			}
			assert.Equal(t, []string{"Counter/count", "ListObject/get", "MapObject/get"}, r.Outcome.History.Shared)
			for _, o := range r.Outcome.History.Operations {
				kinds[o.Object.Kind] = true
			}
		},
	})
	require.NoError(t, err)
	assert.Equal(t, harness.Pass, result.Verdict, "%v", result.Failures)
	assert.Equal(t, map[model.Kind]bool{model.Counter: true, model.List: true, model.Map: true}, kinds)
}

// A user names the URL and nothing else. The summary says once what is not there.
func TestDeploymentFlagTestsWhatIsThere(t *testing.T) {
	selftest.Long(t, "15 s")
	t.Parallel()
	c := suite.New(t, nil, suite.Properties("-runtime", "process", "-deployment", suite.Official(t))...)
	require.NoError(t, c.Run(), c.Text())
	assert.Contains(t, c.Text(), "with -deployment http://127.0.0.1:")
	assert.Contains(t, c.Text(), "the deployment does not serve Register")
	assert.Contains(t, c.Text(), "without faults crash, move, freeze: retain did not start the handlers' process")
}

// Handlers without streams, in HTTP/1.1 alone, behind the path and the token of a gateway whose
// certificate is signed by an authority of its own.
func TestHandlersWithoutStreamsBehindAGatewayPass(t *testing.T) {
	selftest.Nightly(t, "60 s")
	handler, err := official.RequestResponse()
	require.NoError(t, err)
	var other atomic.Value // a protocol
	gate := httptest.NewTLSServer(http.StripPrefix("/api/v1", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer 16" {
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		if r.ProtoMajor != 1 {
			other.Store(r.Proto)
		}
		r.RequestURI = r.URL.RequestURI() // by which the SDK routes
		handler.ServeHTTP(w, r)
	})))
	t.Cleanup(func() {
		gate.CloseClientConnections()
		gate.Close()
	})
	authority := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(authority, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: gate.Certificate().Raw}), 0o644))
	c := suite.New(t, []string{"SSL_CERT_FILE=" + authority, "AUTH=Bearer 16"}, suite.Properties("-runtime", "process", "-rapid.checks", "6", "-rapid.seed", "7",
		"-deployment", gate.URL+"/api/v1", "-deployment.header", "Authorization=$AUTH", "-service.faults", "1", "-load", "0")...)
	require.NoError(t, c.Run(), c.Text())
	assert.Contains(t, c.Text(), "6 pass · 0 violation · 0 undecided · 0 harness")
	assert.Regexp(t, `[0-9] (cut|delay|stall|refuse)`, c.Text())
	assert.Nil(t, other.Load())
}

// A plan of another deployment may ask for more.
func TestPlanThatADeploymentDoesNotServeIsRefused(t *testing.T) {
	selftest.Long(t, "5 s")
	t.Parallel()
	plan := filepath.Join(t.TempDir(), "plan.json")
	p := generators.Draw(1, 0, generators.Options{Exclude: onlyRegisters(t)})
	require.NoError(t, os.WriteFile(plan, generators.Encode(p), 0o644))
	c := suite.New(t, nil, "-test.run", "^TestReplay$", "-plan", plan, "-runtime", "process", "-deployment", suite.Official(t))
	require.Error(t, c.Run())
	assert.Contains(t, c.Text(), "the plan has object register: the deployment does not serve Register")
	assert.NotContains(t, c.Text(), "violation")
}

func onlyRegisters(t *testing.T) (out generators.Exclusions) {
	for _, k := range model.Kinds() {
		if k != model.Register {
			out = append(out, generators.Exclusion{What: generators.ExcludedObject, Name: string(k), Reason: "another test"})
		}
	}
	require.NoError(t, out.Check())
	return out
}

// The handlers go away in the middle of a plan: nothing is known of the server then.
func TestHandlersThatAreGoneAreNoViolation(t *testing.T) {
	selftest.Long(t, "15 s")
	t.Parallel()
	target := suite.Official(t)
	gate := httptest.NewUnstartedServer(nil) // the address that is given up
	gate.Config.Protocols = new(http.Protocols)
	gate.Config.Protocols.SetUnencryptedHTTP2(true)
	gate.Config.Handler = forward(t, target)
	gate.Start()
	open := calling(t, gate.URL)
	result, err := session.Conduct(t.Context(), session.Options{
		Plans: 1, Dir: t.TempDir(), Bounds: harness.Bounds{Recovery: 4 * time.Second, Completion: 2 * time.Second}, Late: -1,
		Base: runtime.Settings{Version: runtime.DefaultVersion},
		Draw: func(int) generators.Plan { return generators.StartAndStop(model.Kill) },
		Open: func(ctx context.Context, s runtime.Settings) (*harness.System, error) {
			sys, err := open(ctx, s)
			if err == nil {
				sys.Runtime = &leaving{Runtime: sys.Runtime, leave: func() {
					gate.CloseClientConnections()
					gate.Close()
				}}
			}
			return sys, err
		},
	})
	require.NoError(t, err)
	require.Equal(t, harness.Harness, result.Verdict, "%v", result.Failures)
	assert.Contains(t, result.Failures[0].Sentence, "the handlers under test do not answer any more")
}

// leaving is a runtime during whose first kill the handlers go away.
type leaving struct {
	runtime.Runtime
	leave func()
}

func (l *leaving) Kill(ctx context.Context) error {
	l.leave()
	return l.Runtime.Kill(ctx)
}

// forward passes requests on to a URL, in HTTP/2.
func forward(t *testing.T, to string) http.Handler {
	base, err := service.Backend{URL: to}.Base()
	require.NoError(t, err)
	transport := service.Backend{URL: to}.Transport()
	t.Cleanup(transport.CloseIdleConnections)
	return &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(base) },
		Transport: transport, FlushInterval: -1, ErrorLog: log.New(io.Discard, "", 0),
	}
}

// A container of an image stands beside the server, wherever that runs.
func TestServiceImageIsTestedAndEndsWithTheSession(t *testing.T) {
	selftest.Long(t, "40 s")
	t.Parallel()
	image := suite.OfficialImage(t)
	env := filepath.Join(t.TempDir(), "env")
	require.NoError(t, os.WriteFile(env, []byte("# where it listens\nPORT=9123\n"), 0o644))
	for _, on := range []string{"process", "container"} {
		t.Run(on, func(t *testing.T) {
			c := suite.New(t, nil, suite.Properties("-runtime", on, "-service.image", image, "-service.env-file", env)...)
			require.NoError(t, c.Run(), c.Text())
			assert.Contains(t, c.Text(), "-service.image "+image)
			left, err := exec.Command("docker", "ps", "-aq", "--filter", "ancestor="+image).Output()
			require.NoError(t, err)
			assert.Empty(t, string(left))
		})
	}
	t.Run("that dies at start", func(t *testing.T) {
		require.NoError(t, os.WriteFile(env, []byte("DIE=no database to talk to\n"), 0o644))
		c := suite.New(t, nil, suite.Properties("-runtime", "process", "-service.image", image, "-service.env-file", env)...)
		began := time.Now()
		require.Error(t, c.Run())
		assert.Less(t, time.Since(began), 30*time.Second)
		assert.Contains(t, c.Text(), "ended by itself with exit code 3, and printed last: the handlers are loaded | no database to talk to")
	})
}

// A port is somebody else's, or silent, or free.
func TestWhatCantBeDeployedIsNamedWithinHalfAMinute(t *testing.T) {
	selftest.Long(t, "60 s")
	sys, err := suite.Native(t)(t.Context(), runtime.Settings{Partitions: 1})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, sys.Shutdown(context.WithoutCancel(t.Context()))) })
	require.NoError(t, sys.Boot(t.Context()))
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = silent.Close() })
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, free.Close())
	for name, c := range map[string]struct{ url, says string }{
		"ingress": {sys.Runtime.Endpoints().Ingress, "it is the ingress of a Restate server, and no deployment"},
		"admin":   {sys.Runtime.Endpoints().Admin, "it is the admin API of a Restate server, and no deployment"},
		"silent":  {"http://" + silent.Addr().String(), "no answer to discovery within 20s"},
		"nobody":  {"http://" + free.Addr().String(), "nobody listens there: start the handlers first"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := suite.New(t, nil, suite.Properties("-runtime", "process", "-deployment", c.url)...)
			began := time.Now() // the first one builds the suite
			require.Error(t, run.Run())
			assert.Less(t, time.Since(began), 30*time.Second)
			assert.Contains(t, run.Text(), "harness    could not begin")
			assert.Contains(t, run.Text(), c.says)
		})
	}
}

// served starts a program that serves handlers on a port, and returns its URL.
func served(t *testing.T) (program *suite.Child, url string) {
	port, socket, err := loopback.Draw()
	require.NoError(t, err)
	require.NoError(t, syscall.Close(socket))
	program = suite.Command(t, t.TempDir(), []string{fmt.Sprint("PORT=", port)}, suite.Serve(t))
	require.NoError(t, program.Start())
	return program, fmt.Sprintf("http://127.0.0.1:%d", port)
}

// isGone checks what a session says of handlers that are gone.
func isGone(t *testing.T, c *suite.Child, died time.Time, says ...string) {
	require.Error(t, c.Wait())
	assert.Less(t, time.Since(died), 30*time.Second)
	assert.Equal(t, 1, c.ProcessState.ExitCode())
	for _, says := range append(says, "harness    the suite could not do its work; this says nothing about Restate") {
		assert.Contains(t, c.Text(), says)
	}
	assert.NotContains(t, c.Text(), "violation")
	text, err := os.ReadFile(filepath.Join(c.Dir, "summary.json"))
	require.NoError(t, err)
	var summary struct{ Verdict string }
	require.NoError(t, json.Unmarshal(text, &summary))
	assert.Equal(t, "harness", summary.Verdict)
}

// The process of the handlers ends: in a plan, or once a plan has passed.
func TestDeploymentThatDiesIsNamedWithinHalfAMinute(t *testing.T) {
	selftest.Nightly(t, "60 s")
	t.Parallel()
	flags := []string{"-runtime", "process", "-workers", "1", "-load", "0", "-summary", "summary.json"}
	begun := func(more ...string) *suite.Child {
		c := suite.New(t, nil, append(append(suite.Properties("-rapid.checks", "30"), flags...), more...)...)
		require.NoError(t, c.Start())
		return c
	}
	t.Run("in a plan", func(t *testing.T) {
		program, url := served(t)
		c := begun("-deployment", url)
		c.AwaitCall(t)
		require.NoError(t, program.Process.Kill())
		isGone(t, c, time.Now(), "the handlers under test do not answer any more: ", url, "nobody listens there")
	})
	t.Run("between plans", func(t *testing.T) {
		program, url := served(t)
		var died time.Time
		result, err := session.Conduct(t.Context(), session.Options{
			Plans: 3, Dir: t.TempDir(), Bounds: harness.DefaultBounds, Base: runtime.Settings{Version: runtime.DefaultVersion},
			Draw: func(int) generators.Plan { return generators.StartAndStop(model.Kill) }, Open: calling(t, url),
			OnRun: func(harness.Run) {
				if died.IsZero() {
					died = time.Now()
					_ = program.Process.Kill()
				}
			},
		})
		require.NoError(t, err)
		assert.Less(t, time.Since(died), 30*time.Second)
		assert.Equal(t, harness.Harness, result.Verdict)
		assert.Equal(t, map[harness.Verdict]int{harness.Pass: 1, harness.Harness: 1}, result.Counts)
		assert.Contains(t, result.Failures[0].Sentence, "the handlers under test do not answer any more: ")
	})
	t.Run("a container", func(t *testing.T) {
		image := suite.OfficialImage(t)
		c := begun("-service.image", image, "-service.faults", "0") // no plan kills it before us
		c.AwaitCall(t)
		out, err := exec.Command("docker", "ps", "-q", "--filter", "ancestor="+image).Output()
		require.NoError(t, err)
		require.NoError(t, exec.Command("docker", append([]string{"kill"}, strings.Fields(string(out))...)...).Run())
		isGone(t, c, time.Now(), "the container of "+image+" ended by itself by a SIGKILL that was not retain's")
	})
}

// The server says at the registration which versions of the service protocol it takes.
func TestProtocolThatTheServerRefusesIsNamedAtOnce(t *testing.T) {
	selftest.Long(t, "10 s")
	t.Parallel()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/vnd.restate.endpointmanifest.v1+json")
		_, _ = io.WriteString(w, `{"protocolMode":"BIDI_STREAM","minProtocolVersion":1,"maxProtocolVersion":4,"services":[{"name":"Counter","ty":"VIRTUAL_OBJECT",
			"handlers":[{"name":"add"},{"name":"get","ty":"SHARED"},{"name":"reset"},{"name":"addThenFail"}]}]}`)
	}))
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	t.Cleanup(s.Close)
	began := time.Now()
	c := suite.New(t, nil, suite.Properties("-runtime", "process", "-deployment", s.URL, "-summary", "summary.json")...)
	require.NoError(t, c.Start())
	require.Error(t, c.Wait())
	assert.Less(t, time.Since(began), 30*time.Second)
	assert.Contains(t, c.Text(), "unsupported service protocol versions: [1, 4]")
	assert.Contains(t, c.Text(), "harness    could not begin")
	assert.NotContains(t, c.Text(), "not up within")
}

// Faults are done to the container, and the verdict is that of handlers that listen.
func TestFaultsOfAServiceImagePass(t *testing.T) {
	selftest.Nightly(t, "60 s")
	c := suite.New(t, nil, suite.Properties("-rapid.checks", "12", "-rapid.seed", "16", "-runtime", "process",
		"-service.image", suite.OfficialImage(t), "-service.faults", "1", "-load", "0")...)
	require.NoError(t, c.Run(), c.Text())
	assert.Contains(t, c.Text(), "12 pass · 0 violation · 0 undecided · 0 harness")
	assert.NotContains(t, c.Text(), "without fault")
	assert.Regexp(t, `[0-9] (crash|move|freeze)`, c.Text())
}

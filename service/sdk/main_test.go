package sdk

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"retain/runtime/reaper"
)

// This test binary is also a service, and a session that is killed.
const (
	serveArgument = "serve-as-a-service"
	childVariable = "RETAIN_TEST_CHILD"
)

func TestMain(m *testing.M) {
	switch {
	case len(os.Args) > 1 && os.Args[1] == serveArgument:
		serve(os.Args[2])
	case os.Getenv(childVariable) != "":
		childSession(Name(os.Getenv(childVariable)))
	default:
		// In the user's cache, also if a test uses another.
		if _, err := reaper.Session(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(m.Run())
	}
}

// serve is a service that answers every request with its nonce and its process id, or
// that fails as its argument says.
func serve(how string) {
	fmt.Println("a line of its own")
	switch how {
	case "dies":
		fmt.Fprintln(os.Stderr, "no such module: restate")
		os.Exit(3)
	case "silent":
		select {}
	case "busy":
		for began := time.Now(); time.Since(began) < time.Second; {
		}
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(os.Getenv(envHost), os.Getenv(envPort)))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("%s%d\n", portLine, listener.Addr().(*net.TCPAddr).Port)
	if how == "deaf" {
		select {}
	}
	var h2c http.Protocols
	h2c.SetUnencryptedHTTP2(true)
	server := &http.Server{Protocols: &h2c, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(identity{os.Getenv(envNonce), os.Getpid(), os.TempDir()})
	})}
	_ = server.Serve(listener)
}

// identity is what a service of these tests answers.
type identity struct {
	Nonce string
	PID   int
	Temp  string
}

const fake Name = "fake"

// fakeLanguage registers a language whose service is this test binary, in a cache of its own.
// It returns the number of its builds.
func fakeLanguage(t *testing.T, how string, build func(ctx context.Context, dir string) error) *atomic.Int32 {
	t.Helper()
	t.Setenv(reaper.EnvCache, t.TempDir())
	return addFake(t, how, build)
}

func addFake(t testing.TB, how string, build func(ctx context.Context, dir string) error) *atomic.Int32 {
	builds := new(atomic.Int32)
	languages[fake] = &language{
		title: "Fake", sources: fstest.MapFS{"src/main.fake": {Data: []byte("main")}},
		find: func(context.Context, bool) (tools, error) { return tools{fingerprint: "1"}, nil },
		build: func(ctx context.Context, _ tools, dir string) error {
			builds.Add(1)
			if build == nil {
				return os.WriteFile(filepath.Join(dir, "built"), nil, 0o644)
			}
			return build(ctx, dir)
		},
		command: func(_ tools, _, _ string) []string { return []string{os.Args[0], serveArgument, how} },
	}
	if t != nil {
		t.Cleanup(func() { delete(languages, fake) })
	}
	return builds
}

func bounded(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

func started(t *testing.T, o Options) *Service {
	t.Helper()
	s, err := Start(bounded(t, time.Minute), fake, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// ask asks a service of these tests who it is.
func ask(ctx context.Context, s *Service) (who identity, err error) {
	var h2c http.Protocols
	h2c.SetUnencryptedHTTP2(true)
	client := &http.Client{Transport: &http.Transport{Protocols: &h2c}}
	defer client.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL(""), nil)
	if err != nil {
		return who, err
	}
	response, err := client.Do(request)
	if err != nil {
		return who, err
	}
	defer response.Body.Close()
	return who, json.NewDecoder(response.Body).Decode(&who)
}

// oneLine checks an error that a person reads: one line, up to what a tool printed below it.
func oneLine(t *testing.T, err error, parts ...string) {
	t.Helper()
	require.Error(t, err)
	first, below, _ := strings.Cut(err.Error(), "\n")
	for line := range strings.Lines(below) {
		require.True(t, strings.HasPrefix(line, "  "), "not a line of a tool: %s", line)
	}
	for _, part := range parts {
		require.Contains(t, first, part)
	}
}

// childSession is another session: it starts a service and stays until it is killed.
func childSession(n Name) {
	addFake(nil, "well", nil)
	var report struct {
		Service int
		Failed  string
	}
	s, err := Start(context.Background(), n, Options{})
	if err != nil {
		report.Failed = err.Error()
	} else {
		report.Service = s.last.cmd.Process.Pid
	}
	line, _ := json.Marshal(report)
	fmt.Printf("%s\n", line)
	_, _ = os.Stdin.Read(make([]byte, 1))
}

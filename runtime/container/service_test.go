package container

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/internal/selftest"
	"retain/runtime/reaper"
	"retain/service"
)

// handlersProgram answers with how often its container was started, and how many requests its
// process had. A request to /end ends it.
const handlersProgram = `package main

import ("fmt"; "net/http"; "os"; "sync/atomic")

func main() {
	if why := os.Getenv("DIE"); why != "" {
		fmt.Println(why)
		os.Exit(3)
	}
	starts, _ := os.ReadFile("/starts")
	starts = append(starts, 'x')
	_ = os.WriteFile("/starts", starts, 0o600)
	if len(starts) == 2 && os.Getenv("ONCE") != "" {
		fmt.Println("the second start finds no licence")
		os.Exit(4)
	}
	var requests atomic.Int32
	var h2c http.Protocols
	h2c.SetUnencryptedHTTP2(true)
	s := &http.Server{Addr: ":" + os.Getenv("PORT"), Protocols: &h2c, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/end" {
			fmt.Println("a last word")
			os.Exit(5)
		}
		fmt.Fprintln(w, len(starts), requests.Add(1))
	})}
	fmt.Println(s.ListenAndServe())
}
`

// handlersImage makes an image of them.
func handlersImage(t *testing.T, d *daemon) string {
	reference := "retain/test-" + strings.ToLower(t.Name()) + ":1"
	return imageOf(t, d, reference, programOf(t, handlersProgram), `ENTRYPOINT ["/program"]`)
}

func startedService(t *testing.T, image string, env map[string]string) *Service {
	s, err := StartService(bounded(t, time.Minute), image, env, func(line string) { t.Log(line) })
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close(bounded(t, time.Minute))) })
	s.mu.Lock()
	defer s.mu.Unlock()
	require.NoError(t, s.awaitListening(bounded(t, time.Minute)))
	return s
}

// get asks handlers for their two numbers.
func get(ctx context.Context, at string) (string, error) {
	transport := service.Backend{URL: at}.Transport()
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return "", err
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return strings.TrimSpace(string(text)), err
}

// state is what Docker says of the service's container.
func (s *Service) state(t *testing.T) *container.State {
	now, err := s.docker.ContainerInspect(bounded(t, time.Minute), s.container.GetContainerID(), client.ContainerInspectOptions{})
	require.NoError(t, err)
	return now.Container.State
}

// all are the containers that carry the session's label, of the service's image.
func (s *Service) all(t *testing.T, d *daemon) int {
	labelled := make(client.Filters).Add("label", reaper.Label+"="+s.owner.ID()).Add("ancestor", s.image)
	list, err := d.ContainerList(bounded(t, time.Minute), client.ContainerListOptions{All: true, Filters: labelled})
	require.NoError(t, err)
	return len(list.Items)
}

func TestServiceInAContainerIsKilledFrozenAndMovedAsAProcess(t *testing.T) {
	selftest.Long(t, "20 s")
	docker := connect(t)
	image := handlersImage(t, docker)
	s := startedService(t, image, nil)
	ctx := bounded(t, 2*time.Minute)
	asked := func(want string) {
		t.Helper()
		answer, err := get(ctx, s.URL(""))
		require.NoError(t, err)
		assert.Equal(t, want, answer)
	}

	// Killed and started again: the same address and file system, another process.
	asked("1 2")
	first, exited := s.URL(""), s.Exited()
	require.NoError(t, s.Restart(ctx, false))
	<-exited
	assert.Equal(t, first, s.URL(""))
	asked("2 2")
	assert.NoError(t, s.Ended(), "an end that retain caused")

	// Docker reports that the container is paused. It answers nothing until it is thawed.
	require.NoError(t, s.Freeze())
	assert.True(t, s.state(t).Paused)
	assert.NoError(t, s.Ended())
	answered := make(chan string, 1)
	go func() {
		answer, err := get(ctx, s.URL(""))
		answered <- errors.Join(err, errors.New(answer)).Error()
	}()
	select {
	case answer := <-answered:
		t.Fatalf("it answers while it is frozen: %s", answer)
	case <-time.After(200 * time.Millisecond):
	}
	require.NoError(t, s.Thaw())
	assert.Equal(t, "2 3", strings.TrimSpace(<-answered))

	// Moved, also a frozen one: nobody listens at the old address, and one container is left.
	require.NoError(t, s.Freeze())
	require.NoError(t, s.Restart(ctx, true))
	assert.NotEqual(t, first, s.URL(""))
	old, err := url.Parse(first)
	require.NoError(t, err)
	_, err = net.DialTimeout("tcp", old.Host, time.Second)
	require.ErrorContains(t, err, "connection refused")
	asked("1 2")
	assert.Equal(t, 1, s.all(t, docker))
	assert.Equal(t, "http://host.docker.internal:"+strconv.Itoa(s.published), s.URL("host.docker.internal"))

	// A frozen one is removed.
	require.NoError(t, s.Freeze())
	require.NoError(t, s.Close(ctx))
	assert.Zero(t, s.all(t, docker))
	assert.NoError(t, s.Ended())
	assert.ErrorContains(t, s.Restart(ctx, false), "it is closed")
}

// The error has the last line that the container printed, also where a fault comes after its
// end. An end that retain causes is no error.
func TestServiceInAContainerThatEndsByItselfIsNamed(t *testing.T) {
	selftest.Long(t, "15 s")
	docker := connect(t)
	image := handlersImage(t, docker)
	ctx := bounded(t, 2*time.Minute)
	s := startedService(t, image, nil)
	_, err := get(ctx, s.URL("")+"/end")
	require.Error(t, err)
	<-s.Exited()
	const says = "the container of retain/test-testserviceinacontainerthatendsbyitselfisnamed:1 ended by itself with exit code 5, and printed last: a last word"
	for _, err := range []error{s.Ended(), s.Freeze(), s.Thaw(), s.Restart(ctx, false), s.Restart(ctx, true)} {
		oneLine(t, err, says)
	}

	killed := startedService(t, image, nil)
	_, err = docker.ContainerKill(ctx, killed.container.GetContainerID(), client.ContainerKillOptions{Signal: "SIGKILL"})
	require.NoError(t, err)
	<-killed.Exited()
	oneLine(t, killed.Ended(), "ended by itself by a SIGKILL that was not retain's, and printed nothing")

	again := startedService(t, image, map[string]string{"ONCE": "1"})
	oneLine(t, again.Restart(ctx, false), "start the container of "+image+" again", "ended by itself with exit code 4", "the second start finds no licence")
	oneLine(t, again.Ended(), "the second start finds no licence")
}

// A port that somebody takes while the handlers are down is named, and the next address is
// free.
func TestServiceInAContainerNamesATakenPort(t *testing.T) {
	selftest.Long(t, "10 s")
	docker := connect(t)
	s := startedService(t, handlersImage(t, docker), nil)
	ctx := bounded(t, time.Minute)
	s.mu.Lock()
	require.NoError(t, s.kill(ctx))
	s.mu.Unlock()
	at, err := url.Parse(s.URL(""))
	require.NoError(t, err)
	taken, err := net.Listen("tcp", at.Host)
	require.NoError(t, err)
	defer taken.Close()
	oneLine(t, s.Restart(ctx, false), "start the container of", at.Port())
}

package sdk

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/internal/selftest"
	"retain/runtime/child"
	"retain/runtime/reaper"
	"retain/runtime/runtimetest"
)

func TestServiceHasItsNonceAndADirectoryThatGoesWithIt(t *testing.T) {
	fakeLanguage(t, "well", nil)
	s, err := Start(bounded(t, time.Minute), fake, Options{Nonce: "only mine"})
	require.NoError(t, err)
	who, err := ask(bounded(t, time.Minute), s)
	require.NoError(t, err)
	assert.Equal(t, "only mine", who.Nonce)
	assert.DirExists(t, who.Temp)
	assert.Contains(t, s.LastLines(), "a line of its own")
	host, _, err := net.SplitHostPort(s.URL("host.docker.internal")[len("http://"):])
	require.NoError(t, err)
	assert.Equal(t, "host.docker.internal", host)
	exited := s.Exited()
	for range 2 {
		require.NoError(t, s.Close())
		<-exited
		assert.NoDirExists(t, who.Temp)
	}
	assert.Error(t, s.Restart(bounded(t, time.Minute), false), "it is closed")
}

func TestRestartedServiceKeepsItsAddressUnlessAskedForAnother(t *testing.T) {
	fakeLanguage(t, "well", nil)
	s := started(t, Options{})
	url, first := s.URL(""), who(t, s)
	exited := s.Exited()
	s.Kill()
	<-exited
	assert.True(t, child.Gone(first.PID))
	require.NoError(t, s.Restart(bounded(t, time.Minute), false))
	assert.Equal(t, url, s.URL(""))
	second := who(t, s)
	assert.NotEqual(t, first.PID, second.PID)

	// A restart kills what runs.
	require.NoError(t, s.Restart(bounded(t, time.Minute), true))
	assert.NotEqual(t, url, s.URL(""))
	assert.NotEqual(t, second.PID, who(t, s).PID)
	assert.True(t, child.Gone(second.PID))
}

func TestFrozenServiceAnswersNothingUntilItIsThawed(t *testing.T) {
	fakeLanguage(t, "well", nil)
	s := started(t, Options{})
	pid := who(t, s).PID
	require.NoError(t, s.Freeze())
	assert.True(t, child.Stopped(pid), "a thread runs on once Freeze has returned")
	answered := make(chan error, 1)
	go func() {
		_, err := ask(bounded(t, time.Minute), s)
		answered <- err
	}()
	select {
	case err := <-answered:
		t.Fatalf("it answered although no thread of it runs: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	require.NoError(t, s.Thaw())
	require.NoError(t, <-answered)
	require.NoError(t, s.Freeze())
	s.Kill() // also a frozen one
	assert.True(t, child.Gone(pid))
	require.NoError(t, s.Restart(bounded(t, time.Minute), false))
}

func TestServiceThatDiesByItselfIsAnnounced(t *testing.T) {
	fakeLanguage(t, "well", nil)
	s := started(t, Options{})
	require.NoError(t, s.Ended())
	require.NoError(t, syscall.Kill(who(t, s).PID, syscall.SIGTERM))
	select {
	case <-s.Exited():
	case <-time.After(time.Minute):
		t.Fatal("its end was not seen")
	}
	assert.ErrorContains(t, s.Ended(), "the Fake service has ended (signal: terminated): "+portLine)
}

func TestServiceThatDoesNotComeUpIsOneLineWithItsLastOnes(t *testing.T) {
	for how, want := range map[string]string{
		"dies":   "start the Fake service: it ended (exit status 3) before it listened",
		"silent": "start the Fake service: wait until it listens: it has until now",
		"deaf":   "start the Fake service: wait until it answers at http://127.0.0.1:",
	} {
		t.Run(how, func(t *testing.T) {
			fakeLanguage(t, how, nil)
			ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errLate("it has until now"))
			defer cancel()
			if how == "dies" {
				ctx = bounded(t, time.Minute)
			}
			_, err := Start(ctx, fake, Options{})
			oneLine(t, err, want)
			assert.Contains(t, err.Error(), "\n  a line of its own")
			if how == "dies" {
				assert.Contains(t, err.Error(), "\n  no such module: restate")
			}
		})
	}
	assert.LessOrEqual(t, startPatience.usual, 30*time.Second)
}

// A machine without time for a service is not a service that hangs.
func TestServiceThatIsStarvedIsWaitedForAndOneThatHangsIsNot(t *testing.T) {
	if child.CPUTime(os.Getpid()) == 0 && child.CPUTime(syscall.Getpgrp()) == 0 {
		t.Skip("other systems than Linux do not show the time of a group")
	}
	was := startPatience
	t.Cleanup(func() { startPatience = was })
	startPatience = patience{usual: 200 * time.Millisecond, most: time.Minute, enough: 30 * time.Second, look: 100 * time.Millisecond, share: 0.02}
	fakeLanguage(t, "busy", nil)
	s := started(t, Options{})
	require.NoError(t, s.Ended())

	addFake(t, "silent", nil)
	_, err := Start(bounded(t, time.Minute), fake, Options{})
	oneLine(t, err, "start the Fake service: wait until it listens: it did not within ")

	startPatience.enough = 0 // what has had so much hangs
	addFake(t, "busy", nil)
	_, err = Start(bounded(t, time.Minute), fake, Options{})
	oneLine(t, err, "it did not within 200ms")
}

type errLate string

func (e errLate) Error() string { return string(e) }

func TestTakenPortIsAnErrorOfTheRestart(t *testing.T) {
	fakeLanguage(t, "well", nil)
	s := started(t, Options{})
	s.Kill()
	somebody, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(s.port))
	require.NoError(t, err)
	defer somebody.Close()
	oneLine(t, s.Restart(bounded(t, time.Minute), false), "before it listened")
	require.NoError(t, s.Restart(bounded(t, time.Minute), true))
}

// A session that is killed has no time to end its service.
func TestServiceEndsWithAKilledSession(t *testing.T) {
	t.Setenv(reaper.EnvCache, t.TempDir())
	endsWithItsSession(t, fake)
	swept, err := reaper.Sweep(bounded(t, time.Minute))
	require.NoError(t, err)
	assert.Equal(t, reaper.Swept{Sessions: 1, Dirs: 1}, swept)
	builds, err := filepath.Glob(filepath.Join(os.Getenv(reaper.EnvCache), "services", string(fake)+"-*"))
	require.NoError(t, err)
	assert.Len(t, builds, 1, "the build stays")
}

// The services of the SDKs are built in the user's cache.
func TestServicesOfAllSDKsEndWithAKilledSession(t *testing.T) {
	selftest.Long(t, "20 s, and a minute for builds")
	for _, n := range Names() {
		if n != Go {
			t.Run(string(n), func(t *testing.T) { endsWithItsSession(t, n) })
		}
	}
}

func endsWithItsSession(t *testing.T, n Name) {
	var report struct {
		Service int
		Failed  string
	}
	session, err := runtimetest.StartChild(childVariable+"="+string(n), &report)
	require.NoError(t, err)
	t.Cleanup(session.Kill)
	require.Empty(t, report.Failed)
	require.False(t, child.Gone(report.Service))
	session.Kill()
	require.Eventually(t, func() bool { return child.Gone(report.Service) }, 10*time.Second, 10*time.Millisecond)
}

func TestPortIsReadFromALineOfItsOwn(t *testing.T) {
	for text, want := range map[string]int{
		"listening on port 8080\n":              8080,
		"a log line\nlistening on port 1\r\n":   1,
		"Restate SDK: listening on port 8080\n": 0,
		"listening on port 8080":                0,
		"listening on port 0\n":                 0,
		"listening on port 65536\n":             0,
		"listening on port x\n":                 0,
	} {
		for _, size := range []int{1, 7, 100} {
			ports := make(chan int, 1)
			s := &stream{to: new(output), port: ports}
			for at := 0; at < len(text); at += size {
				_, _ = s.Write([]byte(text[at:min(at+size, len(text))]))
			}
			got := 0
			select {
			case got = <-ports:
			default:
			}
			assert.Equal(t, want, got, "%q, %d bytes at a time", text, size)
			assert.Equal(t, text, string(s.to.Log()))
		}
	}
}

func TestOutputKeepsItsEnd(t *testing.T) {
	o := new(output)
	for range 3 {
		o.add(make([]byte, kept))
	}
	o.add([]byte("end"))
	assert.LessOrEqual(t, len(o.Log()), 2*kept)
	assert.Equal(t, "end", string(o.Log()[len(o.Log())-3:]))
}

func who(t *testing.T, s *Service) identity {
	t.Helper()
	id, err := ask(bounded(t, time.Minute), s)
	require.NoError(t, err)
	return id
}

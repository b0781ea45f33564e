package simulated_test

import (
	"context"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/runtime"
	"retain/runtime/simulated"
	"retain/service"
)

func TestTransitionsInTheWrongStateAreRefused(t *testing.T) {
	ctx := context.Background()
	r := simulated.New(simulated.Options{})
	_, stop := r.Stop(ctx)
	for name, err := range map[string]error{
		"stop": stop, "kill": r.Kill(ctx), "pause": r.Pause(ctx), "resume": r.Resume(ctx),
	} {
		assert.ErrorIs(t, err, runtime.ErrState, name)
	}
	require.NoError(t, r.Start(ctx, runtime.StartOptions{}))
	assert.ErrorIs(t, r.Start(ctx, runtime.StartOptions{}), runtime.ErrState)
	require.NoError(t, r.Close(ctx))
	require.NoError(t, r.Close(ctx), "more than once")
	assert.ErrorIs(t, r.Start(ctx, runtime.StartOptions{}), runtime.ErrState)
	assert.ErrorIs(t, r.Kill(ctx), runtime.ErrState)
}

func TestUnstartedServerCountsAsEnded(t *testing.T) {
	r := simulated.New(simulated.Options{})
	<-r.Exited()
	require.NoError(t, r.Close(context.Background()))
}

// Connections are refused, then accepted without an answer, then the server is healthy,
// then calls succeed.
func TestStartPassesItsMilestonesInOrder(t *testing.T) {
	o := simulated.Options{Settings: runtime.Settings{Partitions: 1}, Timings: simulated.Timings{
		Port: 10 * time.Millisecond, Health: 20 * time.Millisecond, Ready: 40 * time.Millisecond,
	}}
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, o)
		require.NoError(t, r.Start(context.Background(), runtime.StartOptions{}))
		r.http = &http.Transport{DialContext: r.Endpoints().Dial}
		began := time.Now()

		assert.ErrorIs(t, r.get("/restate/health").Err, syscall.ECONNREFUSED)
		time.Sleep(15 * time.Millisecond)
		connected := r.get("/restate/health").Err
		require.Error(t, connected)
		assert.NotErrorIs(t, connected, syscall.ECONNREFUSED)
		time.Sleep(10 * time.Millisecond)
		assert.Equal(t, 200, r.get("/restate/health").Status)

		seen, cancel := r.watch()
		defer cancel()
		statuses := map[int]int{}
		var answers []<-chan response
		for range 40 {
			answers = append(answers, r.background("/Counter/c/add", "1", sending{Tag: "t"}))
		}
		time.Sleep(10 * time.Millisecond)
		assert.Empty(t, seen(), "no handler is entered before its partition is ready")
		for _, a := range answers {
			got := <-a
			require.NoError(t, got.Err)
			statuses[got.Status]++
			if got.Status == 200 {
				assert.GreaterOrEqual(t, time.Since(began), 40*time.Millisecond)
			}
		}
		assert.Greater(t, statuses[200], 15)
		assert.Greater(t, statuses[503], 3)
		assert.Len(t, statuses, 2)

		// Some of those that got a 503 had been accepted.
		applied, err := strconv.Atoi(r.call("/Counter/c/get", "").Body)
		require.NoError(t, err)
		assert.Greater(t, applied, statuses[200])
		assert.Less(t, applied, 40)
		require.NoError(t, r.Close(context.Background()))
	})
}

func TestAddressesChangeAtEachStart(t *testing.T) {
	bubble(t, simulated.Options{}, func(t *testing.T, r *rig) {
		old := r.Endpoints()
		r.restart(r.kill)
		now := r.Endpoints()
		assert.NotEqual(t, old.Ingress, now.Ingress)
		assert.NotEqual(t, old.Admin, now.Admin)
		_, err := old.Dial(t.Context(), "tcp", strings.TrimPrefix(old.Ingress, "http://"))
		assert.ErrorIs(t, err, syscall.ECONNREFUSED)
		c, err := now.Dial(t.Context(), "tcp", strings.TrimPrefix(now.Ingress, "http://"))
		require.NoError(t, err)
		require.NoError(t, c.Close())
	})
}

func TestKillClosesEveryConnection(t *testing.T) {
	bubble(t, simulated.Options{}, func(t *testing.T, r *rig) {
		exited := r.Exited()
		g, answer := r.held(service.Before, "/Counter/c/add", "1", sending{Tag: "t"})
		c, err := r.Endpoints().Dial(t.Context(), "tcp", strings.TrimPrefix(r.Endpoints().Ingress, "http://"))
		require.NoError(t, err)
		began := time.Now()
		r.kill()
		assert.Zero(t, time.Since(began))
		<-exited
		assert.Error(t, (<-answer).Err)
		_, err = c.Read(make([]byte, 1))
		assert.Error(t, err)
		assert.ErrorIs(t, r.get("/restate/health").Err, syscall.ECONNREFUSED)
		g.Open()
	})
}

func TestStopLetsOpenCallsFinish(t *testing.T) {
	o := simulated.Options{Timings: simulated.Timings{Drain: time.Second}}
	bubble(t, o, func(t *testing.T, r *rig) {
		g, answer := r.held(service.Before, "/Counter/c/add", "1", sending{Tag: "t"})
		other, second := r.held(service.Before, "/Counter/d/add", "1", sending{Tag: "u"})
		r.want("0", "/Counter/e/get", "") // on a third connection
		synctest.Wait()                   // which is idle now
		stopped := make(chan runtime.Exit)
		go func() {
			exit, err := r.Stop(context.Background())
			assert.NoError(t, err)
			stopped <- exit
		}()
		synctest.Wait()
		assert.ErrorIs(t, r.call("/Counter/c/add", "1").Err, syscall.ECONNREFUSED)
		other.Open()
		assert.Equal(t, 200, (<-second).Status)
		synctest.Wait()
		assert.ErrorIs(t, r.call("/Counter/c/add", "1").Err, syscall.ECONNREFUSED, "its connection is not there to be used again")
		time.Sleep(100 * time.Millisecond)
		g.Open()
		got := <-answer
		require.NoError(t, got.Err)
		assert.Equal(t, `{"oldValue":0,"newValue":1}`, got.Body)
		exit := <-stopped
		assert.True(t, exit.Graceful())
		assert.Less(t, exit.Took, 200*time.Millisecond)
		r.start()
		r.want("1", "/Counter/c/get", "")
	})
}

func TestStopCutsCallsThatOutlastTheDrain(t *testing.T) {
	o := simulated.Options{Timings: simulated.Timings{Drain: time.Second}}
	bubble(t, o, func(t *testing.T, r *rig) {
		_, answer := r.held(service.Before, "/Counter/c/add", "1", sending{Tag: "t"})
		exit, err := r.Stop(context.Background())
		require.NoError(t, err)
		assert.True(t, exit.Graceful())
		assert.Equal(t, time.Second, exit.Took)
		assert.Error(t, (<-answer).Err)
		r.start()
		r.want("1", "/Counter/c/get", "") // it was accepted, and was not held again
	})
}

func TestStopCutsOpenCallsAtOnceInVersionsWithoutADrain(t *testing.T) {
	for version, took := range map[string]time.Duration{"1.6.2": 0, "1.7.0": 0, "1.7.1": time.Second, "1.7.12": time.Second} {
		o := simulated.Options{Settings: runtime.Settings{Version: version}, Timings: simulated.Timings{Drain: time.Second}}
		bubble(t, o, func(t *testing.T, r *rig) {
			_, answer := r.held(service.Before, "/Counter/c/add", "1", sending{Tag: "t"})
			exit, err := r.Stop(context.Background())
			require.NoError(t, err)
			assert.True(t, exit.Graceful())
			assert.Equal(t, took, exit.Took, version)
			assert.Error(t, (<-answer).Err)
			r.start()
			r.want("1", "/Counter/c/get", "")
		})
	}
}

func TestKillEndsAStop(t *testing.T) {
	o := simulated.Options{Timings: simulated.Timings{Drain: time.Hour}}
	bubble(t, o, func(t *testing.T, r *rig) {
		_, answer := r.held(service.Before, "/Counter/c/add", "1", sending{Tag: "t"})
		stopped := make(chan runtime.Exit)
		go func() {
			exit, err := r.Stop(context.Background())
			assert.NoError(t, err)
			stopped <- exit
		}()
		synctest.Wait()
		r.kill()
		exit := <-stopped
		assert.True(t, exit.Killed)
		assert.False(t, exit.Graceful())
		assert.Error(t, (<-answer).Err)
	})
}

func TestStopContinuesAfterItsContextEnds(t *testing.T) {
	o := simulated.Options{Timings: simulated.Timings{Drain: time.Second}}
	bubble(t, o, func(t *testing.T, r *rig) {
		_, answer := r.held(service.Before, "/Counter/c/add", "1", sending{Tag: "t"})
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		defer cancel()
		_, err := r.Stop(ctx)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		<-r.Exited()
		assert.Error(t, (<-answer).Err)
	})
}

func TestPausedServerAcceptsButDoesNotAnswer(t *testing.T) {
	bubble(t, simulated.Options{}, func(t *testing.T, r *rig) {
		require.NoError(t, r.Pause(t.Context()))
		require.NoError(t, r.Pause(t.Context()), "once more changes nothing")
		answer := r.background("/Counter/c/add", "1")
		time.Sleep(time.Minute)
		select {
		case got := <-answer:
			assert.Fail(t, "a frozen server answered", got)
		default:
		}
		require.NoError(t, r.Resume(t.Context()))
		assert.Equal(t, `{"oldValue":0,"newValue":1}`, (<-answer).Body)

		require.NoError(t, r.Pause(t.Context()))
		lost := r.background("/Counter/c/add", "1")
		synctest.Wait()
		r.kill()
		assert.Error(t, (<-lost).Err)
		r.start()
		r.want("1", "/Counter/c/get", "")

		g, open := r.held(service.Before, "/Counter/c/add", "1", sending{Tag: "t"})
		require.NoError(t, r.Pause(t.Context()))
		healthy := make(chan response, 1)
		go func() { healthy <- r.get("/restate/health") }()
		g.Open()
		time.Sleep(time.Second)
		assert.Empty(t, open)
		assert.Empty(t, healthy)
		exit, err := r.Stop(context.Background())
		require.NoError(t, err)
		assert.True(t, exit.Graceful())
		assert.Equal(t, `{"oldValue":1,"newValue":2}`, (<-open).Body, "a frozen server is thawed to stop")
		<-healthy
	})
}

func TestPausedServerEntersNoHandler(t *testing.T) {
	bubble(t, simulated.Options{}, func(t *testing.T, r *rig) {
		_, answer := r.held(service.Before, "/Counter/c/add", "1", sending{Tag: "t"})
		r.kill()
		<-answer
		seen, cancel := r.watch()
		defer cancel()
		require.NoError(t, r.Start(context.Background(), runtime.StartOptions{}))
		require.NoError(t, r.Pause(t.Context()))
		time.Sleep(time.Second)
		assert.Empty(t, seen())
		require.NoError(t, r.Resume(t.Context()))
		time.Sleep(time.Second)
		assert.Equal(t, []string{"t 2 entered", "t 2 effect", "t 2 finished"}, seen())
	})
}

func TestIdentityNamesBackendVersionAndNode(t *testing.T) {
	a, b := simulated.New(simulated.Options{}), simulated.New(simulated.Options{})
	assert.Equal(t, "simulated", a.Identity().Backend)
	assert.Equal(t, runtime.DefaultVersion, a.Identity().Version)
	assert.NotEqual(t, a.Identity().Node, b.Identity().Node)
	assert.Equal(t, "restate-server 1.7.12, simulated", a.Identity().String())
	assert.Equal(t, []string{"Awakeable/await", "Awakeable/id", "Counter/get", "Register/read"}, simulated.Contract().Shared())
}

func TestLogNamesTheBeginAndEndOfEachIncarnation(t *testing.T) {
	bubble(t, simulated.Options{}, func(t *testing.T, r *rig) {
		r.restart(r.kill)
		r.stop()
		log, err := r.Logs(0)
		require.NoError(t, err)
		for _, line := range []string{"incarnation 1, version " + runtime.DefaultVersion + ", begins", "incarnation 1 ends: killed", "incarnation 2, version " + runtime.DefaultVersion + ", begins", "incarnation 2 ends: exit 0"} {
			assert.Contains(t, string(log), line)
		}
	})
}

// Its connections are real, so the test has no simulated clock.
func TestTCPOptionServesOnLoopback(t *testing.T) {
	r := newRig(t, simulated.Options{TCP: true})
	require.NoError(t, r.Start(context.Background(), runtime.StartOptions{}))
	t.Cleanup(func() { assert.NoError(t, r.Close(context.Background())) })
	ep := r.Endpoints()
	assert.Nil(t, ep.Dial)
	host, _, err := net.SplitHostPort(strings.TrimPrefix(ep.Ingress, "http://"))
	require.NoError(t, err)
	assert.Equal(t, "127.0.0.1", host)

	r.http = &http.Transport{}
	t.Cleanup(r.http.CloseIdleConnections)
	require.Eventually(t, func() bool {
		return r.call("/Counter/c/add", "1", sending{Key: "k"}).Status == 200
	}, 10*time.Second, time.Millisecond)
	r.want("1", "/Counter/c/get", "")

	require.NoError(t, r.Kill(context.Background()))
	assert.Error(t, r.get("/restate/health").Err)
	require.NoError(t, r.Start(context.Background(), runtime.StartOptions{}))
	require.Eventually(t, func() bool { return r.call("/Counter/c/get", "").Body == "1" }, 10*time.Second, time.Millisecond)
}

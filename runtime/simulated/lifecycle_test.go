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

func TestCallsThatDoNotFitTheStateAreRefused(t *testing.T) {
	ctx := context.Background()
	r := simulated.New(simulated.Options{})
	_, stop := r.Stop(ctx)
	for name, err := range map[string]error{
		"stop": stop, "kill": r.Kill(ctx), "pause": r.Pause(ctx), "resume": r.Resume(ctx),
	} {
		assert.ErrorIs(t, err, runtime.ErrState, name)
	}
	require.NoError(t, r.Start(ctx))
	assert.ErrorIs(t, r.Start(ctx), runtime.ErrState)
	require.NoError(t, r.Close(ctx))
	require.NoError(t, r.Close(ctx), "more than once")
	assert.ErrorIs(t, r.Start(ctx), runtime.ErrState)
	assert.ErrorIs(t, r.Kill(ctx), runtime.ErrState)
}

func TestAServerThatWasNeverStartedHasEnded(t *testing.T) {
	r := simulated.New(simulated.Options{})
	<-r.Exited()
	require.NoError(t, r.Close(context.Background()))
}

// TestAStartIsReadyStepByStep follows the four points of a start: refused,
// connected without an answer, healthy, and only then called.
func TestAStartIsReadyStepByStep(t *testing.T) {
	o := simulated.Options{Settings: runtime.Settings{Partitions: 1}, Timings: simulated.Timings{
		Port: 10 * time.Millisecond, Health: 20 * time.Millisecond, Ready: 40 * time.Millisecond,
	}}
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, o)
		require.NoError(t, r.Start(context.Background()))
		r.http = &http.Transport{DialContext: r.Endpoints().Dial}
		began := time.Now()

		assert.ErrorIs(t, r.get("/restate/health").err, syscall.ECONNREFUSED)
		time.Sleep(15 * time.Millisecond)
		connected := r.get("/restate/health").err
		require.Error(t, connected)
		assert.NotErrorIs(t, connected, syscall.ECONNREFUSED)
		time.Sleep(10 * time.Millisecond)
		assert.Equal(t, 200, r.get("/restate/health").status)

		seen, cancel := r.watch()
		defer cancel()
		statuses := map[int]int{}
		var answers []<-chan response
		for range 40 {
			answers = append(answers, r.background("/Counter/c/add", "1", sending{tag: "t"}))
		}
		time.Sleep(10 * time.Millisecond)
		assert.Empty(t, seen(), "no handler is entered before its partition is ready")
		for _, a := range answers {
			got := <-a
			require.NoError(t, got.err)
			statuses[got.status]++
			if got.status == 200 {
				assert.GreaterOrEqual(t, time.Since(began), 40*time.Millisecond)
			}
		}
		assert.Greater(t, statuses[200], 15)
		assert.Greater(t, statuses[503], 3)
		assert.Len(t, statuses, 2)

		// Some of those that got a 503 had been accepted.
		applied, err := strconv.Atoi(r.call("/Counter/c/get", "").body)
		require.NoError(t, err)
		assert.Greater(t, applied, statuses[200])
		assert.Less(t, applied, 40)
		require.NoError(t, r.Close(context.Background()))
	})
}

func TestAddressesAreOtherOnesInEachLife(t *testing.T) {
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

func TestAKillCutsEveryConnectionAtOnce(t *testing.T) {
	bubble(t, simulated.Options{}, func(t *testing.T, r *rig) {
		exited := r.Exited()
		g, answer := r.held(service.Before, "/Counter/c/add", "1", sending{tag: "t"})
		c, err := r.Endpoints().Dial(t.Context(), "tcp", strings.TrimPrefix(r.Endpoints().Ingress, "http://"))
		require.NoError(t, err)
		began := time.Now()
		r.kill()
		assert.Zero(t, time.Since(began))
		<-exited
		assert.Error(t, (<-answer).err)
		_, err = c.Read(make([]byte, 1))
		assert.Error(t, err)
		assert.ErrorIs(t, r.get("/restate/health").err, syscall.ECONNREFUSED)
		g.Open()
	})
}

func TestAStopLetsOpenCallsFinish(t *testing.T) {
	o := simulated.Options{Timings: simulated.Timings{Drain: time.Second}}
	bubble(t, o, func(t *testing.T, r *rig) {
		g, answer := r.held(service.Before, "/Counter/c/add", "1", sending{tag: "t"})
		other, second := r.held(service.Before, "/Counter/d/add", "1", sending{tag: "u"})
		r.want("0", "/Counter/e/get", "") // on a third connection
		synctest.Wait()                   // which is idle now
		stopped := make(chan runtime.Exit)
		go func() {
			exit, err := r.Stop(context.Background())
			assert.NoError(t, err)
			stopped <- exit
		}()
		synctest.Wait()
		assert.ErrorIs(t, r.call("/Counter/c/add", "1").err, syscall.ECONNREFUSED)
		other.Open()
		assert.Equal(t, 200, (<-second).status)
		synctest.Wait()
		assert.ErrorIs(t, r.call("/Counter/c/add", "1").err, syscall.ECONNREFUSED, "its connection is not there to be used again")
		time.Sleep(100 * time.Millisecond)
		g.Open()
		got := <-answer
		require.NoError(t, got.err)
		assert.Equal(t, `{"oldValue":0,"newValue":1}`, got.body)
		exit := <-stopped
		assert.True(t, exit.Graceful())
		assert.Less(t, exit.Took, 200*time.Millisecond)
		r.start()
		r.want("1", "/Counter/c/get", "")
	})
}

func TestAStopCutsWhatDoesNotFinish(t *testing.T) {
	o := simulated.Options{Timings: simulated.Timings{Drain: time.Second}}
	bubble(t, o, func(t *testing.T, r *rig) {
		_, answer := r.held(service.Before, "/Counter/c/add", "1", sending{tag: "t"})
		exit, err := r.Stop(context.Background())
		require.NoError(t, err)
		assert.True(t, exit.Graceful())
		assert.Equal(t, time.Second, exit.Took)
		assert.Error(t, (<-answer).err)
		r.start()
		r.want("1", "/Counter/c/get", "") // it was accepted, and was not held again
	})
}

func TestAKillEndsAStop(t *testing.T) {
	o := simulated.Options{Timings: simulated.Timings{Drain: time.Hour}}
	bubble(t, o, func(t *testing.T, r *rig) {
		_, answer := r.held(service.Before, "/Counter/c/add", "1", sending{tag: "t"})
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
		assert.Error(t, (<-answer).err)
	})
}

func TestAStopWhoseContextEndsGoesOn(t *testing.T) {
	o := simulated.Options{Timings: simulated.Timings{Drain: time.Second}}
	bubble(t, o, func(t *testing.T, r *rig) {
		_, answer := r.held(service.Before, "/Counter/c/add", "1", sending{tag: "t"})
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		defer cancel()
		_, err := r.Stop(ctx)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		<-r.Exited()
		assert.Error(t, (<-answer).err)
	})
}

func TestAFrozenServerTakesRequestsAndAnswersNone(t *testing.T) {
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
		assert.Equal(t, `{"oldValue":0,"newValue":1}`, (<-answer).body)

		require.NoError(t, r.Pause(t.Context()))
		lost := r.background("/Counter/c/add", "1")
		synctest.Wait()
		r.kill()
		assert.Error(t, (<-lost).err)
		r.start()
		r.want("1", "/Counter/c/get", "")

		g, open := r.held(service.Before, "/Counter/c/add", "1", sending{tag: "t"})
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
		assert.Equal(t, `{"oldValue":1,"newValue":2}`, (<-open).body, "a frozen server is thawed to stop")
		<-healthy
	})
}

func TestAFrozenServerEntersNoHandler(t *testing.T) {
	bubble(t, simulated.Options{}, func(t *testing.T, r *rig) {
		_, answer := r.held(service.Before, "/Counter/c/add", "1", sending{tag: "t"})
		r.kill()
		<-answer
		seen, cancel := r.watch()
		defer cancel()
		require.NoError(t, r.Start(context.Background()))
		require.NoError(t, r.Pause(t.Context()))
		time.Sleep(time.Second)
		assert.Empty(t, seen())
		require.NoError(t, r.Resume(t.Context()))
		time.Sleep(time.Second)
		assert.Equal(t, []string{"t 2 entered", "t 2 effect", "t 2 finished"}, seen())
	})
}

func TestItSaysWhatItIs(t *testing.T) {
	a, b := simulated.New(simulated.Options{}), simulated.New(simulated.Options{})
	assert.Equal(t, "simulated", a.Identity().Backend)
	assert.Equal(t, runtime.DefaultVersion, a.Identity().Version)
	assert.NotEqual(t, a.Identity().Node, b.Identity().Node)
	assert.Equal(t, "restate-server 1.7.12, simulated", a.Identity().String())
	assert.Equal(t, []string{"Counter/get", "Register/read"}, simulated.Shared())
}

func TestTheLogTellsItsLives(t *testing.T) {
	bubble(t, simulated.Options{}, func(t *testing.T, r *rig) {
		r.restart(r.kill)
		r.stop()
		log, err := r.Logs()
		require.NoError(t, err)
		for _, line := range []string{"life 1 begins", "life 1 ends: killed", "life 2 begins", "life 2 ends: exit 0"} {
			assert.Contains(t, string(log), line)
		}
	})
}

// TestItServesOnLoopback has no simulated clock: its connections are real.
func TestItServesOnLoopback(t *testing.T) {
	r := newRig(t, simulated.Options{TCP: true})
	require.NoError(t, r.Start(context.Background()))
	t.Cleanup(func() { assert.NoError(t, r.Close(context.Background())) })
	ep := r.Endpoints()
	assert.Nil(t, ep.Dial)
	host, _, err := net.SplitHostPort(strings.TrimPrefix(ep.Ingress, "http://"))
	require.NoError(t, err)
	assert.Equal(t, "127.0.0.1", host)

	r.http = &http.Transport{}
	t.Cleanup(r.http.CloseIdleConnections)
	require.Eventually(t, func() bool {
		return r.call("/Counter/c/add", "1", sending{key: "k"}).status == 200
	}, 10*time.Second, time.Millisecond)
	r.want("1", "/Counter/c/get", "")

	require.NoError(t, r.Kill(context.Background()))
	assert.Error(t, r.get("/restate/health").err)
	require.NoError(t, r.Start(context.Background()))
	require.Eventually(t, func() bool { return r.call("/Counter/c/get", "").body == "1" }, 10*time.Second, time.Millisecond)
}

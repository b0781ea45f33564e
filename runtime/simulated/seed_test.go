package simulated_test

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/runtime/simulated"
)

// trace runs four clients over four incarnations. It returns the answers of each client
// and the bugs that struck.
func trace(t *testing.T, seed uint64) string {
	var all string
	synctest.Test(t, func(t *testing.T) {
		o := planted()
		o.Seed, o.Rate = seed, 0.2
		for _, d := range simulated.Bugs() {
			o.Bugs = append(o.Bugs, d.Bug)
		}
		r := newRig(t, o)
		r.start()
		clients := make([]strings.Builder, 4)
		for range 4 {
			var work sync.WaitGroup
			for n := range clients {
				work.Go(func() { client(r, &clients[n], n) })
			}
			time.Sleep(5 * time.Millisecond)
			r.kill()
			work.Wait()
			r.start()
		}
		for n := range clients {
			all += clients[n].String()
		}
		log, err := r.Logs(0)
		require.NoError(t, err)
		name := r.Identity().Node // differs from runtime to runtime
		all += strings.ReplaceAll(string(log), name, "NODE")
		require.NoError(t, r.Close(t.Context()))
	})
	return all
}

// client makes calls until one gets no answer. No two clients ever wake in the
// same nanosecond.
func client(r *rig, seen *strings.Builder, n int) {
	calls := []struct{ path, body string }{
		{"/Counter/c/add", "1"}, {"/Counter/c/get", ""}, {"/Counter/d/add", "1"}, {"/Counter/c/reset", ""},
		{"/ListObject/l/append", `"a"`}, {"/ListObject/l/get", ""},
	}
	draw := rand.New(rand.NewPCG(uint64(n), 7))
	for i := range 1000 {
		time.Sleep(time.Duration(100_000 + draw.IntN(100_000)*10 + n))
		c := calls[draw.IntN(len(calls))]
		got := r.call(c.path, c.body, sending{Key: "k" + itoa(n) + "-" + itoa(i)})
		if got.Err != nil {
			return
		}
		seen.WriteString(c.path + " " + c.body + " " + got.Body + "\n")
	}
}

var line = regexp.MustCompile(`(?m)^\S+ (?:lost-write|stale-read|double-apply|swallowed-write|late-write)`)

// A synctest bubble leaves nothing to the scheduler.
func TestEqualSeedsGiveEqualRuns(t *testing.T) {
	first := trace(t, 1)
	require.Greater(t, len(line.FindAllString(first, -1)), 3, first)
	for range 5 {
		require.Equal(t, first, trace(t, 1))
	}
	assert.NotEqual(t, first, trace(t, 2))
}

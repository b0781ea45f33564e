package server_test

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/harness/backend"
	"retain/internal/selftest"
	"retain/internal/selftest/suite"
	"retain/model"
	"retain/runtime/container"
)

// After SIGKILL in the middle of a plan the history on disk reads back, the next session
// reaps what was left, and a live session beside it is not touched.
func TestKilledSessionLeavesNothing(t *testing.T) {
	selftest.Long(t, "50 s")
	killedSessionLeavesNothing(t, backend.Process, 8)
}

func TestKilledSessionLeavesNothingInDocker(t *testing.T) {
	selftest.Long(t, "20 s")
	if err := container.Available(t.Context()); err != nil {
		t.Skip("containers can't be used here: ", err)
	}
	killedSessionLeavesNothing(t, backend.Container, 6)
}

// killedSessionLeavesNothing kills one session while another executes plans beside it.
func killedSessionLeavesNothing(t *testing.T, name backend.Name, plans int) {
	cache := suite.NewCache(t)
	session := func(plans int) *suite.Child {
		return suite.New(t, cache.Env(), "-test.run", "^TestProperties$", "-test.timeout", "5m",
			"-runtime", string(name), "-load", "0", "-rapid.checks", fmt.Sprint(plans))
	}
	victim, neighbour, next := session(1000), session(plans), session(1)
	require.NoError(t, victim.Start())
	victim.AwaitCall(t)
	require.NoError(t, neighbour.Start())
	neighbour.AwaitCall(t)
	victim.AwaitCall(t)
	require.NoError(t, victim.Process.Kill())
	require.Error(t, victim.Wait(), "it was killed")
	own := cache.Of(t, victim)
	own.Exist(t, name)

	require.NoError(t, next.Run(), next.Text())
	assert.Contains(t, next.Text(), "leftovers removed")
	assert.Contains(t, next.Text(), "sessions: 1 dead, 1 alive, 0 deferred")
	own.AreGone(t)
	require.NoError(t, neighbour.Wait(), neighbour.Text())
	assert.Contains(t, neighbour.Text(), fmt.Sprintf("%d pass", plans), "it was alive and was touched")
	readsBack(t, victim)
}

// readsBack asserts that the history of a killed session can be read and judged: at most
// its last line is cut.
func readsBack(t *testing.T, victim *suite.Child) {
	cut := 0
	for _, path := range victim.Histories() {
		file, err := os.Open(path)
		require.NoError(t, err)
		h, err := model.ReadHistory(file)
		require.NoError(t, errors.Join(err, file.Close()))
		if h.Ended || len(h.Operations) == 0 {
			continue // killed between two plans of this worker
		}
		cut++
		judge := suite.New(t, nil, "-test.run", "^TestRecheck$", "-history", path)
		require.NoError(t, judge.Run(), judge.Text())
		require.Contains(t, judge.Text(), "pass  ")
	}
	require.NotZero(t, cut, "no plan was under way")
}

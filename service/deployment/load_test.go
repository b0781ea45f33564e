package deployment_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"retain/runtime"
	"retain/service"
)

// Many operations in flight, some of them held, some cut, when the server is
// killed: each has its effect once, and the evidence of each is a story that
// can have happened.
func TestStateSurvivesKillsUnderLoad(t *testing.T) {
	const operations, keys, rounds = 120, 40, 2
	d := deploy(t)
	require.Equal(t, 200, d.call("Counter/0/get", "", "").status)
	for round := range rounds {
		draw := rand.New(rand.NewPCG(1, uint64(round)))
		var all sync.WaitGroup
		var gates []service.Gate
		for i := range operations {
			tag := fmt.Sprintf("%d/%d", round, i)
			at := []service.Position{service.Before, service.After}[draw.IntN(2)]
			switch draw.IntN(4) {
			case 0:
				gates = append(gates, d.Control().Arm(tag, at))
			case 1:
				d.Proxy().Break(tag, at)
			}
			all.Go(func() {
				got := d.call(fmt.Sprintf("Counter/%d/add", i%keys), "1", tag)
				assert.Equal(t, 200, got.status, "%v", got)
			})
		}
		// Those behind a held one in a key's queue do not get to their gates.
		held, over := make(chan struct{}, len(gates)), make(chan struct{})
		for _, g := range gates {
			all.Go(func() {
				select {
				case <-g.Held():
					held <- struct{}{}
				case <-over:
				}
			})
		}
		for range len(gates) / 3 {
			wait(t, "gates to hold", held)
		}
		close(over)
		d.fail("kill")
		d.Control().OpenAll()
		require.NoError(t, d.server.Start(t.Context(), runtime.StartOptions{}))
		all.Wait()
		wantStories(t, d, operations)
	}
	for k := range keys {
		want := fmt.Sprint(operations / keys * rounds)
		assert.Equal(t, want, d.call(fmt.Sprintf("Counter/%d/get", k), "", "").body, "key %d", k)
	}
}

// wantStories reads evidence until all operations have finished, and checks the
// order of the readings of each attempt and the attempts' numbers.
func wantStories(t *testing.T, d *deployed, operations int) {
	t.Helper()
	stories, unfinished := map[string][]service.Evidence{}, map[string]bool{}
	for len(stories) < operations || len(unfinished) > 0 || len(d.evidence) > 0 {
		e := wait(t, "evidence", d.evidence)
		stories[e.Tag] = append(stories[e.Tag], e)
		if unfinished[e.Tag] = true; e.Reading == service.Finished {
			delete(unfinished, e.Tag)
		}
	}
	for tag, story := range stories {
		slices.SortStableFunc(story, func(a, b service.Evidence) int { return a.Attempt - b.Attempt })
		attempt := 0
		last := service.Broken
		for _, e := range story {
			switch e.Reading {
			case service.Entered:
				attempt++
				// A server that is killed may have got an attempt's end and lost it.
				assert.Contains(t, []service.Reading{service.Broken, service.Finished}, last, "%s: %v", tag, story)
			case service.Effect:
				assert.Equal(t, service.Entered, last, "%s: %v", tag, story)
			case service.Finished:
				assert.Equal(t, service.Effect, last, "%s: %v", tag, story)
			}
			assert.Equal(t, attempt, e.Attempt, "%s: %v", tag, story)
			assert.Equal(t, story[0].Invocation, e.Invocation)
			last = e.Reading
		}
		assert.Equal(t, service.Finished, last, "%s: %v", tag, story)
	}
}

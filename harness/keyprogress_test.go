package harness

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"retain/harness/internal/harnesstest"
	"retain/model"
	"retain/runtime/introspect"
)

// queueOf makes a look: "A b c" is a key that A holds, with b and c behind it, "-" one
// that nobody holds; "*" is the call that is waited for.
func queueOf(text string) introspect.Queue {
	var q introspect.Queue
	for i, id := range strings.Fields(text) {
		if id == "-" {
			continue
		}
		status := "pending"
		if i == 0 {
			q.Holder, status = id, "running"
		}
		if id == "*" {
			q.Mine = id
		}
		q.Calls = append(q.Calls, introspect.Row{"id": id, "status": status, "target_handler_name": "add"})
	}
	return q
}

func everyHandler(string) bool { return true }

// A new holder is progress, and so is a call that ended. A holder that stays is none,
// nor are holders that alternate for ever, nor a queue from which nobody takes.
func TestProgressOfAKeyFollowsItsHolders(t *testing.T) {
	for name, c := range map[string]struct {
		looks []string
		// moved is the number of the last look that moved on, from 0.
		moved, overtook int
	}{
		"the holder stays":                         {[]string{"a x", "a x", "a x y"}, 0, 0},
		"the holder changes":                       {[]string{"a b x", "b x", "b x"}, 1, 0},
		"each look has another holder":             {[]string{"a b c x", "b c x", "c x", "x"}, 3, 0},
		"two holders take turns for ever":          {[]string{"a b x", "b a x", "a b x", "b a x"}, 1, 0},
		"nobody holds it and nothing moves":        {[]string{"- x y", "- x y", "- x y"}, 0, 0},
		"nobody is seen with it, yet calls end":    {[]string{"- x y z", "- x y", "- x"}, 2, 0},
		"a call that is over is counted once":      {[]string{"- b x", "- x", "- b x", "- x"}, 1, 0},
		"calls are cancelled behind its holder":    {[]string{"a b x", "a x y", "a x", "a x z", "a x"}, 0, 0},
		"re-sent attempts come and go":             {[]string{"a x1", "a x2", "a x3", "a x4"}, 0, 0},
		"no rows for a moment":                     {[]string{"", "", "a b x", "a b x"}, 2, 0},
		"the rows are gone for a moment":           {[]string{"a b x", "", "a b x", "", "a b x"}, 1, 0},
		"the queue is seen one call after another": {[]string{"", "- b", "- b c", "- b c *", "- c *", "- *"}, 5, 0},
		"who came later passes by":                 {[]string{"- b *", "- b * n", "- b *", "- *"}, 3, 1},
		"the key is released and not taken again":  {[]string{"a x", "- x", "- x"}, 1, 0},
		"later calls pass by":                      {[]string{"- x", "n x", "- x", "m x", "- x"}, 4, 2},
	} {
		t.Run(name, func(t *testing.T) {
			var progress keyProgress
			began := time.Now()
			at := func(i int) time.Time { return began.Add(time.Duration(i) * time.Second) }
			for i, look := range c.looks {
				progress.see(at(i), queueOf(look), everyHandler, nil)
			}
			assert.Equal(t, at(c.moved), progress.since)
			_, overtook := progress.ended()
			assert.Equal(t, c.overtook, overtook)
		})
	}
}

// Only the bound of the operation counts then.
func TestFailedLookIsNoProgress(t *testing.T) {
	began := time.Now()
	progress := keyProgress{since: began}
	progress.see(began.Add(time.Second), introspect.Queue{}, everyHandler, errors.New("cut\noff"))
	assert.Equal(t, began, progress.since)
	assert.False(t, progress.asked)
	assert.Equal(t, "cut off", progress.problem)
	progress.see(began.Add(2*time.Second), queueOf("a x"), everyHandler, nil)
	assert.Equal(t, began.Add(2*time.Second), progress.since)
	assert.Empty(t, progress.problem)
	progress.see(began.Add(3*time.Second), introspect.Queue{}, everyHandler, errors.New("cut"))
	assert.Equal(t, "a", progress.last.Holder, "what was seen last stays")
	assert.Equal(t, began.Add(2*time.Second), progress.since)
}

// A completed call that keeps its key is a bug.
func TestCompletedCallWithTheKeyStaysItsHolder(t *testing.T) {
	var progress keyProgress
	began := time.Now()
	progress.see(began, queueOf("a x"), everyHandler, nil)
	over := queueOf("a x")
	over.Calls[0]["status"] = introspect.Completed
	progress.see(began.Add(time.Second), over, everyHandler, nil)
	assert.Equal(t, began, progress.since)
}

// The count runs as long as one call fails in one way.
func TestFailingCountsRepeatedFailures(t *testing.T) {
	look := func(id, failure, code string, retries float64) introspect.Queue {
		q := queueOf(id + " x")
		q.Calls[0]["retry_count"], q.Calls[0]["last_failure"], q.Calls[0]["last_failure_error_code"] = retries, failure, code
		return q
	}
	var progress keyProgress
	see := func(q introspect.Queue) int {
		progress.see(time.Now(), q, everyHandler, nil)
		return progress.failing.again()
	}
	assert.Equal(t, 0, see(look("a", `[570 Journal mismatch] index '1'`, "RT0016", 3)))
	assert.Equal(t, 4, see(look("a", `[570 Journal mismatch] index '2'`, "RT0016", 7)), "values do not make it another failure")
	assert.Equal(t, 4, see(look("a", "[500] boom", "RT0007", 9)), "another failure counts for itself")
	assert.Equal(t, 4, see(look("a", "[500] boom", "RT0007", 11)))
	assert.Equal(t, 0, see(look("a", "[500] boom", "RT0007", 1)), "the server was started again")
	assert.Equal(t, 1, see(look("a", "[500] boom", "RT0007", 2)))
	assert.Equal(t, 0, see(look("b", "[500] boom", "RT0007", 9)), "another call")
	assert.Equal(t, 0, see(look("b", "", "", 12)), "it does not fail")
}

// One count that reaches the bound is enough. Texts that differ each time count as one
// failure.
func TestAlternatingFailuresAreCountedSeparately(t *testing.T) {
	look := func(failure string, retries float64) introspect.Queue {
		q := queueOf("a x")
		q.Calls[0]["retry_count"], q.Calls[0]["last_failure"] = retries, failure
		return q
	}
	var alternate, others keyProgress
	for n := range 12 {
		alternate.see(time.Now(), look([]string{"[500] boom", "[502] bang"}[n%2], float64(n)), everyHandler, nil)
	}
	assert.Equal(t, 5, alternate.failing.again())
	assert.Equal(t, []FailureMode{{Status: "[500]", Text: " boom"}, {Status: "[502]", Text: " bang"}}, alternate.failing.hows())
	for n, word := range strings.Fields("one two three four five six") {
		others.see(time.Now(), look("[500] no "+word, float64(n)), everyHandler, nil)
	}
	assert.Equal(t, 5, others.failing.again())
	assert.Len(t, others.failing.hows(), mostWays+1)
	var still keyProgress
	for range 9 {
		still.see(time.Now(), look("[500] boom", 3), everyHandler, nil)
	}
	assert.Zero(t, still.failing.again(), "no attempt failed meanwhile")
}

// The next look finds it again.
func TestCallMissingFromOneLookHasNotEnded(t *testing.T) {
	var progress keyProgress
	for _, look := range []string{"a b *", "", "a b *"} {
		progress.see(time.Now(), queueOf(look), everyHandler, nil)
	}
	ended, overtook := progress.ended()
	assert.Zero(t, ended)
	assert.Zero(t, overtook)
}

// The last look happened to meet an attempt.
func TestHoldingReportsTheStatusBetweenAttempts(t *testing.T) {
	look := func(status, failure string) introspect.Queue {
		q := queueOf("a x")
		q.Calls[0]["status"], q.Calls[0]["last_failure"] = status, failure
		return q
	}
	var progress keyProgress
	progress.see(time.Now(), look("running", "[500] boom"), everyHandler, nil)
	assert.Empty(t, progress.failing.pause)
	progress.see(time.Now(), look("backing-off", "[500] boom"), everyHandler, nil)
	progress.see(time.Now(), look("running", "[500] boom"), everyHandler, nil)
	assert.Equal(t, "backing-off", progress.failing.pause)
	r := &run{id: "run", rec: newTestRecorder(t), sys: &System{}}
	tr := &pending{id: 9}
	tr.call.Op = model.MapGet{Key: "a"}
	assert.Equal(t, "backing-off", r.holding(harnesstest.Map, tr, &progress, time.Now()).Holder.Status)
	progress.see(time.Now(), look("running", ""), everyHandler, nil)
	assert.Empty(t, progress.failing.pause, "it does not fail any more")
	assert.Equal(t, "running", r.holding(harnesstest.Map, tr, &progress, time.Now()).Holder.Status)
}

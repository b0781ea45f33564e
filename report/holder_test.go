package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/checker"
	"retain/generators"
	"retain/harness"
	"retain/harness/regress"
	"retain/harness/triage"
	"retain/internal/printable"
	"retain/model"
)

// stuckMap is a run whose clearAll, the second operation, fails for ever after a kill: a
// read waits for it.
func stuckMap(t *testing.T) harness.Run {
	r := lost(t, nil)
	o := model.Object{Kind: model.Map}
	h := &model.History{
		Header: model.Header{Version: 1, Run: "r", Runtime: "restate-server 1.6.1 (3407756), process"},
		Operations: []model.Invoked{
			{ID: 1, Process: "0", Step: 1, Phase: model.Program, Object: o, Op: model.MapSet{Key: "a", Value: "v1"}, Call: at(1), Return: at(2),
				Outcome: model.OK, Answer: model.Done{}, Attempts: []model.Attempt{{N: 1, Wrote: true, Status: 200}}},
			{ID: 2, Process: "2", Step: 2, Phase: model.Program, Object: o, Op: model.MapClearAll{}, Call: at(8), Return: at(3009),
				Outcome: model.Ambiguous, Reason: model.TimedOut, Attempts: []model.Attempt{{N: 1, Wrote: true}}},
			{ID: 3, Process: "look-map-0-0", Phase: model.Look, Object: o, Op: model.MapGet{Key: "a"}, Call: at(3020), Return: model.Forever,
				Outcome: model.Ambiguous, Reason: model.LeftOpen, Attempts: []model.Attempt{{N: 1, Wrote: true}}},
		},
		Faults: []model.Fault{
			{Step: 3, Kind: "kill", Begin: at(3), End: at(4)}, {Step: 4, Kind: "start", Begin: at(5), End: at(7)}},
		Recoveries: []model.Recovery{{Step: 4, Down: 40e6, Spawned: 50e6, Port: 55e6, Health: 60e6, Probe: 70e6}},
	}
	held := &harness.Holding{
		State: harness.Held, Object: "map-0", UnchangedMs: 30_100,
		Holder: &harness.Caller{Operation: 2, Op: "clearAll()", Process: "2", Phase: model.Program, GaveUp: true, Invocation: "inv_1g8R6hyLZkCb1xWpQCHxyKKc5fniw7fJc7",
			Status: "backing-off", Retries: 56, LastFailureCode: "RT0016", Since: "2026-11-28T22:05:44.128Z",
			LastFailure: "[570 Journal mismatch] Found a mismatch between the code paths taken during the previous execution and the paths\n" +
				" - The previous execution ran and recorded the following: 'set state' (index '1')\n - The current execution attempts to perform the following: 'handler \x1b[31mreturn'\n\x1b[31mviolation  forged"},
		Waiting: []harness.Caller{{Operation: 3, Op: `get("a")`, Process: "look-map-0-0", Phase: model.Look, Invocation: "inv_1g8R6hyLZkCb1uMyvAB0i2yp0QmmZ1dYsT", Status: "pending"}},
	}
	r.Check, r.Hypotheses, r.Where = checker.Result{}, nil, ""
	r.Sentence = "broken: an accepted operation finishes: operation 2"
	r.Outcome = &harness.Outcome{History: h, Took: time.Second, Liveness: &harness.Liveness{
		Guarantee: model.Guarantee{Code: model.OperationFinishes}, Operation: 2, Waited: 3, Held: held,
		Clauses: []string{"operation 2, map-0 clearAll(), does not finish: the key of map-0 was held by clearAll() of client 2",
			"operation 3, get(\"a\"), which waits for it, had no answer for 30.1s in 4 attempts"}}}
	return r
}

// The first screen names the holder in the words of the server, then who waits. The
// table begins with the fault before the holder's call.
func TestStuckObjectNamesItsHolderFirst(t *testing.T) {
	r := stuckMap(t)
	text := Finding(r, plainProcess).String()
	oneScreen(t, harness.Violation, text)
	golden(t, "held", text)
	lines := strings.Split(text, "\n")
	assert.Contains(t, lines[0], "MapObject map-0")
	assert.Contains(t, lines[1], "held by    clearAll() of client 2, inv_1g8R6hyLZkCb1xWpQCHxyKKc5fniw7fJc7, backing-off, 56 retries")
	assert.Contains(t, lines[2], "           last failure [570 Journal mismatch] Found a mismatch")
	assert.Equal(t, "           - The previous execution ran and recorded the following: 'set state' (index '1')", lines[3])
	assert.Equal(t, `           - The current execution attempts to perform the following: 'handler \x1b[31mreturn'`, lines[4])
	assert.Contains(t, lines[5], "unchanged for 30 s · since 2026-11-28T22:05:44.128Z · called at 80 ms · its client no longer waits")
	assert.Contains(t, lines[6], `waiting    get("a") of the last reads, inv_1g8R6hyLZkCb1uMyvAB0i2yp0QmmZ1dYsT, pending`)
	kill, call, wait := strings.Index(text, "- kill"), strings.Index(text, "clearAll() ->"), strings.Index(text, `get("a") ->`)
	assert.Less(t, 0, kill)
	assert.Less(t, kill, call, "the fault before its call")
	assert.Less(t, call, wait, "and who waits after it")
	assert.Contains(t, text, "<- holds the key")
	assert.NotContains(t, text, "\x1b")
}

func TestStuckObjectNamesItsHolderInEveryFile(t *testing.T) {
	r := stuckMap(t)
	dir := t.TempDir()
	p, s, _ := reported(t, r)
	const holder = "last failure [570 Journal mismatch]"
	assert.Contains(t, p.Markdown(s), `clearAll() of client 2, inv\_1g8R6hyLZkCb1xWpQCHxyKKc5fniw7fJc7, backing-off, 56 retries`)
	assert.Contains(t, p.Markdown(s), `last failure \[570 Journal mismatch\]`)

	var page bytes.Buffer
	require.NoError(t, Page(&page, r, plainProcess))
	assert.Contains(t, page.String(), holder)
	assert.Contains(t, page.String(), "held by")

	var j JUnit
	j.Add(p, s)
	require.NoError(t, j.Write(filepath.Join(dir, "j.xml")))
	text, err := os.ReadFile(filepath.Join(dir, "j.xml"))
	require.NoError(t, err)
	assert.Contains(t, string(text), holder)
	require.NoError(t, xml.Unmarshal(text, new(junitSuites)))

	require.NoError(t, p.Summary(filepath.Join(dir, "s.json"), s))
	text, err = os.ReadFile(filepath.Join(dir, "s.json"))
	require.NoError(t, err)
	var got struct {
		Findings []struct {
			Held harness.Holding `json:"held_by"`
		}
	}
	require.NoError(t, json.Unmarshal(text, &got))
	assert.Equal(t, *r.HeldBy(), got.Findings[0].Held, "all of it, as typed fields")
}

// Each state of the key has a case.
func TestRowNamesTheHolderOfAKey(t *testing.T) {
	one := harness.Caller{Op: "get()", Phase: model.Look, Invocation: "inv_1", Status: "pending"}
	for name, c := range map[string]struct {
		held harness.Holding
		want string
	}{
		"nobody":                {harness.Holding{State: harness.Nobody, Waiting: []harness.Caller{one}}, "nobody: the key is free, and its queue does not move"},
		"nobody, nothing there": {harness.Holding{State: harness.Nobody}, "nobody: the key is free, and nothing is queued for it"},
		"a shared handler":      {harness.Holding{State: harness.NoKey, Holder: &one}, "no key is needed by a shared handler: get() of the last reads, inv_1, pending"},
		"unknown":               {harness.Holding{State: harness.Unknown, Problem: "cut\noff"}, `not known: cut\noff`},
		"another's": {harness.Holding{State: harness.Held, Holder: &harness.Caller{Op: "add", Invocation: "inv_9", Status: "paused", Retries: 70}},
			"add of an unknown client, inv_9, paused, 70 retries"},
	} {
		t.Run(name, func(t *testing.T) {
			r := stuckMap(t)
			r.Outcome.Liveness.Held = &c.held
			assert.Equal(t, c.want, strings.Split(row(Finding(r, plainProcess), "held by"), "\n")[0])
		})
	}
	r := stuckMap(t)
	for n := range 8 {
		r.Outcome.Liveness.Held.Waiting = append(r.Outcome.Liveness.Held.Waiting, harness.Caller{Op: fmt.Sprint("get", n), Invocation: fmt.Sprint("inv_", n)})
	}
	lines := strings.Split(row(Finding(r, plainProcess), "waiting"), "\n")
	assert.Len(t, lines, maxWaiting+1)
	assert.Equal(t, "and 4 more", lines[maxWaiting])
	r.Outcome.Liveness.Held = nil
	assert.Empty(t, row(Finding(r, plainProcess), "held by"))
}

// The terminal has 120 columns. The texts of the server are escaped.
func TestRowsOfAHolderFitIntoATerminal(t *testing.T) {
	long := strings.Repeat("x\x1b[2J", 100)
	for name, held := range map[string]harness.Holding{
		"all of it is long": {State: harness.Held, Object: "map-0", UnchangedMs: 30_100, Problem: long, Ended: 1_000_000,
			Holder:  &harness.Caller{Op: long, Invocation: long, Status: long, Retries: 1 << 50, LastFailure: long, Since: long, FailureModes: []harness.FailureMode{{Code: "a"}, {Code: "b"}}},
			Waiting: []harness.Caller{{Op: long, Invocation: long, Status: long, LastFailure: long, FailedBefore: true}}},
		"wide letters": {State: harness.NoKey, Object: "map-0", Holder: &harness.Caller{Op: "get()", Invocation: "inv_1", Status: "running",
			LastFailure: strings.Repeat("世", 200), FailedBefore: true, FailureModes: []harness.FailureMode{{Code: "a"}, {Code: "b"}, {Code: "c"}, {Code: "d"}}}},
		"unknown": {State: harness.Unknown, Problem: long},
	} {
		t.Run(name, func(t *testing.T) {
			r := stuckMap(t)
			r.Outcome.Liveness.Held = &held
			rows := Finding(r, plainProcess)
			for _, line := range strings.Split(row(rows, "held by")+"\n"+row(rows, "waiting"), "\n") {
				assert.LessOrEqual(t, 11+printable.Columns(line), 120, line)
				assert.NotContains(t, line, "\x1b")
			}
		})
	}
	r := stuckMap(t)
	for _, line := range strings.Split(row(Finding(r, plainProcess), "held by"), "\n") {
		assert.LessOrEqual(t, 11+printable.Columns(line), 120, line)
	}
	r.Outcome.Liveness.Held.Holder.FailureModes = []harness.FailureMode{{Code: "a"}, {Code: "b"}}
	assert.Contains(t, row(Finding(r, plainProcess), "held by"), "it fails in 2 ways in turns")
}

// It also says whether the whole bound confirmed it.
func TestReductionNamesItsEarlySign(t *testing.T) {
	r := stuckMap(t)
	small := r
	c := plainProcess
	c.Shrunk = &regress.Shrunk{Run: &small, Rate: generators.Rate{Failures: 20, Runs: 20},
		Reduction: generators.Reduction{Best: generators.StartAndStop(model.Kill), From: 86, Executions: 9, Took: 50 * time.Second, Ending: generators.Minimal},
		Early:     &regress.EarlyEnd{Sign: "the same call failed in the same way 4 times more", Bound: 30 * time.Second, Whole: generators.Rate{Failures: 1, Runs: 1}}}
	assert.Contains(t, row(Finding(r, c), "rate"), "\nan execution failed when the same call failed in the same way 4 times more; with the whole bound of 30s: 1 of 1 (95 %: 21 to 100 %)")
	c.Shrunk.Early.Whole = generators.Rate{}
	assert.Contains(t, row(Finding(r, c), "rate"), "; there was no time for one with the whole bound of 30s")
	c.Shrunk.Run, c.Shrunk.Rate, c.Shrunk.Early.Whole, c.Shrunk.Early.Refuted = nil, generators.Rate{Runs: 2}, generators.Rate{Runs: 2}, true
	rows := Finding(r, c)
	assert.Contains(t, row(rows, "rate"), "; with the whole bound of 30s it finished after all: the plan before the reduction stands")
	assert.Contains(t, row(rows, "replay"), triage.PlanFile)
}

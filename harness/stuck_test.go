package harness

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/generators"
	"retain/harness/internal/harnesstest"
	"retain/model"
	"retain/runtime/ingress"
	"retain/runtime/introspect"
	"retain/runtime/simulated"
	"retain/service"
)

// The reads wait for a clearAll that fails for ever. The clearAll is reported.
func TestStuckObjectIsReportedByItsHolder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := WiredSystem(t, simulated.Options{Timings: harnesstest.Slow, Bugs: []simulated.Bug{simulated.StuckRetry}, Rate: 1})
		out, err := fails(t, s, harnesstest.ClearedAtAKill...)
		require.NoError(t, err)
		l := out.Liveness
		require.NotNil(t, l)
		assert.Equal(t, "an accepted operation finishes", l.Guarantee.String())
		assert.Equal(t, 2, out.History.Operations[l.Operation-1].Step, "the holder")
		assert.Equal(t, model.Look, out.History.Operations[l.Waited-1].Phase, "who waited for it")
		assert.Empty(t, l.Early)
		held := l.Held
		require.NotNil(t, held)
		assert.Equal(t, Held, held.State)
		assert.Equal(t, "map-0", held.Object)
		assert.GreaterOrEqual(t, held.UnchangedMs, quick.Completion.Milliseconds())
		h := held.Holder
		require.NotNil(t, h)
		assert.Equal(t, "clearAll()", h.Op)
		assert.Equal(t, "client 1", h.Of())
		assert.Equal(t, "backing-off", h.Status)
		assert.Positive(t, h.Retries)
		assert.Equal(t, "[590] the planted bug stuck-retry", h.LastFailure)
		assert.Equal(t, "RT0016", h.LastFailureCode)
		assert.NotEmpty(t, h.Since)
		assert.True(t, h.GaveUp, "its client was cut off by the kill")
		require.NotEmpty(t, held.Waiting)
		assert.Contains(t, held.Waiting[len(held.Waiting)-1].String(), `get("a") of the last reads, inv_`)
		assert.Equal(t, "map clearAll RT0016 [590] the planted bug stuck-retry", held.Culprit().Text())
		assert.Regexp(t, `^operation \d+, map-0 clearAll\(\), does not finish: the key of map-0 was held by clearAll\(\) of client 1, backing-off, \d+ retries, last failure \[590\] .*, unchanged for .*; operation \d+, get\("a"\), which waits for it, had no answer for `, l.Detail)
	})
}

// Otherwise no operation would wait for its clearAll, which is left open.
func TestMapWithoutNamedEntryIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := WiredSystem(t, simulated.Options{Timings: harnesstest.Slow, Bugs: []simulated.Bug{simulated.StuckRetry}, Rate: 1})
		plan := generators.Plan{Config: generators.Config{Resolve: generators.LeaveOpen}, Steps: []generators.Step{
			harnesstest.Operate(2, 1, harnesstest.Map, model.MapClearAll{}),
			harnesstest.Inject(3, model.Kill, generators.AtGate{Step: 2}),
			harnesstest.Inject(4, model.Start, generators.InPlace{}),
		}}
		out, err := Execute(t.Context(), s, plan, Execution{ID: "run", Path: filepath.Join(t.TempDir(), "h.jsonl"), Bounds: quick})
		require.NoError(t, err)
		require.NotNil(t, out.Liveness)
		assert.Equal(t, "clearAll()", out.Liveness.Held.Holder.Op)
	})
}

// A queue without a holder that does not move is a bug. The call at its head is
// reported.
func TestStuckKeyWithoutHolderIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := WiredSystem(t, simulated.Options{Timings: harnesstest.Slow, Bugs: []simulated.Bug{simulated.StuckKey}, Rate: 1})
		out, err := fails(t, s, harnesstest.Operate(1, 0, harnesstest.Map, model.MapGet{Key: "a"}))
		require.NoError(t, err)
		require.NotNil(t, out.Liveness)
		held := out.Liveness.Held
		assert.Equal(t, Nobody, held.State)
		assert.Nil(t, held.Holder)
		require.Len(t, held.Waiting, 1)
		assert.Equal(t, out.Liveness.Waited, held.Waiting[0].Operation)
		assert.Equal(t, "nobody", held.Culprit().Text())
		assert.Contains(t, out.Liveness.Detail, "nobody held the key of map-0 for ")
		assert.Contains(t, out.Liveness.Detail, ", and its queue did not move")
	})
}

// The call itself is stuck, not a holder.
func TestSharedHandlerNeedsNoKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := WiredSystem(t, simulated.Options{Timings: harnesstest.Slow, Bugs: []simulated.Bug{simulated.StuckKey}, Rate: 1})
		out, err := fails(t, s, harnesstest.Operate(1, 0, counter, model.CounterAdd{Delta: 1}))
		require.NoError(t, err)
		require.NotNil(t, out.Liveness)
		assert.Equal(t, NoKey, out.Liveness.Held.State)
		assert.Equal(t, "get()", out.Liveness.Held.Holder.Op)
		assert.Equal(t, out.Liveness.Waited, out.Liveness.Operation)
		assert.Contains(t, out.Liveness.Detail, "its handler is shared and needs no key")
	})
}

// A client that attaches waits for the call whose answer it asks for: that one does not
// finish, and how it fails is known.
func TestAttachIsStuckByTheCallThatItAsksFor(t *testing.T) {
	for _, c := range []struct {
		name, call, state string
		object            model.Object
		steps             []generators.Step
	}{
		{"await, by a shared handler", `await("a")`, string(NoKey), awakeables, []generators.Step{
			about(1, 0, model.AwakeableAwait{Value: "a"}), about(4, 1, model.AwakeableAttach{Value: "a"})}},
		{"submit, by an exclusive handler", `submit("a")`, string(Held), answers, []generators.Step{
			harnesstest.Operate(1, 0, answers, model.AnswerSubmit{Value: "a"}), harnesstest.Operate(4, 1, answers, model.AnswerAttach{Value: "a"})}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, _ := WiredSystem(t, simulated.Options{Timings: harnesstest.Slow, Bugs: []simulated.Bug{simulated.StuckRetry}, Rate: 1})
				out, err := fails(t, s, c.steps[0], harnesstest.Inject(2, model.Kill, generators.AtGate{Step: 1}),
					harnesstest.Inject(3, model.Start, generators.InPlace{}), c.steps[1])
				require.NoError(t, err)
				require.NotNil(t, out.Liveness)
				held := out.Liveness.Held
				assert.Equal(t, c.state, string(held.State))
				require.NotNil(t, held.Holder)
				assert.Equal(t, c.call, held.Holder.Op)
				assert.Equal(t, "RT0016", held.Holder.LastFailureCode)
				assert.Equal(t, c.call, out.History.Operations[out.Liveness.Operation-1].Op.String())
			})
		})
	}
}

// Only the bound of the operation counts then.
func TestHolderIsUnknownWithoutTables(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := WiredSystem(t, simulated.Options{Timings: harnesstest.Slow, Bugs: []simulated.Bug{simulated.StuckRetry}, Rate: 1})
		w.Querying = func() error { return harnesstest.ErrCut }
		out, err := fails(t, s, harnesstest.ClearedAtAKill...)
		require.NoError(t, err)
		require.NotNil(t, out.Liveness)
		assert.Equal(t, "an accepted operation finishes", out.Liveness.Guarantee.String())
		assert.Equal(t, Unknown, out.Liveness.Held.State)
		assert.Contains(t, out.Liveness.Held.Problem, harnesstest.ErrCut.Error())
		assert.Equal(t, out.Liveness.Waited, out.Liveness.Operation)
		assert.Empty(t, out.Liveness.Held.Culprit())
		assert.Contains(t, out.Liveness.Detail, "who holds the key of map-0 is not known: ")
	})
}

// queueBefore puts calls in front of the first operation with this tag.
func queueBefore(w *harnesstest.Wired, tag string, n int) {
	var once sync.Once
	w.Sending = func(is, _ string) error {
		if is != tag {
			return nil
		}
		once.Do(func() {
			ep := w.Runtime.Endpoints()
			client := http.Client{Transport: &http.Transport{DialContext: ep.Dial, DisableKeepAlives: true}}
			for range n {
				resp, err := client.Post(ep.Ingress+"/Counter/run-counter-0/add/send", "application/json", strings.NewReader("1"))
				if err == nil {
					resp.Body.Close()
				}
			}
		})
		return nil
	}
}

// The queue may be long as long as it moves.
func TestOperationWaitingItsTurnIsNotStuck(t *testing.T) {
	for name, c := range map[string]struct {
		queue int
	}{
		"a queue of several bounds": {queue: 12},
		"a queue of twenty bounds":  {queue: 80},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				timings := harnesstest.Slow
				timings.Latency = 300 * time.Millisecond
				s, w := WiredSystem(t, simulated.Options{Timings: timings})
				queueBefore(w, "run/look-counter-0-1", c.queue)
				plan := generators.Plan{Steps: []generators.Step{harnesstest.Operate(1, 0, counter, model.CounterAdd{Delta: 1})}}
				out, err := Execute(t.Context(), s, plan, Execution{ID: "run", Path: filepath.Join(t.TempDir(), "h.jsonl"), Bounds: quick})
				require.NoError(t, err)
				read := out.History.Operations[len(out.History.Operations)-1]
				require.Equal(t, "add(0)", read.Op.String())
				assert.Nil(t, out.Liveness)
				assert.Greater(t, time.Duration(read.Return.Ns-read.Call.Ns), 2*quick.Completion, "it waited for longer than its bound")
			})
		})
	}
}

// It is not stuck: the holder changes. An operation that is not in the queue is not
// starved.
func TestOperationOvertakenForTenBoundsIsStarved(t *testing.T) {
	for name, c := range map[string]struct {
		key       string // of the call that waits
		guarantee string
		says      string
	}{
		"in the queue": {"run-look-counter-0-1", "an accepted operation gets its turn", "waited its turn while "},
		"not in it":    {"another", "an accepted operation finishes", "had no answer for "},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, w := WiredSystem(t, simulated.Options{Timings: harnesstest.Slow})
				asked := 0
				w.Tables = func(request string) []introspect.Row {
					if !strings.Contains(request, "sys_invocation") {
						return nil
					}
					asked++
					call := func(id, status, key string) introspect.Row {
						return introspect.Row{"id": id, "status": status, "target_handler_name": "add", "idempotency_key": key}
					}
					return []introspect.Row{call("waits", "pending", c.key), call(fmt.Sprint("later", asked), "running", "foreign")}
				}
				w.Answering = func(tag string) error {
					if tag == "run/look-counter-0-1" {
						return harnesstest.ErrCut
					}
					return nil
				}
				began := time.Now()
				out, err := fails(t, s, harnesstest.Operate(1, 0, counter, model.CounterAdd{Delta: 1}))
				require.NoError(t, err)
				require.NotNil(t, out.Liveness)
				assert.Equal(t, c.guarantee, out.Liveness.Guarantee.String())
				assert.GreaterOrEqual(t, time.Since(began), starvation*quick.Completion)
				assert.Equal(t, out.Liveness.Waited, out.Liveness.Operation, "the holder changes: it is not to blame")
				assert.Greater(t, out.Liveness.Held.Ended, 10)
				assert.Greater(t, out.Liveness.Held.Overtook, 10)
				assert.Contains(t, out.Liveness.Detail, c.says)
			})
		})
	}
}

// The reads only wait for the calls before them.
func TestLongQueueWithoutTablesIsNotStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		timings := harnesstest.Slow
		timings.Latency = 300 * time.Millisecond
		s, w := WiredSystem(t, simulated.Options{Timings: timings})
		w.Querying = func() error { return harnesstest.ErrCut }
		plan := generators.Plan{Config: generators.Config{NoClosingKill: true, Resolve: generators.LeaveOpen}}
		for id := 1; id <= 30; id++ {
			plan.Steps = append(plan.Steps, harnesstest.Operate(id, id, counter, model.CounterAdd{Delta: 1}))
		}
		out, err := Execute(t.Context(), s, plan, Execution{ID: "run", Path: filepath.Join(t.TempDir(), "h.jsonl"), Bounds: quick})
		require.NoError(t, err)
		assert.Nil(t, out.Liveness)
		read := out.History.Operations[len(out.History.Operations)-1]
		require.Equal(t, "add(0)", read.Op.String())
		assert.Greater(t, time.Duration(read.Return.Ns-read.Call.Ns), quick.Completion, "it waited for longer than its bound")
	})
}

// The endpoint proxy sees other operations enter and leave.
func TestEvidenceCountsAsProgressOfAKey(t *testing.T) {
	r := &run{id: "run", rec: newTestRecorder(t), sys: &System{}}
	h := &r.rec.history
	h.Shared = []string{"MapObject/get"}
	for id, op := range []model.Operation{model.MapSet{Key: "a", Value: "v"}, model.MapSet{Key: "a", Value: "w"}, model.MapGet{Key: "a"}, model.MapClearAll{}} {
		h.Operations = append(h.Operations, model.Invoked{ID: id + 1, Object: harnesstest.Map, Op: op})
	}
	h.Operations = append(h.Operations, model.Invoked{ID: 5, Object: counter, Op: model.CounterAdd{}})
	waits, shared := &pending{id: 4}, &pending{id: 3}
	waits.call.Op, shared.call.Op = model.MapClearAll{}, model.MapGet{Key: "a"}
	moved := func() time.Duration { return r.moved(waits, harnesstest.Map).Sub(r.rec.began) }
	sees := func(second, id int, reading service.Reading) {
		h.Evidence = append(h.Evidence, model.Observation{At: model.Instant{Ns: int64(second) * 1e9}, ID: id, Reading: string(reading)})
		r.rec.index.seen(h, h.Evidence[len(h.Evidence)-1])
	}
	assert.True(t, r.moved(waits, harnesstest.Map).IsZero())
	sees(1, 1, service.Entered)
	assert.Equal(t, time.Second, moved())
	sees(2, 1, service.Broken)
	sees(3, 1, service.Entered)
	assert.Equal(t, time.Second, moved(), "one more attempt does not move it on")
	sees(4, 3, service.Entered)
	sees(5, 5, service.Entered)
	sees(6, 4, service.Entered)
	assert.Equal(t, time.Second, moved(), "nor do a shared handler, another object and the operation itself")
	sees(7, 1, service.Finished)
	assert.Equal(t, 7*time.Second, moved())
	sees(8, 1, service.Finished)
	assert.Equal(t, 7*time.Second, moved(), "an output that is sent for ever")
	sees(9, 2, service.Entered)
	assert.Equal(t, 9*time.Second, moved())
	assert.True(t, r.moved(shared, harnesstest.Map).IsZero(), "a shared handler waits for no key")
}

func TestUnansweredProbeNamesTheHolderOfItsKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		timings := harnesstest.Slow
		timings.Latency = 100 * time.Hour
		s, _ := WiredSystem(t, simulated.Options{Timings: timings})
		time.Sleep(time.Second) // on the simulated clock
		ep := s.Runtime.Endpoints()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for range 2 {
			go func() { _ = ingress.New(ep).Probe(ctx, "run-map-0", ingress.Nonce("n")) }()
		}
		time.Sleep(time.Second) // on the simulated clock
		r := &run{sys: s}
		held := r.probeHolder(ctx, "run-map-0")
		require.NotNil(t, held)
		assert.Equal(t, "ping", held.Holder.Op)
		assert.Equal(t, "running", held.Holder.Status)
		assert.Equal(t, "an unknown client", held.Holder.Of())
		assert.Len(t, held.Waiting, 1)
		assert.Nil(t, r.probeHolder(ctx, "run-map-1"))
	})
}

// It is one line.
func TestCallerTextHasNoControlCharacters(t *testing.T) {
	c := Caller{Op: "clearAll()", Process: "2.1", Phase: model.Program, Invocation: "inv_1", Status: "backing-off", Retries: 1,
		LastFailure: "[500] \x1b[31mred\x1b[0m\nviolation  forged " + strings.Repeat("x", 500)}
	assert.Equal(t, "clearAll() of client 2, inv_1, backing-off, 1 retry, last failure [500] \\x1b[31mred\\x1b[0m", c.String())
	c.LastFailure = strings.Repeat("é", 500)
	assert.Less(t, len([]rune(c.String())), 200)
}

// A reduction and a campaign recognise the same bug by it.
func TestCulpritIgnoresValues(t *testing.T) {
	culprit := func(handler, failure string) CulpritKey {
		return (&Holding{State: Held, Kind: model.Map, Object: "reworded", Holder: &Caller{Op: "reworded", Handler: handler, LastFailure: failure}}).Culprit().Key()
	}
	assert.Equal(t, culprit("set", `[500] no such key "v1" of inv_1abc at 17`), culprit("set", `[500] no such key "v2" of inv_1def at 18`))
	assert.Equal(t, culprit("get", "[500] request 7f3a-bc1 of a1b2c3d4 failed after 1.5ms at 0xdeadbeef"), culprit("get", "[500] request 9e1f-0da of ffeeddcc failed after 12ms at 0xcafe0001"))
	assert.NotEqual(t, culprit("clearAll", "[500] boom"), culprit("clearAll", "[570] boom"))
	assert.NotEqual(t, culprit("clearAll", "[500] boom"), culprit("get", "[500] boom"))
	assert.NotEqual(t, culprit("clearAll", ""), culprit("clearAll", "[570] boom"))
	assert.Empty(t, (*Holding)(nil).Culprit())
}

// Two culprits are alike if they share one failure, or if their texts change each time
// and have one code.
func TestCulpritsAreAlike(t *testing.T) {
	of := func(ways ...string) *Holding {
		h := &Holding{State: Held, Kind: model.Map, Holder: &Caller{Handler: "clearAll", LastFailure: ways[0], Failures: []string{"reworded"}}}
		for _, way := range ways {
			if way != "" {
				h.Holder.FailureModes = append(h.Holder.FailureModes, failureModeOf("", way))
			}
		}
		return h
	}
	like := func(a, b *Holding) bool {
		assert.Equal(t, a.Culprit().Like(b.Culprit()), b.Culprit().Like(a.Culprit()), "either way round")
		return a.Culprit().Like(b.Culprit())
	}
	changes := of("[500] one", "[500] two", "[500] three", "[500] four")
	assert.True(t, like(of("[500] a", "[502] b"), of("[502] b")))
	assert.True(t, like(of("[500] a", "[502] b"), of("[502] b", "[500] a")))
	assert.False(t, like(of("[500] a"), of("[500] b")), "another bug")
	assert.True(t, like(changes, of("[500] five")))
	assert.False(t, like(changes, of("[570] five")))
	assert.False(t, like(changes, of("")))
	assert.False(t, like(of("[500] a"), &Holding{State: Nobody, Object: "map-3"}))
	assert.Equal(t, of("[500] a", "[502] b").Culprit().Key(), of("[502] b", "[500] a").Culprit().Key(), "a campaign finds it once")
	assert.Equal(t, "map clearAll [500] with other words each time", changes.Culprit().Text())
	assert.Equal(t, changes.Culprit().Key(), of("[500] q", "[500] r", "[500] s", "[500] t").Culprit().Key())
	assert.True(t, of("[500] a", "[502] b").Culprit().Has(of("[502] b").Culprit().Key()))
	assert.False(t, of("[500] a").Culprit().Has(of("[502] b").Culprit().Key()))
	assert.True(t, of("[500] a", "[502] b").Culprit().HasText(of("[502] b").Culprit().Text()))
	assert.False(t, of("[500] a").Culprit().HasText(of("[502] b").Culprit().Text()))
}

// A call that is not tried again after a restart has no failure in the tables.
func TestHolderKeepsItsFailureFromBeforeTheRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := WiredSystem(t, simulated.Options{Timings: harnesstest.Slow, Bugs: []simulated.Bug{simulated.StuckRetry}, Rate: 1})
		r := newRun(s, generators.Plan{}, newTestRecorder(t), "run", quick)
		r.failures["inv_1"] = Caller{Invocation: "inv_1", LastFailure: "[500] boom", LastFailureCode: "500"}
		r.rec.mu.Lock()
		c := r.caller(harnesstest.Map, introspect.Row{"id": "inv_1", "status": "paused", "target_handler_name": "clearAll"})
		other := r.caller(harnesstest.Map, introspect.Row{"id": "inv_1", "status": "backing-off", "last_failure": "[570] other"})
		r.rec.mu.Unlock()
		assert.Equal(t, "clearAll of an unknown client, inv_1, paused, last failure, before the restart: [500] boom", c.String())
		assert.Equal(t, "map clearAll", (&Holding{State: Held, Kind: model.Map, Object: "map-0", Holder: &c}).Culprit().Text(), "it does not fail now")
		assert.Equal(t, "[570] other", other.LastFailure)
		assert.False(t, other.FailedBefore)
	})
}

// The server no longer has it.
func TestTimedOutCallKeepsItsLastFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := WiredSystem(t, simulated.Options{Timings: harnesstest.Slow, Bugs: []simulated.Bug{simulated.StuckRetry}, Rate: 1})
		plan := generators.Plan{Steps: append(append([]generators.Step{}, harnesstest.ClearedAtAKill...), harnesstest.Operate(6, 2, harnesstest.Map, model.MapGet{Key: "b"}))}
		r := newRun(s, plan, newTestRecorder(t), "run", quick)
		var l *Liveness
		require.ErrorAs(t, r.all(t.Context()), &l)
		require.Len(t, r.failures, 1)
		assert.Equal(t, "[590] the planted bug stuck-retry", r.failures[l.Held.Holder.Invocation].LastFailure)
	})
}

func newTestRecorder(t *testing.T) *recorder {
	rec, err := newRecorder(filepath.Join(t.TempDir(), "h.jsonl"), model.Header{Version: model.HistoryVersion, Run: "run", Shared: simulated.Contract().Shared()})
	require.NoError(t, err)
	return rec
}

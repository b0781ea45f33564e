package harness

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/checker"
	"retain/generators"
	"retain/harness/internal/harnesstest"
	"retain/model"
)

// switching is a plan's program with a load that starts a server as these versions, each
// after a stop or a kill in turns.
func switching(versions ...string) generators.Plan {
	plan := generators.Plan{
		Config: generators.Config{ResendAnswered: true, Retry: true},
		Load:   generators.Load{Clients: 12, Objects: 4, Seed: 3, Between: 60},
	}
	id := 0
	add := func(s func(id int) generators.Step) { id++; plan.Steps = append(plan.Steps, s(id)) }
	for i, v := range versions {
		add(func(id int) generators.Step { return harnesstest.Operate(id, 0, counter, model.CounterAdd{Delta: 1}) })
		add(func(id int) generators.Step {
			return harnesstest.Operate(id, 1, register, model.RegisterWrite{Value: "v" + v})
		})
		end := []model.FaultKind{model.Stop, model.Kill}[i%2]
		add(func(id int) generators.Step { return harnesstest.Inject(id, end, generators.InFlight{Operations: 8}) })
		add(func(id int) generators.Step {
			return generators.Inject{ID: id, Fault: model.Start, When: generators.InPlace{}, Version: v}
		})
	}
	return plan
}

// startsAs are the starts of a history as another version than the one before.
func startsAs(h *model.History) (out []model.Fault) {
	last := ""
	for _, f := range h.Faults {
		if f.Kind.Starts() && f.Version != last {
			last = f.Version
			out = append(out, f)
		}
	}
	return out
}

func TestWhatWasAnsweredIsSentAgainAfterEachSwitchBetweenTwoWholeReads(t *testing.T) {
	s, _ := starts(t, generators.StartConfig{})
	out := playPlan(t, s, switching("1.6.2", "1.7.12", "1.6.2"))
	require.Nil(t, out.Liveness)
	assert.Equal(t, 4, out.History.Version)
	switches := startsAs(out.History)
	require.Len(t, switches, 3)
	for i, f := range switches {
		until := int64(1) << 62
		if i+1 < len(switches) {
			until = switches[i+1].Begin.Seq
		}
		var reads, repeats []int64
		read := map[model.Object]int{}
		for _, o := range out.History.Operations {
			if o.Phase == model.Switch && o.Call.Seq > f.End.Seq && o.Return.Seq < until {
				reads = append(reads, o.Call.Seq)
				read[o.Object]++
			}
			clients := o.Phase == model.Program || o.Phase == model.Load
			for _, r := range o.Repeats {
				if r.At.Seq > f.End.Seq && r.At.Seq < until {
					repeats = append(repeats, r.At.Seq)
				}
			}
			if clients && o.In(model.Resolved).Return.Seq < f.Begin.Seq {
				assert.GreaterOrEqual(t, len(o.Repeats), len(switches)-i, "operation %d was answered before start %d", o.ID, f.Step)
			}
		}
		require.NotEmpty(t, repeats)
		assert.Len(t, read, len(Objects(out.Plan)), "every object is read")
		first, last := repeats[0], repeats[0]
		for _, at := range repeats {
			first, last = min(first, at), max(last, at)
		}
		before, after := 0, 0
		for _, at := range reads {
			require.False(t, at > first && at < last, "no read comes between the re-sends")
			if at < first {
				before++
			} else {
				after++
			}
		}
		assert.Equal(t, before, after)
		assert.Positive(t, before)
		look := slices.Min(reads)
		for _, o := range out.History.Operations { // the clients of the load pause
			if o.Phase == model.Load {
				assert.False(t, o.Call.Seq < last && o.Return.Seq > look, "operation %d of the load is open while the server is looked at", o.ID)
			}
		}
	}
	assert.Equal(t, checker.Pass, checker.Check(out.History, checker.Options{}).Verdict)
}

func TestNothingIsSentAgainWithoutAnotherVersionOrWithoutTheField(t *testing.T) {
	for _, plan := range []generators.Plan{switching("", ""), switching("1.6.2")} {
		if len(plan.Path()) > 0 {
			plan.Config.ResendAnswered = false
		}
		s, _ := starts(t, generators.StartConfig{})
		out := playPlan(t, s, plan)
		for _, o := range out.History.Operations {
			assert.Empty(t, o.Repeats)
			assert.NotEqual(t, model.Switch, o.Phase)
		}
	}
}

// Requests without a key would have a second effect.
func TestOperationsWithoutKeysAreNotSentAgain(t *testing.T) {
	s, _ := starts(t, generators.StartConfig{})
	plan := switching("1.6.2")
	plan.Config.Unkeyed, plan.Config.Retry = true, false
	out := playPlan(t, s, plan)
	repeats := 0
	for _, o := range out.History.Operations {
		if o.Phase == model.Program {
			assert.Empty(t, o.Repeats)
		}
		repeats += len(o.Repeats)
	}
	assert.Positive(t, repeats, "those of the load have keys")
}

// A kill that comes while operations are sent again leaves them to the next start, which
// names no version.
func TestReSendsThatAFaultInterruptsAreDoneAfterTheNextStart(t *testing.T) {
	s, w := starts(t, generators.StartConfig{})
	var mu sync.Mutex
	sent := map[int32]int{}
	w.Sending = func(tag, _ string) error {
		mu.Lock()
		defer mu.Unlock()
		sent[w.Starts.Load()]++
		if w.Starts.Load() == 2 && strings.HasPrefix(tag, "run/switch-") {
			return errors.New("not while the kill is to come")
		}
		return nil
	}
	out := play(t, s, generators.Config{ResendAnswered: true},
		harnesstest.Operate(1, 0, counter, model.CounterAdd{Delta: 1}),
		harnesstest.Inject(2, model.Kill, generators.InPlace{}),
		generators.Inject{ID: 3, Fault: model.Start, When: generators.InPlace{}, Version: "1.6.2"},
		harnesstest.Inject(4, model.Kill, generators.Starting{Milestone: generators.FirstProbe}),
		harnesstest.Inject(5, model.Start, generators.InPlace{}),
		harnesstest.Operate(6, 0, counter, model.CounterGet{}),
	)
	require.Nil(t, out.Liveness)
	require.Len(t, out.step(1).Repeats, 1)
	assert.Greater(t, out.step(1).Repeats[0].At.Seq, startOf(out.History, 5).Begin.Seq)
	assert.Equal(t, checker.Pass, checker.Check(out.History, checker.Options{}).Verdict)
}

// startOf is the start of a step.
func startOf(h *model.History, step int) model.Fault {
	for _, f := range h.Faults {
		if f.Step == step {
			return f
		}
	}
	return model.Fault{}
}

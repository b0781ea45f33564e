package harness

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/generators"
	"retain/harness/internal/harnesstest"
	"retain/model"
	"retain/runtime/simulated"
	"retain/service"
)

// sendings are the idempotency keys of each operation's requests, in order.
type sendings struct {
	mu   sync.Mutex
	keys map[string][]string
}

// add notes a request and tells how many there were of its operation.
func (s *sendings) add(tag, key string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keys == nil {
		s.keys = map[string][]string{}
	}
	s.keys[tag] = append(s.keys[tag], key)
	return len(s.keys[tag])
}

// meddled plays one addition. sending and answering return the error of the connection
// for request n of the operation, from 1.
func meddled(t *testing.T, c generators.Config, sending func(n int) error, answering func(n int) error) (*Outcome, []string) {
	var sent sendings
	var out *Outcome
	synctest.Test(t, func(t *testing.T) {
		s, w := WiredSystem(t, simulated.Options{Timings: harnesstest.Slow})
		w.Sending = func(tag, key string) error {
			if n := sent.add(tag, key); tag == "run/1" && sending != nil {
				return sending(n)
			}
			return nil
		}
		w.Answering = func(tag string) error {
			sent.mu.Lock()
			n := len(sent.keys[tag])
			sent.mu.Unlock()
			if tag == "run/1" && answering != nil {
				return answering(n)
			}
			return nil
		}
		out = play(t, s, c, harnesstest.Operate(1, 0, counter, model.CounterAdd{Delta: 1}), harnesstest.Operate(2, 0, counter, model.CounterGet{}))
	})
	return out, sent.keys["run/1"]
}

func never(int) error  { return nil }
func always(int) error { return harnesstest.ErrCut }
func at(n int) func(int) error {
	return func(i int) error {
		if i == n {
			return harnesstest.ErrCut
		}
		return nil
	}
}

func from(n int) func(int) error {
	return func(i int) error {
		if i >= n {
			return harnesstest.ErrCut
		}
		return nil
	}
}

// Only an operation that certainly had no effect is failed. The last error does not
// decide. An ambiguous operation is sent again only under its key, and only if clients
// retry.
func TestOutcomeFollowsFromTheBytesWritten(t *testing.T) {
	for name, c := range map[string]struct {
		config             generators.Config
		sending, answering func(n int) error
		outcome            model.Outcome
		reason             model.Reason
		attempts           int // of the program; 0 for several
		effect             int64
	}{
		"answered":                                  {generators.Config{}, never, never, model.OK, "", 1, 1},
		"never sent":                                {generators.Config{}, always, nil, model.Failed, model.NotSent, 0, 0},
		"never sent, unkeyed":                       {generators.Config{Unkeyed: true}, always, nil, model.Failed, model.NotSent, 0, 0},
		"sent the second time":                      {generators.Config{Unkeyed: true}, at(1), never, model.OK, "", 2, 1},
		"its answer cut":                            {generators.Config{}, never, at(1), model.Ambiguous, model.Disconnected, 1, 1},
		"its answer cut, unkeyed":                   {generators.Config{Unkeyed: true}, never, at(1), model.Ambiguous, model.Disconnected, 1, 1},
		"sent the second time, cut, unkeyed":        {generators.Config{Unkeyed: true, Retry: true}, at(1), at(2), model.Ambiguous, model.Disconnected, 2, 1},
		"its answer cut, and sent again":            {generators.Config{Retry: true}, never, at(1), model.OK, "", 2, 1},
		"its answer cut, and not sent again at all": {generators.Config{Retry: true, Resolve: generators.LeaveOpen}, from(2), at(1), model.Ambiguous, model.NotSent, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			out, keys := meddled(t, c.config, c.sending, c.answering)
			op := out.step(1)
			assert.Equal(t, c.outcome, op.Outcome)
			assert.Equal(t, c.reason, op.Reason)
			if c.attempts > 0 {
				program := slices.IndexFunc(op.Attempts, func(a model.Attempt) bool { return a.Start.Seq > op.Return.Seq })
				if program < 0 {
					program = len(op.Attempts)
				}
				assert.Equal(t, c.attempts, program)
			} else {
				assert.Greater(t, len(op.Attempts), 1)
			}
			assert.Equal(t, len(keys), len(op.Attempts), "every request is an attempt on record")
			want := ""
			if !c.config.Unkeyed {
				want = "run-1"
			}
			assert.Equal(t, want, op.Key)
			assert.Equal(t, []string{want}, slices.Compact(slices.Clone(keys)), "one key for all attempts")
			assert.Equal(t, model.Answer(model.Integer(c.effect)), out.step(2).Answer)
			process := "0"
			if c.outcome == model.Ambiguous {
				process = "0.1"
			}
			assert.Equal(t, process, out.step(2).Process)
		})
	}
}

// The operations are sent again after the heal. The looks have keys of their own.
func TestAmbiguousOperationsAreSentAgainUnderTheirKey(t *testing.T) {
	out, keys := meddled(t, generators.Config{}, never, at(1))
	assert.Equal(t, []string{"run-1", "run-1"}, keys)
	require.NotNil(t, out.step(1).Resolution)
	assert.Equal(t, "resend", out.step(1).Resolution.By)
	assert.Equal(t, model.Answer(model.Change{Old: 0, New: 1}), out.step(1).Resolution.Answer)
	all := map[string]bool{}
	for _, o := range out.History.Operations {
		assert.False(t, all[o.Key], "key %s twice", o.Key)
		all[o.Key] = true
		assert.True(t, strings.HasPrefix(o.Key, "run-"), "keys carry the run's id")
	}
}

// The first attempt that resolves the operation hangs; the next one does not.
func TestHungResendIsRetried(t *testing.T) {
	var sent sendings
	synctest.Test(t, func(t *testing.T) {
		s, w := WiredSystem(t, simulated.Options{Timings: harnesstest.Slow})
		release := make(chan struct{})
		w.Sending = func(tag, key string) error { sent.add(tag, key); return nil }
		w.Answering = func(tag string) error {
			sent.mu.Lock()
			n := len(sent.keys[tag])
			sent.mu.Unlock()
			switch {
			case tag == "run/1" && n == 1:
				return harnesstest.ErrCut
			case tag == "run/1" && n == 2:
				<-release
				return harnesstest.ErrCut
			}
			return nil
		}
		out := play(t, s, generators.Config{}, harnesstest.Operate(1, 0, counter, model.CounterAdd{Delta: 1}))
		close(release)
		assert.Nil(t, out.Liveness)
		require.NotNil(t, out.step(1).Resolution)
		assert.Len(t, out.step(1).Attempts, 3)
		assert.Equal(t, model.TimedOut, out.step(1).Attempts[1].Reason)
	})
}

// The test reads the file of the history before each request is written.
func TestRecorderWritesACallBeforeItsFirstByteLeaves(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.jsonl")
	s, w := WiredSystem(t, simulated.Options{})
	var sent sendings
	checked := 0
	w.Sending = func(tag, key string) error {
		n := sent.add(tag, key)
		text, err := os.ReadFile(path)
		if !assert.NoError(t, err) {
			return nil
		}
		h, err := model.ReadHistory(bytes.NewReader(text))
		if !assert.NoError(t, err) || !assert.Empty(t, h.Damage) {
			return nil
		}
		found := false
		for _, o := range h.Operations {
			ours := o.Step > 0 && tag == "run/"+strconv.Itoa(o.Step) || o.Step == 0 && tag == "run/"+o.Process
			if ours {
				found = true
				assert.Equal(t, key, o.Key)
				assert.Len(t, o.Attempts, n, "%s: attempt %d", tag, n)
				assert.Equal(t, model.Forever, o.Attempts[n-1].End)
			}
		}
		assert.True(t, found, "%s is not on disk", tag)
		sent.mu.Lock()
		checked++
		sent.mu.Unlock()
		return nil
	}
	plan := generators.Plan{Steps: ambiguousWrite()}
	out, err := Execute(t.Context(), s, plan, Execution{ID: "run", Path: path, Bounds: quick})
	require.NoError(t, err)
	total := 0
	for _, o := range out.History.Operations {
		total += len(o.Attempts)
	}
	assert.Equal(t, total, checked)
	assert.Len(t, out.step(1).Attempts, 2)
}

// The history on disk equals the one in memory and contains the plan.
func TestDrawnPlansAreRecordedExactly(t *testing.T) {
	s := system(t)
	for n := range 8 {
		plan := generators.Draw(5, n, generators.Options{Partitions: []int{24}})
		path := filepath.Join(t.TempDir(), "h.jsonl")
		id := "run" + strconv.Itoa(n)
		out, err := Execute(t.Context(), s, plan, Execution{ID: id, Path: path, Bounds: DefaultBounds})
		require.NoError(t, err)
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		onDisk, err := model.ReadHistory(bytes.NewReader(text))
		require.NoError(t, err)
		assert.True(t, reflect.DeepEqual(out.History, onDisk))
		require.NoError(t, onDisk.Validate())
		assert.True(t, onDisk.Ended)
		back, err := generators.Decode(onDisk.Plan)
		require.NoError(t, err)
		assert.Equal(t, string(generators.Encode(plan)), string(generators.Encode(back)))
		for i := 1; i < len(onDisk.Evidence); i++ {
			assert.Less(t, onDisk.Evidence[i-1].At.Seq, onDisk.Evidence[i].At.Seq)
		}
	}
}

// fakeControl reports the evidence that a test makes up.
type fakeControl struct {
	service.Control
	tell func(service.Evidence)
}

func (c *fakeControl) Observe(f func(service.Evidence)) func() {
	c.tell = f
	return func() {}
}

func TestEvidenceOfOtherRunsIsIgnored(t *testing.T) {
	control := &fakeControl{}
	rec, err := newRecorder(filepath.Join(t.TempDir(), "h"), model.Header{Version: model.HistoryVersion, Run: "run"})
	require.NoError(t, err)
	r := newRun(&System{Control: control}, generators.Plan{}, rec, "run", quick)
	r.observe()
	_, err = r.open(model.Called{Process: "0", Step: 1, Phase: model.Program, Object: counter, Op: "add(1)"}, model.CounterAdd{Delta: 1}, r.tag(1))
	require.NoError(t, err)
	control.tell(service.Evidence{Tag: "other/1", Invocation: "inv_2", Attempt: 1, Reading: service.Entered})
	control.tell(service.Evidence{Tag: "run/1", Invocation: "inv_1", Attempt: 2, Reading: service.Effect, Held: true})
	h, err := rec.close()
	require.NoError(t, err)
	require.Len(t, h.Evidence, 1)
	e := h.Evidence[0]
	e.At = model.Instant{}
	assert.Equal(t, model.Observation{ID: 1, Invocation: "inv_1", Entry: 2, Reading: "effect", Held: true}, e)
	control.tell(service.Evidence{Tag: "run/1", Invocation: "inv_1", Attempt: 2, Reading: service.Finished})
	assert.Len(t, h.Evidence, 1, "nothing changes a history that has ended")
}

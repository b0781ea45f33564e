package harness

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/checker"
	"retain/generators"
	"retain/model"
	"retain/runtime"
	"retain/runtime/simulated"
)

var register0 = model.Object{Kind: model.Register}

// writeAndRead is a write, faults, and reads of one client.
func writeAndRead(faults []generators.FaultKind, reads int) generators.Plan {
	p := generators.Plan{Config: generators.Config{Partitions: 1}, Steps: []generators.Step{
		generators.Operate{ID: 1, Object: register0, Op: model.RegisterWrite{Value: "v1"}},
	}}
	for _, f := range faults {
		p.Steps = append(p.Steps, generators.Inject{ID: len(p.Steps) + 1, Fault: f, When: generators.InPlace{}})
	}
	for range reads {
		p.Steps = append(p.Steps, generators.Operate{ID: len(p.Steps) + 1, Object: register0, Op: model.RegisterRead{}})
	}
	return p
}

// violating runs a plan against a runtime with a bug that strikes when it can, a
// few times if need be: an answer that was sent may not be marked as such yet.
func violating(t *testing.T, bug simulated.Bug, p generators.Plan, o Options) Run {
	t.Helper()
	o.Plans, o.Draw, o.Bounds, o.Late = 10, func(int) generators.Plan { return p }, quick, -1
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	o.Open = func(_ context.Context, s runtime.Settings) (*System, error) {
		r := simulated.New(simulated.Options{Settings: s, Nonce: "n", Bugs: []simulated.Bug{bug}, Rate: 1})
		return &System{Runtime: r, Control: r, Nonce: "n", Shared: simulated.Shared()}, nil
	}
	session, err := Conduct(t.Context(), o)
	require.NoError(t, err)
	require.Equal(t, Violation, session.Verdict)
	return session.Failures[0]
}

// fact is what a violation says of one of the alternatives.
func fact(t *testing.T, r Run, what string) RuledOut {
	t.Helper()
	for _, o := range r.RuledOut {
		if o.What == what {
			return o
		}
	}
	t.Fatalf("nothing is said of %q: %v", what, r.RuledOut)
	return RuledOut{}
}

// TestAWriteThatIsGone is told from one that comes back, and all else is ruled
// out.
func TestAWriteThatIsGone(t *testing.T) {
	r := violating(t, simulated.LostWrite, writeAndRead([]generators.FaultKind{generators.Kill, generators.Start}, 1), Options{})
	require.NoError(t, r.Problem)
	assert.Equal(t, "register-0: an acknowledged write is missing after a kill", r.Sentence)
	assert.Equal(t, []RuledOut{
		{"checker", "by zones; porcupine agrees", true},
		{"not sent", "1 attempt, handler ran once, 200", true},
		{"not ready", fact(t, r, "not ready").Fact, true},
		{"late", `gone: still "" after 0s, still "" after one more restart`, true},
		{"wrong server", "nonce matches", true},
	}, r.RuledOut)
	assert.Regexp(t, "^a canary had passed .* before$", fact(t, r, "not ready").Fact)
	assert.Equal(t, "acknowledged, handler ran once, its output is known by its key, and the state table lacks its effect", r.Where)

	f := readFinding(t, r)
	assert.Equal(t, "an acknowledged write is missing after a kill", f.Guarantee)
	assert.Equal(t, []int{1}, f.Lost)
	assert.Equal(t, f.Lost, r.Lost)
	assert.Equal(t, "register-0", f.Object)
	assert.Equal(t, r.RuledOut, f.RuledOut)
	assert.Equal(t, r.Where, f.Where)
	assert.Equal(t, r.Outcome.ID, f.Run)
	assert.Equal(t, "simulated", f.Identity.Backend)
	require.Len(t, f.Late[model.Late], 2)
	assert.Equal(t, `""`, f.Late[model.Late][0].Answer)
	assert.Len(t, f.Late[model.Later], 2)

	file, err := os.Open(filepath.Join(r.Dir, LateFile))
	require.NoError(t, err)
	defer file.Close()
	h, err := model.ReadHistory(file)
	require.NoError(t, err)
	require.NoError(t, h.Validate(), "the second look is a history by itself")
	assert.Len(t, h.Operations, 4)
	assert.Contains(t, h.Fragment, r.Outcome.ID, "nobody judges it as a whole one: what was written is missing")
	assert.Equal(t, "kill", h.Faults[0].Kind)
}

// TestAWriteThatComesBack is another violation than one that is gone.
func TestAWriteThatComesBack(t *testing.T) {
	r := violating(t, simulated.LateWrite, writeAndRead(nil, 1), Options{})
	assert.Equal(t, "register-0: an acknowledged write is missing, and surfaces only later", r.Sentence)
	assert.Equal(t, RuledOut{"late", `came back: "v1" after 0s, still "v1" after one more restart`, false}, fact(t, r, "late"))
	assert.Equal(t, "an acknowledged write is missing, and surfaces only later", readFinding(t, r).Guarantee)
}

// TestWhatIsNotMissingDoesNotSurface: later reads of the same run show the write.
func TestWhatIsNotMissingDoesNotSurface(t *testing.T) {
	r := violating(t, simulated.LateWrite, writeAndRead(nil, 6), Options{})
	assert.Equal(t, "register-0: a read went back to an older value", r.Sentence)
	assert.Regexp(t, "^came back: ", fact(t, r, "late").Fact)
}

// TestWhatTheServerKnowsNothingOf: where it is gone from depends on what was seen of it.
func TestWhatTheServerKnowsNothingOf(t *testing.T) {
	write := model.Invoked{ID: 1, Call: model.Instant{Seq: 1}, Return: model.Instant{Seq: 4}, Outcome: model.OK, Answer: model.Done{}}
	entered := []model.Observation{{ID: 1, Reading: "entered", At: model.Instant{Seq: 2}}}
	stop := func(begin, end int64) []model.Fault {
		return []model.Fault{{Kind: "stop", Begin: model.Instant{Seq: begin}, End: model.Instant{Seq: end}}}
	}
	for name, c := range map[string]struct {
		faults   []model.Fault
		evidence []model.Observation
		says     string
	}{
		"it ran, and a stop":           {stop(5, 6), entered, "gone from the log (no invocation, "},
		"it ran while the server ends": {stop(3, 6), entered, "gone from the log (no invocation, "},
		"it never ran":                 {stop(5, 6), nil, "not in the log (no invocation, "},
		"no stop":                      {nil, entered, "and unknown to the server without a restart (no invocation, "},
		"one that was over":            {stop(2, 3), entered, "and unknown to the server without a restart (no invocation, "},
	} {
		h := &model.History{Operations: []model.Invoked{write}, Faults: c.faults, Evidence: c.evidence}
		w := witness{inquiry: &inquiry{run: &Run{Outcome: &Outcome{History: h}}, last: model.Invoked{ID: 2, Return: model.Instant{Seq: 9}}}}
		assert.Equal(t, c.says, w.gone(account{}, write), name)
	}
}

// TestAReadThatMisses is told from a loss by the state table.
func TestAReadThatMisses(t *testing.T) {
	r := violating(t, simulated.StaleRead, writeAndRead([]generators.FaultKind{generators.Kill, generators.Start}, 1), Options{})
	assert.Equal(t, "acknowledged, handler ran once, its output is known by its key, and the state table holds its effect now: only the answer missed it", r.Where)
}

// TestAWrongValueDoesNotComeBack: it was never one that should be there.
func TestAWrongValueDoesNotComeBack(t *testing.T) {
	q := inquiryAbout(t, `"v2"`, nil)
	assert.Empty(t, q.lost)
	reads := []model.Invoked{{Object: register0, Op: model.RegisterRead{}, Outcome: model.OK, Answer: model.Text("v1")}}
	late, back := q.came(afterlife{restarted: true, reads: map[model.Phase][]model.Invoked{model.Late: reads, model.Later: reads}})
	assert.False(t, back)
	assert.Equal(t, RuledOut{"late", `right again: "v1" after 0s, still "v1" after one more restart`, false}, late)
}

// TestAnEffectTooMany is neither gone nor does it come back.
func TestAnEffectTooMany(t *testing.T) {
	counter := model.Object{Kind: model.Counter}
	r := violating(t, simulated.DoubleApply, generators.Plan{Config: generators.Config{Partitions: 1, Retry: true, PushOn: true}, Steps: []generators.Step{
		generators.Operate{ID: 1, Object: counter, Op: model.CounterAdd{Delta: 1}},
		generators.Inject{ID: 2, Fault: generators.Kill, When: generators.AtGate{Step: 1, After: true}},
		generators.Inject{ID: 3, Fault: generators.Start, When: generators.InPlace{}},
		generators.Operate{ID: 4, Object: counter, Op: model.CounterGet{}},
	}}, Options{})
	assert.Equal(t, "counter-0: a counter counted more than was added", r.Sentence)
	late := fact(t, r, "late")
	assert.True(t, late.Out)
	assert.Regexp(t, `^(still )?\d after 0s, still \d after one more restart$`, late.Fact)
}

// TestWhatStandsTwiceIsAskedAbout: the read that shows it says nothing of where it is from.
func TestWhatStandsTwiceIsAskedAbout(t *testing.T) {
	list := model.Object{Kind: model.List}
	r := violating(t, simulated.DoubleApply, generators.Plan{Config: generators.Config{Partitions: 1, Retry: true, PushOn: true}, Steps: []generators.Step{
		generators.Operate{ID: 1, Object: list, Op: model.ListAppend{Value: "v1"}},
		generators.Inject{ID: 2, Fault: generators.Kill, When: generators.AtGate{Step: 1, After: true}},
		generators.Inject{ID: 3, Fault: generators.Start, When: generators.InPlace{}},
		generators.Operate{ID: 4, Object: list, Op: model.ListGet{}},
	}}, Options{})
	b := r.Check.Broken()
	assert.Equal(t, "one append had two effects", b.Guarantee, "and it was sent twice, but it stands there three times")
	assert.Equal(t, &checker.Stranger{Value: "v1", Writers: []int{1}}, b.Stranger)
	assert.Regexp(t, "handler ran (twice|3 times), .*the state table shows it so too$", r.Where)
}

// TestAnOperationThatNeverFinishes is asked for again, too.
func TestAnOperationThatNeverFinishes(t *testing.T) {
	r := violating(t, simulated.StuckKey, writeAndRead([]generators.FaultKind{generators.Kill, generators.Start}, 1), Options{})
	require.NotNil(t, r.Outcome.Liveness)
	require.Positive(t, r.Outcome.Liveness.Operation)
	assert.Equal(t, RuledOut{"late", "no answer after 0s, no answer after one more restart", true}, fact(t, r, "late"))
	assert.Equal(t, RuledOut{"wrong server", "nonce matches", true}, fact(t, r, "wrong server"))
	assert.Contains(t, fact(t, r, "not sent").Fact, "handler never seen to run")
	assert.True(t, fact(t, r, "not sent").Out, "it was written: why no handler ran is the violation itself")
	assert.Regexp(t, "^not answered, handler never seen to run, its invocation is [a-z]+ and its journal has no output$", r.Where)
	assert.Equal(t, r.Where, readFinding(t, r).Where)
	assert.Equal(t, "an accepted operation finishes", readFinding(t, r).Guarantee)
}

// TestAFindingIsCompleteBeforeItIsTold: whoever is told of a run finds all of it.
func TestAFindingIsCompleteBeforeItIsTold(t *testing.T) {
	told := 0
	violating(t, simulated.SwallowedWrite, writeAndRead(nil, 1), Options{KeepData: true, OnRun: func(r Run) {
		told++
		f := readFinding(t, r)
		assert.Equal(t, r.Sentence, f.Sentence)
		assert.Equal(t, r.RuledOut, f.RuledOut)
		for _, name := range []string{PlanFile, HistoryFile, LateFile, PictureFile, LogFile, "state_dump.json", "sys_invocation_dump.json", "sys_journal_dump.json"} {
			assert.FileExists(t, filepath.Join(r.Dir, name))
		}
		require.ErrorContains(t, r.Problem, "keep the data: a simulated runtime can't hand out its data")
	}})
	assert.Equal(t, 1, told)
}

// TestAFindingThatCannotBeWritten is said, and hides nothing.
func TestAFindingThatCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, folders[Violation]), nil, 0o644), "a file stands where the findings should be")
	r := violating(t, simulated.SwallowedWrite, writeAndRead(nil, 1), Options{Dir: dir})
	require.ErrorContains(t, r.Problem, "make the directory of the finding")
	assert.Empty(t, r.Dir)
	assert.Equal(t, "register-0: an acknowledged write is missing", r.Sentence)
	assert.Contains(t, fact(t, r, "late").Fact, "gone: ")
	assert.Contains(t, r.Where, "acknowledged, handler ran once, ")
	assert.FileExists(t, r.Outcome.Path, "the history stays where it was made")
}

// TestSilentServersRuleNothingOut: what could not be asked is said as such.
func TestSilentServersRuleNothingOut(t *testing.T) {
	a := afterlife{problem: errors.New("it did not come up")}
	q := inquiryOf(t, []model.Event{})
	late, back := q.came(a)
	assert.False(t, back)
	assert.Equal(t, RuledOut{"late", "it could not be read again: it did not come up", false}, late)
	assert.Equal(t, RuledOut{"wrong server", "it was not asked again", false}, a.wrongServer())
	a.wrong = errors.New("connection refused")
	assert.Equal(t, RuledOut{"wrong server", "it was not shown: connection refused", false}, a.wrongServer())
}

// inOrder is a history of one object, one operation after the other.
func inOrder(object model.Object, all ...model.Invoked) *model.History {
	h := &model.History{Header: model.Header{Version: model.HistoryVersion}}
	for i, o := range all {
		o.ID, o.Object, o.Process, o.Outcome = i+1, object, "0", model.OK
		o.Call, o.Return = model.Instant{Seq: int64(2*i + 1)}, model.Instant{Seq: int64(2*i + 2)}
		h.Operations = append(h.Operations, o)
	}
	return h
}

// TestWhatIsLost are the fewest newest writes, whatever had been read of them
// before.
func TestWhatIsLost(t *testing.T) {
	write := func(v string) model.Invoked {
		return model.Invoked{Op: model.RegisterWrite{Value: v}, Answer: model.Done{}}
	}
	read := func(v string) model.Invoked {
		return model.Invoked{Op: model.RegisterRead{}, Answer: model.Text(v)}
	}
	lost := func(all ...model.Invoked) (ids []int) {
		h := inOrder(register0, all...)
		q := newInquiry(&Run{Outcome: &Outcome{History: h}, Check: checker.Check(h, checker.Options{})}, nil)
		for _, o := range q.lost {
			ids = append(ids, o.ID)
		}
		return ids
	}
	assert.Equal(t, []int{1}, lost(write("a"), read("a"), read("")))
	assert.Equal(t, []int{2}, lost(write("a"), write("b"), read("b"), read("a")))
	assert.Equal(t, []int{1, 2}, lost(write("a"), write("b"), read("")))
	assert.Equal(t, []int{2, 4}, lost(write("a"), write("b"), read("b"), write("c"), read("a")))
	assert.Empty(t, lost(write("a"), read("nobody's")))
}

// TestAnElementThatComesBackElsewhere is there again, and still wrong.
func TestAnElementThatComesBackElsewhere(t *testing.T) {
	list := model.Object{Kind: model.List}
	h := inOrder(list, model.Invoked{Op: model.ListAppend{Value: "a"}, Answer: model.Done{}},
		model.Invoked{Op: model.ListGet{}, Answer: model.Texts{}}, model.Invoked{Op: model.ListAppend{Value: "b"}, Answer: model.Done{}})
	q := newInquiry(&Run{Outcome: &Outcome{History: h}, Check: checker.Check(h, checker.Options{})}, nil)
	require.Len(t, q.lost, 1)
	read := func(values ...string) []model.Invoked {
		return []model.Invoked{{Object: list, Op: model.ListGet{}, Outcome: model.OK, Answer: model.Texts(values)}}
	}
	assert.Equal(t, missing, q.shows(read("b")))
	assert.Equal(t, present, q.shows(read("a", "b")))
	assert.Equal(t, displaced, q.shows(read("b", "a")))
	late, back := q.came(afterlife{restarted: true, reads: map[model.Phase][]model.Invoked{model.Late: read("b", "a")}})
	assert.True(t, back)
	assert.Equal(t, RuledOut{"late", `came back, and not where it belongs: ["b","a"] after 0s`, false}, late)
}

// inquiryOf is an inquiry about a write that a read does not show, with more
// events before the read.
func inquiryOf(t *testing.T, events []model.Event) *inquiry { return inquiryAbout(t, `""`, events) }

// inquiryAbout is the same with another answer of the read.
func inquiryAbout(t *testing.T, answer string, events []model.Event) *inquiry {
	t.Helper()
	h := &model.History{}
	seq := int64(0)
	add := func(events ...func(model.Instant) model.Event) {
		for _, e := range events {
			seq++
			require.NoError(t, h.Apply(e(model.Instant{Seq: seq, Ns: seq * 1000})))
		}
	}
	call := func(id int, op model.Operation, answer string) {
		add(func(model.Instant) model.Event {
			return model.Called{Instant: model.Instant{Seq: seq, Ns: seq * 1000}, ID: id, Process: "0", Object: register0, Op: op.String()}
		}, func(at model.Instant) model.Event { return model.Attempting{Instant: at, ID: id, N: 1} },
			func(at model.Instant) model.Event {
				return model.Attempted{Instant: at, ID: id, N: 1, Wrote: true, Status: 200}
			}, func(at model.Instant) model.Event {
				return model.Returned{Instant: at, ID: id, Outcome: model.OK, Answer: answer}
			})
	}
	require.NoError(t, h.Apply(model.Header{Version: model.HistoryVersion, Run: "r"}))
	call(1, model.RegisterWrite{Value: "v1"}, "ok")
	for _, e := range events {
		require.NoError(t, h.Apply(e))
	}
	call(2, model.RegisterRead{}, answer)
	check := checker.Check(h, checker.Options{})
	require.Equal(t, checker.Violation, check.Verdict, check.Reason)
	q := newInquiry(&Run{Outcome: &Outcome{ID: "r", History: h}, Check: check}, nil)
	require.NotNil(t, q)
	return q
}

// TestWhatWasNotSeenIsNotRuledOut: no entry into a handler, no canary before.
func TestWhatWasNotSeenIsNotRuledOut(t *testing.T) {
	q := inquiryOf(t, nil)
	assert.Equal(t, RuledOut{"not sent", "1 attempt, handler never seen to run, 200", false}, q.notSent())
	assert.True(t, q.notReady(RuledOut{}).Out, "there was no start")

	at := q.last.Call.Ns
	early := inquiryOf(t, []model.Event{model.Recovery{Spawned: at - 2000}})
	assert.Equal(t, RuledOut{"not ready", "the call came before a canary had passed", false}, early.notReady(RuledOut{What: "late"}))
	assert.Equal(t, RuledOut{"not ready", "the call came before a canary had passed, and read after canaries it was so again", true},
		early.notReady(RuledOut{What: "late", Out: true}))
	ready := inquiryOf(t, []model.Event{model.Recovery{Spawned: at - 2000, Canary: at - 1000}})
	assert.Equal(t, RuledOut{"not ready", "a canary had passed less than 1 ms before", true}, ready.notReady(RuledOut{}))
	again := inquiryOf(t, []model.Event{model.Recovery{Spawned: at - 2500, Canary: at - 2000}, model.Recovery{Spawned: at - 1000, Canary: at + 1000}})
	assert.False(t, again.notReady(RuledOut{}).Out, "the last start counts")
}

// TestLaterReadsAreJudged by the same check as the history.
func TestLaterReadsAreJudged(t *testing.T) {
	q := inquiryOf(t, nil)
	require.Len(t, q.lost, 1)
	read := func(value string) []model.Invoked {
		return []model.Invoked{{Object: register0, Op: model.RegisterRead{}, Outcome: model.OK, Answer: model.Text(value)}}
	}
	assert.Equal(t, missing, q.shows(read("")))
	assert.Equal(t, present, q.shows(read("v1")))
	assert.Equal(t, missing, q.shows(read("other")))
	for phase, want := range map[[2]string]string{
		{"", ""}:     `gone: still "" after 1s, still "" after one more restart`,
		{"v1", "v1"}: `came back: "v1" after 1s, still "v1" after one more restart`,
		{"", "v1"}:   `came back: still "" after 1s, "v1" after one more restart`,
		{"v1", ""}:   `came back and went again: "v1" after 1s, "" after one more restart`,
	} {
		late, back := q.came(afterlife{waited: time.Second, restarted: true, reads: map[model.Phase][]model.Invoked{model.Late: read(phase[0]), model.Later: read(phase[1])}})
		assert.Equal(t, want, late.Fact)
		assert.Equal(t, back, !late.Out)
		assert.Equal(t, phase == [2]string{}, late.Out)
	}
}

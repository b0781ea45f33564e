package report

import (
	"errors"
	"flag"
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
	"retain/harness/session"
	"retain/harness/triage"
	"retain/model"
	"retain/runtime"
	"retain/runtime/serverlog"
)

// packageDir is the directory in which the tests begin.
var packageDir, _ = os.Getwd()

var update = flag.Bool("update", false, "write the golden texts instead of comparing")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join(packageDir, "testdata", name+".txt")
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
}

// oneScreen shows that a text begins with its verdict and can be taken in without
// scrolling.
func oneScreen(t *testing.T, verdict harness.Verdict, text string) {
	t.Helper()
	assert.True(t, strings.HasPrefix(text, string(verdict)+" "), text)
	assert.LessOrEqual(t, strings.Count(text, "\n"), 40, text)
	for line := range strings.Lines(text) {
		assert.LessOrEqual(t, len([]rune(line)), 220, line)
	}
}

func at(seq int64) model.Instant { return model.Instant{Seq: seq, Ns: seq * 10e6} }

// lostAdd is a history in which an acknowledged addition is gone after a kill.
func lostAdd() *model.History {
	counter := model.Object{Kind: model.Counter, N: 3}
	return &model.History{
		Header: model.Header{Version: 1, Run: "r", Runtime: "restate-server 1.7.12 (577e032), process"},
		Operations: []model.Invoked{
			{ID: 1, Process: "0", Step: 1, Phase: model.Program, Object: counter, Op: model.CounterAdd{Delta: 2}, Call: at(1), Return: at(2),
				Outcome: model.OK, Answer: model.Change{Old: 0, New: 2}, Attempts: []model.Attempt{{N: 1, Wrote: true, Status: 200}}},
			{ID: 2, Process: "1.1", Step: 2, Phase: model.Program, Object: counter, Op: model.CounterGet{}, Call: at(8), Return: at(9),
				Outcome: model.OK, Answer: model.Integer(0), Attempts: []model.Attempt{{N: 1, Wrote: true, Status: 200}}},
		},
		Faults: []model.Fault{
			{Step: 3, Kind: "kill", Begin: at(3), End: at(4)}, {Step: 4, Kind: "start", Begin: at(5), End: at(7)}},
		Recoveries:   []model.Recovery{{Step: 4, Down: 40e6, Spawned: 50e6, Port: 55e6, Health: 60e6, Probe: 70e6}},
		Availability: []model.Span{{From: 0, To: 30e6, Up: true}, {From: 30e6, To: 70e6}, {From: 70e6, To: 100e6, Up: true}},
	}
}

// lost is the run of [lostAdd], kept in a folder with these files.
func lost(t *testing.T, files map[string]string) harness.Run {
	t.Helper()
	h := lostAdd()
	result := checker.Check(h, checker.Options{})
	require.Equal(t, checker.Violation, result.Verdict)
	// The path of a finding is relative, as a user sees it: the rows that it stands in
	// break at the same place in every temporary directory.
	t.Chdir(t.TempDir())
	dir := filepath.Join("testdata", "findings", "7f2c-61")
	require.NoError(t, os.MkdirAll(dir, 0o755))
	for name, text := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	return harness.Run{
		Number: 61, Verdict: harness.Violation, Sentence: result.Reason, Check: result, Dir: dir,
		Plan:    generators.Plan{Seed: 8123, Number: 61, Config: generators.Config{Server: "lazy-suspend-always"}},
		Outcome: &harness.Outcome{History: h, Age: 4, Took: time.Second},
		Where:   "the server knows the invocation and its output, and the state table has no value: gone from the state",
		Hypotheses: []harness.Hypothesis{
			{What: "checker", Fact: "porcupine agrees", RuledOut: true},
			{What: "not sent", Fact: "1 attempt, handler ran once, 200", RuledOut: true},
			{What: "not ready", Fact: "probe passed", RuledOut: true},
			{What: "wrong server", Fact: "nonce matches", RuledOut: true},
			{What: "late", Fact: "could not be read again: the server is gone"},
		},
	}
}

// found are the files of a finding.
var found = map[string]string{
	"plan.json": "{}", "history.jsonl": "{}", "witness.jsonl": "{}", "runtime_0.log": "INFO one\nERROR two\n", "health.txt": "healthy",
	"sys_invocation_dump.json": "[]", "sys_journal_dump.json": "[]", "state_dump.json": "[]", "picture.html": "<p>porcupine</p>",
}

var plainProcess = Context{SDK: "sdk go 1.2.0", Flags: []string{"-runtime=process"}}

func TestViolationPrintsReplayAndPromoteCommands(t *testing.T) {
	r := lost(t, found)
	require.NoError(t, WritePage(r, plainProcess), "the page is complete before the verdict is printed")
	text := Finding(r, plainProcess).String()
	oneScreen(t, harness.Violation, text)
	golden(t, "violation", text)
	lines := strings.Split(strings.TrimSpace(text), "\n")
	assert.Equal(t, "replay     go test -run Replay -plan testdata/findings/7f2c-61/plan.json -runtime=process", lines[len(lines)-2])
	assert.Equal(t, "keep it    go test -run Replay -plan testdata/findings/7f2c-61/plan.json -runtime=process -promote NAME", lines[len(lines)-1])
}

// A finding that can't be written is said, and hides nothing.
func TestUnsavedViolationIsPrintedWithTheError(t *testing.T) {
	r := lost(t, nil)
	require.NoError(t, os.RemoveAll(filepath.Dir(r.Dir)))
	require.NoError(t, os.WriteFile(filepath.Dir(r.Dir), nil, 0o644), "a file stands where the findings should be")
	r.Problem = errors.New("save the finding: disk full\nand more")
	var b strings.Builder
	p := Reporter{Out: &b}
	p.Run(r)
	assert.Contains(t, b.String(), "violation  an acknowledged add is missing after a kill")
	assert.Contains(t, b.String(), "not saved  save the finding: disk full; and more; write the page of the finding:")
}

func TestStuckOperationAndAdmissionArePrinted(t *testing.T) {
	r := lost(t, nil)
	r.Check, r.Hypotheses, r.Where = checker.Result{}, nil, ""
	r.Outcome.Liveness = &harness.Liveness{Guarantee: model.Guarantee{Code: model.OperationFinishes}, Detail: "operation 1, counter-3 add(2), had no answer for 30 s", Operation: 1}
	text := Finding(r, plainProcess).String()
	oneScreen(t, harness.Violation, text)
	golden(t, "stuck", text)

	r.Outcome.Liveness, r.Sentence = nil, "the server reports data loss: life 2"
	r.Admissions = []serverlog.Admission{{Line: "ERROR  trim gap\tin the log", Class: "data loss", Life: 2}, {Line: "a row", Class: "a broken partition"}}
	text = Finding(r, plainProcess).String()
	oneScreen(t, harness.Violation, text)
	golden(t, "admission", text)

	r.Admissions = make([]serverlog.Admission, 30)
	assert.Contains(t, Finding(r, plainProcess).String(), "... and 26 more in report.html")
}

func TestHarnessErrorPrintsTheServersLastLine(t *testing.T) {
	r := harness.Run{Number: 12, Verdict: harness.Harness, Sentence: "start the runtime: container did not start, 3 attempts in 41 s:\n\"port is already allocated\""}
	with := plainProcess
	with.Passed = 11
	text := Finding(r, with).String()
	oneScreen(t, harness.Harness, text)
	golden(t, "harness", text)

	dir := t.TempDir()
	log := filepath.Join(dir, triage.LogFile)
	r.Dir, r.Outcome = dir, &harness.Outcome{History: lostAdd(), Server: runtime.Identity{Backend: "process"}}
	require.NoError(t, os.WriteFile(log, nil, 0o644))
	assert.Contains(t, Finding(r, plainProcess).String(), "evidence   the server never logged a line · 2 calls sent, 2 answered\n")
	require.NoError(t, os.WriteFile(log, []byte("first\nlast  words\n"), 0o644))
	assert.Contains(t, Finding(r, plainProcess).String(), "the server's last line: last words ·")
	assert.Contains(t, Finding(r, plainProcess).String(), "or add -runtime container")
	r.Outcome.Server.Backend = "container"
	assert.Contains(t, Finding(r, plainProcess).String(), "or add -runtime process · leftovers: docker ps -a --filter label=retain\n")

	r.Number = -1
	assert.Contains(t, Finding(r, plainProcess).String(), "what       start the runtime: ", "it was no plan's")
}

func TestUndecidedSessionPrintsTheObjectAndReason(t *testing.T) {
	s := sessionOf(94)
	s.Verdict = harness.Undecided
	r := harness.Run{
		Number: 31, Verdict: harness.Undecided, Sentence: "map-2: porcupine stopped at 20 s", Dir: "testdata/undecided/31",
		Plan: generators.Plan{Config: generators.Config{Resolve: generators.LeaveOpen}},
		Check: checker.Result{Verdict: checker.Undecided, Objects: []checker.ObjectResult{
			{Object: model.Object{Kind: model.Register}, Verdict: checker.Pass},
			{Object: model.Object{Kind: model.Map, N: 2}, Verdict: checker.Undecided, Operations: 41, Open: 9,
				Reason: "porcupine stopped at 20 s; values repeat after clearAll, so the fast check does not apply"},
		}},
	}
	s.Failures = []harness.Run{r}
	s.Counts = map[harness.Verdict]int{harness.Pass: 93, harness.Undecided: 1}
	text := Session(s, plainProcess, 8123).String()
	oneScreen(t, harness.Undecided, text)
	golden(t, "undecided", text)

	r.Dir, r.Outcome, r.Problem = "", &harness.Outcome{Path: "testdata/running/5e55/31.jsonl"}, errors.New("disk full")
	text = Finding(r, plainProcess).String()
	assert.Contains(t, text, "go test -run Recheck -history testdata/running/5e55/31.jsonl ", "the history stays where it was made")
	assert.Contains(t, text, "not saved  disk full\n")

	s.Failures = []harness.Run{r, r, r, r, r}
	text = Session(s, plainProcess, 8123).String()
	oneScreen(t, harness.Undecided, text)
	assert.Contains(t, text, "5 of 94 plans: no verdict on MapObject map-2, MapObject map-2, MapObject map-2.")
	assert.Contains(t, text, "... and 2 more")
}

// sessionOf is one whose plans passed, 30 s of it with an outage.
func sessionOf(plans int) *session.Result {
	t := harness.Tally{
		Counters: harness.Counters{
			Operations: 5210, Faults: map[model.FaultKind]int{"kill": 71, "stop": 64, "start": 135}, InFlight: 1204,
			Managed:   map[model.Verb]int{model.KillInvocation: 22, model.PurgeInvocation: 14, model.RestartInvocation: 3},
			Ambiguous: 611, Resolved: 611, ReadBack: 2977,
		},
		Coverage: coverageOfPlans(plans),
		Plans:    plans, FaultPoints: map[generators.FaultPoint]int{},
		Servers: map[string]int{"one-timer": 10, "plain-4": plans - 10},
		Late:    harness.NewLatencies(),
	}
	for _, late := range []time.Duration{0, 2 * time.Millisecond, 4 * time.Millisecond, 1250 * time.Millisecond} {
		_ = t.Late.RecordValue(max(1, late.Microseconds()))
	}
	for i, c := range generators.FaultPoints() {
		t.FaultPoints[c] = 10 + i
	}
	for i := range plans {
		t.Recoveries = append(t.Recoveries, harness.Recovered{Plan: i, Recovery: model.Recovery{Down: 1e9, Spawned: 1.1e9, Port: 1.2e9, Health: 1.3e9, Probe: 1.7e9 + int64(i)*1e6}})
	}
	return &session.Result{
		ID: "5e55", Verdict: harness.Pass, Tally: t, Took: 58 * time.Second, Counts: map[harness.Verdict]int{harness.Pass: plans},
		Identity: runtime.Identity{Backend: "process", Version: "1.7.12", Build: "577e032"},
		Excludes: t.Excludes(), Ledger: session.Ledger{Objects: 1128, Of: 1128, Reads: 2300, Took: 5 * time.Second},
		Availability: []harness.Span{
			{Runtime: 1, From: 0, To: 20 * time.Second, Up: true}, {Runtime: 1, From: 20 * time.Second, To: 26 * time.Second},
			{Runtime: 1, From: 26 * time.Second, To: 48 * time.Second, Up: true}, {Runtime: 2, From: 12 * time.Second, To: 48 * time.Second, Up: true},
		},
	}
}

// coverageOfPlans is the coverage of plans in three of the classes.
func coverageOfPlans(plans int) harness.Coverage {
	c := harness.NewCoverage()
	for i, s := range generators.Changes() {
		if i%2 == 0 || s.Fault == model.Kill && s.Moment == generators.Acknowledged {
			c.Situations[s] = 1
		}
	}
	c.Plans = map[generators.Class]int{{}: plans - 15, {Lazy: true}: 10, {Lazy: true, Suspending: true}: 5}
	c.Partitions = map[int]int{4: plans - 10, 24: 10}
	c.Writes = map[generators.Class]int{{}: 40 * plans, {Lazy: true}: 600, {Lazy: true, Suspending: true}: 12}
	return c
}

func TestPassPrintsItsPower(t *testing.T) {
	text := Session(sessionOf(94), plainProcess, 8123).String()
	oneScreen(t, harness.Pass, text)
	golden(t, "pass", text)

	text = Session(sessionOf(13), plainProcess, 8123).String()
	golden(t, "small", text)
	assert.Contains(t, text, "excludes   nothing yet: too small to judge, 13 plans")

	s := sessionOf(94)
	s.Tally.Open, s.Tally.Resolved = 11, 600
	s.Ledger = session.Ledger{Objects: 1000, Of: 1128, Reads: 2000, Note: "the ledger's time was up"}
	text = Session(s, plainProcess, 8123).String()
	assert.Contains(t, text, "611 ambiguous, 600 resolved, 11 left open")
	assert.Contains(t, text, "1,000 of 1,128 objects read again after a closing kill (2,000 answers): all as acknowledged\n           the ledger's time was up\n")
	s.Ledger = session.Ledger{Of: 7, Note: "no time"}
	assert.Contains(t, Session(s, plainProcess, 8123).String(), "ledger     none of 7 objects was read again: no time\n")
	s.Ledger, s.Availability = session.Ledger{}, nil
	text = Session(s, plainProcess, 8123).String()
	assert.NotContains(t, text, "ledger")
	assert.NotContains(t, text, "available")
}

func TestVacuousSessionPrintsReasonAndRemedy(t *testing.T) {
	s := sessionOf(94)
	s.Verdict, s.Tally.InFlight = harness.Vacuous, 3
	s.Missing, s.Because, s.Excludes = s.Tally.Missing(), "operations take 2 ms, and 135 faults met 3 of them open; no operation was held at a gate", 0
	text := Session(s, plainProcess, 8123).String()
	oneScreen(t, harness.Vacuous, text)
	golden(t, "vacuous", text)
	assert.NotContains(t, text, "excludes")

	s.Tally.Faults = map[model.FaultKind]int{}
	assert.Contains(t, Session(s, plainProcess, 8123).String(), "do         run plans that stop and kill the server")
}

func TestSessionWithoutAPlanAsksForTime(t *testing.T) {
	s := &session.Result{Verdict: harness.Vacuous, Tally: harness.NewTally(), Counts: map[harness.Verdict]int{}}
	s.Missing, s.Because = s.Tally.Missing(), s.Tally.Because()
	assert.Equal(t, `vacuous    0 plans passed and together prove too little to call it green
missing    plans: 0 of 1 needed
because    the time was over before the first plan began
do         give it more time: -duration 1m
`, Session(s, plainProcess, 8123).String())
}

func TestVacuousSessionNamesWhatItLacks(t *testing.T) {
	s := sessionOf(94)
	assert.Empty(t, s.Tally.Missing())
	s.Tally.FaultPoints[generators.FaultPoint{Fault: model.Kill}] = 0
	s.Tally.ReadBack = 93
	assert.Equal(t, []string{"values read back after a restart: 93 of 94 needed", "operations in flight, before kill: 0 of 1 needed"}, s.Tally.Missing())
}

// A value that can't be there is named, with the operation that it is of.
func TestRemarkNamesTheUnexplainedValue(t *testing.T) {
	h := lostAdd()
	register := func(n int) model.Object { return model.Object{Kind: model.Register, N: n} }
	h.Operations[0].Object, h.Operations[0].Op = register(1), model.RegisterWrite{Value: "v1"}
	h.Operations[0].Answer = model.Done{}
	b := checker.ObjectResult{
		Object: register(0), Guarantee: model.Guarantee{Code: model.ValueNobodyWrote}, Proof: []int{2}, Contradiction: 2,
		Stranger: &checker.Stranger{Value: "v1"},
	}
	assert.Equal(t, `nothing wrote "v1"`, remark(h, b, nil))
	b.Stranger.Writers = []int{1}
	assert.Equal(t, `"v1" is of write("v1") on register-1 at 10 ms -> ok`, remark(h, b, nil))
	b.Guarantee.Code = model.TwoEffectsOfAppend
	assert.Equal(t, `"v1", which occurs twice, is of write("v1") on register-1 at 10 ms -> ok`, remark(h, b, nil))
	b.Guarantee.Code = model.EffectRefused
	o := &h.Operations[0]
	o.Object, o.Outcome, o.Answer, o.Reason = register(0), model.Failed, nil, model.Rejected
	assert.Equal(t, `"v1" is of write("v1") at 10 ms -> failed, rejected`, remark(h, b, nil))
}

func TestRemarkSaysWhenWhatHadBeenEndedRanAgain(t *testing.T) {
	b := checker.ObjectResult{
		Guarantee: model.Guarantee{Code: model.EndedRanAgain}, Proof: []int{1, 2}, Contradiction: 1,
		Entered: &model.Observation{At: model.Instant{Seq: 9, Ns: 30e6}, ID: 1, Entry: 2},
	}
	assert.Equal(t, "had been ended, and entered its handler again at 30 ms", remark(lostAdd(), b, nil))
}

// Which of several acknowledged changes is missing is not known, unless the
// inquiry plainProcess.
func TestRemarkNamesTheMissingChangeOnlyIfThereIsOne(t *testing.T) {
	h := lostAdd()
	b := checker.ObjectResult{Guarantee: model.Guarantee{Code: model.AcknowledgedMissing, Operation: model.AddChange}, Proof: []int{1, 2}, Contradiction: 2}
	assert.Equal(t, "add(2) was acknowledged at 20 ms", remark(h, b, nil))
	second := h.Operations[0]
	second.ID = 3
	h.Operations = append(h.Operations, second)
	b.Proof = []int{1, 2, 3}
	assert.Equal(t, "no order explains this", remark(h, b, nil))
	assert.Equal(t, "add(2) was acknowledged at 20 ms", remark(h, b, []int{3}))
	assert.Equal(t, "add(2) was acknowledged at 20 ms, and is missing like 1 more", remark(h, b, []int{1, 3}))
	b.Proof, b.Guarantee = []int{1, 2}, model.Guarantee{Code: model.ReadWentBack}
	assert.Equal(t, "no order explains this", remark(h, b, nil))
}

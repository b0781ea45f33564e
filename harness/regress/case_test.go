package regress

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/checker"
	"retain/generators"
	"retain/harness"
	"retain/model"
	"retain/runtime"
	"retain/runtime/serverlog"
)

func kept(t *testing.T) (*Case, string) {
	plan := generators.StartAndStop(model.Kill)
	h := &model.History{Header: model.Header{Version: model.HistoryVersion, Run: "r"}, Ended: true}
	s := &Shrunk{Reduction: generators.Reduction{Best: plan}, Rate: generators.Rate{Failures: 10, Runs: 20}, Witness: h}
	c := CaseOf(model.Guarantee{Code: model.AcknowledgedMissing, Operation: model.AddChange}, s,
		Subject{Settings: []string{"RESTATE_X=1"}, Bugs: []string{"lost-at-kill"}}, runtime.Identity{Backend: "simulated", Version: "1.7.12"}, "sdk go 1.2.0")
	path, err := CaseFile(filepath.Join(t.TempDir(), "regressions"), "lost-add")
	require.NoError(t, err)
	require.NoError(t, c.Save(path))
	return c, path
}

// A case reads back as it was kept, its plan and its witness too.
func TestCasesReadBack(t *testing.T) {
	c, path := kept(t)
	back, plan, err := LoadCase(path)
	require.NoError(t, err)
	assert.Equal(t, generators.StartAndStop(model.Kill), plan)
	assert.Len(t, back.Witness, 2) // a header and an end
	assert.Equal(t, []Expectation{{Bug: "lost-at-kill", Why: "it is planted"}}, back.Fails)
	assert.Equal(t, c.Promoted, back.Promoted)
	assert.Equal(t, 9, back.Runs(), "half of the time, 30 % at least: 0.7^9 is less than 0.05")

	_, err = CaseFile(filepath.Dir(path), "lost-add")
	assert.ErrorContains(t, err, "is there already")
	_, err = CaseFile(filepath.Dir(path), "../lost-add")
	assert.ErrorContains(t, err, "can't be a regression's name")
}

// A case that never failed is replayed three times, and so is one that always did.
func TestReplaysFollowTheReproductionRate(t *testing.T) {
	assert.Equal(t, 3, (&Case{}).Runs())
	assert.Equal(t, 3, (&Case{Rate: generators.Rate{Failures: 20, Runs: 20}}).Runs())
}

// A case is back if what it was kept for is: another violation is another finding.
func TestCaseShowsOnlyItsOwnViolation(t *testing.T) {
	broke := func(kind model.Kind, guarantee string) *harness.Run {
		o := checker.ObjectResult{Object: model.Object{Kind: kind}, Verdict: checker.Violation, Guarantee: model.ReadVersion1(guarantee)}
		return &harness.Run{Verdict: harness.Violation, Check: checker.Result{Verdict: checker.Violation, Objects: []checker.ObjectResult{o}}}
	}
	stuck := &harness.Run{Verdict: harness.Violation, Outcome: &harness.Outcome{Liveness: &harness.Liveness{Guarantee: model.Guarantee{Code: model.OperationFinishes}}}}
	admitted := &harness.Run{Verdict: harness.Violation, Admissions: []serverlog.Admission{{Code: model.ReportsPanic}}}
	always := generators.Rate{Failures: 20, Runs: 20}
	counter := Case{Rate: always, Broken: model.ReadVersion1("an acknowledged add is missing"), Witness: []json.RawMessage{
		[]byte(`{"e":"header","version":1,"run":"r","runtime":""}`),
		[]byte(`{"e":"call","seq":1,"ns":1,"id":1,"process":"0","phase":"program","object":"counter-0","op":"add(1)"}`),
	}}
	assert.True(t, counter.Matches(broke(model.Counter, "a read went back to an older value")), "one cause, two guarantees")
	assert.False(t, counter.Matches(broke(model.List, "an acknowledged append is missing")))
	both := broke(model.List, "an acknowledged append is missing")
	both.Check.Objects = append(both.Check.Objects, broke(model.Counter, "an acknowledged add is missing").Check.Objects...)
	assert.True(t, counter.Matches(both), "which of them was called first is chance")
	assert.False(t, counter.Matches(stuck))
	assert.False(t, counter.Matches(admitted))
	assert.False(t, counter.Matches(&harness.Run{Verdict: harness.Undecided}))

	liveness := Case{Rate: always, Broken: model.ReadVersion1("broken: an accepted operation finishes")}
	assert.True(t, liveness.Matches(stuck))
	assert.False(t, liveness.Matches(&harness.Run{Verdict: harness.Violation, Outcome: &harness.Outcome{Liveness: &harness.Liveness{Guarantee: model.Guarantee{Code: model.RuntimeAnswers}}}}))
	held := func(code string) *harness.Run {
		l := &harness.Liveness{Guarantee: model.Guarantee{Code: model.OperationFinishes}, Held: &harness.Holding{
			State: harness.Held, Kind: model.Map, Object: "map-3", Holder: &harness.Caller{Op: "clearAll()", Handler: "clearAll", LastFailure: code}}}
		return &harness.Run{Verdict: harness.Violation, Outcome: &harness.Outcome{Liveness: l}}
	}
	liveness.HeldBy = held("[570 Journal mismatch] index 1").HeldBy().Culprit().Text()
	assert.True(t, liveness.Matches(held("[570 Journal mismatch] index 2")), "the text of a case of version 2")
	assert.False(t, liveness.Matches(held("[500] boom")), "another culprit is another finding")
	liveness.Culprit, liveness.HeldBy = held("[570 Journal mismatch] index 1").HeldBy().Culprit().Key(), "reworded"
	assert.True(t, liveness.Matches(held("[570 Journal mismatch] index 2")))
	assert.False(t, liveness.Matches(held("[500] boom")), "another culprit is another finding")
	assert.True(t, liveness.Matches(stuck), "the culprit is not known")
	assert.True(t, SameFailure(held("[570 Journal mismatch] index 2"), held("[570 Journal mismatch] index 1")))
	assert.False(t, SameFailure(held("[500] boom"), held("[570 Journal mismatch] index 1")))
	liveness.Culprit, liveness.HeldBy = harness.CulpritKey{}, ""
	assert.True(t, liveness.Matches(held("[500] boom")), "a case of before knows no culprit")
	assert.False(t, liveness.Matches(broke(model.Counter, "an acknowledged add is missing")))
	assert.False(t, liveness.Matches(admitted))
	lost := broke(model.Counter, "an acknowledged add is missing")
	lost.Outcome = stuck.Outcome
	assert.False(t, liveness.Matches(lost), "an expected case hides no loss")
	unseen := Case{Rate: always, Broken: model.ReadVersion1("counter: an acknowledged add is missing")}
	assert.True(t, unseen.Matches(both), "without a witness")
	assert.False(t, unseen.Matches(broke(model.List, "an acknowledged append is missing")))
	assert.True(t, (&Case{Rate: always, Broken: model.ReadVersion1("the server reports a panic: thread 'main'")}).Matches(admitted))
	assert.True(t, (&Case{}).Matches(stuck), "it never failed: any failure is news")
}

func TestUnusableCaseIsRefusedWithTheReason(t *testing.T) {
	_, path := kept(t)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, broken := range []struct{ name, old, new, want string }{
		{"no version", `"version": 4,`, `"version": 0,`, "format version 0: want 1 to 4"},
		{"byte order mark", "{", "\xef\xbb\xbf{", "byte order mark"},
		{"more strikes than runs", `"strikes": 10`, `"strikes": 21`, "rate: 21 strikes of 20 runs"},
		{"strikes below zero", `"strikes": 10`, `"strikes": -1`, "rate: -1 strikes of 20 runs"},
		{"a rate of a billion", `"runs": 20`, `"runs": 1000000000`, "of at most 100000 runs"},
		{"a setting without a value", `"bug": "lost-at-kill"`, `"setting": "K"`, `the setting "K": want NAME=VALUE`},
		{"no version of a server", `"bug": "lost-at-kill"`, `"server": "1.[7"`, `the server "1.[7": want a version`},
		{"later", `"version": 4,`, `"version": 5,`, "format version 5; this retain reads up to 4"},
		{"unknown guarantee", `"acknowledged-missing"`, `"lost"`, `no guarantee has the code "lost"`},
		{"no guarantee", `"broken": {`, `"broken_": {`, `unknown field "broken_"`},
		{"unknown field", `"guarantee"`, `"guaranty"`, `unknown field "guaranty"`},
		{"expects nothing", `"bug": "lost-at-kill",`, ``, "expected_to_fail names neither"},
		{"broken plan", `"fault": "kill"`, `"fault": "murder"`, "the regression's plan: step 2"},
		{"cut short", "\n}\n", "", "not a regression"},
	} {
		changed := strings.Replace(string(text), broken.old, broken.new, 1)
		require.NotEqual(t, string(text), changed, broken.name)
		if broken.name == "expects nothing" {
			changed = strings.Replace(changed, `"why": "it is planted"`, ``, 1)
			changed = strings.Replace(changed, ",\n    }", "\n    }", 1)
		}
		require.NoError(t, os.WriteFile(path, []byte(changed), 0o600))
		_, _, err := LoadCase(path)
		require.ErrorContains(t, err, broken.want, broken.name)
		assert.NotContains(t, err.Error(), "\n")
	}
}

func TestExpectationMatchesServerSettingAndBug(t *testing.T) {
	on := Subject{Server: "1.7.12", Settings: []string{"A=1"}, Bugs: []string{"stale-read"}}
	for _, e := range []struct {
		Expectation
		fits bool
	}{
		{Expectation{Server: "1.7.12"}, true},
		{Expectation{Server: "1.7.*"}, true},
		{Expectation{Server: "1.6.*"}, false},
		{Expectation{Server: "1.7.1"}, false},
		{Expectation{Setting: "A=1"}, true},
		{Expectation{Setting: "A=2"}, false},
		{Expectation{Bug: "stale-read"}, true},
		{Expectation{Server: "1.7.*", Bug: "another"}, false},
	} {
		c := Case{Fails: []Expectation{e.Expectation}}
		assert.Equal(t, e.fits, c.Expected(on), "%+v", e.Expectation)
	}
	assert.False(t, (&Case{}).Expected(on))
}

// The backend is the recorded one, or else the only one that can have the bug.
func TestCaseNamesItsBackendAndBugs(t *testing.T) {
	planted := []Expectation{{Server: "1.6.*"}, {Bug: "lost-write"}}
	for _, c := range []struct {
		kept Case
		want string
	}{
		{Case{Runtime: "restate-server 1.7.12 (577e032), process"}, "process"},
		{Case{Runtime: "reworded", Server: Server{Backend: "process"}}, "process"},
		{Case{Runtime: "restate-server 1.7.12, simulated", Fails: planted}, "simulated"},
		{Case{Runtime: "restate-server 1.7.12 (577e032), container"}, "container"},
		{Case{Fails: planted}, "simulated"},
		{Case{Fails: planted[:1]}, ""},
		{Case{}, ""},
	} {
		assert.Equal(t, c.want, c.kept.Backend(), c.kept.Runtime)
	}
	assert.Equal(t, []string{"lost-write"}, (&Case{Fails: planted}).Bugs())
}

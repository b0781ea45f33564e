package harness

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
	"retain/model"
)

func kept(t *testing.T) (*Case, string) {
	plan := generators.StartAndStop(generators.Kill)
	h := &model.History{Header: model.Header{Version: model.HistoryVersion, Run: "r"}, Ended: true}
	s := &Shrunk{Reduction: generators.Reduction{Best: plan}, Rate: generators.Rate{Strikes: 10, Runs: 20}, Witness: h}
	c := CaseOf("an acknowledged add is missing after a kill", s,
		Subject{Settings: []string{"RESTATE_X=1"}, Bugs: []string{"lost-at-kill"}}, "restate-server 1.7.12, simulated")
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
	assert.Equal(t, generators.StartAndStop(generators.Kill), plan)
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
func TestCasesAreReplayedOftenEnough(t *testing.T) {
	assert.Equal(t, 3, (&Case{}).Runs())
	assert.Equal(t, 3, (&Case{Rate: generators.Rate{Strikes: 20, Runs: 20}}).Runs())
}

// A case is back if what it was kept for is: another violation is another finding.
func TestCasesTellTheirViolationFromOthers(t *testing.T) {
	broke := func(kind model.Kind, guarantee string) *Run {
		o := checker.ObjectResult{Object: model.Object{Kind: kind}, Verdict: checker.Violation, Guarantee: guarantee}
		return &Run{Verdict: Violation, Check: checker.Result{Verdict: checker.Violation, Objects: []checker.ObjectResult{o}}}
	}
	stuck := &Run{Verdict: Violation, Outcome: &Outcome{Liveness: &Liveness{Guarantee: "an accepted operation finishes"}}}
	admitted := &Run{Verdict: Violation, Admissions: []Admission{{Class: "a panic"}}}
	always := generators.Rate{Strikes: 20, Runs: 20}
	counter := Case{Rate: always, Guarantee: "an acknowledged add is missing", Witness: []json.RawMessage{
		[]byte(`{"e":"header","version":1,"run":"r","runtime":""}`),
		[]byte(`{"e":"call","seq":1,"ns":1,"id":1,"process":"0","phase":"program","object":"counter-0","op":"add(1)"}`),
	}}
	assert.True(t, counter.Shows(broke(model.Counter, "a read went back to an older value")), "one cause, two guarantees")
	assert.False(t, counter.Shows(broke(model.List, "an acknowledged append is missing")))
	both := broke(model.List, "an acknowledged append is missing")
	both.Check.Objects = append(both.Check.Objects, broke(model.Counter, "an acknowledged add is missing").Check.Objects...)
	assert.True(t, counter.Shows(both), "which of them was called first is chance")
	assert.False(t, counter.Shows(stuck))
	assert.False(t, counter.Shows(admitted))
	assert.False(t, counter.Shows(&Run{Verdict: Undecided}))

	liveness := Case{Rate: always, Guarantee: "broken: an accepted operation finishes"}
	assert.True(t, liveness.Shows(stuck))
	assert.False(t, liveness.Shows(&Run{Verdict: Violation, Outcome: &Outcome{Liveness: &Liveness{Guarantee: "a runtime that is up answers"}}}))
	assert.False(t, liveness.Shows(broke(model.Counter, "an acknowledged add is missing")))
	assert.False(t, liveness.Shows(admitted))
	lost := broke(model.Counter, "an acknowledged add is missing")
	lost.Outcome = stuck.Outcome
	assert.False(t, liveness.Shows(lost), "an expected case hides no loss")
	unseen := Case{Rate: always, Guarantee: "counter: an acknowledged add is missing"}
	assert.True(t, unseen.Shows(both), "without a witness")
	assert.False(t, unseen.Shows(broke(model.List, "an acknowledged append is missing")))
	assert.True(t, (&Case{Rate: always, Guarantee: "the server reports a panic: thread 'main'"}).Shows(admitted))
	assert.True(t, (&Case{}).Shows(stuck), "it never failed: whatever fails is news")
}

func TestCasesThatCannotBeUsedSaySo(t *testing.T) {
	_, path := kept(t)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, broken := range []struct{ name, old, new, want string }{
		{"later", `"version": 1,`, `"version": 2,`, "format version 2; this retain reads up to 1"},
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

func TestExpectations(t *testing.T) {
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

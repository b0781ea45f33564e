package sessions_test

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/generators"
	"retain/harness"
	"retain/harness/session"
	"retain/harness/triage"
	"retain/internal/selftest/suite"
	"retain/model"
	"retain/report"
	"retain/runtime"
)

// outputs is the result of a child's session in all its forms.
type outputs struct {
	text     string // the terminal, from the verdict on
	summary  map[string]any
	junit    string
	markdown string
	dir      string
}

// runSession runs a session, and asserts that the terminal begins with the verdict and that
// all files have the same one.
func runSession(t *testing.T, verdict harness.Verdict, args ...string) outputs {
	t.Helper()
	out := t.TempDir()
	file := func(name string) string { return filepath.Join(out, name) }
	run := suite.New(t, []string{report.StepSummary + "=" + file("step.md")},
		append(args, "-summary", file("summary.json"), "-junit", file("junit.xml"))...)
	err := run.Run()
	if verdict == harness.Pass {
		require.NoError(t, err, run.Text())
	} else {
		require.Error(t, err, run.Text())
	}
	from := regexp.MustCompile(`(?m)^` + string(verdict) + ` `).FindStringIndex(run.Text())
	require.NotNil(t, from, run.Text())
	for line := range strings.Lines(run.Text()[:from[0]]) {
		require.Regexp(t, "^(runtime|note|progress) ", line, "nothing else stands before the verdict")
	}
	read := func(name string) string {
		text, err := os.ReadFile(file(name))
		require.NoError(t, err)
		return string(text)
	}
	got := outputs{text: run.Text()[from[0]:], junit: read("junit.xml"), markdown: read("step.md"), dir: run.Dir}
	require.NoError(t, json.Unmarshal([]byte(read("summary.json")), &got.summary))
	assert.Equal(t, string(verdict), got.summary["verdict"])
	assert.True(t, strings.HasPrefix(got.markdown, "### retain: "+string(verdict)+" · "), got.markdown)
	var suites struct {
		Suite []struct {
			Failures   int `xml:"failures,attr"`
			Errors     int `xml:"errors,attr"`
			Properties []struct {
				Name  string `xml:"name,attr"`
				Value string `xml:"value,attr"`
			} `xml:"properties>property"`
		} `xml:"testsuite"`
	}
	require.NoError(t, xml.Unmarshal([]byte(got.junit), &suites))
	require.Len(t, suites.Suite, 1)
	assert.Equal(t, verdict == harness.Pass, suites.Suite[0].Failures+suites.Suite[0].Errors == 0)
	assert.Contains(t, fmt.Sprint(suites.Suite[0].Properties), "{verdict "+string(verdict)+"}")
	return got
}

func TestPassPrintsExcludedFailureRate(t *testing.T) {
	got := runSession(t, harness.Pass, "-test.run", "^TestProperties$", "-runtime", "simulated", "-rapid.checks", "30", "-rapid.seed", "3")
	assert.Contains(t, got.text, "excludes   failures in more than 10.0 % of such plans (95 %)\n")
	assert.Contains(t, got.text, "servers    ")
	assert.Contains(t, got.text, "ledger     ")
	assert.InDelta(t, 0.1, got.summary["excludes"], 1e-9)
	assert.Len(t, got.summary["coverage"].(map[string]any)["classes"], 4, "30 plans begin in every class")
	assert.Greater(t, got.summary["load"].(map[string]any)["plans"], 15.0, "two thirds of the plans have a load")
}

func TestFewPlansAreTooSmallToJudge(t *testing.T) {
	got := runSession(t, harness.Pass, "-test.run", "^TestProperties$", "-runtime", "simulated", "-rapid.checks", "3", "-config", "one-timer")
	first, _, _ := strings.Cut(got.text, "\n")
	assert.Equal(t, "pass       no acknowledged write was lost, doubled or seen out of order in 3 plans: too small to judge", first)
	assert.Equal(t, true, got.summary["too_small_to_judge"])
	assert.NotContains(t, got.summary, "excludes")
	assert.Equal(t, map[string]any{"one-timer": 3.0}, got.summary["server_configurations"])
}

func TestViolationLeavesCompleteFinding(t *testing.T) {
	got := runSession(t, harness.Violation, "-test.run", "^TestProperties$", "-runtime", "simulated", "-rapid.checks", "30", "-rapid.seed", "3", "-bugs", "lost-write",
		"-shrink.budget", "15s") // a load needs minutes, and nothing of them is looked at
	finding := got.summary["findings"].([]any)[0].(map[string]any)
	dir := filepath.Join(got.dir, finding["dir"].(string))
	for _, name := range []string{
		triage.PageFile, triage.PictureFile, triage.PlanFile, triage.HistoryFile, triage.LogFile,
		"sys_invocation_dump.json", "sys_journal_dump.json", "state_dump.json",
	} {
		assert.FileExists(t, filepath.Join(dir, name))
		assert.Contains(t, got.text, name)
	}
	page, err := os.ReadFile(filepath.Join(dir, triage.PageFile))
	require.NoError(t, err)
	assert.Contains(t, string(page), finding["guarantee"])
	replay := regexp.MustCompile(`(?m)^replay     go test (.*)$`).FindStringSubmatch(got.text)
	require.NotNil(t, replay)
	assert.Contains(t, replay[1], "-plan "+finding["dir"].(string)+"/plan.json")
	plan, err := os.ReadFile(filepath.Join(dir, triage.PlanFile))
	require.NoError(t, err)
	p, err := generators.Decode(plan)
	require.NoError(t, err)
	start, err := json.Marshal(finding["start"])
	require.NoError(t, err)
	want, err := json.Marshal(p.Config.Start)
	require.NoError(t, err)
	assert.JSONEq(t, string(want), string(start), "a replay has the same server")
	assert.InDelta(t, p.Config.Partitions, finding["partitions"], 0)
}

// crowd is a plan that no check decides at once: many clients, one register, few values,
// and ambiguous operations that stay open.
func crowd() generators.Plan {
	random := rand.New(rand.NewPCG(1, 1))
	value := func() string { return string("abc"[random.IntN(3)]) }
	register := model.Object{Kind: model.Register}
	p := generators.Plan{Config: generators.Config{Resolve: generators.LeaveOpen, PushOn: true}}
	for id := 1; id <= 140; id++ {
		switch {
		case id%70 == 0:
			p.Steps = append(p.Steps, generators.Inject{ID: id, Fault: model.Start, When: generators.InPlace{}})
		case id%70 == 69:
			p.Steps = append(p.Steps, generators.Inject{ID: id, Fault: model.Kill, When: generators.WhileOpen{Step: id - 5}})
		default:
			ops := []model.Operation{
				model.RegisterWrite{Value: value()}, model.RegisterWrite{Value: value()},
				model.RegisterCompareAndSet{Expect: value(), Value: value()}, model.RegisterRead{},
			}
			p.Steps = append(p.Steps, generators.Operate{ID: id, Client: id % 16, Object: register, Op: ops[random.IntN(len(ops))]})
		}
	}
	return p
}

func TestUndecidedSessionPrintsRecheckCommand(t *testing.T) {
	plan := filepath.Join(t.TempDir(), "plan.json")
	require.NoError(t, os.WriteFile(plan, generators.Encode(crowd()), 0o644))
	got := runSession(t, harness.Undecided, "-test.run", "^TestReplay$", "-runtime", "simulated", "-plan", plan, "-check.budget", "1ns")
	assert.Contains(t, got.text, "no verdict on Register register-0. Neither kept nor lost is shown")
	assert.Regexp(t, `(?m)^size       \d+ operations, \d+ left open on purpose`, got.text)
	do := regexp.MustCompile(`(?m)^do         go test -run Recheck -history (\S+) -check.budget 10m`).FindStringSubmatch(got.text)
	require.NotNil(t, do, got.text)
	recheck := suite.New(t, nil, "-test.run", "^TestRecheck$", "-history", filepath.Join(got.dir, do[1]), "-check.budget", "1m")
	require.NoError(t, recheck.Run(), recheck.Text())
	assert.Contains(t, recheck.Text(), "pass       every answer fits one order", "with more time it is decided")
}

// withoutFaults are the plans of a seed without their stops and kills.
func withoutFaults(seed uint64) func(int) generators.Plan {
	return func(n int) generators.Plan {
		p := generators.Draw(seed, n, generators.Options{})
		p.Config.NoClosingKill = true
		steps := p.Steps
		p.Steps = nil
		for _, s := range steps {
			if o, ok := s.(generators.Operate); ok {
				p.Steps = append(p.Steps, o)
			}
		}
		return p
	}
}

func TestPlansWithoutFaultsAreVacuous(t *testing.T) {
	session, err := session.Conduct(t.Context(), session.Options{
		Open: suite.Simulated(t, 1), Draw: withoutFaults(1), Plans: 30, Workers: 2, Bounds: harness.DefaultBounds, Dir: t.TempDir(),
	})
	require.NoError(t, err)
	require.Equal(t, harness.Vacuous, session.Verdict)
	text := report.Session(session, report.Context{SDK: "sdk go 1.2.0"}, 1).String()
	assert.True(t, strings.HasPrefix(text, "vacuous    30 plans passed and together prove too little to call it green\n"), text)
	for _, missing := range []string{"restarts: 0 of 30 needed", "operations in flight at a fault: 0 of 30 needed", "values read back after a restart: 0 of 30 needed", "before stop: 0 of 1", "after kill: 0 of 1"} {
		assert.Contains(t, text, missing)
	}
	assert.Contains(t, text, "because    nothing ended the server: the plans have no faults\n")
	assert.Contains(t, text, "do         run plans that stop and kill the server")
}

// The server's program is deleted while a plan has the server down: that it does not
// come back is the harness's error.
func TestServerProgramDeletedDuringPlanIsHarnessError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server")
	open := suite.Native(t)
	sys, err := open(t.Context(), runtime.Settings{Version: runtime.DefaultVersion})
	require.NoError(t, err)
	server := sys.Runtime.Identity().Source
	require.NoError(t, sys.Runtime.Close(t.Context()))
	sys.Close()
	// It runs once and is then no program any more.
	require.NoError(t, os.WriteFile(path, []byte(fmt.Sprintf("#!/bin/sh\n[ \"$1\" = --version ] || rm -f '%s'\nexec '%s' \"$@\"\n", path, server)), 0o755))
	got := runSession(t, harness.Harness, "-test.run", "^TestProperties$", "-restate.binary", path, "-rapid.checks", "5")
	assert.Contains(t, got.text, "harness    the suite could not do its work; this says nothing about Restate\nwhat       plan ")
	assert.Contains(t, got.text, "no such file")
	assert.Contains(t, got.text, "evidence   ")
	assert.NotContains(t, got.text, "violation  ")
}

func TestSessionThatCannotBeginIsReported(t *testing.T) {
	got := runSession(t, harness.Harness, "-test.run", "^TestProperties$", "-restate.binary", "/bin/ls")
	assert.Contains(t, got.text, "harness    could not begin, which says nothing about Restate: ")
	assert.Contains(t, got.junit, `type="harness"`)
	assert.Contains(t, got.junit, "not a restate-server")
	assert.Contains(t, got.markdown, "not a restate-server")
}

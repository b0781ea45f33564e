package report

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"retain/generators"
	"retain/harness"
	"retain/harness/session"
)

func TestSessionProgressShowsPhaseCountsAndTime(t *testing.T) {
	now := time.Unix(0, 0)
	progress := func(about string, plans int) *SessionProgress {
		p := NewSessionProgress(about, plans, time.Minute)
		p.now, p.began, p.since = func() time.Time { return now }, now, now
		return p
	}
	run := func(v harness.Verdict) harness.Run {
		return harness.Run{Verdict: v, Tally: harness.Tally{Counters: harness.Counters{Operations: 30}}}
	}

	timed := progress("", 0)
	timed.Phase(session.Starting)
	now = now.Add(5 * time.Second)
	assert.Equal(t, []string{"0 findings", "left 55s", "starting the server (5s)", "0 plans", "0 operations"}, timed.Status().Parts)
	timed.Notice("installing restate-server 1.7.12 with npm, once")
	now = now.Add(10 * time.Second)
	assert.Equal(t, "installing restate-server 1.7.12 with npm, once (10s)", timed.Status().Parts[2])
	timed.Phase(session.Plans)
	timed.Run(run(harness.Pass))
	timed.Notice("a stream was cut")
	assert.Equal(t, []string{"0 findings", "left 45s", "1 plan", "30 operations"}, timed.Status().Parts)
	assert.InDelta(t, 0.25, timed.Status().Done, 1e-9)
	now = now.Add(2 * time.Minute)
	assert.Equal(t, "left 0s", timed.Status().Parts[1])

	timed.Run(run(harness.Violation))
	timed.Within(3 * time.Minute)
	timed.Reduced(generators.Reduction{Best: generators.Plan{Steps: make([]generators.Step, 3)}, From: 57, Executions: 38, Took: 51 * time.Second})
	now = now.Add(time.Minute)
	assert.Equal(t, []string{"1 finding", "left 2m0s", "shrinking: 3 steps, from 57 · 38 executions, 51 s (1m0s)", "2 plans", "60 operations"}, timed.Status().Parts)
	timed.Measured(20)(generators.Rate{Failures: 6, Runs: 7})
	assert.Equal(t, "measuring how often it fails: 7 of 20 executions, 6 failed (0s)", timed.Status().Parts[2])

	counted := progress("case 2 of 13", 4)
	counted.Run(run(harness.Pass))
	counted.Run(harness.Run{Number: 0, Ledger: true, Verdict: harness.Undecided})
	now = now.Add(10 * time.Second)
	assert.Equal(t, []string{"0 findings", "left about 30s", "1 of 4 plans", "30 operations", "case 2 of 13"}, counted.Status().Parts)
	assert.InDelta(t, 0.25, counted.Status().Done, 1e-9)
}

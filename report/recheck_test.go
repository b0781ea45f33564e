package report

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"retain/checker"
)

func TestRecheck(t *testing.T) {
	h := lostAdd()
	assert.Contains(t, Recheck(h, checker.Result{}, "", 0).String(), "note       the history has no end: ")
	h.Ended = true
	r := checker.Check(h, checker.Options{})
	r.Cost = 123 * time.Microsecond
	golden(t, "recheck", Recheck(h, r, "history.jsonl", time.Minute).String())

	text := Recheck(h, checker.Result{Verdict: checker.Undecided, Reason: "counter-3: no time"}, "history.jsonl", time.Minute).String()
	assert.Contains(t, text, "undecided  counter-3: no time\n")
	assert.Contains(t, text, "do         go test -run Recheck -history history.jsonl -check.budget 10m\n")
	assert.Contains(t, Recheck(h, checker.Result{Verdict: checker.Pass}, "", 0).String(), "pass       every answer fits one order of the operations\n")
}

func TestShort(t *testing.T) {
	for d, want := range map[time.Duration]string{
		200 * time.Second: "3m20s", 10 * time.Minute: "10m", time.Hour: "1h", 90 * time.Minute: "1h30m", 10 * time.Nanosecond: "10ns", 20 * time.Hour: "20h",
	} {
		assert.Equal(t, want, short(d))
		back, err := time.ParseDuration(short(d))
		assert.NoError(t, err)
		assert.Equal(t, d, back)
	}
}

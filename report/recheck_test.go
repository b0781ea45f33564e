package report

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"retain/checker"
)

func TestRecheckPrintsEachVerdict(t *testing.T) {
	h := lostAdd()
	assert.Contains(t, Recheck(h, checker.Result{}, "", 0).String(), "note       the history has no event \"end\": ")
	h.Ended = true
	r := checker.Check(h, checker.Options{})
	r.Cost = 123 * time.Microsecond
	golden(t, "recheck", Recheck(h, r, "history.jsonl", time.Minute).String())

	text := Recheck(h, checker.Result{Verdict: checker.Undecided, Reason: "counter-3: no time"}, "history.jsonl", time.Minute).String()
	assert.Contains(t, text, "undecided  counter-3: no time\n")
	assert.Contains(t, text, "do         go test -run Recheck -history history.jsonl -check.budget 10m   (no server needed)\n")
	assert.Contains(t, Recheck(h, checker.Result{Verdict: checker.Pass}, "", 0).String(), "pass       every answer fits one order of the operations\n")

	const short = "pass       every answer fits one order of the operations, as far as the history goes: it was cut off\n"
	h.Damage = "line 9 is cut off"
	assert.Contains(t, Recheck(h, checker.Result{Verdict: checker.Pass}, "", 0).String(), short)
	h.Damage, h.Ended = "", false
	assert.Contains(t, Recheck(h, checker.Result{Verdict: checker.Pass}, "", 0).String(), short)
}

// More time helps where time was short, more of both where memory was. Nothing helps at
// the maximum.
func TestAdviceOmitsBudgetsThatCannotHelp(t *testing.T) {
	advice := func(spent checker.Exhausted) string {
		r := checker.Result{Verdict: checker.Undecided, Objects: []checker.ObjectResult{{Verdict: checker.Undecided, Spent: &spent}}}
		return Recheck(lostAdd(), r, "history.jsonl", 5*time.Minute).String()
	}
	assert.Contains(t, advice(checker.Exhausted{Bound: checker.ByTime, Time: 5 * time.Minute}), "-check.budget 50m   (no server needed)\n")
	assert.Contains(t, advice(checker.Exhausted{Bound: checker.ByMemory, Of: 512 << 20}), "-check.budget 50m   (no server needed, takes up to 4 GiB of memory)\n")
	text := advice(checker.Exhausted{Bound: checker.ByMemory, Of: checker.MostMemory, Memory: checker.MostMemory / 2})
	assert.Contains(t, text, "do         no budget helps: the check took 4 GiB of memory, the most that it may\n")
	assert.NotContains(t, text, "-check.budget")
}

func TestShortDurationsParseBack(t *testing.T) {
	for d, want := range map[time.Duration]string{
		200 * time.Second: "3m20s", 10 * time.Minute: "10m", time.Hour: "1h", 90 * time.Minute: "1h30m", 10 * time.Nanosecond: "10ns", 20 * time.Hour: "20h",
	} {
		assert.Equal(t, want, short(d))
		back, err := time.ParseDuration(short(d))
		assert.NoError(t, err)
		assert.Equal(t, d, back)
	}
}

package retain_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"retain/checker"
	"retain/harness"
	"retain/model"
	"retain/report"
)

// alone are the options of a check that has the machine to itself: with more time
// than a session gives, it may take more memory too, for either may be what ended
// the session's.
func alone(budget time.Duration) checker.Options {
	const usual, most = 512 << 20, 8
	times := min(max(int64(budget/(20*time.Second)), 1), most)
	return checker.Options{Budget: budget, Memory: times * usual}
}

// TestRecheck judges the history of -history, without a runtime.
func TestRecheck(t *testing.T) {
	if *historyFlag == "" {
		skipped(t, "give -history FILE to judge a stored history")
	}
	file, err := os.Open(*historyFlag)
	if err != nil {
		cannotBegin(t, fmt.Errorf("-history: %w: name a history.jsonl", err))
	}
	defer file.Close()
	h, err := model.ReadHistory(file)
	if err != nil {
		cannotBegin(t, fmt.Errorf("-history %s: %w", *historyFlag, err))
	}
	if h.Fragment != "" {
		cannotBegin(t, fmt.Errorf("-history %s: it is no whole history but %s: name the %s beside it", *historyFlag, h.Fragment, harness.HistoryFile))
	}
	if len(h.Operations) == 0 {
		cannotBegin(t, fmt.Errorf("-history %s: it has no operations: there is nothing to judge", *historyFlag))
	}
	r := checker.Check(h, alone(*budgetFlag))
	rows := report.Recheck(h, r, *historyFlag, *budgetFlag)
	rows.Print(os.Stdout)
	if path := os.Getenv(report.StepSummary); path != "" {
		if err := rows.AppendMarkdown(path); err != nil {
			t.Errorf("harness: %v", err)
		}
	}
	if r.Verdict != checker.Pass {
		t.Fail()
	}
}

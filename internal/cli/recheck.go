package cli

import (
	"fmt"
	"os"

	"retain/checker"
	"retain/harness/triage"
	"retain/internal/inputfile"
	"retain/model"
	"retain/report"
)

// Recheck judges the history of -history, without a runtime.
func Recheck(t T) {
	if *historyFlag == "" {
		skipped(t, "give -history FILE to judge a stored history")
	}
	file, err := inputfile.Open(*historyFlag)
	if err != nil {
		cannotBegin(t, fmt.Errorf("-history: %w: name a history.jsonl", err))
	}
	defer file.Close()
	h, err := model.ReadHistory(file)
	if err != nil {
		cannotBegin(t, fmt.Errorf("-history %s: %w", *historyFlag, err))
	}
	if h.Fragment != "" {
		cannotBegin(t, fmt.Errorf("-history %s: it is no whole history but %s: name the %s beside it", *historyFlag, h.Fragment, triage.HistoryFile))
	}
	if len(h.Operations) == 0 {
		cannotBegin(t, fmt.Errorf("-history %s: it has no operations: there is nothing to judge", *historyFlag))
	}
	progress := report.NewSessionProgress("", 0, *budgetFlag)
	progress.Does(report.Work(fmt.Sprintf("checking %d operations", len(h.Operations))), "")
	unwatch := console.Watch(progress.Status)
	r := checker.Check(h, recheckOptions(*budgetFlag))
	unwatch()
	rows := report.Recheck(h, r, *historyFlag, *budgetFlag)
	rows.Print(console)
	if path := os.Getenv(report.StepSummary); path != "" {
		if err := rows.AppendMarkdown(path); err != nil {
			t.Errorf("harness: %v", err)
		}
	}
	if r.Verdict != checker.Pass {
		ended.red = true
		t.Fail()
	}
}

package retain_test

import (
	"fmt"
	"os"
	"testing"

	"retain/checker"
	"retain/model"
)

// TestRecheck judges the history of -history, without a runtime.
func TestRecheck(t *testing.T) {
	if *historyFlag == "" {
		t.Skip("give -history FILE to judge a stored history")
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
	if h.Damage != "" {
		fmt.Println("note      ", h.Damage)
	}
	r := checker.Check(h, checks())
	sentence := r.Reason
	if r.Verdict == checker.Pass {
		sentence = "every answer fits one order of the operations"
	}
	fmt.Printf("%-10s %s\n", r.Verdict, sentence)
	fmt.Printf("%-10s %d operations on %d objects, checked in %s\n", "size", len(h.Operations), len(r.Objects), r.Cost)
	if r.Verdict != checker.Pass {
		t.Fail()
	}
}

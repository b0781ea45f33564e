package report

import (
	"fmt"
	"slices"

	"retain/harness"
	"retain/harness/triage"
	"retain/internal/printable"
	"retain/model"
	"retain/service"
)

const (
	// mostWithAttempts bounds the operations whose attempts are listed, mostAttempts those of
	// one operation.
	mostWithAttempts = 4
	mostAttempts     = 4
)

// attempts lists what became of each attempt to run the handlers of the [tried] operations.
func attempts(r harness.Run) (out []string) {
	broken, entries := tried(r)
	for i, id := range broken {
		if i == mostWithAttempts {
			return append(out, fmt.Sprintf("... and of %s in %s", plural(len(broken)-i, "more operation"), triage.HistoryFile))
		}
		out = append(out, attemptsOf(r.Outcome.History.Operations[id-1], entries[id])...)
	}
	return out
}

// attemptJSON is an attempt to run the handler of an operation, in JSON.
type attemptJSON struct {
	Operation int             `json:"operation"`
	Op        string          `json:"op"`
	Attempt   int             `json:"attempt"`
	Reading   service.Reading `json:"reading,omitempty"`
	Broken    bool            `json:"broken"`
	Lost      bool            `json:"lost,omitempty"`
	Fault     model.FaultKind `json:"fault,omitempty"`
	Ms        int64           `json:"ms"`
}

// attemptsJSON are all attempts of the [tried] operations.
func attemptsJSON(r harness.Run) (out []attemptJSON) {
	ids, entries := tried(r)
	for _, id := range ids {
		op := r.Outcome.History.Operations[id-1].Op.String()
		for _, e := range entries[id] {
			out = append(out, attemptJSON{id, op, e.Number, e.Reading, e.Broken, e.Lost, e.Fault, e.Last.Ns / 1e6})
		}
	}
	return out
}

// tried are the operations that a violation is about and that had an attempt which was
// broken, or whose answer was lost; if none of them had, the changes of the same object that
// had, up to the answer that can't be explained. With them are their attempts.
func tried(r harness.Run) ([]int, map[int][]harness.Entry) {
	if r.Outcome == nil || r.Outcome.History == nil {
		return nil, nil
	}
	h := r.Outcome.History
	about, marked := shown(r)
	about = append(slices.Clone(about), r.Lost...)
	broken, entries := withBroken(h, about)
	if len(broken) == 0 && marked > 0 {
		return withBroken(h, changesBefore(h, h.Operations[marked-1]))
	}
	return broken, entries
}

// withBroken are the operations that had an attempt which was broken or lost, each once, in the
// order of their calls, and the attempts of all.
func withBroken(h *model.History, ids []int) ([]int, map[int][]harness.Entry) {
	slices.Sort(ids)
	entries := harness.Entries(h, ids...)
	return slices.DeleteFunc(slices.Compact(ids), func(id int) bool {
		return !slices.ContainsFunc(entries[id], func(e harness.Entry) bool { return e.Broken || e.Lost })
	}), entries
}

// changesBefore are the changes of an operation's object that were called before it returned.
func changesBefore(h *model.History, last model.Invoked) (ids []int) {
	for _, o := range h.Operations {
		if o.Object == last.Object && !o.Op.ReadOnly() && o.Call.Seq < last.In(model.Resolved).Return.Seq {
			ids = append(ids, o.ID)
		}
	}
	return ids
}

// attemptsOf are the attempts of one operation, in words.
func attemptsOf(o model.Invoked, all []harness.Entry) []string {
	var parts []string
	for i, e := range all {
		if left := len(all) - i - 1; i >= mostAttempts-1 && left > 0 {
			if i == mostAttempts-1 {
				parts = append(parts, fmt.Sprintf("... %d more", left))
			}
			continue
		}
		parts = append(parts, fmt.Sprintf("attempt %d %s", e.Number, became(e)))
	}
	parts[0] = fmt.Sprintf("operation %d, %s of %s: %s", o.ID, printable.Middle(o.Op.String(), maxCell/2), heading(column(o)), parts[0])
	return wrapped(parts, " · ")
}

// cameTo is how far attempts came, in words.
var cameTo = map[service.Reading]string{
	"": "not entered", service.Entered: "entered", service.Effect: "effect journaled", service.Finished: "finished",
}

// became says how far an attempt came and when it ended: "entered, broken at 45 ms (cut)".
func became(e harness.Entry) string {
	says := cameTo[e.Reading]
	if e.Broken {
		says += ", broken"
	}
	says += fmt.Sprintf(" at %d ms", e.Last.Ns/1e6)
	if e.Lost {
		says += ", answer lost"
	}
	if e.Fault != "" {
		says += fmt.Sprintf(" (%s)", e.Fault)
	}
	return says
}

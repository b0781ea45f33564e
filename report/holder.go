package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"retain/harness"
	"retain/internal/printable"
	"retain/model"
	"retain/runtime/ingress"
)

// heldBy says who holds the key of an object whose operations do not finish.
func heldBy(r harness.Run) []string {
	held := r.HeldBy()
	if held == nil {
		return nil
	}
	var parts []string
	switch {
	case held.State == harness.Unknown:
		return []string{"not known: " + printable.Cut(held.Problem, longestFailure)}
	case held.Holder != nil:
		parts = held.Holder.Parts(longestFailure)
		if held.State == harness.NoKey {
			parts[0] = "no key is needed by a shared handler: " + parts[0]
		}
	case held.State == harness.NoKey:
		parts = []string{"a shared handler needs no key, and the server does not know the call"}
	case len(held.Waiting) == 0:
		parts = []string{"nobody: the key is free, and nothing is queued for it"}
	default:
		parts = []string{"nobody: the key is free, and its queue does not move"}
	}
	return slices.Concat(wrappedTo(heldWidth, parts, ", "), failureItems(held.Holder), wrappedTo(heldWidth, heldFacts(r, held), " · "))
}

// failureItems are the items of a list in the holder's failure: of a journal's mismatch, what
// was recorded and what the handler did this time.
func failureItems(holder *harness.Caller) (out []string) {
	if holder == nil {
		return nil
	}
	for line := range strings.Lines(holder.LastFailure) {
		if item, is := strings.CutPrefix(line, " - "); is && len(out) < maxItems {
			out = append(out, "- "+printable.Cut(strings.TrimSpace(item), heldWidth-2))
		}
	}
	return out
}

const (
	// heldWidth is how wide the rows of a holder are behind their label: with that they
	// fit into 120 columns.
	heldWidth = 106
	// longestFailure is how much of a failure is printed, in columns, behind its label.
	longestFailure = 75
	// maxItems bounds the items of its list.
	maxItems = 3
)

// heldFacts is since when a key is held, and by whom in the history.
func heldFacts(r harness.Run, held *harness.Holding) []string {
	facts := []string{"unchanged for " + span(time.Duration(held.UnchangedMs)*time.Millisecond)}
	if held.Object == ingress.ProbeService {
		facts = []string{"it holds the key of the probes, which are not answered"}
	}
	if h := held.Holder; h != nil {
		if h.Since != "" {
			facts = append(facts, "since "+printable.Cut(h.Since, longestFailure))
		}
		if o := operation(r, h.Operation); o != nil {
			facts = append(facts, fmt.Sprintf("called at %d ms", o.Call.Ns/1e6))
		}
		if h.GaveUp {
			facts = append(facts, "its client no longer waits")
		}
		if n := len(h.FailureModes); h.Varies() {
			facts = append(facts, "it fails with other words each time")
		} else if n > 1 {
			facts = append(facts, fmt.Sprintf("it fails in %d ways in turns", n))
		}
	}
	if held.Ended > 0 {
		facts = append(facts, fmt.Sprintf("before that %s ended", plural(held.Ended, "other call")))
	}
	if held.Problem != "" {
		facts = append(facts, "the tables could not be asked last: "+printable.Cut(held.Problem, longestFailure-5))
	}
	return facts
}

// maxWaiting bounds the waiting calls that are printed; JSON and the finding's file have
// them all.
const maxWaiting = 5

// waiting lists who waits for the key.
func waiting(r harness.Run) (out []string) {
	held := r.HeldBy()
	if held == nil {
		return nil
	}
	for i, c := range held.Waiting {
		if i == maxWaiting {
			return append(out, fmt.Sprintf("and %d more", len(held.Waiting)-i))
		}
		out = append(out, wrappedTo(heldWidth, c.Parts(longestFailure), ", ")...)
	}
	return out
}

// operation is an operation of a run's history, nil for none.
func operation(r harness.Run, id int) *model.Invoked {
	if r.Outcome == nil || r.Outcome.History == nil || id < 1 || id > len(r.Outcome.History.Operations) {
		return nil
	}
	return &r.Outcome.History.Operations[id-1]
}

// stuckOnes are the operations that a violation of liveness is shown by, in the order of
// their calls, and the one that does not finish: nil for none.
func stuckOnes(r harness.Run) (ids []int, marked int) {
	if r.Outcome == nil || r.Outcome.Liveness == nil || r.Outcome.Liveness.Operation == 0 {
		return nil, 0
	}
	l := r.Outcome.Liveness
	ids = []int{l.Operation}
	add := func(id int) {
		if operation(r, id) != nil && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	add(l.Waited)
	if l.Held != nil {
		for _, c := range l.Held.Waiting {
			if len(ids) <= maxWaiting {
				add(c.Operation)
			}
		}
	}
	slices.Sort(ids) // numbers follow the order of the calls
	return ids, l.Operation
}

// stuckRemark is the remark behind the operation that does not finish.
func stuckRemark(r harness.Run) string {
	if h := r.HeldBy(); h != nil && h.Holder != nil && h.State == harness.Held && h.Holder.Operation == r.Outcome.Liveness.Operation {
		return "holds the key"
	}
	return "not answered"
}

// stuckTable is [tableOf] with the last fault before the first of them.
func stuckTable(h *model.History, ids []int, marked int, remark string) *table {
	t := tableOf(h, ids, marked, remark)
	if t == nil {
		return nil
	}
	var before *outage
	for _, o := range outagesOf(h) {
		if o.Begin.Seq < t.Rows[0].seq {
			before = &o
		}
	}
	if before != nil && !t.Rows[0].Fault() {
		t.Rows = slices.Insert(t.Rows, 0, tableRow{At: before.Begin.Ns, seq: before.Begin.Seq, Text: before.says(), faults: 1, fault: before.Kind})
	}
	return t
}

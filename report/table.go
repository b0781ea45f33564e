package report

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"retain/generators"
	"retain/model"
	"retain/service"
)

// maxTable bounds the rows of a table: it is there to be taken in at a glance.
const maxTable = 24

// Operations draws some operations of a history as a small table: time down, in
// milliseconds since the run began, a column for each client, the faults between
// them as rules across. The operation marked, 0 for none, has the remark behind
// it.
func Operations(h *model.History, ids []int, marked int, remark string) []string {
	if len(ids) == 0 {
		return nil
	}
	columns, widths := columnsOf(h, ids)
	out := []string{tableHead(columns, widths)}
	last := model.Instant{}
	for i, id := range ids {
		o := h.Operations[id-1]
		if i > 0 {
			for _, f := range h.Faults {
				if between(f, last, o.Call) {
					out = append(out, fmt.Sprintf("%6d   ------------ %s ------------", f.Begin.Ns/1e6, rule(h, f)))
				}
			}
		}
		last = o.Call
		line := fmt.Sprintf("%6d   ", o.Call.Ns/1e6)
		for c, name := range columns {
			text := ""
			if name == column(o) {
				text = cell(h, ids, o)
			}
			line += text + strings.Repeat(" ", widths[c]-utf8.RuneCountInString(text)+2)
		}
		if line = strings.TrimRight(line, " "); id == marked {
			line += "   <- " + remark
		}
		out = append(out, line)
	}
	return shortened(out)
}

// columnsOf are the columns that the operations need, clients in their order, and
// how wide each is.
func columnsOf(h *model.History, ids []int) (columns []string, widths []int) {
	for _, id := range ids {
		if c := column(h.Operations[id-1]); !slices.Contains(columns, c) {
			columns = append(columns, c)
		}
	}
	slices.SortFunc(columns, func(a, b string) int {
		if len(a) != len(b) && strings.HasPrefix(a, "client") && strings.HasPrefix(b, "client") {
			return len(a) - len(b)
		}
		return strings.Compare(a, b)
	})
	widths = make([]int, len(columns))
	for i, c := range columns {
		widths[i] = utf8.RuneCountInString(c)
	}
	for _, id := range ids {
		o := h.Operations[id-1]
		i := slices.Index(columns, column(o))
		widths[i] = max(widths[i], utf8.RuneCountInString(cell(h, ids, o)))
	}
	return columns, widths
}

func tableHead(columns []string, widths []int) string {
	line := "    ms   "
	for i, c := range columns {
		line += c + strings.Repeat(" ", widths[i]-len(c)+2)
	}
	return strings.TrimRight(line, " ")
}

// column is who ran the operation: a client, whatever became of its processes, or
// retain itself.
func column(o model.Invoked) string {
	switch o.Phase {
	case model.Look, model.Closing:
		return "last reads"
	case model.Ledger:
		return "ledger"
	}
	client, _, _ := strings.Cut(o.Process, ".")
	return "client " + client
}

// between reports whether a fault has a rule of its own between two calls. A
// start has none: the stop or kill before it says how long the server was away.
func between(f model.Fault, from, to model.Instant) bool {
	return f.Kind != string(generators.Start) && f.Begin.Seq > from.Seq && f.Begin.Seq < to.Seq
}

// rule says what a fault did: "kill · down 612 ms".
func rule(h *model.History, f model.Fault) string {
	if !f.Ends() {
		return f.Kind
	}
	r, started := h.RecoveryAfter(f)
	endedAgain := slices.ContainsFunc(h.Faults, func(g model.Fault) bool { return g.Begin.Seq > f.Begin.Seq && g.Ends() })
	switch {
	case !started:
		return f.Kind // nothing is known of it
	case r.Canary > 0:
		return fmt.Sprintf("%s · down %d ms", f.Kind, (r.Canary-r.Down)/1e6)
	case endedAgain:
		return f.Kind + " · ended again before it answered"
	}
	return f.Kind + " · did not answer again"
}

// cell is an operation and how it ended. When is told where another row of the
// table, or a fault, comes before its end.
func cell(h *model.History, ids []int, o model.Invoked) string {
	return cut(fmt.Sprintf("%s -> %s", o.Op, ending(h, o, overtaken(h, ids, o))), maxCell)
}

// maxCell bounds a cell: the history has the whole of a long list.
const maxCell = 90

// cut takes the middle out of a long text: what matters is said at its ends.
func cut(s string, limit int) string {
	text := []rune(s)
	if len(text) <= limit {
		return s
	}
	half := (limit - 5) / 2
	return string(text[:half]) + " ... " + string(text[len(text)-half:])
}

// overtaken reports whether anything in the table begins while the operation is
// open.
func overtaken(h *model.History, ids []int, o model.Invoked) bool {
	inside := func(at model.Instant) bool { return at.Seq > o.Call.Seq && at.Seq < o.Return.Seq }
	return slices.ContainsFunc(ids, func(id int) bool { return inside(h.Operations[id-1].Call) }) ||
		slices.ContainsFunc(h.Faults, func(f model.Fault) bool { return inside(f.Begin) })
}

// ending says how an operation ended and, if it was not answered at once, how
// far it was seen to get.
func ending(h *model.History, o model.Invoked, when bool) string {
	switch {
	case o.Outcome == model.OK && when:
		return fmt.Sprintf("%s (at %d ms)", o.Answer, o.Return.Ns/1e6)
	case o.Outcome == model.OK:
		return o.Answer.String()
	case o.Resolution != nil:
		return fmt.Sprintf("%s, %s; %s: %s", o.Reason, Reached(h, o), resolutions[o.Resolution.By], o.Resolution.Answer)
	case o.Outcome == model.Failed:
		return fmt.Sprintf("failed, %s", o.Reason)
	}
	return fmt.Sprintf("%s, %s", o.Reason, Reached(h, o))
}

// resolutions are the words for how an answer became known later.
var resolutions = map[string]string{model.Resend: "sent again", model.LookUp: "looked up"}

// Reached says how far an operation was seen to get before its client stopped
// waiting, in the words of the design.
func Reached(h *model.History, o model.Invoked) string {
	if !o.Reached() {
		return "never reached the server"
	}
	furthest := 0 // of all entries: a later one may not have come as far
	for _, e := range h.Evidence {
		if e.ID == o.ID && e.At.Seq < o.Return.Seq {
			furthest = max(furthest, slices.Index(readings, service.Reading(e.Reading))+1)
		}
	}
	return [...]string{"reached the server, not the handler", "entered", "effect journaled", "finished, answer lost"}[furthest]
}

// readings are those that say how far an operation came, in that order.
var readings = []service.Reading{service.Entered, service.Effect, service.Finished}

// shortened leaves out the middle of a long table.
func shortened(lines []string) []string {
	if len(lines) <= maxTable {
		return lines
	}
	first, last := maxTable/3, maxTable-maxTable/3-1
	gap := fmt.Sprintf("         ... %d more lines", len(lines)-first-last)
	return slices.Concat(lines[:first], []string{gap}, lines[len(lines)-last:])
}

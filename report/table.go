package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"retain/internal/printable"
	"retain/model"
	"retain/service"
)

const (
	// maxTable bounds the rows of a table, its head included.
	maxTable = 24
	// tableWidth bounds a line of a table on the terminal, in characters.
	tableWidth = 120
	// maxCell bounds a cell: the history has the whole of a long list.
	maxCell = 100
)

// table is some operations of a history in the order of what happened to them,
// with the faults that met them.
type table struct {
	Columns []string
	Rows    []tableRow
}

// tableRow is a moment of an operation or of a fault.
type tableRow struct {
	// At is in nanoseconds since the run began.
	At int64
	// Column is who ran the operation; "" for a fault, which stands across.
	Column string
	Text   string
	// Remark says what is wrong here, "" for nothing.
	Remark string

	// id is the operation's, and alone its text if both of its ends stand in one row,
	// which begins it.
	id     int
	alone  string
	seq    int64           // the order of the rows
	faults int             // that the row stands for, 0 for a row that is none
	fault  model.FaultKind // the one that it stands for; "" for several or none
	gap    bool            // the row says how many are left out
}

// Fault reports whether the row stands across the columns.
func (r tableRow) Fault() bool { return r.Column == "" }

// Ms is the row's time in milliseconds.
func (r tableRow) Ms() int64 { return r.At / 1e6 }

// Operations draws some operations of a history as a small table: time down, in
// milliseconds since the run began, a column for each client, the faults between
// them as rules across. An operation that was open during a fault has a row where
// it was called and one where it was answered. The operation marked, 0 for none,
// has the remark behind its answer.
func Operations(h *model.History, ids []int, marked int, remark string) []string {
	return tableOf(h, ids, marked, remark).lines()
}

// tableOf makes the table of some operations; nil without any.
func tableOf(h *model.History, ids []int, marked int, remark string) *table {
	if len(ids) == 0 {
		return nil
	}
	t := &table{Columns: columnsOf(h, ids)}
	outages := outagesOf(h)
	for _, id := range ids {
		rows := rowsOf(h, ids, outages, h.Operations[id-1])
		if id == marked {
			rows[len(rows)-1].Remark = remark
		}
		t.Rows = append(t.Rows, rows...)
	}
	bySeq := func(a, b tableRow) int { return cmp.Compare(a.seq, b.seq) }
	slices.SortStableFunc(t.Rows, bySeq)
	t.Rows = append(t.Rows, faultRows(outages, t.Rows)...)
	slices.SortStableFunc(t.Rows, bySeq)
	t.Rows = shortened(joinedEnds(t.Rows))
	t.Columns = slices.DeleteFunc(t.Columns, func(c string) bool {
		return !slices.ContainsFunc(t.Rows, func(r tableRow) bool { return r.Column == c })
	})
	return t
}

// joinedEnds makes one row of the two ends of an operation between which nothing
// stands.
func joinedEnds(rows []tableRow) (out []tableRow) {
	for i := 0; i < len(rows); i++ {
		r := rows[i]
		if next := i + 1; r.alone != "" && next < len(rows) && rows[next].id == r.id {
			r.Text, r.Remark = r.alone, rows[next].Remark
			i = next
		}
		out = append(out, r)
	}
	return out
}

// columnsOf are the columns that the operations need, clients in their order.
func columnsOf(h *model.History, ids []int) (columns []string) {
	clients := map[string]bool{}
	for _, id := range ids {
		o := h.Operations[id-1]
		if c := column(o); !slices.Contains(columns, c) {
			columns = append(columns, c)
			clients[c] = rereadColumn(o.Phase) == ""
		}
	}
	slices.SortFunc(columns, func(a, b string) int {
		if len(a) != len(b) && clients[a] && clients[b] { // client 2 before client 10
			return len(a) - len(b)
		}
		return strings.Compare(a, b)
	})
	return columns
}

// maxHeading bounds the heading of a column: a client's name may be of a history from
// elsewhere.
const maxHeading = 30

// heading is a column's name as it is printed.
func heading(column string) string { return printable.Cut(column, maxHeading) }

// column is who ran the operation: a client, whatever became of its processes, or
// retain itself.
func column(o model.Invoked) string {
	if name := rereadColumn(o.Phase); name != "" {
		return name
	}
	client, _, _ := strings.Cut(o.Process, ".")
	return "client " + client
}

// rereadColumn is the column of a phase that only retain reads in, "" for another one.
func rereadColumn(p model.Phase) string {
	switch p {
	case model.Look, model.Closing:
		return "last reads"
	case model.Ledger:
		return "ledger"
	}
	return ""
}

// rowsOf are the rows of an operation: one, if nothing came between its call and its
// answer; otherwise one for each of its ends.
func rowsOf(h *model.History, ids []int, outages []outage, o model.Invoked) []tableRow {
	name := column(o)
	row := func(at model.Instant, text string) tableRow {
		return tableRow{At: at.Ns, seq: at.Seq, Column: name, Text: text, id: o.ID}
	}
	op := o.Op.String()
	if o.Return == model.Forever {
		return []tableRow{row(o.Call, fitted(op, " -> no answer, "+Reached(h, o)))}
	}
	resolved := o.Outcome == model.Ambiguous && o.Resolution != nil
	spans := spansFault(outages, o.Call, o.Return)
	later := resolved && (spans || spansFault(outages, o.Return, o.Resolution.At) || overtaken(h, ids, o.Return, o.Resolution.At))
	answer := ending(h, o)
	if resolved && !later {
		answer += "; " + resolution(o)
	}
	both := fitted(op, fmt.Sprintf(" -> %s (at %d ms)", answer, o.Return.Ns/1e6))
	var out []tableRow
	switch {
	case spans:
		called := row(o.Call, fitted(op, " called"))
		called.alone = both
		out = append(out, called, row(o.Return, fitted(op, fmt.Sprintf(" -> %s, called at %d ms", answer, o.Call.Ns/1e6))))
	case overtaken(h, ids, o.Call, o.Return):
		out = append(out, row(o.Call, both))
	default:
		out = append(out, row(o.Call, fitted(op, " -> "+answer)))
	}
	if later {
		out = append(out, row(o.Resolution.At, fitted(op, " "+resolution(o))))
	}
	return out
}

// fitted is an operation and what became of it, within a cell. Of two long ones
// each keeps half.
func fitted(op, ending string) string {
	op = printable.Middle(op, max(maxCell/2, maxCell-printable.Columns(printable.Line(ending))))
	return op + printable.Middle(ending, maxCell-printable.Columns(op))
}

// overtaken reports whether another operation of the table is called or ends between
// two moments.
func overtaken(h *model.History, ids []int, from, to model.Instant) bool {
	inside := func(at model.Instant) bool { return at.Seq > from.Seq && at.Seq < to.Seq }
	return slices.ContainsFunc(ids, func(id int) bool {
		o := h.Operations[id-1]
		return inside(o.Call) || inside(o.Return) && o.Call.Seq < from.Seq
	})
}

// ending says how an operation ended when its client stopped waiting and, if it was
// not answered, how far it was seen to get.
func ending(h *model.History, o model.Invoked) (says string) {
	switch o.Outcome {
	case model.OK:
		says = o.Answer.String()
	case model.Failed:
		says = fmt.Sprintf("failed, %s", o.Reason)
	default:
		says = fmt.Sprintf("%s, %s", o.Reason, Reached(h, o))
	}
	var last model.Instant
	n := 0
	for _, a := range o.Attempts {
		if a.Start.Seq <= o.Return.Seq {
			n, last = n+1, a.Start
		}
	}
	if n > 1 {
		says += fmt.Sprintf(", attempt %d at %d ms", n, last.Ns/1e6)
	}
	return says
}

// resolutions are the words for how an answer became known later.
var resolutions = map[string]string{model.Resend: "sent again", model.LookUp: "looked up"}

// resolution says how an ambiguous operation was resolved: "sent again at 60 ms -> ok".
func resolution(o model.Invoked) string {
	says := resolutions[o.Resolution.By]
	for _, a := range o.Attempts {
		if a.Start.Seq > o.Return.Seq && a.Start.Seq < o.Resolution.At.Seq {
			says += fmt.Sprintf(" at %d ms", a.Start.Ns/1e6)
			break
		}
	}
	return says + " -> " + o.Resolution.Answer.String()
}

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

package report

import (
	"fmt"
	"slices"
	"strings"

	"retain/internal/printable"
)

// tableIndent is the width of the time's column.
const tableIndent = 9

// lines are the table for a terminal, none longer than [tableWidth].
func (t *table) lines() []string {
	if t == nil {
		return nil
	}
	offsets, beside := t.offsets()
	head := strings.Repeat(" ", tableIndent)
	for i, c := range t.Columns {
		if beside {
			head += strings.Repeat(" ", offsets[i]-printable.Columns(head)) + heading(c)
		}
	}
	if !beside {
		head += "client"
	}
	out := []string{"    ms" + head[len("    ms"):]}
	for _, r := range t.Rows {
		if r.Fault() {
			out = append(out, across(r))
			continue
		}
		line := fmt.Sprintf("%6d   ", r.Ms())
		at := slices.Index(t.Columns, r.Column)
		if !beside {
			line += heading(r.Column)
		}
		line += strings.Repeat(" ", max(0, offsets[at]-printable.Columns(line)))
		out = append(out, remarked(line+printable.Middle(r.Text, tableWidth-offsets[at]), r.Remark)...)
	}
	return out
}

// across is a row that belongs to no column.
func across(r tableRow) string {
	if r.gap {
		return strings.Repeat(" ", tableIndent) + r.Text
	}
	return fmt.Sprintf("%6d   ------------ %s ------------", r.Ms(), printable.Middle(r.Text, tableWidth-tableIndent-26))
}

// remarked puts a remark behind a line or, if it doesn't fit there, below it.
func remarked(line, remark string) []string {
	if remark == "" {
		return []string{line}
	}
	remark = "   <- " + remark
	if printable.Columns(line+remark) <= tableWidth {
		return []string{line + remark}
	}
	return []string{line, strings.Repeat(" ", tableIndent) + printable.Middle(remark[len("   "):], tableWidth-tableIndent)}
}

// offsets are where each column begins. beside is false if they don't fit side by
// side: then all begin at one place, and the client is named before it. A cell may
// reach over the columns to its right, which are empty in its row.
func (t *table) offsets() (offsets []int, beside bool) {
	const widest, step = 40, 4
	for limit := widest; limit > 0; limit -= step {
		offsets = t.columnsWithin(limit)
		if t.fits(offsets, 0) {
			return offsets, true
		}
	}
	if t.fits(offsets, tableWidth/2) { // with cells cut to half a line at least
		return offsets, true
	}
	at := tableIndent
	for _, c := range t.Columns {
		at = max(at, tableIndent+printable.Columns(heading(c))+2)
	}
	for i := range offsets {
		offsets[i] = at
	}
	return offsets, false
}

// columnsWithin places the columns, each as wide as its cells but no wider than the
// limit, and never narrower than its name.
func (t *table) columnsWithin(limit int) (offsets []int) {
	at := tableIndent
	for _, c := range t.Columns {
		offsets = append(offsets, at)
		width := 0
		for _, r := range t.Rows {
			if r.Column == c {
				width = max(width, printable.Columns(r.Text))
			}
		}
		at += max(min(width, limit), printable.Columns(heading(c))) + 2
	}
	return offsets
}

// fits reports whether each cell has the room it needs, or so much at least, 0 for
// all of it.
func (t *table) fits(offsets []int, enough int) bool {
	for i, c := range t.Columns {
		need := printable.Columns(heading(c))
		for _, r := range t.Rows {
			if r.Column == c {
				need = max(need, printable.Columns(r.Text))
			}
		}
		if enough > 0 {
			need = min(need, enough)
		}
		if offsets[i]+need > tableWidth {
			return false
		}
	}
	return true
}

// shortened keeps a table at a glance: faults that follow each other without an
// operation between them become one row, then the middle is left out. Rows with a
// remark stay.
func shortened(rows []tableRow) []tableRow {
	const most = maxTable - 2 // the head, and a remark's own line
	if len(rows) > most {
		rows = joinedFaults(rows)
	}
	if len(rows) <= most {
		return rows
	}
	first, last := most/3, len(rows)-(most-most/3-2)
	var out []tableRow
	left := 0
	gap := func() {
		if left > 0 {
			out = append(out, tableRow{Text: fmt.Sprintf("... %s", plural(left, "more row")), gap: true})
		}
		left = 0
	}
	for i, r := range rows {
		if i >= first && i < last && r.Remark == "" {
			left++
			continue
		}
		gap()
		out = append(out, r)
	}
	return out
}

// joinedFaults makes one row of faults in a row: "kill · 3 faults until 812 ms".
func joinedFaults(rows []tableRow) (out []tableRow) {
	for _, r := range rows {
		if len(out) > 0 && r.Fault() && out[len(out)-1].Fault() && r.faults > 0 {
			last := &out[len(out)-1]
			if last.faults += r.faults; last.faults > 1 {
				last.fault = ""
				last.Text = fmt.Sprintf("%d faults, the last at %d ms: %s", last.faults, r.Ms(), r.Text)
			}
			continue
		}
		out = append(out, r)
	}
	return out
}

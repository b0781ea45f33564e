package report

import (
	"fmt"
	"io"
	"strings"

	"retain/internal/printable"
)

// Row is a labelled line or block of output.
// Without a label it is a table, whose lines stand as they are.
type Row struct {
	Label string
	Lines []string

	// proof is the table that the lines show, nil for other rows.
	proof *table
}

// Rows are a verdict and its facts, the verdict first. Terminal, page, Markdown
// and JUnit are made of the same rows, so that they say the same.
type Rows []Row

// maxLine bounds a line of a row in columns: a safety net, since texts from outside are
// cut where they are put in.
const maxLine = 2000

// add appends lines under a label, unless there are none. What can't be seen is
// escaped, so that no text from outside makes a line of its own.
func (r *Rows) add(label string, lines ...string) {
	if len(lines) == 0 {
		return
	}
	row := Row{Label: label}
	for _, line := range lines {
		row.Lines = append(row.Lines, printable.Cut(line, maxLine))
	}
	*r = append(*r, row)
}

// prove appends a table, unless it is nil.
func (r *Rows) prove(t *table) {
	if t != nil {
		r.add("", t.lines()...)
		(*r)[len(*r)-1].proof = t
	}
}

// Print writes the rows as plain text.
func (r Rows) Print(w io.Writer) {
	_, _ = io.WriteString(w, r.String())
}

// String is the rows as plain text.
func (r Rows) String() string {
	var b strings.Builder
	for _, row := range r {
		label := row.Label
		for _, line := range row.Lines {
			if row.Label == "" {
				b.WriteString(line + "\n")
				continue
			}
			fmt.Fprintf(&b, "%-10s %s\n", label, line)
			label = ""
		}
	}
	return b.String()
}

// titleGap stands between what a title says and what that is about.
const titleGap = "       "

// titled is a title, and behind it what it is about.
func titled(says string, about []string) string {
	return strings.TrimSpace(says + titleGap + strings.Join(about, " · "))
}

// verdict is the first row's label, and what it says, in one line.
func (r Rows) verdict() (word, says string) {
	if len(r) == 0 {
		return "", ""
	}
	return r[0].Label, oneLine(strings.ReplaceAll(strings.Join(r[0].Lines, " "), titleGap, " · "))
}

// oneLine puts a text on one line, its spaces collapsed and what can't be seen escaped.
func oneLine(s string) string { return printable.Line(strings.Join(strings.Fields(s), " ")) }

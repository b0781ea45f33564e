package report

import (
	"fmt"
	"io"
	"strings"
)

// Row is a labelled part of what is said: one line, or several below each other.
// Without a label it is a table, whose lines stand as they are.
type Row struct {
	Label string
	Lines []string
}

// Rows are a verdict and its facts, the verdict first. Terminal, page, Markdown
// and JUnit are made of the same rows, so that they say the same.
type Rows []Row

// add appends lines under a label, unless there are none.
func (r *Rows) add(label string, lines ...string) {
	if len(lines) > 0 {
		*r = append(*r, Row{Label: label, Lines: lines})
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

// oneLine puts a text on one line.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

package report

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"retain/generators"
	"retain/harness"
	"retain/internal/printable"
	"retain/model"
)

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	if strings.HasSuffix(what, "sh") {
		what += "e" // crashes
	}
	return fmt.Sprintf("%s %ss", thousands(n), what)
}

// thousands prints 5210 as 5,210.
func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// plainWord is what a shell leaves as it is.
var plainWord = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

// words are the words of a command, quoted for a POSIX shell where they must be.
func words(all ...string) string {
	quoted := make([]string, len(all))
	for i, w := range all {
		quoted[i] = w
		if !plainWord.MatchString(w) {
			quoted[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return strings.Join(quoted, " ")
}

// lineWidth is about how long a line is on the terminal, behind its label.
const lineWidth = 130

// wrapped puts parts on as few lines as they need.
func wrapped(parts []string, separator string) []string {
	return wrappedTo(lineWidth, parts, separator)
}

// wrappedTo is [wrapped] with lines of so many columns, and perhaps a separator.
func wrappedTo(columns int, parts []string, separator string) (out []string) {
	width := 0
	for i, p := range parts {
		n := printable.Columns(p)
		if i > 0 && width+n <= columns {
			out[len(out)-1] += separator + p
			width += printable.Columns(separator) + n
			continue
		}
		out = append(out, p)
		width = n
	}
	return out
}

// span prints a duration as a person would say it: 612 ms, 58 s, 5 min 28 s.
func span(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Round(time.Millisecond).Milliseconds())
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	}
	d = d.Round(time.Second)
	return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
}

// faults says how often each kind of fault happened; a start is part of the stop
// or kill before it.
func faults(n map[model.FaultKind]int) string {
	var out []string
	for _, kind := range slices.Sorted(maps.Keys(n)) {
		if kind != model.Start {
			out = append(out, plural(n[kind], string(kind)))
		}
	}
	if out == nil {
		return "no faults"
	}
	return strings.Join(out, ", ")
}

// managed says how often what was done to invocations; nil for nothing.
func managed(n map[model.Verb]int) []string {
	var out []string
	for _, v := range model.Verbs() {
		if n[v] > 0 {
			out = append(out, plural(n[v], string(v)))
		}
	}
	if out == nil {
		return nil
	}
	return []string{"on invocations: " + strings.Join(out, ", ")}
}

// timers says how late delayed sends began; nil for none.
func timers(late *hdr.Histogram) []string {
	if late == nil || late.TotalCount() == 0 {
		return nil
	}
	at := func(percent float64) time.Duration {
		return (time.Duration(late.ValueAtPercentile(percent)) * time.Microsecond).Round(time.Millisecond)
	}
	return []string{fmt.Sprintf("%s began, %s late in the median, %s in 99 of 100, %s at most",
		plural(int(late.TotalCount()), "delayed send"), at(50), at(99), at(100))}
}

// versions says how often plans that name versions started each; nil for no such
// plan.
func versions(n map[string]int) []string {
	var out []string
	for _, version := range slices.Sorted(maps.Keys(n)) {
		out = append(out, fmt.Sprintf("%s %d", printable.Line(version), n[version]))
	}
	if out == nil {
		return nil
	}
	return []string{strings.Join(out, " · ") + " (starts of plans that name versions)"}
}

// servers says how many plans each server configuration had, in the order of the
// table.
func servers(t harness.Tally) []string {
	var out []string
	for _, s := range generators.Servers() {
		if n := t.Servers[s.Name]; n > 0 {
			out = append(out, fmt.Sprintf("%s %d", s.Name, n))
		}
	}
	var lines []string
	if out != nil {
		lines = append(lines, strings.Join(out, " · ")+" (plans of each configuration)")
	}
	if n := t.TakeOvers; n > 0 {
		lines = append(lines, plural(n, "restart")+" for another configuration before a plan")
	}
	return lines
}

func faultPoints(t harness.Tally) string {
	var out []string
	for _, c := range t.Coverage.Excluded.FaultPoints() {
		out = append(out, fmt.Sprintf("%s %d", c, t.FaultPoints[c]))
	}
	return strings.Join(out, " · ") + " (writes, by where they stood)"
}

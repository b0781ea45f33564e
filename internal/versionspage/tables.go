package main

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"retain/report"
	"retain/runtime/versions"
)

// tables are the tables of a file of differences, in Markdown.
func tables(f *versions.File) string {
	return differences(f.Differences) + "\n## The way back\n\n" + wayBack(f) + "\n## Gaps\n\n" + gaps(f.Gaps) + "\n## Measured steps\n\n" + steps(f.Steps)
}

// table is a Markdown table.
func table(head []string, rows [][]string) string {
	var out strings.Builder
	line := func(cells []string) {
		for i, c := range cells {
			cells[i] = strings.ReplaceAll(c, "|", `\|`)
		}
		fmt.Fprintf(&out, "| %s |\n", strings.Join(cells, " | "))
	}
	line(head)
	out.WriteString(strings.Repeat("|---", len(head)) + "|\n")
	for _, r := range rows {
		line(r)
	}
	return out.String()
}

func differences(all []versions.Difference) string {
	var rows [][]string
	for _, d := range all {
		areas := make([]string, len(d.BearsOn))
		for i, a := range d.BearsOn {
			areas[i] = string(a)
		}
		says := d.Differs
		if len(d.Settings) > 0 {
			says += " " + settings(d.Settings)
		}
		rows = append(rows, []string{d.Range.String(), says, strings.Join(areas, ", "), sources(d.Sources)})
	}
	return table([]string{"versions", "what they do", "bears on", "known from"}, rows)
}

func wayBack(f *versions.File) string {
	var rows [][]string
	for _, r := range f.Refusals {
		happens := fmt.Sprintf("not served: the log says `%s`", r.Says)
		if len(r.With) > 0 {
			happens = "with " + settings(r.With) + ", " + happens
		}
		if r.Exit != nil {
			happens += fmt.Sprintf(", and the server ends with exit code %d", *r.Exit)
		}
		rows = append(rows, []string{r.From.String(), r.To.String(), happens, needs(r.WayBack), sources(r.Sources)})
	}
	for _, l := range f.Losses {
		rows = append(rows, []string{l.From.String(), l.To.String(), "served. " + l.Loses, needs(l.WayBack), sources(l.Sources)})
	}
	return table([]string{"from", "to", "what happens", "the way back needs", "known from"}, rows)
}

func gaps(all []versions.Gap) string {
	var rows [][]string
	for _, g := range all {
		happens := fmt.Sprintf("not served: the log says `%s`, and the server ends with exit code %d", g.Says, g.Exit)
		rows = append(rows, []string{g.From.String(), g.To.String(), happens, "a start of a version " + g.Through.String(), sources(g.Sources)})
	}
	return table([]string{"from", "to", "what happens", "needs", "known from"}, rows)
}

func steps(all []versions.Step) string {
	var rows [][]string
	for _, s := range all {
		way, result := "up", "served"
		if order, _ := versions.Compare(s.From, s.To); order > 0 {
			way = "back"
		}
		if !s.Serves {
			result = "not served"
		}
		rows = append(rows, []string{s.From, s.To, way, settings(s.With), result})
	}
	return table([]string{"from", "to", "way", "with", "result"}, rows)
}

// neighbours is what a certificate says of each neighbouring pair.
func neighbours(c *report.Certificate) string {
	return fmt.Sprintf("\n## Each neighbouring pair\n\nMeasured under load on %s, %s switches, verdict %s: an [upgrade](upgrade.md) of each pair, up, back and up again, by stop and by kill.\n\n```\n%s\n```\n\n%s",
		c.Began.UTC().Format(time.DateOnly), strconv.Itoa(c.Switches), c.Verdict, c.Repeat, c.PairsMarkdown())
}

func needs(w versions.WayBack) string {
	if w.Backup {
		return "a backup from before the way up"
	}
	return settings(w.Settings) + " from the newer server's first start on"
}

// settings prints variables in the order of their names.
func settings(all map[string]string) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		out = append(out, "`"+name+"="+all[name]+"`")
	}
	return strings.Join(out, ", ")
}

func sources(all []versions.Source) string {
	var out []string
	for _, s := range all {
		text := "measured on " + strings.Join(s.Measured, ", ")
		if s.Link != "" {
			text = "[" + name(s.Link) + "](" + s.Link + ")"
		}
		out = append(out, text)
	}
	return strings.Join(out, "; ")
}

// name is what a link is called: the last part of its path, with a # where it is a number.
func name(link string) string {
	last := strings.TrimSuffix(path.Base(link), ".md")
	if strings.Trim(last, "0123456789") == "" {
		return "#" + last
	}
	return cmp.Or(last, link)
}

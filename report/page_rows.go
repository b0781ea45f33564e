package report

import (
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// factGroup is a part of the facts on a page: a table that proves, or labelled rows.
type factGroup struct {
	Proof *table
	Rows  []factRow
}

type factRow struct {
	Label string
	Lines []factLine
}

// factLine is a line in parts. A fixed one is not wrapped: a command, to be copied, or a
// strip of blocks. Name says which.
type factLine struct {
	Fixed bool
	Name  string
	Parts []link
}

// link is a text and where it leads, "" for nowhere.
type link struct{ Href, Text string }

// grouped are rows as a page shows them, files being links where they are named.
func grouped(rows Rows, links linker) (out []factGroup) {
	for _, r := range rows {
		if r.proof != nil {
			out = append(out, factGroup{Proof: r.proof})
			continue
		}
		row := factRow{Label: r.Label}
		for _, line := range r.Lines {
			l := factLine{Name: "command", Fixed: strings.HasPrefix(line, "go test "), Parts: links.parts(line)}
			if strings.ContainsAny(line, string(blocks)) {
				l.Fixed, l.Name = true, "when the server answered"
			}
			row.Lines = append(row.Lines, l)
		}
		if len(out) == 0 || out[len(out)-1].Proof != nil {
			out = append(out, factGroup{})
		}
		last := &out[len(out)-1]
		last.Rows = append(last.Rows, row)
	}
	return out
}

// linker finds the names of a folder's files in texts.
type linker struct {
	dir    string // as texts name it
	prefix string // of links
	find   *regexp.Regexp
}

// linksIn finds the files of a folder, which texts name alone or with the folder.
// prefix leads from the page to it, "" if the page is in it.
func linksIn(dir, prefix string) linker {
	all := names(dir)
	if dir == "" || len(all) == 0 {
		return linker{}
	}
	slices.SortFunc(all, func(a, b string) int { return len(b) - len(a) }) // the longest first
	for i, name := range all {
		all[i] = regexp.QuoteMeta(name)
	}
	folder := regexp.QuoteMeta(filepath.Clean(dir) + string(filepath.Separator))
	return linker{dir: dir, prefix: prefix, find: regexp.MustCompile(`(` + folder + `)?(?:(` + strings.Join(all, "|") + `)/?)|` + folder)}
}

// parts divides a text at the names that are links.
func (l linker) parts(text string) (out []link) {
	if l.find == nil {
		return []link{{Text: text}}
	}
	end := 0
	for _, m := range l.find.FindAllStringSubmatchIndex(text, -1) {
		if !alone(text, m[0], m[1]) {
			continue
		}
		name := "" // the folder itself
		if m[4] >= 0 {
			name = text[m[4]:m[5]]
		}
		if m[0] > end {
			out = append(out, link{Text: text[end:m[0]]})
		}
		out = append(out, link{l.prefix + hrefOf(name), text[m[0]:m[1]]})
		end = m[1]
	}
	if end < len(text) {
		out = append(out, link{Text: text[end:]})
	}
	return out
}

// alone reports whether a name is not a part of a longer one.
func alone(text string, from, to int) bool {
	before, after := from == 0 || !inName(text[from-1]) && text[from-1] != '/', true
	if to < len(text) {
		after = !inName(text[to]) || text[to] == '.' && (to+1 == len(text) || !inName(text[to+1]))
	}
	return before && after
}

func inName(c byte) bool {
	return c == '_' || c == '-' || c == '.' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c >= 0x80
}

// hrefOf is a name as a relative link; "./" for "".
func hrefOf(name string) string {
	if name == "" {
		return "./"
	}
	return (&url.URL{Path: name}).String()
}

// linksTo are links to the files of a folder.
func linksTo(dir, prefix string) (out []link) {
	for _, name := range names(dir) {
		out = append(out, link{prefix + hrefOf(name), name})
	}
	return out
}

// names are the files of a folder.
func names(dir string) (out []string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

// Who is the row's column, for the template.
func (r tableRow) Who() string { return heading(r.Column) }

// Gap reports whether the row says how many are left out, for the template.
func (r tableRow) Gap() bool { return r.gap }

// Kind is the kind of the fault, for the style sheet; "" if the row stands for several
// or for none.
func (r tableRow) Kind() string { return string(r.fault) }

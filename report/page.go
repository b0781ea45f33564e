package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"retain/generators"
	"retain/harness"
	"retain/model"
)

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// page is what the page's template needs.
type page struct {
	Title, Verdict, Says string
	Rows                 Rows
	Admissions           []harness.Admission
	Drawing              *drawing
	Band                 *band
	Restarts             []timeline
	Plan                 string
	Steps                string
	Before               string // said of what is known of the first failure alone
	Log                  []string
	LogFile              string
	LogLines             int
	Picture              string
	Files                []string
}

// Page writes the page of a run that was kept: the verdict and its facts in the
// words of the terminal, when the server answered, how it came back, its plan and
// the end of its log. It needs nothing but the picture beside it.
func Page(w io.Writer, r harness.Run, c Context) error {
	rows := Finding(r, c)
	verdict, says := rows.verdict()
	shown := shownOf(r, c.Shrunk)
	asked, earlier := askedOf(r, c.Shrunk)
	p := page{
		Title: verdict + ": " + says, Verdict: verdict, Says: says, Rows: rows[1:],
		Admissions: asked.Admissions, Plan: string(generators.Encode(shown.Plan)), Steps: plural(len(shown.Plan.Steps), "step"),
	}
	if earlier {
		p.Before = beforeReduction
	}
	p.Drawing = draw(shown)
	if shown.Outcome != nil && shown.Outcome.History != nil {
		p.Band, p.Restarts = bandOf(shown.Outcome.History), timelines(shown.Outcome.History)
	}
	if r.Dir != "" {
		beside := "" // the page is in r's folder
		if asked.Dir != r.Dir {
			beside = harness.ReducedDir
		}
		p.LogFile = path.Join(beside, harness.LogFile)
		p.Log, p.LogLines = tail(filepath.Join(r.Dir, p.LogFile))
		if picture := path.Join(beside, harness.PictureFile); exists(filepath.Join(r.Dir, picture)) {
			p.Picture = picture
		}
		p.Files = names(r.Dir)
	}
	if err := pageTemplate.Execute(w, p); err != nil {
		return fmt.Errorf("make the page: %w", err)
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// Table reports whether the row is a table, for the template.
func (r Row) Table() bool { return r.Label == "" }

// Text is the row's lines below each other, for the template.
func (r Row) Text() string { return strings.Join(r.Lines, "\n") }

// logLines is how much of the server's log the page shows.
const logLines = 120

// tail is the end of a log, and how many lines it has in all.
func tail(path string) (last []string, all int) {
	text, err := os.ReadFile(path)
	if err != nil || len(text) == 0 {
		return nil, 0
	}
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	return lines[max(0, len(lines)-logLines):], len(lines)
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

// part is a stretch of a bar, in percent of its length.
type part struct {
	Left, Width float64
	Class, Says string
}

// band is when the server answered, along a run.
type band struct {
	Parts  []part
	Faults []part
	Up     string
	End    string
}

// bandOf draws when the server answered; nil if that is not known.
func bandOf(h *model.History) *band {
	spans := available(h)
	if len(spans) == 0 {
		return nil
	}
	end := slices.MaxFunc(spans, func(a, b model.Span) int { return int(a.To - b.To) }).To
	if end <= 0 {
		return nil
	}
	percent := func(ns int64) float64 { return 100 * float64(ns) / float64(end) }
	out := &band{End: span(nanoseconds(end))}
	var up, all int64
	for _, s := range spans {
		class := "down"
		all += s.To - s.From
		if s.Up {
			class = "up"
			up += s.To - s.From
		}
		out.Parts = append(out.Parts, part{percent(s.From), percent(s.To - s.From), class,
			fmt.Sprintf("%s for %s, from %s on", map[bool]string{true: "answered", false: "no answer"}[s.Up], span(nanoseconds(s.To-s.From)), span(nanoseconds(s.From)))})
	}
	for _, f := range h.Faults {
		if f.Begin.Ns <= end {
			out.Faults = append(out.Faults, part{Left: percent(f.Begin.Ns), Class: f.Kind, Says: fmt.Sprintf("%s at %d ms", f.Kind, f.Begin.Ns/1e6)})
		}
	}
	if all > 0 {
		out.Up = fmt.Sprintf("%.0f %%", 100*float64(up)/float64(all))
	}
	return out
}

// available is when canaries were answered in a run; of a history that does not
// tell, what its restarts tell.
func available(h *model.History) []model.Span {
	if len(h.Availability) > 0 {
		return h.Availability
	}
	var out []model.Span
	up := int64(0)
	for _, r := range h.Recoveries {
		if r.Down == 0 || r.Down < up {
			continue
		}
		back := r.Canary
		if back == 0 {
			back = r.Down
		}
		if r.Down > up {
			out = append(out, model.Span{From: up, To: r.Down, Up: true})
		}
		out = append(out, model.Span{From: r.Down, To: back})
		up = back
	}
	for _, o := range slices.Backward(h.Operations) {
		if o.Outcome == model.OK && o.Return.Ns > up {
			return append(out, model.Span{From: up, To: o.Return.Ns, Up: true})
		}
	}
	return out
}

// timeline is a restart, in its parts.
type timeline struct {
	Says  string
	Parts []part
}

// timelines are the restarts of a run, on one scale.
func timelines(h *model.History) (out []timeline) {
	longest := time.Duration(1)
	var all []harness.Recovered
	for _, r := range h.Recoveries {
		rec := harness.Recovered{Recovery: r}
		all = append(all, rec)
		longest = max(longest, rec.After(lastMoment(r)))
	}
	for _, r := range all {
		var t timeline
		from := time.Duration(0)
		for _, m := range []struct {
			at    int64
			class string
			says  string
		}{{r.Spawned, "gone", "gone"}, {r.Port, "spawned", "started, port closed"}, {r.Health, "port", "port open"}, {r.Canary, "health", "health says 200, calls fail"}} {
			if m.at == 0 {
				continue
			}
			to := max(r.After(m.at), from)
			t.Parts = append(t.Parts, part{100 * float64(from) / float64(longest), 100 * float64(to-from) / float64(longest), m.class,
				fmt.Sprintf("%s, until %s", m.says, span(to))})
			from = to
		}
		t.Says = fmt.Sprintf("at %d ms: calls go through after %s", r.Down/1e6, span(r.Took()))
		if r.Canary == 0 {
			t.Says = fmt.Sprintf("at %d ms: no call went through", r.Down/1e6)
		}
		out = append(out, t)
	}
	return out
}

func lastMoment(r model.Recovery) int64 { return max(r.Spawned, r.Port, r.Health, r.Canary) }

func nanoseconds(n int64) time.Duration { return time.Duration(n) }

package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"retain/generators"
	"retain/harness"
	"retain/harness/regress"
	"retain/harness/triage"
	"retain/internal/inputfile"
	"retain/internal/printable"
	"retain/model"
	"retain/runtime/serverlog"
)

//go:embed page.html
var pageText string

//go:embed parts.html
var partsText string

//go:embed style.css
var styleText string

var pageTemplate = parsed("page", pageText)

// parsed is the template of a page, with the parts that pages have in common.
func parsed(name, text string) *template.Template {
	t := template.New(name).Funcs(template.FuncMap{
		"style":    func() template.CSS { return template.CSS(styleText + faultRules()) }, //nolint:gosec // they are of this package
		"glyph":    func(kind any) string { return glyphOf(model.FaultKind(fmt.Sprint(kind))) },
		"hatches":  func() []styledFault { return styledFaults(hatched) },
		"faultkey": func() []styledFault { return styledFaults(func(s faultStyle) bool { return s.key }) },
	})
	return template.Must(template.Must(t.Parse(partsText)).Parse(text))
}

// page is what the page's template needs.
type page struct {
	Title, Verdict, Says string
	Facts                []factGroup
	Admissions           []serverlog.Admission
	Drawing              []*scene
	Band                 []*scene
	Restarts             []*scene
	Plan                 string
	Steps                string
	Before               string // said of what is known of the first failure alone
	Log                  []string
	LogFile              string
	LogLines             int
	Picture              string
	Files                []link
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
		Title: verdict + ": " + says, Verdict: verdict, Says: says, Facts: grouped(rows[1:], linksIn(r.Dir, "")),
		Admissions: asked.Admissions, Plan: string(generators.Encode(shown.Plan)), Steps: plural(len(shown.Plan.Steps), "step"),
	}
	if earlier {
		p.Before = beforeReduction
	}
	p.Drawing = draw(shown, "drawing")
	if shown.Outcome != nil && shown.Outcome.History != nil {
		p.Band, p.Restarts = bandOf(shown.Outcome.History), timelines(shown.Outcome.History)
	}
	if r.Dir != "" {
		beside := "" // the page is in r's folder
		if asked.Dir != r.Dir {
			beside = regress.ReducedDir
		}
		p.LogFile = path.Join(beside, triage.LogFile)
		p.Log, p.LogLines = tail(filepath.Join(r.Dir, p.LogFile))
		if picture := path.Join(beside, triage.PictureFile); exists(filepath.Join(r.Dir, picture)) {
			p.Picture = picture
		}
		p.Files = linksTo(r.Dir, "")
	}
	if err := execute(w, pageTemplate, p); err != nil {
		return fmt.Errorf("make the page: %w", err)
	}
	return nil
}

// execute writes a page whose texts from outside can't hide anything: the template
// escapes what HTML means, this what can't be seen.
func execute(w io.Writer, t *template.Template, data any) error {
	var b strings.Builder
	if err := t.Execute(&b, data); err != nil {
		return err
	}
	_, err := io.WriteString(w, printable.Lines(b.String()))
	return err
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// logLines is how much of the server's log the page shows.
const logLines = 120

// tail is the end of a log, and how many lines it has in all.
func tail(path string) (last []string, all int) {
	text, err := inputfile.Read(path, triage.MaxFile)
	if err != nil || len(text) == 0 {
		return nil, 0
	}
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	return lines[max(0, len(lines)-logLines):], len(lines)
}

// part is a stretch of a bar, in percent of its length.
type part struct {
	Left, Width float64
	Class, Says string
}

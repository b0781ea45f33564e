package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"retain/generators"
	"retain/harness"
	"retain/harness/upgrade"
	"retain/model"
)

// certificateView is a certificate in words: the page and the Markdown show the same.
type certificateView struct {
	Title, Verdict string
	Answer         []string
	Because        []string
	Sections       []certificateSection
}

// certificateSection has facts, a table and remarks, each perhaps empty.
type certificateSection struct {
	ID, Title string
	Facts     []certificateFact
	Table     *sheet
	Remarks   []string
}

type certificateFact struct {
	Label string
	Lines []string
	// Command is true for lines that are typed.
	Command bool
	// Links stand behind the lines.
	Links []string
}

// sheet is a table. Columns of numbers are aligned at their end.
type sheet struct {
	Columns []sheetColumn
	Rows    [][]sheetCell
}

type sheetColumn struct {
	Name         string
	Number, Long bool
}

type sheetCell struct {
	Text, Link string
	Strong     bool
}

func (s *sheet) add(texts ...string) {
	var row []sheetCell
	for _, text := range texts {
		row = append(row, sheetCell{Text: text})
	}
	s.Rows = append(s.Rows, row)
}

func (c *Certificate) view() certificateView {
	v := certificateView{
		Title: "upgrade " + c.pathsText() + ": " + string(c.Verdict), Verdict: string(c.Verdict), Answer: c.Answer, Because: c.Because,
	}
	add := func(s certificateSection, wanted bool) {
		if wanted {
			v.Sections = append(v.Sections, s)
		}
	}
	add(findingsSection("findings", "What broke", c.Findings), len(c.Findings) > 0)
	add(findingsSection("unjudged", "Plans without a verdict", c.Unjudged), len(c.Unjudged) > 0)
	add(c.tested(), true)
	add(c.pairs(), true)
	add(c.steps(), true)
	add(c.wayBack(), true)
	add(c.servers(), true)
	add(c.repeat(), true)
	return v
}

func (c *Certificate) pathsText() string {
	var out []string
	for _, p := range c.Paths {
		out = append(out, p.String())
	}
	return strings.Join(out, ", ")
}

func findingsSection(id, title string, all []certifiedFinding) certificateSection {
	t := &sheet{Columns: []sheetColumn{{Name: "plan", Number: true}, {Name: "verdict"}, {Name: "after the step"}, {Name: "what", Long: true}}}
	out := certificateSection{ID: id, Title: title, Table: t}
	for _, f := range all {
		after := f.After
		if f.While != "" {
			after = "none, while " + f.While + " ran"
		}
		t.Rows = append(t.Rows, []sheetCell{{Text: fmt.Sprint(f.Plan), Link: f.Link}, {Text: string(f.Verdict)}, {Text: after}, {Text: f.Says, Strong: true}})
	}
	var replays []string
	for _, f := range all {
		if f.Replay != "" {
			replays = append(replays, f.Replay)
		}
	}
	if replays != nil {
		out.Facts = append(out.Facts, certificateFact{Label: "replay", Lines: replays, Command: true})
	}
	return out
}

// untestedServices are services that an upgrade is no test of.
func (c *Certificate) untestedServices() string {
	if slices.ContainsFunc(c.Settings, func(s model.Setting) bool { return s.Kind == model.ServiceSetting }) {
		return "what else your services do"
	}
	return "the services of your own"
}

// tested says what was tested and what not.
func (c *Certificate) tested() certificateSection {
	out := certificateSection{ID: "tested", Title: "What was tested, and what not"}
	add := func(label string, lines ...string) {
		out.Facts = append(out.Facts, certificateFact{Label: label, Lines: lines})
	}
	add("tested",
		fmt.Sprintf("%s operations of concurrent clients · %s · %s, %s up, down and up again by stop and by kill, %s with switches at random faults",
			thousands(c.Operations), switchesText(c.Switches), plural(c.Plans.All, "plan"), thousands(c.Plans.Systematic), thousands(c.Plans.Drawn)),
		fmt.Sprintf("%s values read back after a restart · verdicts: %s", thousands(c.ReadBack), verdicts(c.Plans.Verdicts)))
	add("objects", "with values from before a switch that were read after it: "+kindsText(c.Tested.Kinds))
	add("configured", wrapped(c.configured(), " · ")...)
	add("excluded", c.excludedText())
	add("not tested", strings.Join(c.NotTested, ", "), "data as old and as large as yours, other SDKs, and "+c.untestedServices())
	if len(c.Known) > 0 {
		var lines []string
		for _, k := range c.Known {
			lines = append(lines, strings.TrimPrefix(fmt.Sprintf("%s, in %s: %s", k.Why, plural(len(k.Plans), "plan"), k.Link), ", "))
		}
		add("known", lines...)
	}
	return out
}

func kindsText(kinds []model.Kind) string {
	var out []string
	for _, k := range kinds {
		out = append(out, string(k))
	}
	if out == nil {
		return "none"
	}
	return strings.Join(out, ", ")
}

// configured says with which configurations plans ran.
func (c *Certificate) configured() (out []string) {
	for _, n := range slices.Sorted(maps.Keys(c.Tested.Partitions)) {
		out = append(out, fmt.Sprintf("%s: %s", plural(n, "partition"), plural(c.Tested.Partitions[n], "plan")))
	}
	out = append(out, fmt.Sprintf("vqueues: %s", plural(c.Tested.VQueues, "plan")))
	for _, class := range generators.Classes() {
		if n := c.Tested.Classes[class]; n > 0 {
			out = append(out, fmt.Sprintf("%s: %s", class, plural(n, "plan")))
		}
	}
	return out
}

func (c *Certificate) excludedText() string {
	switch {
	case c.Plans.Verdicts[harness.Violation] > 0:
		return "nothing: a plan failed"
	case c.Plans.Excludes == 0:
		return fmt.Sprintf("nothing yet: too small to judge, %s passed of %d needed", plural(c.Plans.Verdicts[harness.Pass], "plan"), harness.Judgeable)
	}
	return fmt.Sprintf("failures in more than %s of such plans (95 %%)", rateText(c.Plans.Excludes))
}

func rateText(rate float64) string { return fmt.Sprintf("%.2g %%", 100*rate) }

// pairs has a line for each neighbouring step.
func (c *Certificate) pairs() certificateSection {
	t := &sheet{Columns: []sheetColumn{
		{Name: "from"}, {Name: "to"}, {Name: "way"}, {Name: "result"}, {Name: "switches", Number: true}, {Name: "median outage", Number: true}, {Name: "longest", Number: true}, {Name: "needs", Long: true},
	}}
	for _, p := range c.Pairs {
		way := "up"
		if p.Back {
			way = "back"
		}
		result := pairResult(p)
		t.Rows = append(t.Rows, []sheetCell{
			{Text: p.From}, {Text: p.To}, {Text: way}, {Text: result, Strong: result != served}, {Text: thousands(p.Times)}, {Text: outageText(p.Outage.Median)},
			{Text: outageText(p.Outage.Longest)}, {Text: c.needsText(p)},
		})
	}
	return certificateSection{ID: "pairs", Title: "May I upgrade, may I go back?", Table: t, Remarks: []string{
		"An outage is from the end of the old server until calls succeeded in every partition of the new one.",
	}}
}

const served = "served"

func pairResult(p certifiedPair) string {
	switch {
	case p.Broke > 0:
		return fmt.Sprintf("broke in %d of %d", p.Broke, p.Times)
	case p.Times == 0:
		return "not tested"
	case p.Refused > 0:
		return strings.Join(append([]string{fmt.Sprintf("not served in %d of %d", p.Refused, p.Times)}, p.Excused...), ": ")
	case p.Served == 0:
		return "not awaited" // a fault overtook each start
	}
	return served
}

func outageText(s float64) string {
	if s == 0 {
		return "-"
	}
	return fine(time.Duration(s * float64(time.Second)))
}

// needsText says what a way back needs, in a few words.
func (c *Certificate) needsText(p certifiedPair) string {
	var out []string
	for _, n := range p.Needs {
		text := "a backup from before the upgrade"
		if len(n.Settings) > 0 {
			text = environment(n.Settings)
		}
		if len(n.With) > 0 {
			text += ", if the newer server has " + environment(n.With)
		}
		out = append(out, text)
	}
	switch {
	case out != nil:
		return strings.Join(out, "; ")
	case p.Back && p.Refused > 0:
		return "a backup from before the upgrade"
	case p.Back && !(upgrade.IsRelease(c.release(p.From)) && upgrade.IsRelease(c.release(p.To))):
		return "not known"
	}
	return "nothing"
}

// steps has a line for each step by each fault.
func (c *Certificate) steps() certificateSection {
	t := &sheet{Columns: []sheetColumn{
		{Name: "from"}, {Name: "to"}, {Name: "by"}, {Name: "times", Number: true}, {Name: "in flight or queued", Number: true}, {Name: "queued", Number: true},
		{Name: "sent again", Number: true}, {Name: "same answer", Number: true}, {Name: "objects read", Number: true}, {Name: "median outage", Number: true}, {Name: "longest", Number: true}, {Name: "broke", Number: true}, {Name: "excused", Number: true}, {Name: "excludes (95 %)", Number: true},
	}}
	for _, s := range c.Steps {
		excludes := "-"
		if s.Excludes > 0 {
			excludes = "> " + rateText(s.Excludes)
		}
		t.add(s.From, s.To, string(s.Fault), thousands(s.Times), spreadText(s.Times, s.Open), spreadText(s.Times, s.Queued), thousands(s.Resent), thousands(s.Same), thousands(s.Objects),
			outageText(s.Outage.Median), outageText(s.Outage.Longest), thousands(len(s.Broke)), thousands(total(s.Excused)), excludes)
	}
	return certificateSection{ID: "steps", Title: "Steps", Table: t, Remarks: []string{
		"In flight or queued: the operations on the wire when the end of the old server began, the least, the median and the most. Queued: those of them that waited for the key of an object. Plans that switch at random faults may have few.",
		"Sent again: operations that were answered before the switch, under their idempotency keys. Broke: plans in which a guarantee broke after it. Excused: refusals of a way back that are known.",
		fmt.Sprintf("Excludes: so many switches without a failure exclude a higher rate of failures, at 95 %%; fewer than %d exclude nothing.", harness.Judgeable),
	}}
}

func total(of map[string]int) (n int) {
	for _, k := range of {
		n += k
	}
	return n
}

func spreadText(n int, s upgrade.Spread[int]) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprintf("%d · %d · %d", s.Least, s.Median, s.Most)
}

// wayBack says what the ways back need, and why.
func (c *Certificate) wayBack() certificateSection {
	out := certificateSection{ID: "way-back", Title: "What the way back needs"}
	for _, p := range c.waysBack() {
		for _, n := range upgrade.NeedsOf(c.reported(p)) {
			lines := []string{c.needsText(certifiedPair{Needs: []upgrade.Need{n}}), n.Why}
			if !n.Objects {
				lines = append(lines, "This is about what retain does not test: services without keys of objects.")
			}
			out.Facts = append(out.Facts, certificateFact{Label: p.From + " to " + p.To, Lines: lines, Links: n.Links})
		}
	}
	set := false
	for i, settings := range c.WayBack {
		if len(settings) > 0 {
			set = true
			out.Facts = append(out.Facts, certificateFact{Label: "was set", Lines: []string{fmt.Sprintf("%s, for %s, from the first start of each server on", environment(settings), c.Paths[i])}})
		}
	}
	if !set {
		out.Remarks = append(out.Remarks, "No setting was set for a way back.")
	}
	return out
}

// waysBack are the steps back along each path, each once, those that leave versions out
// included.
func (c *Certificate) waysBack() (out []upgrade.Pair) {
	for _, path := range c.Paths {
		for i, to := range path {
			for _, from := range path[i+1:] {
				if p := (upgrade.Pair{From: from, To: to}); !slices.Contains(out, p) {
					out = append(out, p)
				}
			}
		}
	}
	return out
}

// servers says what ran.
func (c *Certificate) servers() certificateSection {
	out := certificateSection{ID: "servers", Title: "Servers and settings"}
	for _, v := range c.Versions {
		line := strings.Join(v.Servers, ", ")
		if line == "" {
			line = "in no plan with a verdict"
		}
		out.Facts = append(out.Facts, certificateFact{Label: v.Name, Lines: []string{line}})
	}
	last := []string{c.Runtime, "1 node"}
	if c.SDK != "" {
		last = append(last, c.SDK)
	}
	settings := "the server's own, and those of the configurations above"
	if len(c.Settings) > 0 {
		settings = strings.Join(with("", c.Settings), " · ")
	}
	if slices.ContainsFunc(c.WayBack, func(s map[string]string) bool { return len(s) > 0 }) {
		settings += ", and those that were set for the way back"
	}
	out.Facts = append(out.Facts, certificateFact{Label: "runs as", Lines: []string{strings.Join(last, " · ")}}, certificateFact{Label: "settings", Lines: []string{settings}})
	return out
}

// repeat says when it was, and how to do it again.
func (c *Certificate) repeat() certificateSection {
	out := certificateSection{ID: "repeat", Title: "How to repeat it", Facts: []certificateFact{
		{Label: "date", Lines: []string{fmt.Sprintf("%s UTC, %s of %s", c.Began.UTC().Format(time.DateTime), spanOf(c.Seconds), spanOf(c.Of))}},
		{Label: "seed", Lines: []string{fmt.Sprint(c.Seed)}},
		{Label: "repeat", Lines: []string{c.Repeat}, Command: true},
	}}
	if c.GoOn != "" {
		out.Facts = append(out.Facts, certificateFact{Label: "go on", Lines: []string{c.GoOn}, Command: true})
	}
	return out
}

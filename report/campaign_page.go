package report

import (
	"cmp"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"retain/campaign"
	"retain/generators"
	"retain/harness"
	"retain/harness/triage"
)

//go:embed campaign.html
var campaignText string

var campaignTemplate = parsed("campaign", campaignText)

// campaignPage is what the template of a campaign's page needs.
type campaignPage struct {
	Title, Verdict, Says string
	// Lead is what the verdict rests on, Facts are the rows of the terminal.
	Lead         []string
	Facts        []factGroup
	Sections     []section
	Findings     []campaignFinding
	Charts       map[string]chart
	Latencies    []configured
	Loads        []configuredLoad
	Mixed        string
	Spreads      []spread
	Unseen       int
	Slowest      []slowRestart
	Covered      string
	Matrix       matrix
	Power        []power
	Unjudged     []unjudged
	MoreUnjudged int
	Remarks      []remarkRow
	Canaries     []canaryRow
	Flat         []flatness
	Segments     []segmentRow
}

// unjudged is a plan without a verdict on the server, and why.
type unjudged struct {
	Plan                   int
	Shard, Verdict, Reason string
	At                     string
	Link                   string
	Times                  int
}

type remarkRow struct{ Shard, At, Verdict, Text string }

type canaryRow struct {
	Shard, At, Took, Bug, Why string
	Caught                    bool
	Plans                     int
}

type segmentRow struct {
	Segment, Shard, Runtime, Flags, Go, Platform, Began, Took, Ending, Inside string
	Seed                                                                      uint64
	Workers, Plans, Under                                                     int
}

// power is what a group of plans excludes.
type power struct {
	What, Bound string
	Runs        int
}

// maxUnjudged bounds the plans without a verdict that are listed.
const maxUnjudged = 50

// CampaignPage writes the page of a campaign: one file that needs nothing else to
// be looked at. Its links lead into the campaign's directory, where it belongs.
func CampaignPage(w io.Writer, c *campaign.Campaign) error {
	p, err := campaignPageOf(c)
	if err != nil {
		return fmt.Errorf("make the page of the campaign: %w", err)
	}
	if err := execute(w, campaignTemplate, p); err != nil {
		return fmt.Errorf("make the page of the campaign: %w", err)
	}
	return nil
}

// WriteCampaignPage writes the page into the campaign's directory and returns its
// path. A page that is there is replaced at once, never half.
func WriteCampaignPage(c *campaign.Campaign) (string, error) {
	path := filepath.Join(c.Dir, triage.PageFile)
	file, err := os.CreateTemp(c.Dir, ".page-")
	if err != nil {
		return "", fmt.Errorf("write the page of the campaign: %w", err)
	}
	err = errors.Join(CampaignPage(file, c), file.Chmod(0o644), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		_ = os.Remove(file.Name())
		return "", fmt.Errorf("write the page of the campaign: %w", err)
	}
	return path, nil
}

func campaignPageOf(c *campaign.Campaign) (*campaignPage, error) {
	w := workAxisOf(c)
	loads, mixed, err := w.loads()
	if err != nil {
		return nil, err
	}
	latencies, err := w.allLatencies(loads)
	if err != nil {
		return nil, err
	}
	charts, err := w.charts(latencies)
	if err != nil {
		return nil, err
	}
	rows := Campaign(c, "")
	_, says := rows.verdict()
	verdict, _ := c.Verdict()
	p := &campaignPage{
		Title: "campaign: " + string(verdict) + ": " + oneLine(says), Verdict: string(verdict), Says: oneLine(says), Facts: grouped(rows[1:], linksIn(c.Dir, "")),
		Lead: lead(c), Sections: sectionsOf(verdict),
		Findings: findings(c), Charts: map[string]chart{}, Latencies: latencies, Loads: loads, Mixed: mixedText(mixed), Slowest: w.slowest(), Matrix: matrixOf(c),
		Covered: "covered " + coveredText(c.Totals().Coverage),
		Power:   powers(c), Flat: flat(c), Segments: w.segmentRows(),
	}
	for _, chart := range charts {
		p.Charts[chart.ID] = chart
	}
	restarts, unseen := w.restarts()
	p.Spreads, p.Unseen = spreads(restarts), unseen
	p.Unjudged, p.MoreUnjudged = w.unjudged()
	p.Remarks, p.Canaries = w.remarks(), w.canaries()
	return p, nil
}

// section is a part of the page.
type section struct{ ID, Name string }

// sections are those of the page, in their order if nothing comes before.
var sections = []section{
	{"verdicts", "the campaign"}, {"findings", "findings"}, {"coverage", "coverage"}, {"excludes", "what is excluded"}, {"unjudged", "undecided and harness"},
	{"time", "over time"}, {"load", "load"}, {"latencies", "latencies"}, {"restarts", "restarts"}, {"canaries", "canaries"}, {"held", "memory and descriptors"}, {"segments", "machines"},
}

// openings are the sections with which the page of a verdict opens: a pass with what it
// excludes and covers, anything else with what keeps it from one.
var openings = map[harness.Verdict][]string{
	harness.Pass:      {"excludes", "coverage"},
	harness.Violation: {"findings"},
	harness.Undecided: {"unjudged"},
	harness.Harness:   {"unjudged"},
}

func sectionsOf(v harness.Verdict) []section {
	out := slices.Clone(sections)
	rank := func(s section) int {
		if i := slices.Index(openings[v], s.ID); i >= 0 {
			return i - len(openings[v])
		}
		return 0
	}
	slices.SortStableFunc(out, func(a, b section) int { return rank(a) - rank(b) })
	return out
}

// lead are the lines that stand below the verdict: what a pass excludes and covers, why
// something else is none, and in any case what was tested.
func lead(c *campaign.Campaign) (out []string) {
	var rows Rows
	if verdict, why := c.Verdict(); verdict == harness.Pass {
		rows.addExcludes(c.Totals())
		rows.addSituations(c)
	} else {
		rows.addBecause(why)
	}
	rows.addBuilds(c)
	for _, row := range rows {
		out = append(out, row.Label+": "+strings.Join(row.Lines, " · "))
	}
	return out
}

// unjudged lists the plans without a verdict; those of one shard with one reason
// are one line. more is how many lines there are beyond.
func (w workAxis) unjudged() (out []unjudged, more int) {
	seen := map[unjudged]int{}
	for i := range w.c.Segments {
		s := &w.c.Segments[i]
		for _, j := range s.Plans {
			if j.Verdict != harness.Undecided && j.Verdict != harness.Harness {
				continue
			}
			one := unjudged{Shard: s.Shard.String(), Verdict: string(j.Verdict), Reason: oneLine(j.Sentence)}
			if k, known := seen[one]; known {
				out[k].Times++
				continue
			}
			seen[one] = len(out)
			one.Plan, one.At, one.Times = j.Number, clockText(w.at(i, j.At)), 1
			if dir, there := folder(w.c, i, j.Dir); there {
				one.Link = href(w.c, dir)
			}
			out = append(out, one)
		}
	}
	if len(out) > maxUnjudged {
		return out[:maxUnjudged], len(out) - maxUnjudged
	}
	return out, 0
}

func (w workAxis) remarks() (out []remarkRow) {
	for i := range w.c.Segments {
		s := &w.c.Segments[i]
		for _, n := range s.Notes {
			out = append(out, remarkRow{s.Shard.String(), clockText(w.at(i, n.At)), string(n.Verdict), oneLine(n.Text)})
		}
		if s.Damage != "" {
			out = append(out, remarkRow{s.Shard.String(), clockText(w.at(i, s.Last)), "", s.File + ": " + s.Damage + "; what came before it is counted"})
		}
	}
	return out
}

func (w workAxis) canaries() (out []canaryRow) {
	for i := range w.c.Segments {
		s := &w.c.Segments[i]
		for _, k := range s.Canaries {
			out = append(out, canaryRow{s.Shard.String(), clockText(w.at(i, k.At)), fine(k.Took), k.Bug, oneLine(k.Why), k.Caught, k.Plans})
		}
	}
	return out
}

func (w workAxis) segmentRows() (out []segmentRow) {
	for i := range w.c.Segments {
		s := &w.c.Segments[i]
		row := segmentRow{
			Segment: s.Segment, Shard: s.Shard.String(), Seed: s.Seed, Runtime: s.Runtime, Flags: flagText(s.Flags), Go: s.Go, Platform: s.Platform,
			Began: s.At.UTC().Format(time.DateTime) + " UTC", Took: span(s.Took()), Workers: max(1, s.Workers), Plans: len(s.Plans), Under: len(s.Pending),
			Ending: "no end on record: under way, or killed",
		}
		inside := time.Duration(0)
		for _, j := range s.Plans {
			inside += j.Took
		}
		row.Inside = percent(inside.Seconds(), s.Took().Seconds()*float64(row.Workers))
		if s.End != nil {
			row.Ending = s.End.Why
		}
		out = append(out, row)
	}
	return out
}

func flagText(flags []string) (text string) {
	for _, f := range flags {
		text += f + " "
	}
	return text
}

// backAgain is how many restarts of a plan were seen to the end.
func backAgain(j campaign.PlanResult) (n int) {
	for _, r := range j.Recoveries {
		if r.Probe > 0 {
			n++
		}
	}
	return n
}

// classText is the named configuration of a plan, or the class of its configuration; ""
// for the server's defaults.
func classText(j campaign.PlanResult) string {
	if j.Config == "" && j.Start != (generators.StartConfig{}) {
		return j.Start.Class().String()
	}
	return j.Config
}

// configurationName is [classText] for a table, which has a name for the defaults too.
func configurationName(j campaign.PlanResult) string { return cmp.Or(classText(j), "not named") }

// configurationsOf are the groups of configurations that a plan belongs to: that of a
// name, or one by each axis.
func configurationsOf(j campaign.PlanResult) []string {
	out := []string{classText(j)}
	if j.Config == "" && j.Partitions > 0 {
		out = append(out, plural(j.Partitions, "partition"))
	}
	if j.Config == "" && j.VQueues {
		out = append(out, "vqueues")
	}
	return out
}

// powers are what the passes exclude: of all plans, of those on each
// configuration, and of each restart.
func powers(c *campaign.Campaign) (out []power) {
	type count struct{ passed, failed, restarts int }
	of := map[string]*count{}
	var all count
	var names []string
	for i := range c.Segments {
		for _, j := range c.Segments[i].Plans {
			groups := []*count{&all}
			for _, name := range configurationsOf(j) {
				if of[name] == nil {
					of[name] = &count{}
					names = append(names, name)
				}
				groups = append(groups, of[name])
			}
			for _, n := range groups {
				switch j.Verdict {
				case harness.Pass:
					n.passed++
					n.restarts += backAgain(j)
				case harness.Violation:
					n.failed++
				}
			}
		}
	}
	bound := func(runs, failed int) string {
		if failed > 0 {
			return fmt.Sprintf("nothing: %d failed", failed)
		}
		return boundText(runs)
	}
	out = append(out, power{"plans", bound(all.passed, all.failed), all.passed}, power{"restarts in plans that passed", bound(all.restarts, all.failed), all.restarts})
	for _, name := range names {
		what := "plans on " + name
		if name == "" {
			what = "plans on a server without a named configuration"
		}
		out = append(out, power{what, bound(of[name].passed, of[name].failed), of[name].passed})
	}
	return out
}

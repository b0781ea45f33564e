package report

import (
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"os"
	"path/filepath"
	"time"

	"retain/campaign"
	"retain/harness"
)

//go:embed campaign.html
var campaignText string

var campaignTemplate = template.Must(template.New("campaign").Parse(campaignText))

// campaignPage is what the template of a campaign's page needs.
type campaignPage struct {
	Title, Verdict, Says string
	Rows                 Rows
	Findings             []campaignFinding
	Charts               map[string]chart
	Latencies            []configured
	Spreads              []spread
	Unseen               int
	Slowest              []slowRestart
	Matrix               matrix
	Power                []power
	Unjudged             []unjudged
	MoreUnjudged         int
	Remarks              []remarkRow
	Canaries             []canaryRow
	Flat                 []flatness
	Sittings             []sittingRow
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

type sittingRow struct {
	Sitting, Shard, Runtime, Flags, Go, Platform, Began, Took, Ending, Inside string
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
	if err := campaignTemplate.Execute(w, p); err != nil {
		return fmt.Errorf("make the page of the campaign: %w", err)
	}
	return nil
}

// WriteCampaignPage writes the page into the campaign's directory and returns its
// path. A page that is there is replaced at once, never half.
func WriteCampaignPage(c *campaign.Campaign) (string, error) {
	path := filepath.Join(c.Dir, harness.PageFile)
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
	w := worktimeOf(c)
	charts, err := w.charts()
	if err != nil {
		return nil, err
	}
	latencies, err := w.latencies()
	if err != nil {
		return nil, err
	}
	rows := Campaign(c, "")
	verdict, says := rows.verdict()
	p := &campaignPage{
		Title: "campaign: " + verdict + ": " + oneLine(says), Verdict: verdict, Says: oneLine(says), Rows: rows[1:],
		Findings: findings(c), Charts: map[string]chart{}, Latencies: latencies, Slowest: w.slowest(), Matrix: matrixOf(c),
		Power: powers(c), Flat: flat(c), Sittings: w.sittingRows(),
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

// unjudged lists the plans without a verdict; those of one shard with one reason
// are one line. more is how many lines there are beyond.
func (w worktime) unjudged() (out []unjudged, more int) {
	seen := map[unjudged]int{}
	for i := range w.c.Sittings {
		s := &w.c.Sittings[i]
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

func (w worktime) remarks() (out []remarkRow) {
	for i := range w.c.Sittings {
		s := &w.c.Sittings[i]
		for _, n := range s.Notes {
			out = append(out, remarkRow{s.Shard.String(), clockText(w.at(i, n.At)), string(n.Verdict), oneLine(n.Text)})
		}
		if s.Damage != "" {
			out = append(out, remarkRow{s.Shard.String(), clockText(w.at(i, s.Last)), "", s.File + ": " + s.Damage + "; what came before it is counted"})
		}
	}
	return out
}

func (w worktime) canaries() (out []canaryRow) {
	for i := range w.c.Sittings {
		s := &w.c.Sittings[i]
		for _, k := range s.Canary {
			out = append(out, canaryRow{s.Shard.String(), clockText(w.at(i, k.At)), fine(k.Took), k.Bug, oneLine(k.Why), k.Caught, k.Plans})
		}
	}
	return out
}

func (w worktime) sittingRows() (out []sittingRow) {
	for i := range w.c.Sittings {
		s := &w.c.Sittings[i]
		row := sittingRow{
			Sitting: s.Sitting, Shard: s.Shard.String(), Seed: s.Seed, Runtime: s.Runtime, Flags: flagText(s.Flags), Go: s.Go, Platform: s.Platform,
			Began: s.At.UTC().Format(time.DateTime) + " UTC", Took: span(s.Took()), Workers: max(1, s.Workers), Plans: len(s.Plans), Under: len(s.Under),
			Ending: "no end on record: under way, or killed",
		}
		inside := time.Duration(0)
		for _, j := range s.Plans {
			inside += j.Took
		}
		row.Inside = percent(inside.Seconds(), s.Took().Seconds()*float64(row.Workers))
		if s.Ended != nil {
			row.Ending = s.Ended.Why
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
func backAgain(j campaign.Judged) (n int) {
	for _, r := range j.Recoveries {
		if r.Canary > 0 {
			n++
		}
	}
	return n
}

// powers are what the passes exclude: of all plans, of those on each
// configuration, and of each restart.
func powers(c *campaign.Campaign) (out []power) {
	type count struct{ passed, failed, restarts int }
	of := map[string]*count{}
	var all count
	var names []string
	for i := range c.Sittings {
		for _, j := range c.Sittings[i].Plans {
			if of[j.Config] == nil {
				of[j.Config] = &count{}
				names = append(names, j.Config)
			}
			for _, n := range []*count{&all, of[j.Config]} {
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

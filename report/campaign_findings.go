package report

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"retain/campaign"
	"retain/checker"
	"retain/generators"
	"retain/harness"
	"retain/harness/regress"
	"retain/harness/triage"
)

// campaignFinding is what a campaign found once or several times.
type campaignFinding struct {
	// Times is how many plans showed it, Plans are their numbers.
	Times int
	Plans string
	// Shards is on how many shards.
	Shards int
	Rows   Rows
	// Says is its first line.
	Says string
	// Drawing is the picture; nil if the folder is not there any more.
	Drawing []*scene
	Facts   []factGroup
	Dir     string // as a link
	Files   []link
	Case    string
	Note    string

	first campaign.Violation
	links linker
}

// sighting is a violation, and the segment that saw it.
type sighting struct {
	campaign.Violation
	segment int
}

// groupViolations puts the violations of a campaign together that are one finding, whichever
// shard saw them. They are in the order in which each was seen first.
func groupViolations(c *campaign.Campaign) (groups [][]sighting) {
	firsts, of := c.Firsts(), map[int]int{}
	for i := range c.Segments {
		for _, f := range c.Segments[i].Violations {
			first := firsts[f.Number]
			if _, known := of[first]; !known {
				of[first] = len(groups)
				groups = append(groups, nil)
			}
			groups[of[first]] = append(groups[of[first]], sighting{f, i})
		}
	}
	for _, g := range groups {
		slices.SortStableFunc(g, func(a, b sighting) int { return a.At.Compare(b.At) })
	}
	slices.SortStableFunc(groups, func(a, b []sighting) int { return a[0].At.Compare(b[0].At) })
	return groups
}

// maxNumbers bounds the plans that are listed by number.
const maxNumbers = 20

// findings are what the campaign found, each once.
func findings(c *campaign.Campaign) (out []campaignFinding) {
	for _, group := range groupViolations(c) {
		shards, numbers := map[campaign.Shard]bool{}, []string{}
		for _, f := range group {
			shards[c.Segments[f.segment].Shard] = true
			numbers = append(numbers, fmt.Sprint(f.Number))
		}
		if more := len(numbers) - maxNumbers; more > 0 {
			numbers = append(numbers[:maxNumbers], fmt.Sprintf("and %d more", more))
		}
		first := representative(c, group)
		one := campaignFinding{Times: len(group), Plans: strings.Join(numbers, ", "), Shards: len(shards), first: first.Violation}
		one.fill(c, first)
		one.Facts = grouped(one.Rows[1:], one.links) // the first is the summary
		_, says := one.Rows.verdict()
		one.Says = oneLine(says)
		out = append(out, one)
	}
	return out
}

// representative is the sighting whose folder says most: the first that was
// reduced, else the first.
func representative(c *campaign.Campaign, group []sighting) sighting {
	for _, f := range group {
		if r := reductionOf(c, f); r != nil && r.Problem == "" {
			return f
		}
	}
	return group[0]
}

func reductionOf(c *campaign.Campaign, f sighting) *campaign.Reduction {
	for i := range c.Segments {
		for _, r := range c.Segments[i].Reductions {
			if r.Number == f.Number {
				return &r
			}
		}
	}
	return nil
}

// place is the directory of the campaign that a segment worked on: that of one of
// the shards, where several are read together.
func place(c *campaign.Campaign, segment int) string {
	return filepath.Join(c.Dir, filepath.Dir(filepath.Dir(c.Segments[segment].File)))
}

// folder is where the artefacts of a plan are now: its records may come from
// another machine.
func folder(c *campaign.Campaign, segment int, dir string) (string, bool) {
	if dir == "" {
		return "", false
	}
	at := place(c, segment)
	for _, path := range []string{
		filepath.Join(at, dir), filepath.Join(at, filepath.Base(filepath.Dir(dir)), filepath.Base(dir)), dir,
	} {
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			return path, true
		}
	}
	return filepath.Join(at, dir), false
}

// href links from the page in the campaign's directory to a file.
func href(c *campaign.Campaign, path string) string {
	rel, err := filepath.Rel(c.Dir, path)
	if err != nil {
		return ""
	}
	return (&url.URL{Path: filepath.ToSlash(rel)}).String()
}

// note adds what else is to be said of a finding; "" is nothing.
func (f *campaignFinding) note(text string) {
	if f.Note != "" && text != "" {
		f.Note += " · "
	}
	f.Note += text
}

// fill reads the finding's folder; the records stand in for unreadable files.
func (f *campaignFinding) fill(c *campaign.Campaign, s sighting) {
	reduced := reductionOf(c, s)
	if reduced != nil {
		f.Case = reduced.Case
		f.note(reduced.Problem)
	}
	segment := &c.Segments[s.segment]
	dir, there := folder(c, s.segment, s.Dir)
	if !there {
		f.Rows.add("violation", s.Guarantee)
		f.note("its folder " + s.Dir + " is not there: the records are all that is known")
		return
	}
	f.Dir = href(c, dir) + "/"
	f.Files, f.links = linksTo(dir, f.Dir), linksIn(dir, f.Dir)
	run, shrunk, err := recalled(dir, s.Violation, reduced)
	if err != nil {
		f.Rows.add("violation", s.Guarantee)
		f.note(oneLine(err.Error()))
		return
	}
	f.Rows = Finding(run, Context{SDK: segment.SDK, Flags: segment.Flags, Altered: segment.Altered, Shrunk: shrunk})
	f.Drawing = draw(shownOf(run, shrunk), "drawing-"+strconv.Itoa(s.Number))
}

// recallBudget is the time to judge a kept history again.
const recallBudget = 10 * time.Second

// recalled reads a run that was kept, and what it was reduced to, nil if it was not.
func recalled(dir string, f campaign.Violation, reduced *campaign.Reduction) (harness.Run, *regress.Shrunk, error) {
	o := checker.Options{Budget: recallBudget}
	_, r, err := triage.LoadFinding(dir, o)
	if err != nil {
		return harness.Run{}, nil, err
	}
	r.Number, r.Sentence = f.Number, f.Guarantee
	if reduced == nil || reduced.Executions == 0 { // nobody tried
		return *r, nil, nil
	}
	s := &regress.Shrunk{Rate: reduced.Rate}
	s.From, s.Executions, s.Took, s.Ending = reduced.From, reduced.Executions, reduced.Took, generators.Ending(reduced.Ending)
	s.Best, s.Run, err = regress.LoadReduced(dir, r, o)
	return *r, s, err
}

package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"retain/campaign"
	"retain/checker"
	"retain/generators"
	"retain/harness"
	"retain/model"
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
	Drawing *drawing
	Dir     string // as a link
	Files   []link
	Case    string
	Note    string

	first campaign.Found
}

type link struct{ Href, Name string }

// sighting is a violation, and the sitting that saw it.
type sighting struct {
	campaign.Found
	sitting int
}

// alike puts the violations of a campaign together that are one finding, whichever
// shard saw them. They are in the order in which each was seen first.
func alike(c *campaign.Campaign) (groups [][]sighting) {
	firsts, of := c.Firsts(), map[int]int{}
	for i := range c.Sittings {
		for _, f := range c.Sittings[i].Found {
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
	for _, group := range alike(c) {
		shards, numbers := map[campaign.Shard]bool{}, []string{}
		for _, f := range group {
			shards[c.Sittings[f.sitting].Shard] = true
			numbers = append(numbers, fmt.Sprint(f.Number))
		}
		if more := len(numbers) - maxNumbers; more > 0 {
			numbers = append(numbers[:maxNumbers], fmt.Sprintf("and %d more", more))
		}
		first := representative(c, group)
		one := campaignFinding{Times: len(group), Plans: strings.Join(numbers, ", "), Shards: len(shards), first: first.Found}
		one.fill(c, first)
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

func reductionOf(c *campaign.Campaign, f sighting) *campaign.Reduced {
	for i := range c.Sittings {
		for _, r := range c.Sittings[i].Reduced {
			if r.Number == f.Number {
				return &r
			}
		}
	}
	return nil
}

// place is the directory of the campaign that a sitting worked on: that of one of
// the shards, where several are read together.
func place(c *campaign.Campaign, sitting int) string {
	return filepath.Join(c.Dir, filepath.Dir(filepath.Dir(c.Sittings[sitting].File)))
}

// folder is where the artefacts of a plan are now: its records may come from
// another machine.
func folder(c *campaign.Campaign, sitting int, dir string) (string, bool) {
	if dir == "" {
		return "", false
	}
	at := place(c, sitting)
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

// fill reads the finding's folder; what can't be read is told by the records.
func (f *campaignFinding) fill(c *campaign.Campaign, s sighting) {
	reduced := reductionOf(c, s)
	if reduced != nil {
		f.Case = reduced.Case
		f.note(reduced.Problem)
	}
	sitting := &c.Sittings[s.sitting]
	dir, there := folder(c, s.sitting, s.Dir)
	if !there {
		f.Rows.add("violation", s.Guarantee)
		f.note("its folder " + s.Dir + " is not there: the records are all that is known")
		return
	}
	f.Dir = href(c, dir)
	for _, name := range names(dir) {
		f.Files = append(f.Files, link{href(c, filepath.Join(dir, name)), name})
	}
	run, shrunk, err := recalled(dir, s.Found, reduced)
	if err != nil {
		f.Rows.add("violation", s.Guarantee)
		f.note(oneLine(err.Error()))
		return
	}
	f.Rows = Finding(run, Context{SDK: sitting.SDK, Flags: sitting.Flags, Shrunk: shrunk})
	f.Drawing = draw(shownOf(run, shrunk))
}

// recallBudget is the time to judge a kept history again.
const recallBudget = 10 * time.Second

// recalled reads a run that was kept, and what it was reduced to, if it was: nil.
func recalled(dir string, f campaign.Found, reduced *campaign.Reduced) (harness.Run, *harness.Shrunk, error) {
	r := harness.Run{Number: f.Number, Verdict: harness.Violation, Sentence: f.Guarantee, Dir: dir}
	facts, err := readFacts(filepath.Join(dir, harness.FindingFile))
	if err != nil {
		return r, nil, err
	}
	r.RuledOut, r.Where, r.Admissions, r.Ledger = facts.RuledOut, facts.Where, facts.Admissions, facts.Ledger
	if r.Plan, err = readPlan(filepath.Join(dir, harness.PlanFile)); err != nil {
		return r, nil, err
	}
	if r.Outcome, r.Check, err = judgedAgain(filepath.Join(dir, harness.HistoryFile)); err != nil {
		return r, nil, err
	}
	r.Outcome.Age, r.Outcome.Plan = facts.Age, r.Plan
	if r.Check.Broken() == nil && facts.Object == "" && len(r.Admissions) == 0 {
		r.Outcome.Liveness = &harness.Liveness{Guarantee: facts.Guarantee, Detail: oneLine(facts.Sentence)}
	}
	if reduced == nil || reduced.Executions == 0 { // nobody tried
		return r, nil, nil
	}
	shrunk, err := recalledReduction(dir, r, *reduced)
	return r, shrunk, err
}

func recalledReduction(dir string, r harness.Run, reduced campaign.Reduced) (*harness.Shrunk, error) {
	s := &harness.Shrunk{Rate: reduced.Rate}
	s.From, s.Executions, s.Took, s.Ending = reduced.From, reduced.Executions, reduced.Took, generators.Ending(reduced.Ending)
	plan, err := readPlan(filepath.Join(dir, harness.ReducedFile))
	if errors.Is(err, os.ErrNotExist) { // it did not come back
		return s, nil
	}
	if err != nil {
		return nil, err
	}
	s.Best = plan
	outcome, check, err := judgedAgain(filepath.Join(dir, harness.ReducedHistoryFile))
	if errors.Is(err, os.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, err
	}
	if told := r.Check.Broken(); told != nil {
		check = check.Foremost(told.Object.Kind)
	}
	best := r
	best.Plan, best.Outcome, best.Check = plan, outcome, check
	s.Run = &best
	return s, nil
}

func readFacts(path string) (f harness.Finding, err error) {
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, &f)
	}
	if err != nil {
		return f, fmt.Errorf("read the facts of a finding: %s: %w", path, err)
	}
	return f, nil
}

func readPlan(path string) (generators.Plan, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return generators.Plan{}, fmt.Errorf("read the plan of a finding: %w", err)
	}
	p, err := generators.Decode(text)
	if err != nil {
		return generators.Plan{}, fmt.Errorf("read the plan of a finding: %s: %w", path, err)
	}
	return p, nil
}

// judgedAgain reads a kept history and judges it: what contradicts what is not in
// the records.
func judgedAgain(path string) (*harness.Outcome, checker.Result, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, checker.Result{}, fmt.Errorf("read the history of a finding: %w", err)
	}
	defer file.Close()
	h, err := model.ReadHistory(file)
	if err != nil {
		return nil, checker.Result{}, fmt.Errorf("read the history of a finding: %s: %w", path, err)
	}
	return &harness.Outcome{ID: h.Run, History: h, Path: path}, checker.Check(h, checker.Options{Budget: recallBudget}), nil
}

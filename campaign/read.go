package campaign

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"retain/generators"
	"retain/harness"
)

// Campaign is what the records of a directory say, all files together.
type Campaign struct {
	Dir string
	// Sittings are the files, in the order of their beginnings.
	Sittings []Sitting
}

// Sitting is the work of one process on a campaign.
type Sitting struct {
	Begun
	// File is its records' path below the campaign's directory.
	File string
	// Under are the plans that were under way when the records end, by number: a
	// campaign that is resumed draws them again.
	Under   map[int]Drawn
	Drawn   map[int]Drawn // all plans that were drawn
	Plans   []Judged      // in the order of their verdicts; what a ledger showed is merged
	Found   []Found
	Reduced []Reduced
	Samples []Sampled
	Canary  []Canary
	Notes   []Noted
	// Ended is nil if the process was killed.
	Ended *Ended
	// Last is the time of the last record.
	Last time.Time
	// Damage says what is wrong with the last line, "" for nothing.
	Damage string
}

// Took is the time from the sitting's beginning to its last record.
func (s *Sitting) Took() time.Duration { return s.Last.Sub(s.At) }

// ErrNoRecords says that nothing of a campaign is in a directory: there is none, or
// its process was killed before the first whole line.
var ErrNoRecords = errors.New("no records")

// Read reads all records below a directory, at any depth: that of one campaign, or
// one that has those of several shards. A last line that is cut off is tolerated
// and told in [Sitting].Damage; anything else that is no record is an error, with
// file and line. So are sittings that are not of one campaign, and one that is there
// twice. Without any, the error is [ErrNoRecords].
func Read(dir string) (*Campaign, error) {
	c := &Campaign{Dir: dir}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // a campaign that is under way removes its own
		}
		if err != nil {
			return err
		}
		if e.IsDir() || filepath.Ext(path) != ".jsonl" || filepath.Base(filepath.Dir(path)) != RecordsDir {
			return nil
		}
		s, err := readFile(path)
		if err != nil || s == nil {
			return err
		}
		if s.File, err = filepath.Rel(dir, path); err != nil {
			return err
		}
		c.Sittings = append(c.Sittings, *s)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the campaign: %w", err)
	}
	if len(c.Sittings) == 0 {
		return nil, fmt.Errorf("read the campaign: %w in %s: name the directory of a campaign, or one that has those of its shards", ErrNoRecords, dir)
	}
	slices.SortStableFunc(c.Sittings, func(a, b Sitting) int { return a.At.Compare(b.At) })
	if err := c.belong(); err != nil {
		return nil, fmt.Errorf("read the campaign: %w", err)
	}
	c.once()
	return c, nil
}

// path is where a sitting's file is.
func (c *Campaign) path(s *Sitting) string { return filepath.Join(c.Dir, s.File) }

// worse orders the verdicts of a plan, from the best; there are no others.
var worse = map[harness.Verdict]int{harness.Pass: 1, harness.Undecided: 2, harness.Harness: 3, harness.Violation: 4}

// once leaves a plan that several sittings judged to the one that judged it worst,
// the last of those, and what was found in it to the first that says so.
func (c *Campaign) once() {
	type judge struct{ sitting, worst int }
	of, found := map[int]judge{}, map[int]bool{}
	for i, s := range c.Sittings {
		for _, j := range s.Plans {
			if v := worse[j.Verdict]; v >= of[j.Number].worst {
				of[j.Number] = judge{i, v}
			}
		}
	}
	for i := range c.Sittings {
		s := &c.Sittings[i]
		s.Plans = slices.DeleteFunc(s.Plans, func(j Judged) bool { return of[j.Number].sitting != i })
		s.Found = slices.DeleteFunc(s.Found, func(f Found) bool {
			known := found[f.Number]
			found[f.Number] = true
			return known
		})
	}
}

// Drew is how a plan was drawn, and the sitting that did: the one that judged it, or
// the last where none has. A plan that was interrupted is drawn by several.
func (c *Campaign) Drew(number int) (s Sitting, d Drawn, drawn bool) {
	for i := range c.Sittings {
		one, did := c.Sittings[i].Drawn[number]
		if !did {
			continue
		}
		s, d, drawn = c.Sittings[i], one, true
		if slices.ContainsFunc(s.Plans, func(j Judged) bool { return j.Number == number }) {
			break
		}
	}
	return s, d, drawn
}

// readFile reads one file of records; nil for one whose first line is cut off,
// which says nothing.
func readFile(path string) (*Sitting, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	s := &Sitting{Under: map[int]Drawn{}, Drawn: map[int]Drawn{}}
	for n, rest := 1, text; len(rest) > 0; n++ {
		line, after, whole := bytes.Cut(rest, []byte("\n"))
		r, err := decode(line)
		switch {
		case !whole:
			s.Damage = fmt.Sprintf("line %d is cut off after %d bytes", n, len(line))
		case err != nil:
			return nil, fmt.Errorf("%s:%d: %w", path, n, err)
		default:
			if err := s.add(r); err != nil {
				return nil, fmt.Errorf("%s:%d: %w", path, n, err)
			}
		}
		rest = after
	}
	if s.Version == 0 {
		return nil, nil
	}
	return s, nil
}

// add adds a record to what is known of a sitting.
func (s *Sitting) add(r Record) error {
	b, first := r.(Begun)
	switch {
	case first && s.Version != 0:
		return errors.New("a second beginning")
	case first && (b.Version < 1 || b.Version > Version):
		return fmt.Errorf("the records have format version %d; this retain reads up to %d: use a newer one", b.Version, Version)
	case !first && s.Version == 0:
		return fmt.Errorf("%s comes before the beginning", r.name())
	}
	switch r := r.(type) {
	case Begun:
		s.Begun = r
		s.seen(r.At)
	case Drawn:
		s.Under[r.Number], s.Drawn[r.Number] = r, r
		s.seen(r.At)
	case Judged:
		if worse[r.Verdict] == 0 {
			return fmt.Errorf("plan %d has the verdict %q, which is none", r.Number, r.Verdict)
		}
		s.judged(r)
		s.seen(r.At.Add(r.Took))
	case Found:
		s.Found = append(s.Found, r)
		s.seen(r.At)
	case Reduced:
		s.Reduced = append(s.Reduced, r)
		s.seen(r.At)
	case Sampled:
		s.Samples = append(s.Samples, r)
		s.seen(r.At)
	case Canary:
		s.Canary = append(s.Canary, r)
		s.seen(r.At.Add(r.Took))
	case Noted:
		if r.Verdict != "" && r.Verdict != harness.Vacuous && worse[r.Verdict] == 0 {
			return fmt.Errorf("a note has the verdict %q, which is none", r.Verdict)
		}
		s.Notes = append(s.Notes, r)
		s.seen(r.At)
	case Ended:
		s.Ended = &r
		s.seen(r.At)
	}
	return nil
}

func (s *Sitting) seen(at time.Time) {
	if at.After(s.Last) {
		s.Last = at
	}
}

// judged adds a plan; what the ledger showed changes the verdict of one that is
// known.
func (s *Sitting) judged(j Judged) {
	delete(s.Under, j.Number)
	if !j.Ledger {
		s.Plans = append(s.Plans, j)
		return
	}
	for i := range s.Plans {
		if p := &s.Plans[i]; p.Run == j.Run && p.Number == j.Number {
			p.Verdict, p.Sentence, p.Ledger, p.Dir = j.Verdict, j.Sentence, true, j.Dir
			return
		}
	}
	s.Plans = append(s.Plans, j)
}

// Redraw draws a plan of the campaign again: the seed, its number and what it was
// drawn towards give it, with -rapid.steps as it was.
func (b Begun) Redraw(d Drawn) generators.Plan {
	return generators.Draw(b.Seed, d.Number, b.options(d.Aim))
}

// options are those of all plans of the sitting.
func (b Begun) options(aim *generators.Situation) generators.Options {
	o := generators.Options{Unresolved: b.Unresolved, Server: b.Server}
	if aim != nil {
		o.Aim = *aim
	}
	return o
}

// Totals of a campaign, or of a part of it.
type Totals struct {
	Plans, Operations int
	// Restarts counts recoveries that were seen to the end.
	Restarts int
	// InFlight counts the operations that were open at a stop or kill, ReadBack the
	// reads after a restart that showed what was acknowledged before it.
	InFlight, ReadBack int
	Faults             map[string]int
	Verdicts           map[harness.Verdict]int
	// Situations counts the plans that tested each.
	Situations map[string]int
	// Findings counts the violations by the plan that showed each first.
	Findings map[int]int
	// Inside is the time inside plans, of all workers together; Took that of the
	// sittings times their workers.
	Inside, Took time.Duration
}

// NewTotals are totals of nothing.
func NewTotals() Totals {
	return Totals{Faults: map[string]int{}, Verdicts: map[harness.Verdict]int{}, Situations: map[string]int{}, Findings: map[int]int{}}
}

// Add counts a plan.
func (t *Totals) Add(j Judged) {
	t.Plans++
	t.Operations += j.Operations
	t.Verdicts[j.Verdict]++
	t.InFlight += j.InFlight
	t.ReadBack += j.ReadBack
	t.Inside += j.Took
	for k, n := range j.Faults {
		t.Faults[k] += n
	}
	for _, r := range j.Recoveries {
		if r.Canary > 0 {
			t.Restarts++
		}
	}
	for _, s := range j.Situations {
		t.Situations[s]++
	}
}

// Totals sums all sittings. A plan counts once: [Read] gives one that a ledger judged
// again the ledger's verdict, and one that several sittings judged the worst of theirs.
func (c *Campaign) Totals() Totals {
	t := NewTotals()
	for _, s := range c.Sittings {
		for _, j := range s.Plans {
			t.Add(j)
		}
		t.Took += s.Took() * time.Duration(max(1, s.Workers))
	}
	for _, first := range c.Firsts() {
		t.Findings[first]++
	}
	return t
}

// Firsts gives each violation, by the number of its plan, the plan that showed its
// finding first: what has the same fingerprint is one, whichever shard found it,
// and a reduction may have shown that two findings are.
func (c *Campaign) Firsts() map[int]int {
	parent, prints := map[int]int{}, map[string]int{}
	var root func(n int) int
	root = func(n int) int {
		if p, has := parent[n]; has && p != n {
			return root(p)
		}
		return n
	}
	join := func(a, b int) {
		if a, b = root(a), root(b); a != b {
			parent[max(a, b)] = min(a, b)
		}
	}
	same := func(print string, n int) {
		if first, known := prints[print]; known && print != "" {
			join(first, n)
		} else {
			prints[print] = n
		}
	}
	for _, s := range c.Sittings {
		for _, f := range s.Found {
			join(f.Number, f.Finding)
			same(f.Fingerprint, f.Number)
		}
		for _, r := range s.Reduced {
			join(r.Number, r.Finding)
			same(r.Fingerprint, r.Number)
		}
	}
	out := map[int]int{}
	for _, s := range c.Sittings {
		for _, f := range s.Found {
			out[f.Number] = root(f.Number)
		}
	}
	return out
}

// Verdict is the worst of the campaign, and why, in sentences: pass only if every
// plan passed, every canary was caught, and all plans together prove enough.
func (c *Campaign) Verdict() (verdict harness.Verdict, why []string) {
	t := c.Totals()
	missed, canaries := 0, 0
	broken := t.Verdicts[harness.Harness]
	for _, s := range c.Sittings {
		for _, k := range s.Canary {
			canaries++
			if !k.Caught {
				missed++
			}
		}
		for _, n := range s.Notes {
			if n.Verdict == harness.Harness {
				broken++
				why = append(why, n.Text)
			}
		}
	}
	if missed > 0 || canaries == 0 {
		why = append(why, fmt.Sprintf("%s: %d of %d canaries were caught", CouldNotFind, canaries-missed, canaries))
	}
	switch {
	case t.Verdicts[harness.Violation] > 0:
		return harness.Violation, why
	case missed > 0 || canaries == 0 || broken > 0:
		return harness.Harness, why
	case t.Verdicts[harness.Undecided] > 0:
		return harness.Undecided, why
	}
	if missing := t.missing(); missing != nil {
		return harness.Vacuous, append(why, missing...)
	}
	return harness.Pass, why
}

// missing is what the plans lack to prove enough, as for a session.
func (t Totals) missing() []string {
	tally := harness.Tally{
		Plans: t.Plans, Recoveries: make([]harness.Recovered, t.Restarts), InFlight: t.InFlight, ReadBack: t.ReadBack,
		Cells: map[generators.Cell]int{},
	}
	for text, n := range t.Situations {
		var s generators.Situation
		if s.UnmarshalText([]byte(text)) != nil || s.Moment != generators.BeforeEffect && s.Moment != generators.AfterEffect {
			continue
		}
		if !s.Reads() {
			tally.Cells[generators.Cell{Fault: s.Fault, After: s.Moment == generators.AfterEffect}] += n
		}
	}
	return tally.Missing()
}

// CouldNotFind is what is said of a campaign that did not catch a planted bug.
const CouldNotFind = "this campaign could not have found anything"

// Explain is [Campaign].Verdict's second result in one line.
func Explain(why []string) string { return strings.Join(why, " · ") }

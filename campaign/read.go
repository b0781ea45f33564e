package campaign

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"retain/generators"
	"retain/harness"
	"retain/harness/triage"
	"retain/internal/inputfile"
	"retain/model"
)

// Campaign is what the records of a directory say, all files together.
type Campaign struct {
	Dir string
	// Segments are the files, in the order of their beginnings.
	Segments []Segment
	// Interrupted is true for a campaign that this process was to bring to its end and
	// did not. Of an upgrade, the records say it: see [Campaign.Unfinished].
	Interrupted bool
}

// Segment is the work of one process on a campaign.
type Segment struct {
	Start
	// File is its records' path below the campaign's directory.
	File string
	// Pending are the plans that were under way when the records end, by number: a
	// campaign that is resumed draws them again.
	Pending    map[int]PlanDrawn
	Drawn      map[int]PlanDrawn // all plans that were drawn
	Plans      []PlanResult      // in the order of their verdicts; what a ledger showed is merged
	Violations []Violation
	Reductions []Reduction
	Samples    []Sample
	Canaries   []Canary
	Notes      []Note
	// End is nil if the process was killed.
	End *End
	// Last is the time of the last record.
	Last time.Time
	// Damage says what is wrong with the last line, "" for nothing.
	Damage string
}

// Took is the time from the segment's beginning to its last record.
func (s *Segment) Took() time.Duration { return s.Last.Sub(s.At) }

// AtWork is what a segment has used of its campaign's time: Took, without the canaries.
func (s *Segment) AtWork() time.Duration {
	out := s.Took()
	for _, canary := range s.Canaries {
		out -= canary.Took
	}
	return out
}

// ErrNoRecords says that nothing of a campaign is in a directory: there is none, or
// its process was killed before the first whole line.
var ErrNoRecords = errors.New("no records")

// Read reads all records below a directory, at any depth: that of one campaign, or
// one that has those of several shards. A last line that is cut off is tolerated
// and told in [Segment].Damage; anything else that is no record is an error, with
// file and line. So are segments that are not of one campaign, and one that is there
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
		c.Segments = append(c.Segments, *s)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the campaign: %w", err)
	}
	if len(c.Segments) == 0 {
		return nil, fmt.Errorf("read the campaign: %w in %s: name the directory of a campaign, or one that has those of its shards", ErrNoRecords, dir)
	}
	slices.SortStableFunc(c.Segments, func(a, b Segment) int { return a.At.Compare(b.At) })
	if err := c.compatible(); err != nil {
		return nil, fmt.Errorf("read the campaign: %w", err)
	}
	c.dropDuplicates()
	return c, nil
}

// path is where a segment's file is.
func (c *Campaign) path(s *Segment) string { return filepath.Join(c.Dir, s.File) }

// dropDuplicates keeps one result of a plan that several segments ran: the last of the
// worst verdict. Of several records of its violation it keeps the first.
func (c *Campaign) dropDuplicates() {
	type judge struct{ segment, worst int }
	of, found := map[int]judge{}, map[int]bool{}
	for i, s := range c.Segments {
		for _, j := range s.Plans {
			if v := harness.Severity(j.Verdict); v >= of[j.Number].worst {
				of[j.Number] = judge{i, v}
			}
		}
	}
	for i := range c.Segments {
		s := &c.Segments[i]
		s.Plans = slices.DeleteFunc(s.Plans, func(j PlanResult) bool { return of[j.Number].segment != i })
		s.Violations = slices.DeleteFunc(s.Violations, func(f Violation) bool {
			known := found[f.Number]
			found[f.Number] = true
			return known
		})
	}
}

// FindDrawn is how a plan was drawn, and the segment that did: the one that judged it, or
// the last where none has. A plan that was interrupted is drawn by several.
func (c *Campaign) FindDrawn(number int) (s Segment, d PlanDrawn, drawn bool) {
	for i := range c.Segments {
		one, did := c.Segments[i].Drawn[number]
		if !did {
			continue
		}
		s, d, drawn = c.Segments[i], one, true
		if slices.ContainsFunc(s.Plans, func(j PlanResult) bool { return j.Number == number }) {
			break
		}
	}
	return s, d, drawn
}

// readFile reads one file of records; nil for one whose first line is cut off,
// which says nothing.
func readFile(path string) (*Segment, error) {
	text, err := inputfile.Read(path, triage.MaxFile)
	if err != nil {
		return nil, err
	}
	s := &Segment{Pending: map[int]PlanDrawn{}, Drawn: map[int]PlanDrawn{}}
	for n, rest := 1, text; len(rest) > 0; n++ {
		line, after, whole := bytes.Cut(rest, []byte("\n"))
		r, err := decode(line)
		switch {
		case !whole && err != nil: // a whole record counts without its newline
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

// add adds a record to what is known of a segment.
func (s *Segment) add(r Record) error {
	b, first := r.(Start)
	switch {
	case first && s.Version != 0:
		return errors.New("a second beginning")
	case first && (b.Version < 1 || b.Version > Version):
		return fmt.Errorf("the records have format version %d; this retain reads up to %d: use a newer one", b.Version, Version)
	case !first && s.Version == 0:
		return fmt.Errorf("%s comes before the beginning", r.name())
	}
	switch r := r.(type) {
	case Start:
		s.Start = r.withoutLater()
		s.seen(r.At)
	case PlanDrawn:
		s.Pending[r.Number], s.Drawn[r.Number] = r, r
		s.seen(r.At)
	case PlanResult:
		if s.Version == 1 && r.Verdict == harness.Violation {
			r.Broken = model.ReadVersion1(r.Sentence)
		}
		if s.Version < 4 {
			r.classify()
		}
		if harness.Severity(r.Verdict) < 0 {
			return fmt.Errorf("plan %d has the verdict %q, which is none", r.Number, r.Verdict)
		}
		s.addResult(r)
		s.seen(r.At.Add(r.Took))
	case Violation:
		s.Violations = append(s.Violations, r)
		s.seen(r.At)
	case Reduction:
		s.Reductions = append(s.Reductions, r)
		s.seen(r.At)
	case Sample:
		s.Samples = append(s.Samples, r)
		s.seen(r.At)
	case Canary:
		s.Canaries = append(s.Canaries, r)
		s.seen(r.At.Add(r.Took))
	case Note:
		if r.Verdict != "" && r.Verdict != harness.Vacuous && harness.Severity(r.Verdict) < 0 {
			return fmt.Errorf("a note has the verdict %q, which is none", r.Verdict)
		}
		s.Notes = append(s.Notes, r)
		s.seen(r.At)
	case End:
		s.End = &r
		s.seen(r.At)
	}
	return nil
}

// withMailboxes is the first version whose plans are drawn with mailboxes and answers,
// withAwakeables the first with awakeables and operations on invocations.
const (
	withMailboxes  = 8
	withAwakeables = 9
)

// withoutLater excludes what the segment's plans could not have.
func (b Start) withoutLater() Start {
	later := generators.Exclusions{}
	add := func(what generators.Excluded, names ...string) {
		for _, name := range names {
			later = append(later, generators.Exclusion{What: what, Name: name, Reason: "an earlier retain began the campaign, without them"})
		}
	}
	if b.Version < withMailboxes {
		add(generators.ExcludedObject, string(model.Mailbox), string(model.Answers))
	}
	if b.Version < withAwakeables {
		add(generators.ExcludedObject, string(model.Awakeables))
		add(generators.ExcludedOperation, model.ManageNames()...)
		add(generators.ExcludedConfiguration, generators.StartConfig{OneTimer: true}.String())
	}
	b.Exclude = slices.Clone(b.Exclude)
	for _, e := range later {
		if !b.Exclude.Excludes(e.What, e.Name) {
			b.Exclude = append(b.Exclude, e)
		}
	}
	return b
}

func (s *Segment) seen(at time.Time) {
	if at.After(s.Last) {
		s.Last = at
	}
}

// addResult adds a plan; what the ledger showed changes the verdict of one that is
// known.
func (s *Segment) addResult(j PlanResult) {
	delete(s.Pending, j.Number)
	if !j.Ledger {
		s.Plans = append(s.Plans, j)
		return
	}
	for i := range s.Plans {
		if p := &s.Plans[i]; p.Run == j.Run && p.Number == j.Number {
			p.Verdict, p.Sentence, p.Broken, p.Known, p.Ledger, p.Dir, p.Broke, p.While = j.Verdict, j.Sentence, j.Broken, j.Known, true, j.Dir, j.Broke, j.While
			return
		}
	}
	s.Plans = append(s.Plans, j)
}

// Redraw draws a plan of the campaign again: it follows from the seed, its
// number, its target situation and -rapid.steps.
func (b Start) Redraw(d PlanDrawn) generators.Plan {
	if b.Upgrade != nil {
		return b.drawUpgrade(d)
	}
	return generators.Draw(b.Seed, d.Number, b.options(d.Situation))
}

// options are those of all plans of the segment.
func (b Start) options(target *generators.Situation) generators.Options {
	o := generators.Options{Unresolved: b.Unresolved, Server: b.Server, StartConfigs: b.StartConfigs, VQueues: b.VQueues, Loads: b.Loads, ServiceFaults: b.ServiceFaults, Exclude: b.Exclude, Rare: b.Rare}
	if target == nil {
		o.Scheduled = b.Scheduled
	} else {
		o.Situation = *target
	}
	return o
}

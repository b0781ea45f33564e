package report

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"retain/harness"
)

// Reporter tells of one session as it goes on, and at its end. It is used by one
// goroutine at a time.
type Reporter struct {
	// Name is the session's: that of the test that conducts it.
	Name string
	// Out is the terminal.
	Out io.Writer
	// Verbose prints a line for every plan.
	Verbose bool
	// SDK names the handlers, "sdk go 1.2.0"; Flags chose the server.
	SDK   string
	Flags []string
	// Seed is the session's.
	Seed uint64
	// Expected says why violations were expected, "" if they were not: JUnit counts
	// them as skipped.
	Expected string

	runs   []ran
	passed int
	broken bool // a harness error was told
}

// ran is what is remembered of a run until the end.
type ran struct {
	number  int
	ledger  bool
	verdict harness.Verdict
	took    time.Duration
	said    Rows // nil for a pass
	shrunk  *harness.Shrunk
}

func (p *Reporter) context() Context {
	return Context{SDK: p.SDK, Flags: p.Flags, Passed: p.passed}
}

// session says what a session found, of a violation that was reduced as what it
// was reduced to.
func (p *Reporter) session(s *harness.Session) Rows {
	c := p.context()
	if told := failures(s, s.Verdict); len(told) > 0 {
		c.Shrunk = p.shrunk(told[0])
	}
	return Session(s, c, p.Seed)
}

// shrunk is what a run was reduced to, nil if it was not.
func (p *Reporter) shrunk(r harness.Run) *harness.Shrunk {
	for _, told := range p.runs {
		if told.number == r.Number && told.verdict == r.Verdict {
			return told.shrunk
		}
	}
	return nil
}

// Run tells of a run, as soon as it is judged. What keeps plans from being tested
// and what was lost is printed at once, when its page is complete.
func (p *Reporter) Run(r harness.Run) {
	if p.Verbose {
		Line(p.Out, r)
	}
	told := ran{number: r.Number, ledger: r.Ledger, verdict: r.Verdict}
	if r.Outcome != nil {
		told.took = r.Outcome.Took
	}
	if r.Verdict == harness.Pass {
		p.passed++
	} else {
		if err := WritePage(r, p.context()); err != nil {
			r.Problem = errors.Join(r.Problem, err)
		}
		told.said = Finding(r, p.context())
	}
	p.runs = append(p.runs, told)
	switch r.Verdict {
	case harness.Violation:
		told.said.Print(p.Out)
	case harness.Undecided:
		fmt.Fprintf(p.Out, "note       plan %d is undecided, and kept in %s\n", r.Number, filepath.Dir(historyOf(r)))
	case harness.Harness:
		if p.broken {
			fmt.Fprintf(p.Out, "also       plan %d: %s\n", r.Number, oneLine(r.Sentence))
			return
		}
		p.broken = true
		told.said.Print(p.Out)
	}
}

// Shrunk tells of a violation again, as what it was reduced to. Its page and what
// else tells of it then say so too.
func (p *Reporter) Shrunk(r harness.Run, s *harness.Shrunk) {
	c := p.context()
	c.Shrunk = s
	r.Problem = errors.Join(r.Problem, s.Problem)
	if err := WritePage(r, c); err != nil {
		r.Problem = errors.Join(r.Problem, err)
	}
	said := Finding(r, c)
	for i := range p.runs {
		if p.runs[i].number == r.Number && p.runs[i].verdict == r.Verdict {
			p.runs[i].said, p.runs[i].shrunk = said, s
		}
	}
	said.Print(p.Out)
}

// End tells of the whole session.
func (p *Reporter) End(s *harness.Session) {
	if s.Verdict != harness.Violation && s.Verdict != harness.Harness {
		p.session(s).Print(p.Out)
	}
}

// CouldNotBegin is a session that could not begin, for the files that tell of it.
// Nothing is printed: whoever can't begin says so in a line.
func (p *Reporter) CouldNotBegin(why error) *harness.Session {
	r := harness.Run{Number: -1, Verdict: harness.Harness, Sentence: "could not begin: " + why.Error()}
	p.runs = append(p.runs, ran{number: r.Number, verdict: r.Verdict, said: Finding(r, p.context())})
	return &harness.Session{
		Verdict: harness.Harness, Failures: []harness.Run{r}, Counts: map[harness.Verdict]int{harness.Harness: 1},
	}
}

// Line prints a run in one line, for -v.
func Line(w io.Writer, r harness.Run) {
	took := time.Duration(0)
	if r.Outcome != nil {
		took = r.Outcome.Took
	}
	fmt.Fprintf(w, "plan %-4d %-10s %3d steps · %3d operations · %d in flight at a fault · %s · %s\n", r.Number, r.Verdict,
		len(r.Plan.Steps), r.Tally.Operations, r.Tally.InFlight, faults(r.Tally.Faults), took.Round(time.Millisecond))
}

// WritePage completes the folder of a run that was kept with its page. A run that
// was not kept has none.
func WritePage(r harness.Run, c Context) error {
	if r.Dir == "" {
		return nil
	}
	file, err := os.Create(filepath.Join(r.Dir, harness.PageFile))
	if err != nil {
		return fmt.Errorf("write the page of the finding: %w", err)
	}
	if err := errors.Join(Page(file, r, c), file.Close()); err != nil {
		return fmt.Errorf("write the page of the finding: %w", err)
	}
	return nil
}

package report

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"retain/harness"
	"retain/harness/regress"
	"retain/harness/session"
	"retain/harness/triage"
	"retain/model"
)

// Reporter reports one session while it runs, and at its end. It is used by one
// goroutine at a time.
type Reporter struct {
	// Name is the session's: that of the test that conducts it.
	Name string
	// Out is the terminal.
	Out io.Writer
	// Verbose prints a line for every plan, and how the workers' time divides.
	Verbose bool
	// SDK names the handlers, "sdk go 1.2.0", where a run does not; Flags chose the server.
	SDK   string
	Flags []string
	// Altered is in what the session differs from a plain server.
	Altered model.Settings
	// Seed is the session's.
	Seed uint64
	// Expected says why violations were expected, "" if they were not: JUnit counts
	// them as skipped.
	Expected string
	// Kept is the regression that the session's plan was kept as, "" for none.
	Kept string

	runs   []ran
	passed int
	broken bool // a harness error was told
}

// ran is the part of a run kept until the end.
type ran struct {
	number  int
	ledger  bool
	verdict harness.Verdict
	took    time.Duration
	said    Rows // nil for a pass
	known   []string
	shrunk  *regress.Shrunk
}

func (p *Reporter) context() Context {
	return Context{SDK: p.SDK, Flags: p.Flags, Altered: p.Altered, Passed: p.passed, Verbose: p.Verbose}
}

// session says what a session found, of a violation that was reduced as what it
// was reduced to.
func (p *Reporter) session(s *session.Result) Rows {
	c := p.context()
	if told := failures(s, s.Verdict); len(told) > 0 {
		c.Shrunk = p.shrunk(told[0])
	}
	return Session(s, c, p.Seed)
}

// shrunk is what a run was reduced to, nil if it was not.
func (p *Reporter) shrunk(r harness.Run) *regress.Shrunk {
	for _, told := range p.runs {
		if told.number == r.Number && told.verdict == r.Verdict {
			return told.shrunk
		}
	}
	return nil
}

// Run reports a run as soon as it is judged. What keeps plans from being tested
// and what was lost is printed at once, when its page is complete.
func (p *Reporter) Run(r harness.Run) {
	if p.Verbose {
		Line(p.Out, r)
	}
	for _, excused := range r.Excused() {
		fmt.Fprintf(p.Out, "note       plan %d, step %d: way back refused, excused: %s\n", r.Number, excused.Step, oneLine(excused.Excused))
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
		told.said, told.known = Finding(r, p.context()), knownRow(r)
	}
	p.runs = append(p.runs, told)
	switch r.Verdict {
	case harness.Violation:
		told.said.Print(p.Out)
	case harness.Known:
		var line Rows
		line.add("known", fmt.Sprintf("plan %d, kept in %s: %s", r.Number, filepath.Dir(historyOf(r)), strings.Join(knownRow(r), "; ")))
		line.Print(p.Out)
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

// Shrunk reports a violation again, with its reduction. It updates the page and the
// other files of the finding.
func (p *Reporter) Shrunk(r harness.Run, s *regress.Shrunk) {
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

// End reports the whole session.
func (p *Reporter) End(s *session.Result) {
	if s.Verdict != harness.Violation && s.Verdict != harness.Harness {
		p.session(s).Print(p.Out)
	}
}

// Interrupted is a session that was interrupted before it began, told like one that
// was interrupted later.
func (p *Reporter) Interrupted() *session.Result {
	s := &session.Result{Verdict: harness.Interrupted, Counts: map[harness.Verdict]int{}}
	p.End(s)
	return s
}

// CouldNotBegin is a session that could not begin, for the files that tell of it.
// It prints nothing: the caller prints the error.
func (p *Reporter) CouldNotBegin(why error) *session.Result {
	r := harness.Run{Number: -1, Verdict: harness.Harness, Sentence: "could not begin: " + why.Error()}
	p.runs = append(p.runs, ran{number: r.Number, verdict: r.Verdict, said: Finding(r, p.context())})
	return &session.Result{
		Verdict: harness.Harness, Failures: []harness.Run{r}, Counts: map[harness.Verdict]int{harness.Harness: 1},
	}
}

// Line prints a run in one line, for -v.
func Line(w io.Writer, r harness.Run) {
	took := time.Duration(0)
	if r.Outcome != nil {
		took = r.Outcome.Took
	}
	load := ""
	if l := r.Tally.Load; l.Plans > 0 {
		load = fmt.Sprintf(" · load %s, %s", plural(l.Clients, "client"), plural(l.Operations, "operation"))
	}
	fmt.Fprintf(w, "plan %-4d %-10s %3d steps · %3d operations · %d in flight at a fault%s · %s · %s\n", r.Number, r.Verdict,
		len(r.Plan.Steps), r.Tally.Operations, r.Tally.InFlight, load, faults(r.Tally.Faults), took.Round(time.Millisecond))
}

// WritePage completes the folder of a run that was kept with its page. A run that
// was not kept has none.
func WritePage(r harness.Run, c Context) error {
	if r.Dir == "" {
		return nil
	}
	file, err := os.Create(filepath.Join(r.Dir, triage.PageFile))
	if err != nil {
		return fmt.Errorf("write the page of the finding: %w", err)
	}
	if err := errors.Join(Page(file, r, c), file.Close()); err != nil {
		return fmt.Errorf("write the page of the finding: %w", err)
	}
	return nil
}

package report

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"retain/checker"
	"retain/generators"
	"retain/harness"
	"retain/model"
)

// Session context that a run's rows need and a run does not know.
type Context struct {
	// SDK names the handlers: "sdk go 1.2.0"; "" leaves it out.
	SDK string
	// Flags chose the server: the command that replays repeats them.
	Flags []string
	// Passed is how many plans have passed so far, Of how many were judged.
	Passed, Of int
	// Shrunk is what a violation was reduced to, nil if it was not.
	Shrunk *harness.Shrunk
}

// Finding says what a run that did not pass showed. Its last row is the command
// to run next.
func Finding(r harness.Run, c Context) Rows {
	var out Rows
	switch r.Verdict {
	case harness.Violation:
		out = violation(r, c)
	case harness.Undecided:
		return undecided(r, c)
	default:
		out = broken(r, c)
	}
	out.add("not saved", notSaved(r)...)
	return out
}

// notSaved says what of a run could not be kept.
func notSaved(r harness.Run) []string {
	if r.Problem == nil {
		return nil
	}
	return []string{strings.ReplaceAll(r.Problem.Error(), "\n", "; ")}
}

// historyOf is where a run's history is: in its folder, or where it was made.
func historyOf(r harness.Run) string {
	if r.Dir == "" && r.Outcome != nil {
		return r.Outcome.Path
	}
	return filepath.Join(r.Dir, harness.HistoryFile)
}

func violation(r harness.Run, c Context) (out Rows) {
	shown := shownOf(r, c.Shrunk)
	asked, earlier := askedOf(r, c.Shrunk)
	about := aboutOf(shown)
	if r.Dir != "" {
		about = append(about, "finding "+filepath.Base(r.Dir))
	}
	out.add("violation", titled(broke(shown), about))
	out.add("build", build(shown, c)...)
	if shown.Outcome != nil {
		out.add("", proof(shown)...)
	}
	out.add("judged", judged(shown, earlier || len(asked.RuledOut) == 0)...) // else the second opinion is one of those
	out.add("admitted", marked(admitted(asked), earlier)...)
	out.add("ruled out", marked(ruledOut(asked), earlier)...)
	if asked.Where != "" {
		out.add("where", marked([]string{asked.Where}, earlier)...)
	}
	if shown.Outcome != nil && shown.Outcome.Liveness != nil {
		out.add("answered", answered(shown.Outcome.History)...)
	}
	out.add("rate", rate(r, c.Shrunk)...)
	if r.Dir == "" && r.Outcome != nil {
		out.add("files", historyOf(r))
	}
	if r.Dir != "" {
		out.add("files", files(r.Dir)...)
		replay := strings.Join(append([]string{"go test -run Replay -plan", filepath.Join(r.Dir, planOf(c.Shrunk))}, c.Flags...), " ")
		out.add("replay", replay)
		out.add("keep it", replay+" -promote NAME")
	}
	return out
}

// broke is the broken guarantee as a title. What did not happen is named by what
// should have.
func broke(r harness.Run) string {
	guarantee := r.Guarantee()
	switch {
	case r.Check.Broken() != nil:
		return guarantee
	case r.Outcome != nil && r.Outcome.Liveness != nil:
		return "broken: " + guarantee
	}
	return oneLine(r.Sentence) // the server's own words
}

// aboutOf is what a violation is about: an object, if it is about one, and whether
// the ledger showed it.
func aboutOf(r harness.Run) (about []string) {
	var object model.Object
	if b := r.Check.Broken(); b != nil {
		object = b.Object
	} else if r.Outcome != nil && r.Outcome.Liveness != nil && r.Outcome.Liveness.Operation > 0 {
		object = r.Outcome.History.Operations[r.Outcome.Liveness.Operation-1].Object
	}
	if object.Kind != "" {
		about = append(about, object.Kind.Service()+" "+object.String())
	}
	if r.Ledger {
		about = append(about, "seen by the ledger")
	}
	return about
}

// build says what was tested, and how old it was.
func build(r harness.Run, c Context) []string {
	if r.Outcome == nil {
		return nil
	}
	line := r.Outcome.History.Runtime + ", 1 node"
	if c.SDK != "" {
		line += " · " + c.SDK
	}
	second := fmt.Sprintf("plan %d", r.PlanNumber())
	if r.Plan.Seed != 0 {
		second = fmt.Sprintf("seed %d, %s", r.Plan.Seed, second)
	}
	if c.Shrunk != nil && c.Shrunk.Run != nil {
		second += " reduced"
	}
	second += fmt.Sprintf(", number %d of its runtime", r.Outcome.Age+1)
	if s, err := generators.ServerNamed(r.Plan.Config.Server); err == nil {
		second += " · " + s.Name + ": " + s.Says
	} else if n := r.Plan.Config.Partitions; n > 0 {
		second += " · " + plural(n, "partition")
	}
	return []string{line, second}
}

// proof draws the operations that the violation is about.
func proof(r harness.Run) []string {
	h := r.Outcome.History
	if b := r.Check.Broken(); b != nil {
		return Operations(h, b.Proof, b.Contradiction, remark(h, *b, r.Lost))
	}
	if l := r.Outcome.Liveness; l != nil && l.Operation > 0 {
		return Operations(h, []int{l.Operation}, l.Operation, "not answered")
	}
	return nil
}

// remark says what is wrong with the operation that contradicts the others: where the
// value came from that can't be there, or which acknowledged change is missing. lost
// are those that are, if that is known; otherwise it is the one of the proof, if there
// is one.
func remark(h *model.History, b checker.ObjectResult, lost []int) string {
	const unexplained = "no order explains this"
	if b.Stranger != nil {
		return stranger(h, b)
	}
	if !b.Missing() {
		return unexplained
	}
	known := len(lost) > 0
	if !known {
		for _, id := range b.Proof {
			if o := h.Operations[id-1]; !o.Op.ReadOnly() && o.Outcome == model.OK && id != b.Contradiction {
				lost = append(lost, id)
			}
		}
	}
	if len(lost) == 0 || len(lost) > 1 && !known {
		return unexplained
	}
	o := h.Operations[lost[0]-1]
	says := fmt.Sprintf("%s was acknowledged at %d ms", o.Op, o.In(model.Resolved).Return.Ns/1e6)
	if more := len(lost) - 1; more > 0 {
		says += fmt.Sprintf(", and is missing like %d more", more)
	}
	return says
}

// stranger says what is known of the value that can't be there.
func stranger(h *model.History, b checker.ObjectResult) string {
	value := strconv.Quote(b.Stranger.Value)
	switch {
	case len(b.Stranger.Writers) == 0:
		return "nothing wrote " + value
	case strings.Contains(b.Guarantee, "two effects"):
		value += ", which stands there twice,"
	}
	o := h.Operations[b.Stranger.Writers[0]-1]
	on := ""
	if o.Object != b.Object {
		on = " on " + o.Object.String()
	}
	return fmt.Sprintf("%s is of %s%s at %d ms -> %s", value, o.Op, on, o.Call.Ns/1e6, ending(h, o, false))
}

// judged says who decided, with porcupine's opinion if that is asked for, and what
// kind of promise broke.
func judged(r harness.Run, second bool) []string {
	b := r.Check.Broken()
	if b == nil {
		if r.Outcome != nil && r.Outcome.Liveness != nil {
			return []string{r.Outcome.Liveness.Detail}
		}
		return nil
	}
	return []string{decided(*b, second)}
}

// maxAdmissions bounds the admissions that are printed; the page has them all.
const maxAdmissions = 4

func admitted(r harness.Run) (out []string) {
	for i, a := range r.Admissions {
		if i == maxAdmissions {
			return append(out, fmt.Sprintf("... and %d more in %s", len(r.Admissions)-i, harness.PageFile))
		}
		out = append(out, fmt.Sprintf("%s (%s): %.160s", a.Class, life(a), oneLine(a.Line)))
	}
	return out
}

func life(a harness.Admission) string {
	if a.Life == 0 {
		return "of an unknown life"
	}
	return fmt.Sprintf("life %d", a.Life)
}

// ruledOut lists what else the violation could have been, and then what could
// not be ruled out.
func ruledOut(r harness.Run) (out []string) {
	var yes, no []string
	for _, x := range r.RuledOut {
		text := x.What
		if x.Fact != "" {
			text += " (" + x.Fact + ")"
		}
		if x.Out {
			yes = append(yes, text)
		} else {
			no = append(no, text)
		}
	}
	out = wrapped(yes, " · ")
	if len(no) > 0 {
		no[0] = "NOT ruled out: " + no[0]
	}
	return append(out, wrapped(no, " · ")...)
}

// files lists what a finding's folder has, its page first.
func files(dir string) []string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return []string{dir + string(filepath.Separator)}
	}
	order := []string{harness.PageFile, harness.PictureFile, harness.PlanFile, harness.HistoryFile}
	rank := func(name string) int {
		if i := slices.Index(order, name); i >= 0 {
			return i
		}
		return len(order)
	}
	var names []string
	for _, e := range entries {
		name := e.Name()
		if e.IsDir() {
			name += string(filepath.Separator)
		}
		names = append(names, name)
	}
	slices.SortStableFunc(names, func(a, b string) int { return rank(a) - rank(b) })
	return wrapped(append([]string{dir + string(filepath.Separator)}, names...), "  ")
}

// answered draws when the server answered during a run.
func answered(h *model.History) []string {
	var spans []harness.Span
	for _, s := range available(h) {
		spans = append(spans, harness.Span{From: nanoseconds(s.From), To: nanoseconds(s.To), Up: s.Up})
	}
	row, up := Strip(spans, stripCells)
	if row == "" {
		return nil
	}
	return []string{fmt.Sprintf("%s %.0f %% of the time known", row, up*100)}
}

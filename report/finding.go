package report

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"retain/checker"
	"retain/generators"
	"retain/harness"
	"retain/harness/regress"
	"retain/harness/triage"
	"retain/internal/printable"
	"retain/model"
	"retain/runtime/serverlog"
)

// Context is what the rows of a run need of its session.
type Context struct {
	// SDK names the handlers, "sdk go 1.2.0", where a run does not; "" leaves them out.
	SDK string
	// Flags chose the server: the command that replays repeats them.
	Flags []string
	// Altered is in what the session differs from a plain server.
	Altered model.Settings
	// Passed is how many plans have passed so far, Of how many were judged.
	Passed, Of int
	// Shrunk is what a violation was reduced to, nil if it was not.
	Shrunk *regress.Shrunk
	// Verbose adds how the workers' time divides.
	Verbose bool
}

// Finding says what a run that did not pass showed. Its last row is the command
// to run next.
func Finding(r harness.Run, c Context) Rows {
	var out Rows
	switch r.Verdict {
	case harness.Violation, harness.Known:
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
	return filepath.Join(r.Dir, triage.HistoryFile)
}

func violation(r harness.Run, c Context) (out Rows) {
	shown := shownOf(r, c.Shrunk)
	asked, earlier := askedOf(r, c.Shrunk)
	about := aboutOf(shown)
	if r.Dir != "" {
		about = append(about, "finding "+filepath.Base(r.Dir))
	}
	out.add(string(r.Verdict), titled(brokenTitle(shown), about))
	out.add("known", knownRow(r)...)
	out.add("held by", heldBy(shown)...)
	out.add("waiting", waiting(shown)...)
	out.add("build", build(shown, c)...)
	if shown.Outcome != nil {
		out.prove(proof(shown))
		out.add("not shown", notShown(shown)...)
	}
	out.add("attempts", attempts(shown)...)
	out.add("came", came(shown.CameAt())...)
	out.add("judged", judged(shown, earlier || len(asked.Hypotheses) == 0)...) // else the second opinion is one of those
	out.add("admitted", marked(admitted(asked), earlier)...)
	out.add("shortage", marked(shortage(asked), earlier)...)
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
		plan := filepath.Join(r.Dir, planOf(c.Shrunk))
		replay := "go test -run Replay -plan " + words(append([]string{plan}, c.Flags...)...)
		out.add("replay", replay)
		if compare := compareCommand(plan, c.Flags); compare != "" {
			out.add("compare", compare)
		}
		out.add("keep it", replay+" -promote NAME")
	}
	return out
}

// brokenTitle is the broken guarantee as a title. A missing event is named by what
// should have.
func brokenTitle(r harness.Run) string {
	guarantee := r.Guarantee().String()
	switch {
	case r.Check.Broken() != nil:
		return guarantee
	case r.Outcome != nil && r.Outcome.Liveness != nil:
		return "broken: " + guarantee
	}
	return oneLine(r.Sentence) // the server's own words
}

// came says after which start a violation came, and what was answered before and after it.
func came(c *harness.CameAt) []string {
	if c == nil {
		return nil
	}
	return []string{printable.Middle(c.String(), maxLogLine)}
}

// aboutOf is what a violation is about: an object, if it is about one, and whether
// the ledger showed it.
func aboutOf(r harness.Run) (about []string) {
	if object := objectOf(r); object.Kind != "" {
		about = append(about, object.Kind.Service()+" "+object.String())
	}
	if r.Ledger {
		about = append(about, "seen by the ledger")
	}
	return about
}

// objectOf is the object that a violation is about, the zero value for none.
func objectOf(r harness.Run) (object model.Object) {
	if b := r.Check.Broken(); b != nil {
		return b.Object
	}
	if r.Outcome != nil && r.Outcome.Liveness != nil && r.Outcome.Liveness.Operation > 0 {
		return r.Outcome.History.Operations[r.Outcome.Liveness.Operation-1].Object
	}
	return object
}

// maxRuntime bounds the description of a runtime, which may be of a history from
// elsewhere.
const maxRuntime = 200

// build says what was tested, and how old it was.
func build(r harness.Run, c Context) []string {
	if r.Outcome == nil {
		return nil
	}
	line := printable.Cut(r.Outcome.History.Runtime, maxRuntime) + ", 1 node"
	if sdk := cmp.Or(r.Outcome.SDK, c.SDK); sdk != "" {
		line += " · " + printable.Line(sdk)
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
	} else if config := r.Plan.Config.Configuration(); config != "" {
		second += " · " + config
	}
	if load := r.Plan.Load.String(); load != "" {
		second += " · load of " + load
	}
	if path := r.Plan.Path(); len(path) > 0 {
		second += " · started as " + strings.Join(path, ", then as ")
	}
	return append(with(line, alteredIn(r, c)), second)
}

// proof draws the operations that the violation is about.
func proof(r harness.Run) *table {
	h := r.Outcome.History
	if b := r.Check.Broken(); b != nil {
		return tableOf(h, b.Proof, b.Contradiction, remark(h, *b, r.Lost))
	}
	if ids, marked := shown(r); marked > 0 {
		return stuckTable(h, ids, marked, stuckRemark(r))
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
	if b.Entered != nil {
		return fmt.Sprintf("had been ended, and entered its handler again at %d ms", b.Entered.At.Ns/1e6)
	}
	if again := h.Operations[b.Contradiction-1].AnsweredOtherwise(); again != nil && (b.Guarantee.Code == model.AnswerNotKept || b.Guarantee.Code == model.MetadataLost) {
		return fmt.Sprintf("sent again at %d ms it was answered %s", again.At.Ns/1e6, printable.Middle(again.Answer.String(), maxCell))
	}
	if says := keyAnswered(h, b); says != "" {
		return says
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
	says := fmt.Sprintf("%s was acknowledged at %d ms", printable.Middle(o.Op.String(), maxCell), o.In(model.Resolved).Return.Ns/1e6)
	if more := len(lost) - 1; more > 0 {
		says += fmt.Sprintf(", and is missing like %d more", more)
	}
	return says
}

// keyAnswered says what the key of the contradicting operation was answered before, "" if the
// guarantee is not about that.
func keyAnswered(h *model.History, b checker.ObjectResult) string {
	switch b.Guarantee.Code {
	case model.AnswerNotKept, model.AnswerForgotten, model.AnswerUnknownAtStart, model.MetadataLost:
	default:
		return ""
	}
	key := h.Operations[b.Contradiction-1].Key
	for _, id := range b.Proof {
		o := h.Operations[id-1].In(model.Resolved)
		if o.Key == key && id != b.Contradiction && o.Answer != nil {
			return fmt.Sprintf("its key was answered %s at %d ms", printable.Middle(o.Answer.String(), maxCell), o.Return.Ns/1e6)
		}
	}
	return ""
}

// stranger says what is known of the value that can't be there.
func stranger(h *model.History, b checker.ObjectResult) string {
	value := printable.Middle(strconv.Quote(b.Stranger.Value), maxCell)
	switch {
	case len(b.Stranger.Writers) == 0:
		return "nothing wrote " + value
	case b.Guarantee.Code == model.TwoEffectsOfKey || b.Guarantee.Code == model.TwoEffectsOfAppend:
		value += ", which occurs twice,"
	}
	o := h.Operations[b.Stranger.Writers[0]-1]
	on := ""
	if o.Object != b.Object {
		on = " on " + o.Object.String()
	}
	return fmt.Sprintf("%s is of %s%s at %d ms -> %s", value, printable.Middle(o.Op.String(), maxCell), on, o.Call.Ns/1e6, printable.Middle(ending(h, o), maxCell))
}

// judged says who decided, with porcupine's opinion if that is asked for, and what
// kind of promise broke.
func judged(r harness.Run, second bool) []string {
	b := r.Check.Broken()
	if b == nil {
		if r.Outcome != nil && r.Outcome.Liveness != nil {
			return wrapped(r.Outcome.Liveness.Parts(), "; ")
		}
		return nil
	}
	return []string{decided(*b, second)}
}

// maxLogLine bounds a line of a log that is quoted, in columns.
const maxLogLine = 160

// maxAdmissions bounds the admissions that are printed; the page has them all.
const maxAdmissions = 4

func admitted(r harness.Run) (out []string) {
	for i, a := range r.Admissions {
		if i == maxAdmissions {
			return append(out, fmt.Sprintf("... and %d more in %s", len(r.Admissions)-i, triage.PageFile))
		}
		out = append(out, fmt.Sprintf("%s (%s): %s", a.Class, life(a), printable.Cut(oneLine(a.Line), maxLogLine)))
	}
	return out
}

func life(a serverlog.Admission) string {
	if a.Life == 0 {
		return "of an unknown life"
	}
	return fmt.Sprintf("life %d", a.Life)
}

// ruledOut lists what else the violation could have been, and then what could
// not be ruled out.
func ruledOut(r harness.Run) (out []string) {
	var yes, no []string
	for _, x := range r.Hypotheses {
		text := x.What
		if x.Fact != "" {
			text += " (" + x.Fact + ")"
		}
		if x.RuledOut {
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
	order := []string{triage.PageFile, triage.PictureFile, triage.PlanFile, triage.HistoryFile}
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

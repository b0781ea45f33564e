package harness

import (
	"errors"
	"slices"

	"retain/checker"
	"retain/generators"
	"retain/model"
	"retain/runtime/ingress"
	"retain/runtime/resources"
	"retain/runtime/serverlog"
)

// Verdict of a run or of a session: the checker's words, and one more. They are
// never folded into each other; only pass is green.
type Verdict = checker.Verdict

// Verdicts. Vacuous and Interrupted are a session's alone: its runs passed and prove
// too little; it was ended before its time, and no run shows a violation or a harness
// error.
const (
	Pass                = checker.Pass
	Violation           = checker.Violation
	Undecided           = checker.Undecided
	Harness             = checker.IllFormed
	Vacuous     Verdict = "vacuous"
	Interrupted Verdict = "interrupted"
	// Known is that of a run that violated in a known way: it is no news, and shows nothing.
	Known Verdict = "known"
)

// severities are the verdicts of runs, the best first.
var severities = []Verdict{Pass, Known, Undecided, Harness, Violation}

// Severity orders the verdicts of runs, from 0 for a pass: of several the highest counts. It
// is -1 for what is no verdict of a run.
func Severity(v Verdict) int { return slices.Index(severities, v) }

// Run is one judged run.
type Run struct {
	Number  int
	Plan    generators.Plan
	Verdict Verdict
	// Sentence says why the verdict is not pass.
	Sentence string
	Outcome  *Outcome // nil if the run did not get as far
	// Runtime numbers the session's runtimes from 1, as in [Span]; 0 if none was
	// had.
	Runtime int
	Check   checker.Result
	Tally   Tally
	// Ledger is true if the reads at the end of the session showed it: the run
	// itself had passed. Its history goes on with them.
	Ledger bool
	// Dir is where the artefacts of a run that did not pass are.
	Dir string
	// Problem is what kept artefacts from being saved, nil for nothing.
	Problem error
	// Hypotheses are what else a violation could have been, checked.
	Hypotheses []Hypothesis
	// Where says where an acknowledged effect was lost, as far as the server
	// tells: "" if nothing acknowledged is missing or nobody could say.
	Where string
	// Lost are the numbers of the acknowledged operations whose effects are
	// missing, none if no such few explain what was seen.
	Lost []int
	// Admissions are what the server itself said is lost or broken.
	Admissions []serverlog.Admission
	// Shortage is what the machine ran out of while the run failed, nil for nothing. If it
	// makes the verdict harness, Instead is the sentence of the violation.
	Shortage *resources.Shortage
	Instead  string

	// Known are the known findings that the run shows.
	Known []KnownFinding

	// Refusal is why the server never got ready, nil if it did or nobody knows.
	Refusal *Refusal
	// Attributed is true once it was decided whether a failure is the machine's affair.
	Attributed bool
	// Resurfaced is true if the missing effect came back; see [Run.Resurface].
	Resurfaced bool
}

// KnownFinding is a finding that a list of known ones has.
type KnownFinding struct {
	// Link is the public report of it, and its name. Why says what it is.
	Link string `json:"link"`
	Why  string `json:"why,omitempty"`
	// Expires is the last day on which it excuses a violation, "" for any; Expired is true
	// if that has passed.
	Expires string `json:"expires,omitempty"`
	Expired bool   `json:"expired,omitempty"`
	// InPart is true if something else broke beside it.
	InPart bool `json:"in_part,omitempty"`
}

// SeenKnown is a known finding with the numbers of the plans that showed it and the folders
// that were kept, the first ones first.
type SeenKnown struct {
	KnownFinding
	Plans []int    `json:"plans"`
	Dirs  []string `json:"dirs,omitempty"`
}

// AddSeenKnown adds that a plan showed a known finding, in a folder, "" for none.
func AddSeenKnown(seen []SeenKnown, k KnownFinding, plan int, dir string) []SeenKnown {
	i := slices.IndexFunc(seen, func(s SeenKnown) bool { return s.Link == k.Link })
	if i < 0 {
		i = len(seen)
		seen = append(seen, SeenKnown{KnownFinding: k})
	}
	seen[i].Plans = append(seen[i].Plans, plan)
	if dir != "" {
		seen[i].Dirs = append(seen[i].Dirs, dir)
	}
	return seen
}

// violated reports whether the run violated, in a known way or another.
func (r *Run) violated() bool { return r.Verdict == Violation || r.Verdict == Known }

// Hypothesis is one way in which a violation could be ours instead of the runtime's, and
// what a check of it showed.
type Hypothesis struct {
	// What is "checker", "not sent", "not ready", "late", "wrong server" or "environment".
	What string `json:"what"`
	// Fact is what was seen: "porcupine agrees", "1 attempt, handler ran once, 200".
	Fact string `json:"fact"`
	// RuledOut is true if the fact rules it out.
	RuledOut bool `json:"out"`
}

// Judge says what a run showed. err is what [Execute] returned. An error of the harness does
// not hide a violation that the history shows, unless another server answered: then the
// history is not one of this runtime.
func (r *Run) Judge(err error, o checker.Options) {
	r.Refusal = RefusalIn(err)
	if r.Outcome == nil || errors.Is(err, ingress.ErrWrongServer) {
		r.Sentence = err.Error()
		return
	}
	r.Tally = TallyOf(r.Number, r.Outcome.History)
	r.Tally.Serves(r.Plan.Config)
	r.Tally.Coverage = CoverageOf(r.Plan, r.Outcome.History)
	r.Tally.Loaded(r.Plan.Load)
	r.Check = checker.Check(r.Outcome.History, o)
	switch {
	case r.Check.Verdict == checker.Violation:
		r.Verdict, r.Sentence = Violation, r.Check.Reason
	case err != nil:
		r.Sentence = err.Error()
	case r.Outcome.Liveness != nil && r.Check.Verdict != checker.IllFormed:
		r.Verdict, r.Sentence = Violation, BrokenSentence(r.Outcome.Liveness)
	default:
		r.Verdict, r.Sentence = r.Check.Verdict, r.Check.Reason
	}
}

// BrokenSentence says of a run that something did not happen.
func BrokenSentence(l *Liveness) string { return "broken: " + l.Error() }

// PlanNumber is the number under which the plan's seed draws it. In a campaign and
// in a replay the session's own numbers say nothing of that.
func (r *Run) PlanNumber() int {
	if r.Plan.Seed != 0 {
		return r.Plan.Number
	}
	return r.Number
}

// Guarantee is what broke, the zero value unless the run violated: the same in all that
// reports it.
func (r *Run) Guarantee() model.Guarantee {
	b := r.Check.Broken()
	switch {
	case !r.violated():
		return model.Guarantee{}
	case b != nil:
		g := b.Guarantee
		g.Surfaces = r.Resurfaced
		return g
	case r.Outcome != nil && r.Outcome.Liveness != nil:
		return r.Outcome.Liveness.Guarantee
	case len(r.Admissions) > 0:
		return model.Guarantee{Code: r.Admissions[0].Code}
	}
	return model.Guarantee{}
}

// HeldBy is who held the key of an object whose operations do not finish, nil unless
// the run violated in that way.
func (r *Run) HeldBy() *Holding {
	if !r.violated() || r.Check.Broken() != nil || r.Outcome == nil || r.Outcome.Liveness == nil {
		return nil
	}
	return r.Outcome.Liveness.Held
}

// Resurface records that the missing effect came back.
func (r *Run) Resurface() {
	r.Resurfaced = true
	r.Sentence += model.Sentences.Surfaces
}

// Culprit is the culprit of a run with a stuck operation, the zero value for another run.
func (r *Run) Culprit() Culprit {
	if r.Check.Broken() != nil || r.Outcome == nil || r.Outcome.Liveness == nil {
		return Culprit{}
	}
	return r.Outcome.Liveness.Held.Culprit()
}

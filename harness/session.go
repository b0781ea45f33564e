package harness

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"retain/checker"
	"retain/generators"
	"retain/runtime"
	"retain/runtime/ingress"
)

// Verdict of a run or of a session: the checker's words, and one more. They are
// never folded into each other; only pass is green.
type Verdict = checker.Verdict

// Verdicts. Vacuous is a session's alone: its runs passed and prove too little.
const (
	Pass              = checker.Pass
	Violation         = checker.Violation
	Undecided         = checker.Undecided
	Harness           = checker.IllFormed
	Vacuous   Verdict = "vacuous"
)

// Options of a session. Open and Draw are needed.
type Options struct {
	Open Open
	// Draw gives plan number n, from 0.
	Draw func(n int) generators.Plan
	// Plans is how many; 0 is as many as fit into Time, with the ledger.
	Plans int
	Time  time.Duration
	// Workers is how many plans run side by side, each on a runtime of its own;
	// 0 is 1.
	Workers int
	// Fresh gives every plan a runtime that has served no other: replays.
	Fresh bool
	// Base holds for every runtime; a plan's configuration goes over it.
	Base   runtime.Settings
	Bounds Bounds
	Check  checker.Options
	// Late is how long after a violation its object is read again; 0 is 3 s,
	// negative is at once.
	Late time.Duration
	// KeepData saves the server's data directory with a violation.
	KeepData bool
	// Dir takes histories while they are made, findings and undecided cases.
	Dir string
	// OnRun is told of every run, one at a time, as soon as it is judged.
	OnRun func(Run)

	rehearsal rehearsal
	folder    string // takes the artefacts of a rehearsal that failed, instead of nothing
}

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
	// RuledOut is what else a violation could have been, checked.
	RuledOut []RuledOut
	// Where says where an acknowledged effect was lost, as far as the server
	// tells: "" if nothing acknowledged is missing or nobody could say.
	Where string
	// Lost are the numbers of the acknowledged operations whose effects are
	// missing, none if no such few explain what was seen.
	Lost []int
	// Admissions are what the server itself said is lost or broken.
	Admissions []Admission

	surfaced bool // what was missing came back
}

// Session is what a session found.
type Session struct {
	ID      string
	Verdict Verdict
	Tally   Tally
	// Counts are the runs by verdict.
	Counts map[Verdict]int
	// Failures are the runs that did not pass, in the order of their ends.
	Failures []Run
	// Identity is the last runtime's.
	Identity runtime.Identity
	Took     time.Duration
	// Missing says what a vacuous session lacks, Because why that may be.
	Missing []string
	Because string
	// Excludes is the share of such plans that may fail at most, at 95 %, given
	// that none did: 3/n. 0 says that nothing is excluded.
	Excludes float64
	// Ledger is what was read again at the end.
	Ledger Ledger
	// Availability is when each runtime answered, since the session began.
	Availability []Span
	// Admissions are what the servers said is lost or broken, of all runs.
	Admissions []Admission
}

// session is a session under way.
type session struct {
	Options
	pool  *pool
	id    string
	began time.Time
	ends  time.Time

	mu     sync.Mutex
	next   int
	stop   bool
	audits audits
	opened int           // runtimes so far
	kept   time.Duration // the shortest idempotency retention of all servers
	result Session
}

// Conduct runs a session. It ends at the first violation or harness error, after
// the plans that are under way: what comes then may be of the same cause. The
// error is nil unless the session could not begin.
func Conduct(ctx context.Context, o Options) (*Session, error) {
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the directory of the artefacts: %w", err)
	}
	began := time.Now()
	random := make([]byte, 4)
	_, _ = rand.Read(random) // never fails, by its documentation
	plans := maxPlans
	if o.Fresh {
		plans = 1
	}
	s := &session{Options: o, pool: newPool(o.Open, plans), id: hex.EncodeToString(random), began: began}
	s.ends = began.Add(o.Time - min(o.Time/ledgerShare, ledgerReserve))
	s.pool.accept = s.accept
	s.pool.leaving = func(sys *System) error { return s.audit(ctx, sys, false, false) }
	s.result = Session{ID: s.id, Verdict: Pass, Tally: newTally(), Counts: map[Verdict]int{}}
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	var workers sync.WaitGroup
	for range max(1, o.Workers) {
		workers.Go(func() { s.work(ctx) })
	}
	workers.Wait()
	if err := s.auditAll(ctx); err != nil {
		s.took(Run{Number: -1, Verdict: Harness, Sentence: "the runtimes could not be ended: " + err.Error()})
	}
	if err := s.outlasted(); err != nil {
		s.took(Run{Number: -1, Verdict: Harness, Sentence: err.Error()})
	}
	_ = os.Remove(s.running()) // stays if a history is left in it
	_ = os.Remove(filepath.Dir(s.running()))
	s.result.Took = time.Since(began)
	s.result.prove(o.Fresh)
	return &s.result, nil
}

// begin opens the first plan's runtime, so that what can't work at all is said
// once, before anything else.
func (s *session) begin(ctx context.Context) error {
	settings, err := s.settings(s.Draw(0).Config)
	if err != nil {
		return err
	}
	sys, err := s.pool.fresh(ctx, settings)
	if err != nil {
		return err
	}
	return s.pool.give(ctx, settings, sys)
}

// running is where the histories of runs under way are.
func (s *session) running() string { return filepath.Join(s.Dir, "running", s.id) }

func (s *session) work(ctx context.Context) {
	for {
		n, ok := s.take(ctx)
		if !ok {
			return
		}
		s.took(s.one(ctx, n))
	}
}

// take gives the next plan's number.
func (s *session) take(ctx context.Context) (int, bool) {
	if s.outlasted() != nil {
		return 0, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	over := s.Plans > 0 && s.next >= s.Plans || s.Plans == 0 && s.timeIsUp()
	if s.stop || over || ctx.Err() != nil {
		return 0, false
	}
	s.next++
	return s.next - 1, true
}

// timeIsUp reports whether a session that is bounded by its time draws no more
// plans. On a slow machine it goes on, up to twice its time, until there are
// enough to be judged.
func (s *session) timeIsUp() bool {
	late := time.Since(s.ends)
	return late > 0 && (s.next >= judgeable || late > s.Time)
}

// severity orders verdicts: a session's is the worst of its runs.
var severity = map[Verdict]int{Pass: 0, Undecided: 1, Harness: 2, Violation: 3}

func (s *session) took(r Run) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.result.Counts[r.Verdict]++
	if r.Ledger {
		s.result.Counts[Pass]-- // it was counted as one
	} else if r.Tally.Faults != nil {
		s.result.Tally.add(r.Tally)
	}
	if severity[r.Verdict] > severity[s.result.Verdict] {
		s.result.Verdict = r.Verdict
	}
	if r.Verdict != Pass {
		s.result.Failures = append(s.result.Failures, r)
	}
	s.stop = s.stop || r.Verdict == Violation || r.Verdict == Harness
	if s.OnRun != nil {
		s.OnRun(r)
	}
}

// one runs plan number n and judges it.
func (s *session) one(ctx context.Context, n int) Run {
	plan := s.Draw(n)
	r := Run{Number: n, Plan: plan, Verdict: Harness}
	settings, err := s.settings(plan.Config)
	if err != nil {
		r.Sentence = err.Error()
		return r
	}
	sys, err := s.pool.take(ctx, settings)
	if err != nil {
		r.Sentence = err.Error()
		return r
	}
	s.mu.Lock()
	s.result.Identity = sys.Runtime.Identity()
	s.mu.Unlock()
	r.Runtime = sys.number
	id := s.id + "-" + strconv.Itoa(n)
	path := filepath.Join(s.running(), id+".jsonl")
	r.Outcome, err = execute(ctx, sys, plan, id, path, s.Bounds)
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("interrupted in the middle of the plan: %w", context.Cause(ctx))
	}
	if r.Outcome != nil {
		s.available(sys, r.Outcome)
	}
	s.judge(&r, err)
	s.listen(ctx, &r, sys, false)
	if r.Verdict != Pass {
		s.keep(ctx, &r, sys)
	}
	if r.Verdict == Violation {
		sys.retired = "it violated in run " + id
	}
	sys.unfit = r.Verdict == Violation || r.Verdict == Harness
	last := r
	sys.last = &last
	if r.Verdict == Pass {
		sys.serve(n, r.Outcome)
	}
	if e := s.pool.give(context.WithoutCancel(ctx), settings, sys); e != nil && r.Verdict != Violation {
		r.Verdict, r.Sentence = Harness, e.Error()
	}
	return r
}

// judge says what a run showed. An error of the harness does not hide a
// violation that the history shows, unless another server answered: then the
// history is not one of this runtime.
func (s *session) judge(r *Run, err error) {
	if r.Outcome == nil || errors.Is(err, ingress.ErrWrongServer) {
		r.Sentence = err.Error()
		return
	}
	r.Tally = tally(r.Number, r.Outcome.History)
	r.Tally.serves(r.Plan.Config)
	r.Check = checker.Check(r.Outcome.History, s.Check)
	switch {
	case r.Check.Verdict == checker.Violation:
		r.Verdict, r.Sentence = Violation, r.Check.Reason
	case err != nil:
		r.Sentence = err.Error()
	case r.Outcome.Liveness != nil && r.Check.Verdict != checker.IllFormed:
		r.Verdict, r.Sentence = Violation, "broken: "+r.Outcome.Liveness.Error()
	default:
		r.Verdict, r.Sentence = r.Check.Verdict, r.Check.Reason
	}
}

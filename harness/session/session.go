package session

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"retain/checker"
	"retain/generators"
	"retain/harness"
	"retain/harness/known"
	"retain/harness/triage"
	"retain/model"
	"retain/runtime"
	"retain/runtime/serverlog"
)

// Options of a session. Open and Draw are needed.
type Options struct {
	Open harness.Open
	// Draw gives plan number n, from 0.
	Draw func(n int) generators.Plan
	// Plans is how many; 0 is as many as fit into Time, with the ledger.
	Plans int
	Time  time.Duration
	// AtLeast is for how many plans a session that is bounded by Time goes on where the
	// machine is slow, up to twice that time; 0 is for none.
	AtLeast int
	// Workers is how many plans run side by side, each on a runtime of its own;
	// 0 is 1.
	Workers int
	// Fresh gives every plan a runtime that has served no other: replays.
	Fresh bool
	// Base holds for every runtime; a plan's configuration goes over it.
	Base runtime.Settings
	// Altered is in what the session differs from a plain server. It is recorded
	// with what the session finds, and decides nothing.
	Altered model.Settings
	Bounds  harness.Bounds
	Check   checker.Options
	// Exclude is what the plans are not drawn with.
	Exclude generators.Exclusions
	// Known are the findings that are known. A session goes on after one. Where each plan has
	// a server of its own, in a replay, they are named and stay violations.
	Known known.List
	// Late is how long after a violation its object is read again; 0 is 3 s,
	// negative is at once.
	Late time.Duration
	// KeepData saves the server's data directory with a violation.
	KeepData bool
	// Dir takes histories while they are made, findings and undecided cases.
	Dir string
	// GiveUp is when a server that was never ready is given up; the zero value waits for the
	// whole bound.
	GiveUp harness.GiveUp
	// Room, if set, returns an error of one line if this machine has no room for so many
	// servers of these settings, or for the session's files in the directory.
	Room func(dir string, s runtime.Settings, servers int) error
	// OnRun, if not nil, is called with every run, one at a time, as soon as it is judged.
	OnRun func(harness.Run)
	// OnPhase, if not nil, is called at the beginning of each phase, by several workers at
	// once.
	OnPhase func(Phase)
}

// Phase is what a session does, in a few words for a person who waits.
type Phase string

// Phases, in the order of a session. Asking comes after a violation.
const (
	Starting Phase = "starting the server"
	Plans    Phase = "" // executing plans
	Asking   Phase = "asking the server about a violation"
	Closing  Phase = "reading every object again"
)

func (s *session) phase(p Phase) {
	if s.OnPhase != nil {
		s.OnPhase(p)
	}
}

// Result is what a session found.
type Result struct {
	ID      string
	Verdict harness.Verdict
	Tally   harness.Tally
	// Counts are the runs by verdict.
	Counts map[harness.Verdict]int
	// Failures are the runs that did not pass, in the order of their ends.
	Failures []harness.Run
	// Known are the runs that violated in a known way and in no other. They count for
	// nothing but their number. KnownNotSeen are the known findings of servers like these
	// that no run showed.
	Known        []harness.Run
	KnownNotSeen []harness.KnownFinding
	// Identity is the last runtime's.
	Identity runtime.Identity
	// SDK is that of the handlers that it called, as in [harness.System].
	SDK  string
	Took time.Duration
	// Undone are the faults of its plans that can't be done to the handlers under test, each
	// kind once.
	Undone []model.FaultKind
	// Missing says what a vacuous session lacks, Because why that may be.
	Missing []string
	Because string
	// Excludes is the share of such plans that may fail at most, at 95 %, given
	// that none did: 3/n. 0 says that nothing is excluded.
	Excludes float64
	// Ledger is what was read again at the end.
	Ledger Ledger
	// Availability is when each runtime answered, since the session began.
	Availability []harness.Span
	// Admissions are what the servers said is lost or broken, of all runs.
	Admissions []serverlog.Admission
	// WorkerTime is how the time of the workers divides: workers times Took in all.
	WorkerTime harness.WorkerTime
}

// session is a session under way.
type session struct {
	Options
	// rerun is set for an execution of [Rerun].
	rerun  *RerunOptions
	triage triage.Options
	pool   *pool
	id     string
	began  time.Time
	ends   time.Time
	// watches measure the workers, one each.
	watches []*harness.Stopwatch

	mu     sync.Mutex
	next   int
	stop   bool
	audits audits
	opened int           // runtimes so far
	kept   time.Duration // the shortest idempotency retention of all servers
	result Result
}

// Conduct runs a session. It ends at the first violation or harness error, after
// the plans that are under way: what comes then may be of the same cause. If the
// context ends, the plans under way are given up and count as never begun, unless
// they show a violation. The error is nil unless the session could not begin.
func Conduct(ctx context.Context, o Options) (*Result, error) { return conduct(ctx, o, nil) }

func conduct(ctx context.Context, o Options, rerun *RerunOptions) (*Result, error) {
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
	s := &session{Options: o, rerun: rerun, pool: newPool(o.impatient(), plans), id: hex.EncodeToString(random), began: began}
	s.triage = triage.Options{
		Bounds: o.Bounds, Check: o.Check, Late: o.Late, KeepData: o.KeepData, Dir: o.Dir, Altered: o.Altered,
		Settings: s.settingsAtStart, OnAdmissions: s.admitted,
	}
	for range max(1, o.Workers) {
		s.watches = append(s.watches, harness.NewStopwatch(harness.PartWaiting))
	}
	s.ends = began.Add(o.Time - min(o.Time/ledgerShare, ledgerReserve))
	s.pool.accept = s.accept
	if o.Room != nil {
		s.pool.room = func(settings runtime.Settings, servers int) error { return o.Room(o.Dir, settings, servers) }
	}
	s.pool.leaving = func(ctx context.Context, sys *server) error { return s.audit(ctx, sys, false, false) }
	s.result = Result{ID: s.id, Verdict: harness.Pass, Tally: harness.NewTally(), Counts: map[harness.Verdict]int{}}
	s.result.Tally.Coverage.Excluded = o.Exclude
	s.phase(Starting)
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	s.phase(Plans)
	s.sideBySide(ctx, s.work)
	s.phase(Closing)
	if err := s.auditAll(ctx); err != nil {
		s.took(harness.Run{Number: -1, Verdict: harness.Harness, Sentence: "the runtimes could not be ended: " + err.Error()})
	}
	if err := s.outlasted(); err != nil {
		s.took(harness.Run{Number: -1, Verdict: harness.Harness, Sentence: err.Error()})
	}
	_ = os.Remove(s.running()) // stays if a history is left in it
	_ = os.Remove(filepath.Dir(s.running()))
	s.result.Took = time.Since(began)
	s.result.WorkerTime = s.workerTime()
	s.cutShort(ctx)
	s.nameNotSeen()
	s.result.prove(o.Fresh)
	return &s.result, nil
}

// impatient is Open with GiveUp.
func (o Options) impatient() harness.Open {
	return func(ctx context.Context, s runtime.Settings) (*harness.System, error) {
		sys, err := o.Open(ctx, s)
		if err == nil {
			sys.GiveUp, sys.Exclude = o.GiveUp, o.Exclude
		}
		return sys, err
	}
}

// begin opens the first plan's server: what can't work at all fails once, before
// anything else.
func (s *session) begin(ctx context.Context) error {
	ctx = harness.WithStopwatch(ctx, s.watches[0])
	defer harness.EnterPart(ctx, harness.PartProvisioning)()
	plan := s.Draw(0)
	settings, err := s.settings(plan.Config)
	if err != nil {
		return err
	}
	for _, version := range append([]string{settings.Version}, plan.Versions()...) {
		needs := settings
		needs.Version = version
		if err := s.pool.makeRoom(ctx, needs, max(1, s.Workers)); err != nil {
			return err
		}
	}
	sys, err := s.pool.fresh(ctx, settings, plan.Config.Started())
	if err != nil {
		return err
	}
	if err := sys.Provide(ctx, plan); err != nil {
		return errors.Join(err, sys.close(context.WithoutCancel(ctx)))
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
		if r := s.one(ctx, n); !s.givenUp(ctx, r) {
			s.took(r)
		}
	}
}

// givenUp reports whether a run came to nothing because the session was interrupted.
func (s *session) givenUp(ctx context.Context, r harness.Run) bool {
	return ctx.Err() != nil && r.Verdict == harness.Harness
}

// cutShort gives a session whose context has ended its verdict, unless a run shows a
// violation or a harness error: plans are missing, or objects were not read again.
func (s *session) cutShort(ctx context.Context) {
	if ctx.Err() != nil && harness.Severity(s.result.Verdict) < harness.Severity(harness.Harness) {
		s.result.Verdict = harness.Interrupted
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

// timeIsUp reports whether a session that is bounded by its time draws no more plans.
func (s *session) timeIsUp() bool {
	late := time.Since(s.ends)
	return late > 0 && (s.next-s.result.Counts[harness.Known] >= s.AtLeast || late > s.Time)
}

// undone takes in faults that could not be done. The caller holds the lock.
func (s *session) undone(kinds []model.FaultKind) {
	for _, k := range kinds {
		if !slices.Contains(s.result.Undone, k) {
			s.result.Undone = append(s.result.Undone, k)
		}
	}
}

// took takes in a run that was judged. A session's verdict is the worst of its runs.
func (s *session) took(r harness.Run) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.result.Counts[r.Verdict]++
	if r.Outcome != nil {
		s.undone(r.Outcome.Undone)
	}
	switch {
	case r.Ledger:
		s.result.Counts[s.countedAs(r)]--
		if r.Verdict == harness.Known {
			s.result.Tally.Withdraw(r.Tally)
		}
	case r.Tally.Faults != nil && r.Verdict != harness.Known:
		s.result.Tally.Add(r.Tally)
	}
	s.takeVerdict(r)
	s.stop = s.stop || r.Verdict == harness.Violation || r.Verdict == harness.Harness
	if s.OnRun != nil {
		s.OnRun(r)
	}
}

// takeVerdict takes the verdict of a run in. A known finding leaves the session's as it is.
// The caller holds the lock.
func (s *session) takeVerdict(r harness.Run) {
	if r.Verdict == harness.Known {
		s.result.Known = append(s.result.Known, r)
		return
	}
	if harness.Severity(r.Verdict) > harness.Severity(s.result.Verdict) {
		s.result.Verdict = r.Verdict
	}
	if r.Verdict != harness.Pass {
		s.result.Failures = append(s.result.Failures, r)
	}
}

// judge judges a run that ended with an error, nil for none.
func (s *session) judge(ctx context.Context, r *harness.Run, sys *server, err error) {
	defer harness.EnterPart(ctx, harness.PartChecks)()
	r.Judge(err, s.Check)
	s.triage.Admissions(ctx, r, sys.System, false)
	s.triage.Blame(r, sys.System, err)
	s.judgeKnown(r)
}

// store keeps the artefacts of a run that did not pass, and removes those of one that came to
// nothing. The history of one that passed waits for the ledger.
func (s *session) store(ctx context.Context, r *harness.Run, sys *server) {
	switch {
	case s.givenUp(ctx, *r) && r.Outcome != nil:
		_ = os.Remove(r.Outcome.Path)
	case r.Verdict == harness.Violation:
		s.phase(Asking)
		s.keep(ctx, r, sys)
	case r.Verdict != harness.Pass:
		s.keep(ctx, r, sys)
	}
}

// one runs plan number n on a server of the pool, judges it, and gives the server back.
func (s *session) one(ctx context.Context, n int) harness.Run {
	plan := s.Draw(n)
	r := harness.Run{Number: n, Plan: plan, Verdict: harness.Harness}
	settings, err := s.settings(plan.Config)
	if err != nil {
		r.Sentence = err.Error()
		return r
	}
	// What other plans left is not led through the versions of this one: a failure of theirs
	// would not be in their plans.
	sys, err := s.pool.take(ctx, settings, plan.Config.Started(), len(plan.Versions()) > 0)
	if err != nil {
		r.Sentence = err.Error()
		s.triage.Blame(&r, nil, err)
		return r
	}
	s.mu.Lock()
	s.result.Identity, s.result.SDK = sys.Runtime.Identity(), sys.SDK
	s.mu.Unlock()
	r.Runtime = sys.number
	id := s.id + "-" + strconv.Itoa(n)
	path := filepath.Join(s.running(), id+".jsonl")
	r.Outcome, err = harness.Execute(ctx, sys.System, plan, harness.Execution{ID: id, Path: path, Altered: s.Altered, Bounds: s.boundsOn(sys, plan)})
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("interrupted in the middle of the plan: %w", context.Cause(ctx))
	}
	if r.Outcome != nil {
		s.available(sys, r.Outcome)
	}
	s.judge(ctx, &r, sys, err)
	s.store(ctx, &r, sys)
	sys.judged(r, id)
	if err := s.pool.give(context.WithoutCancel(ctx), settings, sys); err != nil && r.Verdict != harness.Violation {
		s.notClosed(&r, sys, err)
	}
	return r
}

// notClosed takes in that a server could not be closed after a run, beside what the run ended
// with before.
func (s *session) notClosed(r *harness.Run, sys *server, err error) {
	sentence := err.Error()
	if r.Verdict == harness.Harness {
		sentence = r.Sentence + "; then: " + sentence
	}
	r.Verdict, r.Sentence = harness.Harness, sentence
	s.triage.Blame(r, sys.System, err)
}

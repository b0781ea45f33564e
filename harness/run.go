// Package harness runs a plan against a runtime and records what every client
// saw. It is the only place where plans and runtimes meet.
package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"retain/generators"
	"retain/internal/poll"
	"retain/model"
	"retain/runtime"
	"retain/runtime/ingress"
)

// Bounds are how long a run waits before it calls something wrong.
type Bounds struct {
	// Recovery covers a whole start, from the spawn to the last probe.
	Recovery time.Duration
	// Completion is for one operation on a runtime that is up.
	Completion time.Duration

	// Early ends a run before its bounds have passed, where a reduction allows it; the zero
	// value never does.
	Early EarlyStop
}

// DefaultBounds are generous: a slow machine is not a finding.
var DefaultBounds = Bounds{Recovery: time.Minute, Completion: 30 * time.Second}

// Outcome is what a run left behind.
type Outcome struct {
	// ID is unique; the run's keys carry it.
	ID string
	// Server is the one that executed the plan.
	Server runtime.Identity
	// SDK is that of the handlers, as in [System].
	SDK     string
	Plan    generators.Plan
	History *model.History
	// Path is the history's file.
	Path string
	// Liveness is set if the runtime did not come back or an operation never
	// finished.
	Liveness *Liveness
	// Beside are operations on other objects that did not finish either.
	Beside []*Liveness
	// Age is how many plans the runtime had served before.
	Age int
	// Took is the wall time of the plan, its heal and its reads included.
	Took time.Duration

	// Undone are the faults of the plan that can't be done to these handlers. A run without
	// them says nothing of the plan that has them.
	Undone []model.FaultKind
	// EarlySigns counts the operations that an [EarlyStop] took for stuck where the whole
	// bound counted all the same.
	EarlySigns int64

	began time.Time // of the history's clock
}

// Began is when the history's clock began, with the plan.
func (o *Outcome) Began() time.Time { return o.began }

// Takes reports whether an error is of operations that did not finish, or of a runtime that
// did not come back, and keeps them.
func (o *Outcome) Takes(err error) bool {
	if !errors.As(err, &o.Liveness) {
		return false
	}
	o.Beside = besideFirst(err)
	return true
}

// Unfinished is everything that did not happen in the run.
func (o *Outcome) Unfinished() []*Liveness {
	if o.Liveness == nil {
		return nil
	}
	return append([]*Liveness{o.Liveness}, o.Beside...)
}

// Liveness is a violation that no order of operations shows: something did not
// happen.
type Liveness struct {
	// Guarantee is the broken one.
	Guarantee model.Guarantee `json:"guarantee"`
	// Detail says what was waited for, how long, and what answered meanwhile.
	Detail string `json:"detail"`
	// Clauses are the parts of Detail. Findings that were written before 2026-11-30 lack them.
	Clauses []string `json:"clauses,omitempty"`
	// Operation is the history's number of the operation that does not finish, 0 for the
	// runtime: the one that holds its object's key, if that is known and of the run, else
	// the one that was waited for. Waited is that one in any case.
	Operation int `json:"operation,omitempty"`
	Waited    int `json:"waited,omitempty"`
	// Held is who held the key of the operation's object and who waited for it, nil
	// unless an operation did not finish.
	Held *Holding `json:"held_by,omitempty"`
	// Early says by which sign a reduction took the operation for stuck before its whole
	// bound had passed; "" after the whole bound.
	Early string `json:"early,omitempty"`
	// Timeless is true if neither a local stall nor later recovery excuses it.
	Timeless bool `json:"timeless,omitempty"`
	// Ended is true if the server ended by itself.
	Ended bool `json:"ended,omitempty"`
}

// clauseGap stands between the clauses of a detail.
const clauseGap = "; "

// detailed sets the detail.
func (l *Liveness) detailed(clauses ...string) *Liveness {
	l.Clauses, l.Detail = clauses, strings.Join(clauses, clauseGap)
	return l
}

// Parts are the clauses of the detail, one for a detail that has no other.
func (l *Liveness) Parts() []string {
	if len(l.Clauses) == 0 {
		return []string{l.Detail}
	}
	return l.Clauses
}

// Error makes a liveness violation travel as an error inside the harness.
func (l *Liveness) Error() string { return l.Guarantee.String() + ": " + l.Detail }

// Execution is how a plan is executed.
type Execution struct {
	// ID is unique, Path the file of the history.
	ID, Path string
	// Altered is in what the session differs from a plain server; it is recorded.
	Altered model.Settings
	Bounds  Bounds
}

// Execute runs one plan on a system. The error is the harness's own; what the
// runtime did wrong stands in the outcome.
func Execute(ctx context.Context, sys *System, plan generators.Plan, e Execution) (*Outcome, error) {
	if err := sys.Provide(ctx, plan); err != nil {
		return nil, err
	}
	var line bytes.Buffer
	if err := json.Compact(&line, generators.Encode(plan)); err != nil {
		return nil, fmt.Errorf("encode the plan: %w", err)
	}
	rec, err := newRecorder(e.Path, model.Header{
		Version: sys.historyVersion(plan), Run: e.ID, Runtime: sys.Runtime.Identity().String(),
		Altered: e.Altered, Shared: sys.shared(), Plan: line.Bytes(),
	})
	if err != nil {
		return nil, err
	}
	return record(ctx, sys, plan, rec, e)
}

// historyVersion is the oldest version of the history format that has all of a plan's
// run.
func (s *System) historyVersion(p generators.Plan) int {
	const withLoad, withVersions, withRepeats = 2, 3, 4
	switch {
	case slices.ContainsFunc(Objects(p), func(o model.Object) bool { return o.Kind.Spec().Deferral != nil || o.Kind.Spec().Asking != nil }), p.Manages():
		return model.HistoryVersion
	case p.Config.ResendAnswered || s.mayBeRefused(p):
		return withRepeats
	case len(p.Versions()) > 0:
		return withVersions
	case p.Load.Clients > 0:
		return withLoad
	}
	return 1
}

// record runs a plan whose history has begun.
func record(ctx context.Context, sys *System, plan generators.Plan, rec *recorder, e Execution) (*Outcome, error) {
	began := time.Now()
	out := &Outcome{ID: e.ID, Server: sys.Runtime.Identity(), SDK: sys.SDK, Plan: plan, Path: e.Path, Age: sys.plans, began: rec.began}
	sys.plans++
	r := newRun(sys, plan, rec, e.ID, e.Bounds)
	stop := r.timed(ctx)
	err := r.all(ctx)
	stop()
	sys.up = r.serving()
	history, closing := rec.close()
	out.EarlySigns, out.Undone = r.signs.Load(), r.undone
	out.History, out.Took = history, time.Since(began)
	if out.Takes(err) {
		sys.Retired = out.Liveness.Guarantee.String()
		return out, closing
	}
	if err != nil || closing != nil {
		sys.Retired = "a harness error"
	}
	if open := openInvocations(history); open > 0 {
		sys.Retired = fmt.Sprintf("%d invocations of run %s are still open", open, e.ID)
	}
	if errors.Is(err, closing) {
		return out, err // what could not be written is why the run ended
	}
	return out, errors.Join(err, closing)
}

// all is the course of a run.
func (r *run) all(parent context.Context) error {
	return r.watched(parent, func(ctx context.Context) error {
		defer r.probe(ctx)()
		if err := r.program(ctx); err != nil {
			return err
		}
		r.enterStage(PartReads)
		if err := r.settle(ctx); err != nil {
			return err
		}
		return r.outage()
	})
}

// watched does something with the runtime while everything is watched that can
// go wrong beside it.
func (r *run) watched(parent context.Context, do func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	r.fail = cancel
	r.beginServer(r.sys.Runtime.Identity())
	r.heartbeat = startHeartbeat()
	defer r.heartbeat.stop()
	defer r.observe()()
	defer r.watchExit(ctx)()
	defer r.watchHandlers(ctx)()
	defer r.watchdog(ctx)()
	defer r.resumePaused(ctx)()
	defer r.sys.Control.OpenAll()
	defer r.leaveService()
	defer func() { r.incarnation().Close() }()

	err := do(ctx)
	r.abortStart()
	if cause := context.Cause(ctx); cause != nil {
		err = cause // whoever failed the run knows better why than those it interrupted
	}
	return excused(err, r.heartbeat.worst())
}

// excused makes a violation of liveness our own affair if this process stood
// still meanwhile: what seemed late may have been on time.
func excused(err error, late time.Duration) error {
	var l *Liveness
	if errors.As(err, &l) && !l.Timeless && late > maxHeartbeatGap {
		return fmt.Errorf("this machine stood still for %s, so nothing can be said about: %s", late.Round(time.Millisecond), l.Error())
	}
	return err
}

// program runs the steps of the plan, clients and faults side by side, and heals.
func (r *run) program(ctx context.Context) error {
	if err := r.firstReady(ctx); err != nil {
		return err
	}
	if err := r.takeOver(ctx); err != nil {
		return err
	}
	r.enterStage(PartProgram)
	r.armGates(ctx)
	clients := r.plan.Clients()
	done := make(chan struct{}, len(clients))
	for _, c := range clients {
		go func() {
			if err := r.client(ctx, c); err != nil {
				r.fail(fmt.Errorf("client %d: %w", c, err))
			}
			done <- struct{}{}
		}()
	}
	loadEnded := r.startLoad(ctx)
	err := r.faults(ctx)
	if err == nil {
		err = r.awaitLoad(ctx)
	}
	if err == nil {
		err = r.heal(ctx)
	}
	if err != nil {
		r.fail(err)
	}
	r.update(func() { r.load.over = true })
	loadEnded()
	for range clients {
		<-done
	}
	return err
}

// Objects lists the objects of a plan's program and of its load.
func Objects(p generators.Plan) []model.Object { return append(p.Objects(), p.LoadObjects()...) }

// objectKey is the object's key in the runtime, of this run alone.
func (r *run) objectKey(o model.Object) string { return ObjectKey(r.id, o) }

// ObjectKey is the key of an object in the runtime, in the run with this id.
func ObjectKey(run string, o model.Object) string { return run + "-" + o.String() }

// firstReady waits until the runtime answers for the run's fresh keys.
func (r *run) firstReady(ctx context.Context) error {
	ctx, cancel := r.recoveryContext(ctx)
	defer cancel()
	r.mu.Lock()
	r.ingress = ingress.New(r.sys.Runtime.Endpoints())
	r.mu.Unlock()
	var identity <-chan error
	err := r.unlessRefused(ctx, func(ctx context.Context) (err error) {
		if err = r.learnPartitions(ctx); err == nil {
			identity, err = r.awaitReady(ctx, ingress.Milestones{}, r.keys)
		}
		return err
	})
	if RefusalIn(err) != nil {
		return err
	}
	err = r.recognise(ctx, err, identity)
	switch {
	case errors.Is(err, errTooLong) && r.sys.plans == 1:
		// It never answered: that may be its deployment, its ports, its machine.
		return fmt.Errorf("the runtime was never ready since it was first started: %w", err)
	case err != nil:
		return r.notBack(err)
	}
	r.update(func() { r.sys.answered = true })
	r.prober.mark(r.rec.since(), true)
	r.update(r.becomesReady)
	return nil
}

// unlessRefused waits for a server's first readiness. One that the system's GiveUp ended
// returns the refusal.
func (r *run) unlessRefused(ctx context.Context, wait func(context.Context) error) error {
	if r.sys.answered {
		return wait(ctx)
	}
	ctx, giveUp := context.WithCancelCause(ctx)
	watching, stop := context.WithCancel(ctx)
	looks := make(chan struct{})
	go func() {
		defer close(looks)
		r.sys.watchLog(watching, giveUp)
	}()
	err := wait(ctx)
	stop()
	<-looks
	if cause := context.Cause(ctx); err != nil && RefusalIn(cause) != nil {
		return cause
	}
	return err
}

// recoveryContext bounds a wait for readiness. A runtime whose handlers go on finishing calls
// when the bound passes is slow, and not gone: probes that were given up keep a starved
// machine from answering the next ones. It has up to slowRecoveries bounds.
func (r *run) recoveryContext(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	look := r.bounds.Recovery / looksInRecovery
	go func() {
		for looks := 1; poll.Sleep(ctx, look) == nil; looks++ {
			switch extra := time.Duration(looks-looksInRecovery) * look; {
			case extra < 0, extra < (slowRecoveries-1)*r.bounds.Recovery && r.finishedWithin(look):
			case extra == 0:
				cancel(errTooLong)
				return
			default:
				cancel(fmt.Errorf("%w, and %s more in which handlers finished calls", errTooLong, extra))
				return
			}
		}
	}()
	return ctx, func() { cancel(nil) }
}

const (
	slowRecoveries  = 3
	looksInRecovery = 4 // at whether handlers finish calls
)

// finishedWithin reports whether a handler finished a call no longer than that ago.
func (r *run) finishedWithin(d time.Duration) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return time.Since(r.finished) <= d
}

var errTooLong = errors.New("the bound has passed")

// overtaken reports whether a wait was ended because it is not wanted any more, and not by its
// bound, which cancels what is under way too.
func overtaken(err error) bool {
	return errors.Is(err, context.Canceled) && !errors.Is(err, errTooLong)
}

// notBack judges a runtime that did not become ready: a wrong server is a failure of
// the harness, a cancelled run has no verdict.
func (r *run) notBack(err error) error {
	if l := (*Liveness)(nil); errors.As(err, &l) {
		return err
	}
	if !errors.Is(err, errTooLong) {
		return fmt.Errorf("wait for the runtime: %w", err)
	}
	if errors.Is(err, ingress.ErrUnregistered) {
		return (&Liveness{Guarantee: model.Guarantee{Code: model.DeploymentKnown}}).
			detailed(fmt.Sprintf("when %s had passed it was not: %v", r.bounds.Recovery, err))
	}
	return (&Liveness{Guarantee: model.Guarantee{Code: model.RuntimeComesBack}}).
		detailed(fmt.Sprintf("no answer%s within %s: %v", r.asVersion(), r.bounds.Recovery, err))
}

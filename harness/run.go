// Package harness runs a plan against a runtime and records what every client
// saw. It is the only place where plans and runtimes meet.
package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"retain/generators"
	"retain/model"
	"retain/runtime/ingress"
)

// Bounds are how long a run waits before it calls something wrong.
type Bounds struct {
	// Recovery covers a whole start, from the spawn to the last canary.
	Recovery time.Duration
	// Completion is for one operation on a runtime that is up.
	Completion time.Duration
}

// DefaultBounds are generous: a slow machine is not a finding.
var DefaultBounds = Bounds{Recovery: time.Minute, Completion: 30 * time.Second}

// Outcome is what a run left behind.
type Outcome struct {
	// ID is unique; the run's keys carry it.
	ID      string
	Plan    generators.Plan
	History *model.History
	// Path is the history's file.
	Path string
	// Liveness is set if the runtime did not come back or an operation never
	// finished.
	Liveness *Liveness
	// Age is how many plans the runtime had served before.
	Age int
	// Took is the wall time of the plan, its heal and its reads included.
	Took time.Duration

	began time.Time // of the history's clock
}

// Began is when the history's clock began, with the plan.
func (o *Outcome) Began() time.Time { return o.began }

// Liveness is a violation that no order of operations shows: something did not
// happen.
type Liveness struct {
	// Guarantee is the broken one, in a sentence.
	Guarantee string
	// Detail says what was waited for, how long, and what answered meanwhile.
	Detail string
	// Operation is the history's number of the operation, 0 for the runtime.
	Operation int
	// Timeless: it is no less true where this machine stood still, and nothing that
	// comes later makes it good.
	Timeless bool
}

// Error makes a liveness violation travel as an error inside the harness.
func (l *Liveness) Error() string { return l.Guarantee + ": " + l.Detail }

// execute runs one plan on a system. The error is the harness's own; what the
// runtime did wrong stands in the outcome.
func execute(ctx context.Context, sys *System, plan generators.Plan, id, path string, bounds Bounds) (*Outcome, error) {
	var line bytes.Buffer
	if err := json.Compact(&line, generators.Encode(plan)); err != nil {
		return nil, fmt.Errorf("encode the plan: %w", err)
	}
	rec, err := newRecorder(path, model.Header{
		Version: model.HistoryVersion, Run: id, Runtime: sys.Runtime.Identity().String(),
		Shared: sys.Shared, Plan: line.Bytes(),
	})
	if err != nil {
		return nil, err
	}
	return record(ctx, sys, plan, rec, id, path, bounds)
}

// record runs a plan whose history has begun.
func record(ctx context.Context, sys *System, plan generators.Plan, rec *recorder, id, path string, bounds Bounds) (*Outcome, error) {
	began := time.Now()
	out := &Outcome{ID: id, Plan: plan, Path: path, Age: sys.plans, began: rec.began}
	sys.plans++
	r := newRun(sys, plan, rec, id, bounds)
	err := r.all(ctx)
	sys.up = r.serving()
	history, closing := rec.close()
	out.History, out.Took = history, time.Since(began)
	if errors.As(err, &out.Liveness) {
		sys.retired = out.Liveness.Guarantee
		return out, closing
	}
	if err != nil || closing != nil {
		sys.retired = "a harness error"
	}
	if open := openInvocations(history); open > 0 {
		sys.retired = fmt.Sprintf("%d invocations of run %s are still open", open, id)
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
	r.fail, r.identity = cancel, r.sys.Runtime.Identity()
	r.pulse = startPulse()
	defer r.pulse.stop()
	defer r.observe()()
	defer r.watchExit(ctx)()
	defer r.watchSilence(ctx)()
	defer r.sys.Control.OpenAll()
	defer func() { r.life().Close() }()

	err := do(ctx)
	r.abortStart()
	if cause := context.Cause(ctx); cause != nil {
		err = cause // whoever failed the run knows better why than those it interrupted
	}
	return excused(err, r.pulse.worst())
}

// excused makes a violation of liveness our own affair if this process stood
// still meanwhile: what seemed late may have been on time.
func excused(err error, late time.Duration) error {
	var l *Liveness
	if errors.As(err, &l) && !l.Timeless && late > maxPulseGap {
		return fmt.Errorf("this machine stood still for %s, so nothing can be said about: %s", late.Round(time.Millisecond), l.Error())
	}
	return err
}

// program runs the steps of the plan, clients and faults side by side, and heals.
func (r *run) program(ctx context.Context) error {
	if err := r.firstReady(ctx); err != nil {
		return err
	}
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
	err := r.faults(ctx)
	if err == nil {
		err = r.heal(ctx)
	}
	if err != nil {
		r.fail(err)
	}
	for range clients {
		<-done
	}
	return err
}

// keys are the runtime's keys of the plan's objects, one canary each.
func (r *run) keys() []string {
	var keys []string
	for _, o := range r.plan.Objects() {
		keys = append(keys, r.objectKey(o))
	}
	return keys
}

// objectKey is the object's key in the runtime, of this run alone.
func (r *run) objectKey(o model.Object) string { return r.id + "-" + o.String() }

// firstReady waits until the runtime answers for the run's fresh keys.
func (r *run) firstReady(ctx context.Context) error {
	ctx, cancel := r.recoveryContext(ctx)
	defer cancel()
	r.mu.Lock()
	r.ingress = ingress.New(r.sys.Runtime.Endpoints())
	r.mu.Unlock()
	err := r.recognise(ctx, r.awaitReady(ctx, ingress.Milestones{}))
	switch {
	case errors.Is(err, errTooLong) && r.sys.plans == 1:
		// It never answered: that may be its deployment, its ports, its machine.
		return fmt.Errorf("the runtime was never ready since it was first started: %w", err)
	case err != nil:
		return r.notBack(err)
	}
	r.prober.mark(r.rec.since(), true)
	r.update(func() { r.state = ready })
	return nil
}

func (r *run) recoveryContext(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, r.bounds.Recovery, errTooLong)
}

var errTooLong = errors.New("the bound has passed")

// notBack judges a runtime that did not become ready: a wrong server is the
// harness's affair, a cancelled run nobody's.
func (r *run) notBack(err error) error {
	if l := (*Liveness)(nil); errors.As(err, &l) {
		return err
	}
	if !errors.Is(err, errTooLong) {
		return fmt.Errorf("wait for the runtime: %w", err)
	}
	if errors.Is(err, ingress.ErrUnregistered) {
		return &Liveness{
			Guarantee: "a registered deployment is known after a restart",
			Detail:    fmt.Sprintf("when %s had passed it was not: %v", r.bounds.Recovery, err),
		}
	}
	return &Liveness{
		Guarantee: "the runtime comes back after a restart",
		Detail:    fmt.Sprintf("no answer within %s: %v", r.bounds.Recovery, err),
	}
}

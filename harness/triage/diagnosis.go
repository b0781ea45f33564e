package triage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"retain/checker"
	"retain/harness"
	"retain/model"
	"retain/runtime/ingress"
)

// verifyBound bounds the question whose server answers.
const verifyBound = 2 * time.Second

// verifyServer makes a violation our own affair if the server that answers is another
// one: then the history is not one of this runtime. A guarantee in time is also ours if
// handlers of others are gone: what nobody handles can't finish, and no server is ready.
func verifyServer(ctx context.Context, r *harness.Run, sys *harness.System) {
	if r.Outcome == nil {
		return
	}
	if r.Outcome.Liveness != nil && sys.Alive != nil {
		if gone := sys.Alive(ctx); gone != nil {
			r.Verdict, r.Sentence = harness.Harness, (&harness.HandlersGone{Why: gone}).Error()
			return
		}
	}
	objects := harness.Objects(r.Plan)
	if !sys.Up() || len(objects) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, verifyBound)
	defer cancel()
	client := ingress.New(sys.Runtime.Endpoints())
	defer client.Close()
	err := client.Ask(ctx, harness.ObjectKey(r.Outcome.ID, objects[0]), sys.Prober())
	if errors.Is(err, ingress.ErrWrongServer) {
		r.Verdict, r.Sentence = harness.Harness, err.Error()
	}
}

// diagnose finds out about a violation: first where its effect was lost, while nothing
// more was done to the server, then what else it could have been.
func (o Options) diagnose(ctx context.Context, r *harness.Run, sys *harness.System) (*diagnosis, recheck) {
	d := newDiagnosis(r, sys)
	switch {
	case d != nil:
		r.Lost = d.numbers()
		r.Where = d.where(ctx)
		a := o.recheck(ctx, r, sys, d.broken.Object)
		late, back := d.late(a)
		if back && d.broken.Missing() {
			// Another sentence does not say that something is not there.
			r.Resurface()
		}
		r.Hypotheses = []harness.Hypothesis{d.theChecker(), d.notSent(), d.notReady(late), late, a.wrongServer()}
		return d, a
	case r.Outcome != nil && r.Outcome.Liveness != nil:
		r.Where = whereStuck(ctx, r, sys)
		a := o.recheck(ctx, r, sys, model.Object{Kind: model.Counter})
		r.Hypotheses = a.livenessHypotheses(r)
		return nil, a
	}
	return nil, recheck{}
}

// diagnosis examines one violation of one object: what else it could have been, and where
// the effect was lost.
type diagnosis struct {
	run    *harness.Run
	sys    *harness.System
	broken *checker.ObjectResult
	// last is the operation at whose return no order was left.
	last model.Invoked
	// lost are the acknowledged operations without whose effects the history up
	// to there has an order; none if no such few explain it.
	lost []model.Invoked
	// subjects are the lost ones, or else the changes of the proof, or else what wrote
	// the value that can't be there.
	subjects []model.Invoked
}

// diagnosisBudget bounds one check of a shortened history.
const diagnosisBudget = 2 * time.Second

// newDiagnosis begins a diagnosis, nil if the history shows no violation.
func newDiagnosis(r *harness.Run, sys *harness.System) *diagnosis {
	b := r.Check.Broken()
	if b == nil || b.Contradiction == 0 {
		return nil
	}
	d := &diagnosis{run: r, sys: sys, broken: b, last: r.Outcome.History.Operations[b.Contradiction-1]}
	d.lost = d.findLost()
	d.subjects = d.lost
	if d.subjects == nil {
		for _, id := range b.Proof {
			if o := r.Outcome.History.Operations[id-1]; !o.Op.ReadOnly() {
				d.subjects = append(d.subjects, o)
			}
		}
	}
	if d.subjects == nil && b.Stranger != nil {
		for _, id := range b.Stranger.Writers {
			if o := r.Outcome.History.Operations[id-1]; o.Object == b.Object {
				d.subjects = append(d.subjects, o)
			}
		}
	}
	return d
}

// end is the moment at which no order was left.
func (d *diagnosis) end() int64 { return d.last.In(model.Resolved).Return.Seq }

// acknowledged are the changes that were answered before the contradiction was
// called, the newest first.
func (d *diagnosis) acknowledged() []model.Invoked {
	var out []model.Invoked
	for _, o := range d.run.Outcome.History.Operations {
		in := o.In(model.Resolved)
		if o.Object == d.broken.Object && !o.Op.ReadOnly() && in.Outcome == model.OK && in.Return.Seq < d.last.Call.Seq {
			out = append(out, o)
		}
	}
	slices.SortFunc(out, func(a, b model.Invoked) int {
		return int(b.In(model.Resolved).Return.Seq - a.In(model.Resolved).Return.Seq)
	})
	return out
}

// LostOf are the numbers of the lost operations of a run that violated.
func LostOf(r *harness.Run) []int {
	d := newDiagnosis(r, nil)
	if d == nil {
		return nil
	}
	return d.numbers()
}

// numbers are those of the lost operations.
func (d *diagnosis) numbers() (ids []int) {
	for _, o := range d.lost {
		ids = append(ids, o.ID)
	}
	return ids
}

// maxLost is how many operations are tried: a history in which more are lost at
// once tells no more by their number.
const maxLost = 40

// lostBound bounds the search for them.
const lostBound = 10 * time.Second

// findLost looks for the fewest newest acknowledged changes without which what
// was seen has an order.
func (d *diagnosis) findLost() []model.Invoked {
	without := map[int]bool{}
	var lost []model.Invoked
	until := time.Now().Add(lostBound)
	for _, o := range d.acknowledged() {
		if model.Shows(d.last.In(model.Resolved), o.In(model.Resolved)) {
			continue // it is there, if not as it should be
		}
		if len(lost) == maxLost || time.Now().After(until) {
			return nil
		}
		without[o.ID] = true
		lost = append(lost, o)
		if d.orderly(true, nil, without) {
			return d.fewest(lost, without)
		}
	}
	return nil
}

// fewest puts back what need not be lost.
func (d *diagnosis) fewest(lost []model.Invoked, without map[int]bool) []model.Invoked {
	slices.Reverse(lost)
	needed := slices.DeleteFunc(lost, func(o model.Invoked) bool {
		delete(without, o.ID)
		if d.orderly(true, nil, without) {
			return true
		}
		without[o.ID] = true
		return false
	})
	slices.SortFunc(needed, func(a, b model.Invoked) int { return a.ID - b.ID })
	return needed
}

// orderly reports whether what was known of the object before the contradiction,
// together with the contradiction itself or with later reads, has an order when
// some operations are left out. Whatever else was called meanwhile or since may
// have had its effect or not: a relaxation under which an orderly history stays
// one.
func (d *diagnosis) orderly(contradiction bool, later []model.Invoked, without map[int]bool) bool {
	h := model.History{Header: model.Header{Version: model.HistoryVersion, Run: d.run.Outcome.ID, Altered: d.run.Outcome.History.Altered, Shared: d.run.Outcome.History.Shared}}
	add := func(o model.Invoked) {
		o.ID = len(h.Operations) + 1
		o.Process, o.Attempts = fmt.Sprint(o.ID), nil
		h.Operations = append(h.Operations, o)
	}
	newest := int64(0)
	for _, o := range d.run.Outcome.History.Operations {
		in := o.In(model.Resolved)
		for _, at := range []model.Instant{o.Call, o.Return, in.Return} {
			if at != model.Forever {
				newest = max(newest, at.Seq)
			}
		}
		if o.Object != d.broken.Object || o.Outcome == model.Failed || without[o.ID] {
			continue
		}
		if len(without) > 0 && o.Op.ReadOnly() && o.ID != d.last.ID {
			continue // it may have seen what was lost only then
		}
		kept := in.Return.Seq < d.end() || contradiction && o.ID == d.last.ID
		switch {
		case kept:
			in.Resolution = nil
			add(in)
		case !o.Op.ReadOnly():
			o.Outcome, o.Answer, o.Return, o.Resolution = model.Ambiguous, nil, model.Forever, nil
			add(o)
		}
	}
	for _, o := range later {
		o.Call.Seq, o.Return.Seq = newest+1, newest+2
		newest += 2
		add(o)
	}
	return checker.Check(&h, checker.Options{Budget: diagnosisBudget, SecondOpinion: -1}).Verdict == checker.Pass
}

// presenceIn says whether later reads show what is lost.
func (d *diagnosis) presenceIn(later []model.Invoked) presence {
	if !d.orderly(false, later, nil) {
		for _, o := range d.lost {
			if o.Object.Kind.IsList() && slices.ContainsFunc(later, func(read model.Invoked) bool { return model.Shows(read, o.In(model.Resolved)) }) {
				return displaced
			}
		}
		return missing
	}
	without := map[int]bool{}
	for _, o := range d.lost {
		without[o.ID] = true
	}
	if len(d.lost) > 0 && d.orderly(false, later, without) {
		return covered
	}
	return present
}

// presence is whether reads show an effect.
type presence int

const (
	missing   presence = iota // no order explains the reads
	present                   // they are as they must be
	covered                   // they are as they must be with the effect or without it: later writes cover it
	displaced                 // a lost element is there again, and not where it belongs
)

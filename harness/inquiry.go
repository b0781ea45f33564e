package harness

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"retain/checker"
	"retain/model"
	"retain/runtime/ingress"
)

// verifyBound bounds the question whose server answers.
const verifyBound = 2 * time.Second

// verify makes a violation our own affair if the server that answers is another
// one: then the history is not one of this runtime.
func (s *session) verify(ctx context.Context, r *Run, sys *System) {
	objects := r.Plan.Objects()
	if r.Outcome == nil || !sys.up || len(objects) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, verifyBound)
	defer cancel()
	client := ingress.New(sys.Runtime.Endpoints())
	defer client.Close()
	err := client.Ask(ctx, r.Outcome.ID+"-"+objects[0].String(), sys.Nonce)
	if errors.Is(err, ingress.ErrWrongServer) {
		r.Verdict, r.Sentence = Harness, err.Error()
	}
}

// inquire asks about a violation: first where its effect was lost, while nothing
// more was done to the server, then what else it could have been.
func (s *session) inquire(ctx context.Context, r *Run, sys *System) (*inquiry, afterlife) {
	q := newInquiry(r, sys)
	switch {
	case q != nil:
		r.Lost = q.numbers()
		r.Where = q.where(ctx)
		a := s.lookAgain(ctx, r, sys, q.broken.Object)
		late, back := q.came(a)
		if back && q.broken.Missing() {
			// Another sentence does not say that something is not there.
			r.surfaced = true
			r.Sentence += surfacesLater
		}
		r.RuledOut = []RuledOut{q.theChecker(), q.notSent(), q.notReady(late), late, a.wrongServer()}
		return q, a
	case r.Outcome != nil && r.Outcome.Liveness != nil:
		r.Where = whereStuck(ctx, r, sys)
		a := s.lookAgain(ctx, r, sys, model.Object{Kind: model.Counter})
		r.RuledOut = a.ofLiveness(r)
		return nil, a
	}
	return nil, afterlife{}
}

// inquiry is what is asked about one violation of one object: what else it could
// have been, and where the effect was lost.
type inquiry struct {
	run    *Run
	sys    *System
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

// inquiryBudget bounds one check of a shortened history.
const inquiryBudget = 2 * time.Second

// newInquiry begins an inquiry, nil if the history shows no violation.
func newInquiry(r *Run, sys *System) *inquiry {
	b := r.Check.Broken()
	if b == nil || b.Contradiction == 0 {
		return nil
	}
	q := &inquiry{run: r, sys: sys, broken: b, last: r.Outcome.History.Operations[b.Contradiction-1]}
	q.lost = q.findLost()
	q.subjects = q.lost
	if q.subjects == nil {
		for _, id := range b.Proof {
			if o := r.Outcome.History.Operations[id-1]; changes(o.Op) {
				q.subjects = append(q.subjects, o)
			}
		}
	}
	if q.subjects == nil && b.Stranger != nil {
		for _, id := range b.Stranger.Writers {
			if o := r.Outcome.History.Operations[id-1]; o.Object == b.Object {
				q.subjects = append(q.subjects, o)
			}
		}
	}
	return q
}

// changes reports whether an operation can have an effect.
func changes(op model.Operation) bool {
	add, counts := op.(model.CounterAdd)
	return !op.ReadOnly() && !(counts && add.Delta == 0)
}

// end is the moment at which no order was left.
func (q *inquiry) end() int64 { return q.last.In(model.Resolved).Return.Seq }

// acknowledged are the changes that were answered before the contradiction was
// called, the newest first.
func (q *inquiry) acknowledged() []model.Invoked {
	var out []model.Invoked
	for _, o := range q.run.Outcome.History.Operations {
		in := o.In(model.Resolved)
		if o.Object == q.broken.Object && changes(o.Op) && in.Outcome == model.OK && in.Return.Seq < q.last.Call.Seq {
			out = append(out, o)
		}
	}
	slices.SortFunc(out, func(a, b model.Invoked) int {
		return int(b.In(model.Resolved).Return.Seq - a.In(model.Resolved).Return.Seq)
	})
	return out
}

// lostOf are the numbers of the lost operations of a run that violated.
func lostOf(r *Run) []int {
	q := newInquiry(r, nil)
	if q == nil {
		return nil
	}
	return q.numbers()
}

// numbers are those of the lost operations.
func (q *inquiry) numbers() (ids []int) {
	for _, o := range q.lost {
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
func (q *inquiry) findLost() []model.Invoked {
	without := map[int]bool{}
	var lost []model.Invoked
	until := time.Now().Add(lostBound)
	for _, o := range q.acknowledged() {
		if shows(q.last.In(model.Resolved), o.In(model.Resolved)) {
			continue // it is there, if not as it should be
		}
		if len(lost) == maxLost || time.Now().After(until) {
			return nil
		}
		without[o.ID] = true
		lost = append(lost, o)
		if q.orderly(true, nil, without) {
			return q.fewest(lost, without)
		}
	}
	return nil
}

// fewest puts back what need not be lost.
func (q *inquiry) fewest(lost []model.Invoked, without map[int]bool) []model.Invoked {
	slices.Reverse(lost)
	needed := slices.DeleteFunc(lost, func(o model.Invoked) bool {
		delete(without, o.ID)
		if q.orderly(true, nil, without) {
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
func (q *inquiry) orderly(contradiction bool, later []model.Invoked, without map[int]bool) bool {
	h := model.History{Header: model.Header{Version: model.HistoryVersion, Run: q.run.Outcome.ID, Shared: q.run.Outcome.History.Shared}}
	add := func(o model.Invoked) {
		o.ID = len(h.Operations) + 1
		o.Process, o.Attempts = fmt.Sprint(o.ID), nil
		h.Operations = append(h.Operations, o)
	}
	newest := int64(0)
	for _, o := range q.run.Outcome.History.Operations {
		in := o.In(model.Resolved)
		for _, at := range []model.Instant{o.Call, o.Return, in.Return} {
			if at != model.Forever {
				newest = max(newest, at.Seq)
			}
		}
		if o.Object != q.broken.Object || o.Outcome == model.Failed || without[o.ID] {
			continue
		}
		if len(without) > 0 && o.Op.ReadOnly() && o.ID != q.last.ID {
			continue // it may have seen what was lost only then
		}
		kept := in.Return.Seq < q.end() || contradiction && o.ID == q.last.ID
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
	return checker.Check(&h, checker.Options{Budget: inquiryBudget, SecondOpinion: -1}).Verdict == checker.Pass
}

// shows says whether later reads show what is lost.
func (q *inquiry) shows(later []model.Invoked) showing {
	if !q.orderly(false, later, nil) {
		for _, o := range q.lost {
			if o.Object.Kind == model.List && slices.ContainsFunc(later, func(read model.Invoked) bool { return shows(read, o.In(model.Resolved)) }) {
				return displaced
			}
		}
		return missing
	}
	without := map[int]bool{}
	for _, o := range q.lost {
		without[o.ID] = true
	}
	if len(q.lost) > 0 && q.orderly(false, later, without) {
		return covered
	}
	return present
}

// showing is whether reads show an effect.
type showing int

const (
	missing   showing = iota // no order explains the reads
	present                  // they are as they must be
	covered                  // they are as they must be with the effect or without it: later writes cover it
	displaced                // a lost element is there again, and not where it belongs
)

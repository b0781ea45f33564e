package checker

import (
	"slices"

	"retain/model"
)

// managed are the operations of a history that operations on invocations were about: see
// [model.Manage]. What was ended or purged has less to prove.
//
// It keeps "legal stays legal". An operation that was ended need not have had its effect,
// unless it was answered; it has none behind its end that an answer needs, so that it is as an
// ambiguous one. A key that the runtime may have forgotten may be executed again each time
// that it is sent, so that each such call has an effect of its own or none. What the key is
// answered then when it is asked for says nothing.
type managed struct {
	ended map[int]bool // by ID
	// keys are the idempotency keys that may be executed again; true for those under which an
	// invocation was ended.
	keys map[string]bool
}

// managedOf finds them; the zero value for a history without such operations.
func managedOf(h *model.History) managed {
	var out managed
	h.EachManaged(func(m model.Manage, by, of *model.Invoked) {
		if !m.Verb.Forgets() {
			return
		}
		if out.keys == nil {
			out.ended, out.keys = map[int]bool{}, map[string]bool{}
		}
		if m.Verb.Ends() {
			out.ended[of.ID] = true
		}
		if of.Key != "" {
			out.keys[of.Key] = out.keys[of.Key] || m.Verb.Ends()
		}
	})
	return out
}

// recordOf is the record of an operation as what was done to invocations leaves it, false for
// one that proves nothing.
func (m managed) recordOf(o *model.Invoked, r record) (record, bool) {
	if on, manages := o.Op.(model.Manage); manages {
		if on.Of == nil {
			return record{}, false
		}
		r.op = model.Executed(on.Of)
		return r, true
	}
	ended, again := m.keys[o.Key] // no key is ""
	if again && model.AskingOf(o.Op).For != nil {
		return record{}, false
	}
	if again {
		r.op = model.Executed(r.op)
	}
	deferred := m.ended[o.ID] && (model.DeferralOf(o.Op).Sent || o.Deferred.Pending)
	if deferred || model.EndedBy(r.answer) && (ended || m.ended[o.ID]) {
		if o.Op.ReadOnly() {
			return record{}, false
		}
		r.answer, r.ret = nil, open
	}
	return r, true
}

// ending is the end of an invocation.
type ending struct {
	by int   // the ID of the operation that ended it
	at int64 // when it was known to be over: that was acknowledged, or it was answered so
}

// overOf finds the operations whose invocations were ended, by ID.
func overOf(h *model.History) map[int]ending {
	out := map[int]ending{}
	h.EachManaged(func(m model.Manage, by, of *model.Invoked) {
		at := int64(0)
		switch in := of.In(model.Resolved); {
		case !m.Verb.Ends():
		case model.EndedBy(in.Answer):
			at = max(by.Call.Seq, in.Return.Seq)
		case by.Outcome == model.OK && (m.Verb == model.KillInvocation || endedAtOnce(by)):
			if at = by.Return.Seq; in.Outcome == model.OK { // it was over before, or goes on behind its answer
				at = max(at, in.Return.Seq)
			}
		}
		if known, is := out[of.ID]; at > 0 && (!is || at <= known.at) {
			out[of.ID] = ending{by.ID, at}
		}
	})
	return out
}

// endedAtOnce reports whether the server answered a cancel with 200: the invocation was queued or
// scheduled, and is over. 202 says that its handler is to learn of it.
func endedAtOnce(cancel *model.Invoked) bool {
	return slices.ContainsFunc(cancel.Attempts, func(a model.Attempt) bool { return a.Status == 200 })
}

// ranAgain finds the first operation of an object whose invocation was entered again although
// it had been ended, and the server was started after that.
func (c *check) ranAgain(b *object) (finding, bool) {
	over := c.over()
	if len(over) == 0 {
		return finding{}, false
	}
	for _, i := range b.operations {
		id := c.h.Operations[i].ID
		end, ended := over[id]
		if !ended {
			continue
		}
		if e := c.enteredAfter(id, end.at); e != nil {
			return finding{
				Judgement: Judgement{Verdict: Violation, By: ByAnswer}, part: part{kind: b.Kind, records: b.records},
				answer: model.EndedRanAgain, ids: []int32{int32(id), int32(end.by)}, entered: e,
			}, true
		}
	}
	return finding{}, false
}

// enteredAfter is when the invocation of an operation, which was over at an instant, entered its
// handler once more after a later start; nil if it did not. It has no key that was sent after
// that.
func (c *check) enteredAfter(id int, over int64) *model.Observation {
	o := &c.h.Operations[id-1]
	started := int64(0)
	for _, f := range c.faults() {
		if f.Kind.Starts() && f.Begin.Seq > over {
			started = f.Begin.Seq
			break
		}
	}
	if started == 0 || slices.ContainsFunc(c.h.Operations, func(other model.Invoked) bool {
		return other.ID != id && o.Key != "" && other.Key == o.Key && !other.Op.ReadOnly()
	}) || slices.ContainsFunc(o.Attempts, func(a model.Attempt) bool { return a.Start.Seq > over }) {
		return nil
	}
	known, last := o.Deferred.Invocation, 0 // its id, and its last entry before the start
	for i := range c.h.Evidence {
		switch e := &c.h.Evidence[i]; {
		case e.ID != id:
		case known == "" && e.At.Seq < over:
			known, last = e.Invocation, e.Entry
		case known != "" && e.Invocation != known: // it was restarted as a new one
		case e.At.Seq < started:
			last = max(last, e.Entry)
		case e.Entry > last && (known != "" || !c.restarted(o)):
			return e
		}
	}
	return nil
}

// restarted reports whether the invocation of an operation may have been executed again as a
// new one.
func (c *check) restarted(o *model.Invoked) (may bool) {
	c.h.EachManaged(func(m model.Manage, _, of *model.Invoked) {
		may = may || of.ID == o.ID && m.Verb == model.RestartInvocation
	})
	return may
}

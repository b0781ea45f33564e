package checker

import (
	"cmp"
	"math"
	"slices"

	"retain/model"
)

// open is the return of a record that never returned.
const open = int64(math.MaxInt64)

// record is one operation as the decisions see it. Its times are sequence
// numbers, its interval is closed: a precedes b only if a.ret is less than
// b.call.
type record struct {
	id        int32 // of the operation; its index is one less
	op        model.Operation
	answer    model.Answer // nil: not known
	call, ret int64
}

// optional reports whether the operation need not have happened.
func (r record) optional() bool { return r.answer == nil && r.ret == open }

// recording is what of a history decides, beside an operation itself, which record it has.
type recording struct {
	due     dueTimes
	managed managed
}

func recordingOf(h *model.History) recording {
	return recording{due: dueTimesOf(h), managed: managedOf(h)}
}

// recordOf is the operation in the view, as [managed] leaves it.
func (r recording) recordOf(o *model.Invoked, v model.View) (record, bool) {
	out, ok := recordOf(o, v, r.due)
	if !ok {
		return out, false
	}
	return r.managed.recordOf(o, out)
}

// recordOf is the operation in the view, whatever was done to invocations. What failed has none, it has no place
// in any order, and neither has an ambiguous read: it has no effect and no
// answer to explain.
//
// The order is that in which invocations arrive at their object. What is pending arrives
// between its due time and its end, and need not have arrived if it was not seen to end. An
// operation that waited in its handler arrived before that; one that was answered before its
// due time has an interval that ends before it begins.
func recordOf(o *model.Invoked, v model.View, from dueTimes) (record, bool) {
	if o.Outcome == model.Ambiguous {
		in := o.In(v) // the others are the same in each view
		o = &in
	}
	switch d, due := o.Deferred, from.after(o.Deferred.Due); {
	case o.Outcome == model.OK && d.Pending && d.Ran == model.Forever:
		return record{id: int32(o.ID), op: o.Op, call: max(o.Call.Seq, due), ret: open}, true
	case o.Outcome == model.OK && d.Pending:
		return record{id: int32(o.ID), op: o.Op, answer: o.Answer, call: max(o.Call.Seq, due), ret: d.Ran.Seq}, true
	case o.Outcome == model.OK && due > o.Return.Seq:
		return record{id: int32(o.ID), op: o.Op, answer: o.Answer, call: due, ret: o.Return.Seq}, true
	case o.Outcome == model.OK:
		return record{id: int32(o.ID), op: o.Op, answer: o.Answer, call: o.Call.Seq, ret: o.Return.Seq}, true
	case o.Outcome == model.Ambiguous && !o.Op.ReadOnly():
		return record{id: int32(o.ID), op: o.Op, call: o.Call.Seq, ret: open}, true
	}
	return record{}, false
}

// object is what the checker knows of one object: the indexes of its operations
// in the history, and its records in the resolved view.
type object struct {
	model.Object
	operations []int
	records    []record
	size       int // how many operations
	recording  recording
	// differs reports whether the raw view is another one.
	differs bool
}

// objectsOf partitions a history by object, in the order of first calls.
func objectsOf(h *model.History) []*object {
	var out []*object
	known := map[model.Object]*object{}
	of := make([]*object, len(h.Operations))
	var b *object // of the last operation
	for i := range h.Operations {
		o := &h.Operations[i]
		if b == nil || b.Object != o.Object {
			if b = known[o.Object]; b == nil {
				b = &object{Object: o.Object}
				known[o.Object] = b
				out = append(out, b)
			}
		}
		of[i] = b
		b.size++
		b.differs = b.differs || resent(o)
	}
	recording := recordingOf(h)
	for _, b := range out {
		b.operations = make([]int, 0, b.size)
		b.records = make([]record, 0, b.size)
		b.recording = recording
	}
	for i := range h.Operations {
		b := of[i]
		b.operations = append(b.operations, i)
		if r, ok := recording.recordOf(&h.Operations[i], model.Resolved); ok {
			b.records = append(b.records, r)
		}
	}
	for _, b := range out {
		sortByCall(b.records)
	}
	return out
}

// resent reports whether the views differ in the operation: it is answered in the
// resolved one and open in the raw one.
func resent(o *model.Invoked) bool {
	return o.Outcome == model.Ambiguous && o.Resolution != nil && o.MayHaveRunTwice()
}

// sortByCall puts records into the order of their calls, in which a history
// usually has them.
func sortByCall(records []record) {
	byCall := func(a, b record) int { return cmp.Compare(a.call, b.call) }
	if !slices.IsSortedFunc(records, byCall) {
		slices.SortStableFunc(records, byCall)
	}
}

// raw are the object's records in the raw view.
func (b *object) raw(h *model.History) []record {
	out := make([]record, 0, len(b.operations))
	for _, i := range b.operations {
		if r, ok := b.recording.recordOf(&h.Operations[i], model.Raw); ok {
			out = append(out, r)
		}
	}
	sortByCall(out)
	return out
}

// dueTimes are the returns of a history whose effects have due times, and the ends of pending
// effects, in their order; nil for a history without such effects.
type dueTimes []model.Instant

// tooEarly is by how much an effect may come before its due time, in nanoseconds: the
// server says that to a millisecond.
const tooEarly = 1_000_000

func dueTimesOf(h *model.History) dueTimes {
	some := false
	for i := range h.Operations { // by index: an operation is large
		some = some || h.Operations[i].Deferred.Due > 0
	}
	if !some {
		return nil
	}
	out := make(dueTimes, 0, len(h.Operations))
	for i := range h.Operations {
		in := h.Operations[i].In(model.Resolved)
		if in.Return != model.Forever {
			out = append(out, in.Return)
		}
		if in.Deferred.Pending && in.Deferred.Ran != model.Forever {
			out = append(out, in.Deferred.Ran)
		}
	}
	slices.SortFunc(out, func(a, b model.Instant) int { return cmp.Compare(a.Seq, b.Seq) })
	return out
}

// after is the first sequence number behind all of them before a due time, in nanoseconds: an
// operation that was over then does not see the effect.
func (d dueTimes) after(due int64) int64 {
	if due == 0 {
		return 0
	}
	i, _ := slices.BinarySearchFunc(d, due-tooEarly, func(at model.Instant, due int64) int { return cmp.Compare(at.Ns, due) })
	if i == 0 {
		return 0
	}
	return d[i-1].Seq + 1
}

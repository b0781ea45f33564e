package checker

import (
	"slices"

	"retain/model"
)

// keyed is what an operation says of the one execution that its key has.
type keyed struct {
	key    string // "" for a count of the executions
	calls  bool   // it is for the execution
	absent bool   // it was answered that there was none at its call, or later
	done   bool   // it was answered that there was one at its return, or before
	number int64  // of the execution, 0 if the answer has none
	anew   bool   // it is an execution of its own, whatever its key
}

// decideKeys decides executions that are counted, one for each key, in O(n log n).
//
// A key has at most one execution, which ends at one moment: not before the first call with
// the key, nor before the call of anything that found none, and not after the return of
// anything that found one. So all operations on a key are one addition with that interval,
// which answered its number. It answered none if the number is not known, and need not have
// been if nothing found it. What is left is a counter: see [decideCounter].
func decideKeys(records []record, of func(*record) keyed) fast {
	known := map[string]*execution{}
	var all []*execution
	out := make([]record, 0, len(records))
	for i := range records {
		r := &records[i]
		k := of(r)
		if k.key == "" {
			out = append(out, record{id: r.id, op: model.CounterGet{}, answer: r.answer, call: r.call, ret: r.ret})
			continue
		}
		if k.anew {
			out = append(out, asAddition(*r))
			continue
		}
		e := known[k.key]
		if e == nil {
			e = &execution{}
			known[k.key], all = e, append(all, e)
		}
		if !e.add(r, k) {
			return illegal(e.answered.id, r.id)
		}
	}
	for _, e := range all {
		f, r, counts := e.addition()
		switch {
		case f.applies:
			return f
		case counts:
			out = append(out, r)
		}
	}
	sortByCall(out)
	return decideCounter(out)
}

// execution is what is known of the execution of one key.
type execution struct {
	called   *record // the first that called
	without  *record // the last called that found none
	found    *record // the first to return that found one
	answered *record // the first to return with its number
	number   int64
}

// add takes in an operation; false if it is answered otherwise than another.
func (e *execution) add(r *record, k keyed) bool {
	if k.calls && e.called == nil { // records come by call
		e.called = r
	}
	if k.absent && (e.without == nil || r.call > e.without.call) {
		e.without = r
	}
	if k.done && (e.found == nil || r.ret < e.found.ret) {
		e.found = r
	}
	switch {
	case k.number == 0:
	case e.answered == nil:
		e.answered, e.number = r, k.number
	case !e.answered.answer.Equal(r.answer):
		return false
	case r.ret < e.answered.ret:
		e.answered = r
	}
	return true
}

// addition is the execution as an addition to a counter; false if there need not have been
// one, or if what is known of it is illegal.
func (e *execution) addition() (fast, record, bool) {
	switch {
	case e.called == nil && e.found != nil:
		return illegal(e.found.id), record{}, false
	case e.called == nil:
		return fast{}, record{}, false
	}
	r := record{id: e.called.id, op: model.CounterAdd{Delta: 1}, call: e.called.call, ret: open}
	if e.without != nil {
		r.call = max(r.call, e.without.call)
	}
	if e.found == nil {
		return fast{}, r, true
	}
	if r.ret = e.found.ret; r.call > r.ret {
		ids := []int32{e.called.id, e.found.id}
		if e.without != nil {
			ids = append(ids, e.without.id)
		}
		return illegal(ids...), record{}, false
	}
	if e.answered == nil { // it has its place, and nobody knows which
		r.op, r.answer = model.CounterAddThenFail{Delta: 1}, model.Failure{Code: 500}
		return fast{}, r, true
	}
	r.answer = e.answered.answer
	return fast{}, asAddition(r), true
}

// asAddition is an execution as an addition to a counter.
func asAddition(r record) record {
	r.op = model.CounterAdd{Delta: 1}
	if n := model.NumberOf(r.answer); n > 0 {
		r.answer = model.Change{Old: n - 1, New: n}
	}
	return r
}

// onceEach makes of several calls with a key that may be executed again, and were answered
// with one number, one that was answered and others that need not have been executed. What it
// was answered with may be the execution of any call with the key.
func onceEach(records []record, of func(*record) keyed) []record {
	answered, called := map[model.Answer]int{}, map[string]int64{}
	out := slices.Clone(records)
	for i := range out { // by call
		r := &out[i]
		k := of(r)
		if !k.anew {
			continue
		}
		if _, known := called[k.key]; !known {
			called[k.key] = r.call
		}
		if r.answer == nil {
			continue
		}
		first, known := answered[r.answer]
		if !known {
			answered[r.answer] = i
			r.call = called[k.key]
			continue
		}
		out[first].ret = min(out[first].ret, r.ret)
		r.answer, r.ret = nil, open
	}
	sortByCall(out)
	return out
}

// moreThanKeys reports whether the last answer of a proof has a higher number than keys were
// called by then.
func (n *naming) moreThanKeys(of func(*record) keyed) bool {
	last := n.proof.last
	count, _ := last.answer.(model.Integer)
	keys, anew := map[string]bool{}, 0
	for _, r := range n.part.records {
		switch k := of(&r); {
		case !k.calls || r.call >= last.ret:
		case k.anew:
			anew++
		default:
			keys[k.key] = true
		}
	}
	return max(int64(count), model.NumberOf(last.answer)) > int64(len(keys)+anew)
}

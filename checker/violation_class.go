package checker

import (
	"slices"
	"sort"

	"retain/model"
)

// classOf returns the class of guarantee that broke, for an object whose resolved view
// has no legal order; raw is the verdict on the raw view.
//
// It is [OneEffect] if second effects explain the history (see [check.secondEffects]),
// and either the raw view is legal, or no loss explains it (see [check.loss]). It is
// [StateGuarantee] otherwise, and [UnknownClass] if a search that it depends on ended
// undecided.
func (c *check) classOf(b *object, raw Verdict) Class {
	twice := c.secondEffects(b)
	if twice == Violation {
		return StateGuarantee
	}
	if raw != Pass {
		switch loss := c.loss(b); {
		case loss == Violation:
			raw = Pass // nothing else explains it
		case raw == Undecided || loss == Undecided:
			return UnknownClass
		default:
			return StateGuarantee
		}
	}
	if twice == Pass && raw == Pass {
		return OneEffect
	}
	return UnknownClass
}

// bounded is the check with an effort of its own and without second opinions, for
// decisions that are no part of a verdict.
func (c *check) bounded(e *effort) *check {
	out := *c
	out.effort, out.o.SecondOpinion = e, -1
	return &out
}

// doubled is a record of an operation that may have taken effect twice.
type doubled struct {
	record int
	// again is when it was sent again.
	again int64
}

// way is which of two effects an operation's answer is from.
type way uint8

const (
	// eitherWay allows more than the other two: that both effects came before the
	// operation was sent again.
	eitherWay way = iota
	answeredFirst
	answeredSecond
)

// secondEffects reports whether the object's resolved view has a legal order (Pass)
// if operations that were sent more than once may have taken effect twice, each for
// itself. One of the two effects came after the operation was sent again; which of
// them was answered is not known. Violation if there is no such order.
//
// It decides operation by operation. A history in which the answer of each operation
// that is not decided yet may be from either effect allows more than all ways to
// decide them; where it is illegal, none of these is tried.
func (c *check) secondEffects(b *object) Verdict {
	var all []doubled
	for i, r := range b.records {
		if o := &c.h.Operations[r.id-1]; o.MayHaveRunTwice() {
			all = append(all, doubled{i, max(r.call, o.SentAgain().Seq)})
		}
	}
	return c.explainedBy(b.Kind, b.records, all)
}

// explainedBy is [check.secondEffects] of some of the records.
func (c *check) explainedBy(kind model.Kind, records []record, all []doubled) Verdict {
	if len(all) == 0 {
		return Violation
	}
	s := seconds{check: c, kind: kind, records: records, all: all, ways: make([]way, len(all))}
	for i, d := range all {
		if records[d.record].answer == nil {
			s.ways[i] = answeredFirst // the two are alike
		}
	}
	return s.explain()
}

// seconds is the search for second effects that explain a history.
type seconds struct {
	*check
	kind    model.Kind
	records []record
	all     []doubled
	ways    []way
}

// explain decides the ways that are open.
func (s *seconds) explain() Verdict {
	verdict := s.verdict(s.ways)
	next := slices.Index(s.ways, eitherWay)
	if verdict == Violation || next < 0 {
		return verdict
	}
	for _, all := range []way{answeredFirst, answeredSecond} {
		ways := slices.Clone(s.ways)
		for i := range ways {
			if ways[i] == eitherWay {
				ways[i] = all
			}
		}
		if s.verdict(ways) == Pass {
			return Pass
		}
	}
	verdict = Violation
	for _, way := range []way{answeredFirst, answeredSecond} {
		s.ways[next] = way
		v := s.explain()
		s.ways[next] = eitherWay
		if v == Pass {
			return Pass
		}
		if v != Violation {
			verdict = Undecided
		}
		if s.spent() {
			return Undecided
		}
	}
	return verdict
}

// verdict judges the history with second effects.
func (s *seconds) verdict(ways []way) Verdict {
	records := slices.Clone(s.records)
	for i, d := range s.all {
		r := &records[d.record]
		second := *r
		second.answer, second.ret = nil, open
		switch ways[i] {
		case answeredFirst:
			second.call = d.again
		case answeredSecond:
			if d.again >= r.ret {
				return Violation // it was answered before it was sent again
			}
			r.call = d.again
		}
		records = append(records, second)
	}
	sortByCall(records)
	return s.decide(s.kind, records).Verdict
}

// loss reports whether a loss explains the object's resolved view (Pass): at the end
// of one of the kills and stops, the history up to there has a legal order, and so has
// the rest, if each change that was acknowledged before may or may not have survived.
// Violation if there is no such fault.
//
// The later the fault, the weaker is the condition on the rest, and the stronger the one
// on the prefix: so only the last fault with a legal prefix is tried.
func (c *check) loss(b *object) Verdict {
	var ends []int64
	for _, f := range c.h.Faults {
		if f.Ends() {
			ends = append(ends, f.End.Seq)
		}
	}
	slices.Sort(ends)
	unknown := false
	legalBefore := sort.Search(len(ends), func(i int) bool {
		switch c.decide(b.Kind, prefix(b.records, ends[i])).Verdict {
		case Pass:
			return false
		case Violation:
		default:
			unknown = true
		}
		return true
	})
	if unknown {
		return Undecided
	}
	if legalBefore == 0 {
		return Violation
	}
	return c.decide(b.Kind, suffix(b.records, ends[legalBefore-1])).Verdict
}

// suffix is the history after an instant; changes that had returned by then are
// ambiguous.
func suffix(records []record, at int64) []record {
	var out []record
	for _, r := range records {
		switch {
		case r.ret > at:
			out = append(out, r)
		case !r.op.ReadOnly():
			r.answer, r.ret = nil, open
			out = append(out, r)
		}
	}
	return out
}

// withoutEffect is the record as if its operation had answered and changed nothing;
// false if there is nothing left of it. key is the entry of a map that is judged.
func (r record) withoutEffect(key string) (record, bool) {
	switch op := r.op.(type) {
	case model.CounterAdd:
		c, ok := r.answer.(model.Change)
		r.op, r.answer = model.CounterGet{}, model.Integer(c.Old)
		return r, ok
	case model.RegisterCompareAndSet:
		_, ok := r.answer.(model.Text)
		r.op = model.RegisterRead{}
		return r, ok
	case model.ListClear:
		_, ok := r.answer.(model.Texts)
		r.op = model.ListGet{}
		return r, ok
	case model.MailboxDrain:
		_, ok := r.answer.(model.Texts)
		r.op = model.MailboxGet{}
		return r, ok
	case model.MapClearAll:
		value := ""
		entries, ok := r.answer.(model.Entries)
		for _, e := range entries {
			if e.Key == key {
				value = e.Value
			}
		}
		r.op, r.answer = model.MapGet{Key: key}, model.Text(value)
		return r, ok && key != ""
	default:
		return r, op.ReadOnly()
	}
}

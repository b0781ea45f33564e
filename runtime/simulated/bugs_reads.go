package simulated

import "retain/model"

// misread is the answer that a read gets, where a bug has a hand in it; the
// caller holds the lock.
func (s *store) misread(o *object, op model.Operation, answer model.Answer) model.Answer {
	if model.EffectOf(op) != model.Reads {
		return answer
	}
	if o.previous != nil && o.wroteIn < s.incarnations {
		answer = s.misreadAs(StaleRead, o, op, o.previous, answer)
	}
	if o.cleared != nil {
		answer = s.misreadAs(ReadBeforeClear, o, op, o.cleared, answer)
	}
	if s.bugs.on[WrongKey] {
		if other, at := s.otherKey(o, op); other != nil {
			answer = s.misreadAs(WrongKey, o, other, at, answer)
		}
	}
	return answer
}

// misreadAs lets the bug answer op on another state, if that answer differs.
func (s *store) misreadAs(b Bug, o *object, op model.Operation, at model.State, answer model.Answer) model.Answer {
	_, wrong := op.Apply(at)
	if wrong.Equal(answer) || !s.bugs.strikes(b, &o.site) {
		return answer
	}
	s.note("%s: %s/%s %s answers %s, not %s", b, o.name, o.key, op, wrong, answer)
	return wrong
}

// otherKey turns a read into one of another entry of the same map, or else of
// the object of its service that was written last; nil if there is none.
func (s *store) otherKey(o *object, op model.Operation) (model.Operation, model.State) {
	at := o.state
	get, isMap := op.(model.MapGet)
	if isMap {
		if other, found := otherEntry(at, get.Key); found {
			return model.MapGet{Key: other}, at
		}
	}
	other := s.newest[o.name][0]
	if other == o {
		other = s.newest[o.name][1]
	}
	if other == nil {
		return nil, nil
	}
	if isMap {
		key, found := otherEntry(other.state, "")
		if !found {
			return nil, nil
		}
		return model.MapGet{Key: key}, other.state
	}
	return op, other.state
}

// otherEntry is the first key of a map that is not this one.
func otherEntry(s model.State, not string) (string, bool) {
	_, entries := model.MapClearAll{}.Apply(s)
	for _, e := range entries.(model.Entries) {
		if e.Key != not {
			return e.Key, true
		}
	}
	return "", false
}

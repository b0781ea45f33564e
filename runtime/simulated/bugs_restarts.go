package simulated

import "retain/model"

// killBugs strikes at a kill; the caller holds the lock.
func (s *store) killBugs() {
	for _, o := range s.order {
		for _, inv := range o.open {
			inv.crashed = inv.crashed || inv.running
		}
		if len(o.log) > 0 {
			s.loseWrite(o)
			s.undoUnanswered(o)
		}
	}
}

// loseWrite takes the last acknowledged write back whose absence shows.
func (s *store) loseWrite(o *object) {
	if !s.bugs.on[LostWrite] {
		return
	}
	for i := len(o.log) - 1; i >= 0; i-- {
		lost := o.log[i].of
		if !lost.acked {
			continue
		}
		without := o.replay(func(e effect) bool { return e.of != lost })
		if without.Equal(o.state) {
			continue
		}
		if s.bugs.strikes(LostWrite, &o.place) {
			s.note("%s: %s/%s loses %s: %s, not %s", LostWrite, o.name, o.key, lost.op, without, o.state)
			o.state = without
		}
		return
	}
}

// undoUnanswered takes the effect of the invocation back that has had it in this
// life and is not finished, and forgets the invocation with it.
func (s *store) undoUnanswered(o *object) {
	if !s.bugs.on[DirtyRead] {
		return
	}
	for _, inv := range o.open {
		without := o.replay(func(e effect) bool { return e.of != inv })
		if without.Equal(o.state) || !s.bugs.strikes(DirtyRead, &o.place) {
			continue
		}
		s.note("%s: %s/%s forgets %s: %s, not %s", DirtyRead, o.name, o.key, inv.op, without, o.state)
		o.state = without
		s.forget(inv)
		return
	}
}

// replay is the state after those effects of this life that are kept.
func (o *object) replay(keep func(effect) bool) model.State {
	state := o.base
	for _, e := range o.log {
		if keep(e) {
			state, _ = e.op.Apply(state)
		}
	}
	return state
}

func (s *store) forget(inv *invocation) {
	o := inv.object
	o.close(inv)
	delete(s.byID, inv.id)
	if inv.key != "" {
		delete(s.keyed, scope(inv.handler, o.key, inv.key))
	}
}

// restartBugs strikes between two lives; the caller holds the lock.
func (s *store) restartBugs() {
	if s.bugs.on[Rollback] {
		for i := range s.partitions {
			s.rollBack(&s.partitions[i])
		}
	}
	if !s.bugs.on[StuckKey] {
		return
	}
	for _, o := range s.order {
		if o.called && o.kind != "" && !o.stuck && s.bugs.strikes(StuckKey, &o.place) {
			s.note("%s: %s/%s", StuckKey, o.name, o.key)
			o.stuck = true
		}
	}
}

// rollBack gives a partition's objects the state of the last start.
func (s *store) rollBack(partition *place) {
	var written []*object
	for _, o := range s.order {
		if o.partition == int(partition.number) && len(o.log) > 0 && !o.base.Equal(o.state) {
			written = append(written, o)
		}
	}
	if len(written) == 0 || !s.bugs.strikes(Rollback, partition) {
		return
	}
	for _, o := range written {
		s.note("%s: %s/%s is %s again, not %s", Rollback, o.name, o.key, o.base, o.state)
		o.state = o.base
	}
}

package simulated

import (
	"cmp"
	"slices"
	"time"

	"retain/model"
)

// killBugs strikes at a kill; the caller holds the lock.
func (s *store) killBugs() {
	s.dropSends()
	s.forgetKeys()
	s.loseCompletions()
	for _, o := range s.order {
		for _, inv := range o.open {
			inv.crashed = inv.crashed || inv.running
			s.failForEver(inv)
		}
		if len(o.log) > 0 {
			s.loseWrite(o)
			s.undoUnanswered(o)
		}
	}
}

// dropSends forgets what was sent and accepted.
func (s *store) dropSends() {
	if !s.bugs.on[DroppedSend] {
		return
	}
	waiting := slices.Clone(s.scheduled)
	for _, o := range s.order {
		waiting = append(waiting, o.open...)
	}
	for _, inv := range waiting {
		if o := inv.object; inv.oneWay && inv.acked && inv.began.IsZero() && s.bugs.strikes(DroppedSend, &o.site) {
			s.note("%s: %s/%s drops %s", DroppedSend, o.name, o.key, inv.op)
			s.unschedule(inv)
			s.forget(inv)
		}
	}
}

// forgetKeys forgets the answers of invocations whose keys clients ask for.
func (s *store) forgetKeys() {
	if !s.bugs.on[ForgottenKey] {
		return
	}
	var answered []*invocation
	for _, inv := range s.keyed {
		if inv.acked && !inv.finished.IsZero() && inv.object.kind == model.Answers {
			answered = append(answered, inv)
		}
	}
	slices.SortFunc(answered, func(a, b *invocation) int {
		return cmp.Or(cmp.Compare(a.object.number, b.object.number), cmp.Compare(a.number, b.number))
	})
	for _, inv := range answered {
		if o := inv.object; s.bugs.strikes(ForgottenKey, &o.site) {
			s.note("%s: %s/%s forgets the answer of %s", ForgottenKey, o.name, o.key, inv.op)
			s.forget(inv)
		}
	}
}

// bare is the answer of an invocation that is asked for again, where a bug takes the metadata
// of an error.
func (s *store) bare(inv *invocation) model.Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, fails := inv.answer.(model.Failure)
	if o := inv.object; fails && f.Metadata != "" && s.bugs.strikes(LostMetadata, &o.site) {
		s.note("%s: %s/%s %s is answered without its metadata", LostMetadata, o.name, o.key, inv.op)
		f.Metadata = ""
		return f
	}
	return inv.answer
}

// deniesAtStart reports whether a key that was answered is said to be unknown.
func (s *store) deniesAtStart(h *handler, objectKey, key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	inv := s.keyed[scope(h, objectKey, key)]
	if s.incarnations < 2 || inv == nil || !inv.acked || !s.bugs.strikes(UnknownAtStart, &inv.object.site) {
		return false
	}
	s.note("%s: %s/%s does not know %s", UnknownAtStart, inv.object.name, objectKey, inv.op)
	return true
}

// fireEarly lets delayed sends be due.
func (s *store) fireEarly() {
	if !s.bugs.on[EarlyTimer] {
		return
	}
	for _, inv := range s.scheduled {
		if o := inv.object; time.Until(inv.due) > 0 && s.bugs.strikes(EarlyTimer, &o.site) {
			s.note("%s: %s/%s %s is due %s early", EarlyTimer, o.name, o.key, inv.op, time.Until(inv.due))
			inv.due = time.Now()
		}
	}
}

// reviveEnded opens invocations again that were killed.
func (s *store) reviveEnded() {
	if !s.bugs.on[EndedReturns] {
		return
	}
	for _, o := range s.order {
		for _, inv := range o.killed {
			if s.bugs.strikes(EndedReturns, &o.site) {
				s.note("%s: %s/%s %s runs again", EndedReturns, o.name, o.key, inv.op)
				inv.finished, inv.done, inv.entry = time.Time{}, make(chan struct{}), nil
				o.open = append(o.open, inv)
			}
		}
		o.killed = nil
	}
}

// failForEver makes every later attempt of a write fail whose handler runs.
func (s *store) failForEver(inv *invocation) {
	o := inv.object
	if !inv.running || inv.fails || o.kind == "" || inv.op.ReadOnly() || !s.bugs.strikes(StuckRetry, &o.site) {
		return
	}
	s.note("%s: %s/%s %s fails from now on", StuckRetry, o.name, o.key, inv.op)
	inv.fails = true
}

// loseWrite takes the last write back that was acknowledged in this incarnation and
// whose absence shows.
func (s *store) loseWrite(o *object) {
	if !s.bugs.on[LostWrite] {
		return
	}
	for i := len(o.log) - 1; i >= 0 && o.log[i].incarnation == s.incarnations; i-- {
		lost := o.log[i].of
		if !lost.acked {
			continue
		}
		others := func(e effect) bool { return e.of != lost }
		without := o.replay(others)
		if without.Equal(o.state) {
			continue
		}
		if s.bugs.strikes(LostWrite, &o.site) {
			s.note("%s: %s/%s loses %s: %s, not %s", LostWrite, o.name, o.key, lost.op, without, o.state)
			o.keep(others)
		}
		return
	}
}

// see counts an operation as one that sees the effects before it.
func (s *store) see(inv *invocation) {
	if !s.bugs.on[DirtyRead] {
		return
	}
	for _, e := range inv.object.log {
		if e.of != inv && !e.of.sent {
			e.of.seen++
		}
	}
}

// undoUnanswered takes the effects back of operations whose answers no client
// was sent, and forgets that they were ever called. Each operation that saw such
// an effect is an opportunity.
func (s *store) undoUnanswered(o *object) {
	if !s.bugs.on[DirtyRead] {
		return
	}
	for _, e := range slices.Clone(o.log) {
		undone := e.of
		if undone.sent {
			continue
		}
		others := func(e effect) bool { return e.of != undone }
		without := o.replay(others)
		strikes := false
		for n := 0; n < undone.seen && !strikes && !without.Equal(o.state); n++ {
			strikes = s.bugs.strikes(DirtyRead, &o.site)
		}
		if !strikes {
			continue
		}
		s.note("%s: %s/%s forgets %s: %s, not %s", DirtyRead, o.name, o.key, undone.op, without, o.state)
		o.keep(others)
		s.forget(undone)
	}
}

func (s *store) forget(inv *invocation) {
	o := inv.object
	o.close(inv)
	delete(s.byID, inv.id)
	if id := scope(inv.handler, o.key, inv.key); s.keyed[id] == inv {
		delete(s.keyed, id)
	}
}

// lapses takes the effects back of the calls that [Options].Lapse names; the caller
// holds the lock.
func (s *store) lapses(killed bool) {
	if s.lapse == nil {
		return
	}
	for _, o := range s.order {
		for _, inv := range o.open {
			if inv.applied && s.lapse(inv.op, killed) {
				s.note("lapse: %s/%s loses %s and keeps its answer", o.name, o.key, inv.op)
				o.keep(func(e effect) bool { return e.of != inv })
			}
		}
	}
}

// restartBugs strikes between two incarnations; the caller holds the lock.
func (s *store) restartBugs() {
	s.fireEarly()
	s.reviveEnded()
	if s.bugs.on[Rollback] {
		for i := range s.partitions {
			s.rollBack(&s.partitions[i])
		}
	}
	if !s.bugs.on[StuckKey] {
		return
	}
	for _, o := range s.order {
		if o.called && o.kind != "" && !o.stuck && s.bugs.strikes(StuckKey, &o.site) {
			s.note("%s: %s/%s", StuckKey, o.name, o.key)
			o.stuck = true
		}
	}
}

// rollBack gives a partition's objects the state of the last start.
func (s *store) rollBack(partition *site) {
	var written []*object
	for _, o := range s.order {
		if o.partition == int(partition.number) && o.kind != "" && !o.base.Equal(o.state) {
			written = append(written, o)
		}
	}
	if len(written) == 0 || !s.bugs.strikes(Rollback, partition) {
		return
	}
	for _, o := range written {
		s.note("%s: %s/%s is %s again, not %s", Rollback, o.name, o.key, o.base, o.state)
		o.keep(func(e effect) bool { return e.incarnation < s.incarnations })
	}
}

package simulated

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	"retain/model"
)

// awakeable is one that was published. It survives a kill.
type awakeable struct {
	of    *invocation // which awaits it
	wakes time.Time   // when that begins to await it
	// awaited is set once it does.
	awaited bool
	// with is what completed it, nil for nothing; incarnation took that, and acked is set once
	// its client knows.
	with        *model.Completion
	incarnation int
	acked       bool
	done        chan struct{} // closed when it is completed
}

// awakeableID is the id of the awakeable with a number that an object has under a value.
func awakeableID(o *object, value string, number int64) string {
	return "prom_1" + strconv.FormatUint(hash(fmt.Sprintf("%s\x00%s\x00%d", o.key, value, number)), 36)
}

// await lets a handler publish an awakeable, sleep and await it, once for all its attempts; false
// if the attempt is over first.
func (i *incarnation) await(e *entry, inv *invocation) bool {
	a := i.store.publish(i, inv)
	if a == nil || !i.wait(time.Until(a.wakes)) || !i.pause.wait(i.ctx) || e.ctx.Err() != nil {
		return false
	}
	select {
	case <-i.store.awaits(a):
	case <-e.ctx.Done():
		return false
	}
	return i.pause.wait(i.ctx) && i.store.endAwait(i, inv)
}

// publish gives an invocation its awakeable, unless it has one; nil if the incarnation is over.
func (s *store) publish(i *incarnation, inv *invocation) *awakeable {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != i {
		return nil
	}
	if inv.awakeable != nil {
		return inv.awakeable
	}
	op, o := inv.op.(model.AwakeableAwait), inv.object
	_, published := o.state.(model.AwakeablesState).Publish(op.Value)
	s.see(inv)
	s.change(inv, func(at model.State) model.State {
		at, _ = at.(model.AwakeablesState).Publish(op.Value)
		return at
	})
	inv.awakeable = &awakeable{of: inv, wakes: time.Now().Add(time.Duration(op.DelayMs) * time.Millisecond), done: make(chan struct{})}
	s.awakeables[awakeableID(o, op.Value, published.Number)] = inv.awakeable
	return inv.awakeable
}

// awaits notes that the handler awaits its awakeable. The channel is closed when it is completed.
func (s *store) awaits(a *awakeable) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	a.awaited = true
	return a.done
}

// endAwait ends a handler with what completed its awakeable; false if the incarnation is over.
func (s *store) endAwait(i *incarnation, inv *invocation) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == i {
		inv.answer = inv.awakeable.with.Answer()
	}
	return s.current == i
}

// complete takes a completion of an awakeable, nil for an id that nobody published: the first
// one wins. The caller holds the lock.
func (s *store) complete(a *awakeable, with model.Completion) {
	if a == nil {
		return
	}
	o := a.of.object
	switch {
	case a.with != nil:
		if *a.with != with && a.of.finished.IsZero() && s.bugs.strikes(LastCompletionWins, &o.site) {
			s.note("%s: %s/%s %s ends with %s, not with %s", LastCompletionWins, o.name, o.key, a.of.op, with.Answer(), a.with.Answer())
			a.with = &with
		}
		return
	case !a.awaited && s.bugs.strikes(EarlyCompletionLost, &o.site):
		s.note("%s: %s/%s %s does not see %s", EarlyCompletionLost, o.name, o.key, a.of.op, with.Answer())
		return
	}
	a.with, a.incarnation = &with, s.incarnations
	close(a.done)
}

// relayCompletion lets a handler complete an awakeable; the caller holds the lock.
func (s *store) relayCompletion(inv *invocation, op model.AwakeableRelay) {
	o := inv.object
	_, published := model.AwakeableID{Value: op.Value}.Apply(o.state)
	if inv.answer = published; model.NumberOf(published) == 0 {
		return
	}
	with, _ := model.CompletionOf(op)
	s.complete(s.awakeables[awakeableID(o, op.Value, model.NumberOf(published))], with)
	inv.answer, inv.applied = model.Done{}, true
}

// loseCompletions takes completions back that were acknowledged in this incarnation, and the ends
// of their handlers.
func (s *store) loseCompletions() {
	if !s.bugs.on[LostCompletion] {
		return
	}
	var taken []*awakeable
	for _, a := range s.awakeables {
		if a.with != nil && a.acked && a.incarnation == s.incarnations {
			taken = append(taken, a)
		}
	}
	slices.SortFunc(taken, func(a, b *awakeable) int {
		return cmp.Or(cmp.Compare(a.of.object.number, b.of.object.number), cmp.Compare(a.of.number, b.of.number))
	})
	for _, a := range taken {
		inv, o := a.of, a.of.object
		if !s.bugs.strikes(LostCompletion, &o.site) {
			continue
		}
		s.note("%s: %s/%s %s waits again for what completed it", LostCompletion, o.name, o.key, inv.op)
		a.with, a.acked, a.done = nil, false, make(chan struct{})
		if !inv.finished.IsZero() {
			inv.finished, inv.answer, inv.done = time.Time{}, nil, make(chan struct{})
			o.open = append(o.open, inv)
		}
	}
}

// completes is /restate/awakeables/ and an id, then /resolve or /reject: it is taken, whatever the
// id is.
func (i *incarnation) completes(w http.ResponseWriter, r *http.Request, parts []string) *problem {
	if len(parts) != 2 || parts[1] != "resolve" && parts[1] != "reject" {
		return notFound
	}
	if r.Method != http.MethodPost {
		return notAllowed
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		panic(http.ErrAbortHandler) // the client is gone
	}
	with := model.Completion{Value: string(body), Rejected: parts[1] == "reject"}
	if !with.Rejected {
		if err := json.Unmarshal(body, &with.Value); err != nil {
			with.Value = string(body) // of another form than the handler awaits
		}
	}
	a, key := i.store.findAwakeable(parts[0])
	d := i.random.time(i.timings.Accept, "accept", i.number, hash(parts[0]), hash(with.Value))
	if !i.awaitPartition(r, key) || !i.wait(d) || !i.pause.wait(i.ctx) || !i.store.takes(i, a, with) {
		panic(http.ErrAbortHandler)
	}
	if answerWith(w, http.StatusAccepted, nil) == nil && a != nil {
		i.store.acknowledgeCompletion(a, with)
	}
	return nil
}

// findAwakeable is the awakeable with this id, nil for none, and the key that says in which
// partition it is.
func (s *store) findAwakeable(id string) (*awakeable, string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.awakeables[id]; a != nil {
		return a, a.of.object.key
	}
	return nil, id
}

// takes takes a completion; false if the incarnation is over.
func (s *store) takes(i *incarnation, a *awakeable, with model.Completion) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == i {
		s.complete(a, with)
	}
	return s.current == i
}

// acknowledgeCompletion notes that the client of a completion has its answer.
func (s *store) acknowledgeCompletion(a *awakeable, with model.Completion) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a.acked = a.acked || a.with != nil && *a.with == with
}

// awakeableBody is the response of the handlers of awakeables, nil for others.
func awakeableBody(inv *invocation, answer model.Answer) []byte {
	if _, failed := answer.(model.Failure); failed {
		return nil
	}
	_, done := answer.(model.Done)
	switch op := inv.op.(type) {
	case model.AwakeableRelay:
		return marshal(done)
	case model.AwakeableID:
		if n := model.NumberOf(answer); n > 0 {
			return marshal(fmt.Sprintf("#%d %s", n, awakeableID(inv.object, op.Value, n)))
		}
		return marshal("")
	}
	return nil
}

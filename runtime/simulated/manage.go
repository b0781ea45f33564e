package simulated

import (
	"fmt"
	"net/http"
	"strings"

	"retain/model"
)

// manageInvocation does what is asked with the path ID/VERB to an invocation.
func (i *incarnation) manageInvocation(w http.ResponseWriter, path string) {
	id, verb, _ := strings.Cut(path, "/")
	do := managing[verb]
	if do == nil {
		answerJSON(w, http.StatusNotFound, errorBody{Message: fmt.Sprintf("an invocation has no %.40q", verb)})
		return
	}
	status, restarted := i.store.manage(i, id, do)
	switch {
	case restarted != "":
		answerJSON(w, status, map[string]string{"new_invocation_id": restarted})
	case status/100 == 2:
		_ = answerWith(w, status, nil) // if it fails the client is gone
	default:
		answerJSON(w, status, errorBody{Message: fmt.Sprintf("the invocation %.80s can't be asked to %s now", id, verb)})
	}
}

// phase is how far an invocation is.
type phase int

const (
	waiting phase = iota // scheduled, or it waits its turn
	running
	paused
	ended
)

// phase is the invocation's; the caller holds the lock.
func (inv *invocation) phase() phase {
	switch {
	case !inv.finished.IsZero():
		return ended
	case inv.resumed != nil:
		return paused
	case inv.began.IsZero():
		return waiting
	}
	return running
}

// managing are the verbs of the admin API: what each does to an invocation, and its status. The
// caller holds the lock.
var managing = map[string]func(s *store, i *incarnation, inv *invocation) (status int, restarted string){
	"cancel": func(s *store, _ *incarnation, inv *invocation) (int, string) {
		_, naps := inv.op.(model.MailboxNap)
		switch p := inv.phase(); {
		case p == ended:
			return http.StatusConflict, ""
		case p == waiting:
			s.drop(inv, "canceled")
			return http.StatusOK, ""
		case naps || p == paused: // the others have no point at which they learn of it
			s.kill(inv, "canceled")
		}
		return http.StatusAccepted, ""
	},
	"kill": func(s *store, _ *incarnation, inv *invocation) (int, string) {
		switch inv.phase() {
		case ended:
			return http.StatusConflict, ""
		case waiting:
			s.drop(inv, "killed")
		default:
			s.kill(inv, "killed")
		}
		return http.StatusOK, ""
	},
	"purge": func(s *store, _ *incarnation, inv *invocation) (int, string) {
		if inv.phase() != ended {
			return http.StatusConflict, ""
		}
		s.forget(inv)
		return http.StatusOK, ""
	},
	"pause": func(_ *store, _ *incarnation, inv *invocation) (int, string) {
		switch inv.phase() {
		case paused:
			return http.StatusOK, ""
		case running:
			inv.resumed = make(chan struct{})
			inv.endAttempt()
			return http.StatusAccepted, ""
		}
		return http.StatusConflict, ""
	},
	"resume": func(_ *store, _ *incarnation, inv *invocation) (int, string) {
		switch inv.phase() {
		case ended:
			return http.StatusConflict, ""
		case waiting:
			return http.StatusTooEarly, ""
		case paused:
			close(inv.resumed)
			inv.resumed = nil
		}
		return http.StatusOK, ""
	},
	"restart-as-new": func(s *store, i *incarnation, inv *invocation) (int, string) {
		switch inv.phase() {
		case ended:
			again := s.add(i, inv.object, &request{handler: inv.handler, objectKey: inv.object.key, op: inv.op, tag: inv.tag})
			again.restarts = true
			return http.StatusOK, again.id
		case waiting:
			return http.StatusTooEarly, ""
		}
		return http.StatusConflict, ""
	},
}

// manage does something to the invocation with this id. restarted is the id of the one that a
// restart began, "" for none.
func (s *store) manage(i *incarnation, id string, do func(*store, *incarnation, *invocation) (int, string)) (status int, restarted string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	inv := s.byID[id]
	if inv == nil || s.current != i {
		return http.StatusNotFound, ""
	}
	return do(s, i, inv)
}

// drop ends an invocation that has not begun, and forgets it.
func (s *store) drop(inv *invocation, why string) {
	s.unschedule(inv)
	inv.answer = model.Failure{Code: http.StatusConflict, Message: why}
	s.over(inv)
	s.forget(inv)
	inv.object.killed = append(inv.object.killed, inv)
}

// kill ends an invocation whose handler runs, or is paused. What it did stays.
func (s *store) kill(inv *invocation, why string) {
	inv.answer = model.Failure{Code: http.StatusConflict, Message: why}
	s.over(inv)
	if inv.resumed != nil {
		close(inv.resumed)
		inv.resumed = nil
	}
	inv.endAttempt()
	inv.object.killed = append(inv.object.killed, inv)
}

// endAttempt ends the attempt that runs, if one does; the caller holds the lock.
func (inv *invocation) endAttempt() {
	if inv.entry != nil {
		inv.entry.end()
	}
}

// enters notes the attempt that runs.
func (s *store) enters(inv *invocation, e *entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	inv.entry = e
	if inv.phase() != running {
		e.end() // it was ended, or paused, just before
	}
}

// goesOn waits while an invocation is paused, and reports whether it is over; ok is false if
// the incarnation is.
func (s *store) goesOn(i *incarnation, inv *invocation) (over, ok bool) {
	for {
		s.mu.Lock()
		over, resumed := !inv.finished.IsZero(), inv.resumed
		ok := s.current == i
		s.mu.Unlock()
		if over || !ok || resumed == nil {
			return over, ok
		}
		select {
		case <-resumed:
		case <-i.ctx.Done():
			return false, false
		}
	}
}

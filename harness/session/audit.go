package session

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"retain/harness"
)

const (
	// ledgerShare is the part of a session's time that ledgers may take: one in so
	// many.
	ledgerShare = 10
	// ledgerReserve is as much of the time as is kept for the ledgers of the
	// runtimes that stay to the end.
	ledgerReserve = 30 * time.Second
	// firstLedger is what the kill and the start of a ledger are thought to take
	// before one was seen.
	firstLedger = time.Second
)

// audits is the time that the ledgers of one worker have taken.
type audits struct {
	spent time.Duration
	// once is the duration of the last ledger.
	once time.Duration
}

// audit reads the ledger of a runtime, if there is time, and forgets the plans that the
// runtime served. Due ledgers ignore the time: the first closing one of each worker, and
// that of a replay.
func (s *session) audit(ctx context.Context, sys *server, closing, due bool) error {
	if len(sys.served) == 0 || s.rerun != nil && !s.rerun.ReadLedger {
		s.lastAdmissions(ctx, sys)
		return sys.forget()
	}
	defer harness.EnterPart(ctx, harness.PartLedger)()
	all := objects(sys.served)
	began := time.Now()
	until, why := s.grant(ctx, sys, closing, due)
	l := &ledger{session: s, sys: sys, until: until}
	var err error
	if why == "" {
		if err = l.conduct(ctx); err != nil && ctx.Err() == nil {
			s.took(harness.Run{Number: -1, Verdict: harness.Harness, Sentence: "the ledger at the session's end: " + err.Error()})
		}
		why = s.incomplete(ctx)
	}
	s.mu.Lock()
	out := &s.result.Ledger
	out.Of += all
	out.Objects += int(l.objects.Load())
	out.Reads += int(l.reads.Load())
	if int(l.objects.Load()) < all {
		out.Note = why
	}
	if l.last != nil {
		s.audits.once = time.Since(began)
		s.audits.spent += s.audits.once
	}
	s.mu.Unlock()
	s.lastAdmissions(ctx, sys)
	return sys.forget()
}

// grant says until when a ledger may begin to read, zero for any time, or why
// there is none.
func (s *session) grant(ctx context.Context, sys *server, closing, due bool) (until time.Time, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case ctx.Err() != nil:
		return until, "the session was interrupted"
	case s.stop:
		return until, "the session ended early, with another verdict"
	case sys.unfit || !sys.Up():
		return until, "a runtime had failed"
	case s.Fresh:
		return until, ""
	}
	allowed := time.Since(s.began) / ledgerShare * time.Duration(max(1, s.Workers))
	if !closing {
		allowed /= 2 // the rest is for those that stay to the end
	}
	left := allowed - s.audits.spent
	once := s.audits.once
	if once == 0 {
		once = firstLedger
	}
	if due {
		left = max(left, 2*once)
	}
	if left < once {
		return until, sampled
	}
	return time.Now().Add(left), ""
}

// sampled is why a ledger is not whole.
var sampled = fmt.Sprintf("chosen at random: at most %d %% of the session's time is for the ledger", 100/ledgerShare)

// incomplete says why a ledger that began may have been cut short.
func (s *session) incomplete(ctx context.Context) string {
	switch {
	case ctx.Err() != nil:
		return "the session was interrupted"
	case s.stopped():
		return "it ended at the first object that was not as it was left"
	}
	return sampled
}

// auditAll has the ledgers of the runtimes that stayed to the end, in random
// order, and ends them.
func (s *session) auditAll(ctx context.Context) error {
	systems := s.pool.drain()
	rand.Shuffle(len(systems), func(i, j int) { systems[i], systems[j] = systems[j], systems[i] })
	next := make(chan int, len(systems))
	for i := range systems {
		next <- i
	}
	close(next)
	errs := make([]error, len(systems))
	s.sideBySide(ctx, func(ctx context.Context) {
		for i := range next {
			audit := s.audit(ctx, systems[i], true, i < max(1, s.Workers))
			errs[i] = errors.Join(audit, systems[i].close(context.WithoutCancel(ctx)))
		}
	})
	s.result.Ledger.Took = s.audits.spent / time.Duration(max(1, s.Workers))
	return errors.Join(errs...)
}

// stopped reports whether the session ends.
func (s *session) stopped() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stop
}

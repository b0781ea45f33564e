package harness

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
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

// audits is what the ledgers have taken, in the time of one worker.
type audits struct {
	spent time.Duration
	// once is what the last one took.
	once time.Duration
}

// audit has a runtime's ledger, if there is time for it, and forgets what the
// runtime served. The first closing ones, one for each worker, are due whatever
// they take, and so is a replay's.
func (s *session) audit(ctx context.Context, sys *System, closing, due bool) error {
	if len(sys.served) == 0 || s.rehearsal == withoutLedger {
		s.lastWords(ctx, sys)
		return sys.forget()
	}
	all := objects(sys.served)
	began := time.Now()
	until, why := s.grant(ctx, sys, closing, due)
	l := &ledger{session: s, sys: sys, until: until}
	var err error
	if why == "" {
		if err = l.conduct(ctx); err != nil {
			s.took(Run{Number: -1, Verdict: Harness, Sentence: "the ledger at the session's end: " + err.Error()})
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
	s.lastWords(ctx, sys)
	return sys.forget()
}

// grant says until when a ledger may begin to read, zero for any time, or why
// there is none.
func (s *session) grant(ctx context.Context, sys *System, closing, due bool) (until time.Time, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case ctx.Err() != nil:
		return until, "the session was interrupted"
	case s.stop:
		return until, "the session ended early, with another verdict"
	case sys.unfit || !sys.up:
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
	var workers sync.WaitGroup
	for range max(1, s.Workers) {
		workers.Go(func() {
			for i := range next {
				audit := s.audit(ctx, systems[i], true, i < max(1, s.Workers))
				errs[i] = errors.Join(audit, systems[i].shutdown(context.WithoutCancel(ctx)))
			}
		})
	}
	workers.Wait()
	s.result.Ledger.Took = s.audits.spent / time.Duration(max(1, s.Workers))
	return errors.Join(errs...)
}

// stopped reports whether the session ends.
func (s *session) stopped() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stop
}

package session

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"retain/harness"
	"retain/model"
)

// Ledger is what the end of a session read again: every runtime is killed and
// started once more, and what its plans left must be there.
type Ledger struct {
	// Objects were read again, Of is how many the plans that passed left behind.
	Objects, Of int
	// Reads is how many answers there were: an object has several.
	Reads int
	// Took is the time that the ledger cost the session, the kills and starts
	// included.
	Took time.Duration
	// Note says why not all objects were read; "" if they were.
	Note string
}

// ledger is the end of one runtime: a kill, a start, and reads of what its plans
// left.
type ledger struct {
	session *session
	sys     *server
	// until is when the last plan's reads may begin; zero for any time.
	until time.Time
	// last is the plan that ran last: the kill and the start are its own, and the
	// others' histories get copies.
	last           *entry
	objects, reads atomic.Int64

	mu    sync.Mutex
	found []harness.Run // plans that no longer pass
}

// entry is one plan of a ledger: its history goes on.
type entry struct {
	served
	inspection *harness.Inspection
}

// readersAtOnce is how many plans' objects are read side by side.
const readersAtOnce = 4

// conduct reads the last plan's objects, then the others' in random order, until
// the time is up.
func (l *ledger) conduct(ctx context.Context) error {
	all := l.sys.served
	others := append([]served(nil), all[:len(all)-1]...)
	rand.Shuffle(len(others), func(i, j int) { others[i], others[j] = others[j], others[i] })
	var err error
	if l.last, err = l.open(all[len(all)-1]); err != nil {
		return err
	}
	last := l.last.inspection
	err = last.Watched(ctx, func(ctx context.Context) error {
		if err := last.Restart(ctx); err != nil {
			return err
		}
		if err := last.ReadAll(ctx, model.Ledger); err != nil {
			return err
		}
		return l.others(ctx, others)
	})
	err = l.judge(ctx, l.last, err)
	for _, r := range l.found {
		l.session.keep(ctx, &r, l.sys)
		l.session.took(r)
	}
	return err
}

// open goes on with a plan's history.
func (l *ledger) open(v served) (*entry, error) {
	inspection, err := harness.Continue(l.sys.System, &v.outcome, l.session.boundsOn(l.sys, v.outcome.Plan))
	if err != nil {
		return nil, err
	}
	return &entry{served: v, inspection: inspection}, nil
}

// others reads what the other plans left.
func (l *ledger) others(ctx context.Context, all []served) error {
	next := make(chan served, len(all))
	for _, v := range all {
		next <- v
	}
	close(next)
	var readers sync.WaitGroup
	errs := make([]error, readersAtOnce)
	for i := range errs {
		readers.Go(func() {
			for v := range next {
				if errs[i] != nil || ctx.Err() != nil || l.failed() || !l.until.IsZero() && time.Now().After(l.until) {
					return
				}
				errs[i] = l.other(ctx, v)
			}
		})
	}
	readers.Wait()
	return errors.Join(errs...)
}

// other reads what one plan left.
func (l *ledger) other(ctx context.Context, v served) error {
	e, err := l.open(v)
	if err != nil {
		return err
	}
	defer e.inspection.Observe()()
	err = e.inspection.CopyRestart(l.last.inspection)
	if err == nil {
		err = e.inspection.ReadAll(ctx, model.Ledger)
	}
	if ctx.Err() != nil {
		_, _ = e.inspection.Close()
		return nil // whoever ended the ledger says why
	}
	return l.judge(ctx, e, l.last.inspection.Excuse(err))
}

// failed reports whether a plan no longer passes, and shows no known finding. The ledger
// ends then.
func (l *ledger) failed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	news := slices.ContainsFunc(l.found, func(r harness.Run) bool { return r.Verdict != harness.Known })
	return news || l.session.stopped()
}

// judge closes a history and judges it again. A plan that no longer passes is reported to
// the session after the last read of the ledger, because triage restarts the server. An
// interrupted ledger shows nothing but violations.
func (l *ledger) judge(ctx context.Context, e *entry, err error) error {
	h, closing := e.inspection.Close()
	o := e.outcome
	o.History, o.Took = h, time.Since(o.Began())
	r := harness.Run{Number: e.number, Plan: o.Plan, Verdict: harness.Harness, Ledger: true, Outcome: &o}
	for _, n := range answeredReads(h) {
		l.objects.Add(1)
		l.reads.Add(int64(n))
	}
	if r.Outcome.Takes(err) {
		err = nil
	}
	r.Judge(errors.Join(err, closing), l.session.Check)
	l.session.judgeKnown(&r)
	if r.Verdict == harness.Pass || l.session.givenUp(ctx, r) {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sys.Retired, l.found = "the ledger of run "+o.ID+" did not pass", append(l.found, r)
	return nil
}

// answeredReads counts the answers that the ledger got, by object.
func answeredReads(h *model.History) map[model.Object]int {
	n := map[model.Object]int{}
	for _, o := range h.Operations {
		if o.Phase == model.Ledger && o.Outcome == model.OK {
			n[o.Object]++
		}
	}
	return n
}

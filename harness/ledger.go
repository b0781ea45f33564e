package harness

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"retain/generators"
	"retain/model"
	"retain/runtime/ingress"
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

// served is a plan that passed on a runtime. Its history waits on disk until what
// it left was read again.
type served struct {
	number, age int
	plan        generators.Plan
	id, path    string
	began       time.Time
}

// serve keeps a plan that passed for the ledger.
func (s *System) serve(number int, o *Outcome) {
	s.served = append(s.served, served{number: number, age: o.Age, plan: o.Plan, id: o.ID, path: o.Path, began: o.began})
}

// objects is how many the plans left behind.
func objects(all []served) int {
	n := 0
	for _, v := range all {
		n += len(v.plan.Objects())
	}
	return n
}

// ledger is the end of one runtime: a kill, a start, and reads of what its plans
// left.
type ledger struct {
	session *session
	sys     *System
	// until is when the last plan's reads may begin; zero for any time.
	until time.Time
	// last is the plan that ran last: the kill and the start are its own, and the
	// others' histories get copies.
	last           *entry
	objects, reads atomic.Int64

	mu    sync.Mutex
	found []Run // plans that no longer pass
}

// entry is one plan of a ledger: its history goes on.
type entry struct {
	served
	run *run
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
	r := l.last.run
	err = r.watched(ctx, func(ctx context.Context) error {
		if err := r.closingKill(ctx); err != nil {
			return err
		}
		if err := l.read(ctx, r); err != nil {
			return err
		}
		return l.others(ctx, others)
	})
	l.sys.up = r.serving()
	err = l.judge(l.last, err)
	for _, r := range l.found {
		l.session.keep(ctx, &r, l.sys)
		l.session.took(r)
	}
	return err
}

// open goes on with a plan's history.
func (l *ledger) open(v served) (*entry, error) {
	rec, err := reopen(v.path, v.began)
	if err != nil {
		return nil, err
	}
	r := newRun(l.sys, v.plan, rec, v.id, l.session.Bounds)
	r.state, r.ingress = ready, ingress.New(l.sys.Runtime.Endpoints())
	return &entry{served: v, run: r}, nil
}

// read reads every object of a plan again, shared and exclusive.
func (l *ledger) read(ctx context.Context, r *run) error {
	return r.eachObject(func(o model.Object) error { return r.look(ctx, o, model.Ledger) })
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
	defer e.run.life().Close()
	defer e.run.observe()()
	err = l.handOver(e)
	if err == nil {
		err = l.read(ctx, e.run)
	}
	if ctx.Err() != nil {
		_, _ = e.run.rec.close()
		return nil // whoever ended the ledger says why
	}
	return l.judge(e, excused(err, l.last.run.pulse.worst()))
}

// handOver puts the kill and the start of the ledger into another history, by its
// own clock.
func (l *ledger) handOver(e *entry) error {
	rec := l.last.run.rec
	rec.mu.Lock()
	faults := rec.history.Faults[len(rec.history.Faults)-2:] // nothing changes the two any more
	back := rec.history.Recoveries[len(rec.history.Recoveries)-1]
	rec.mu.Unlock()
	shift := int64(l.last.began.Sub(e.began))
	at := func(a, b model.Instant) model.Instant { return model.Instant{Seq: a.Seq, Ns: b.Ns + shift} }
	for _, f := range faults {
		began := func(seq model.Instant) model.Event {
			return model.FaultBegan{Instant: at(seq, f.Begin), Kind: f.Kind}
		}
		ended := func(seq model.Instant) model.Event {
			return model.FaultEnded{Instant: at(seq, f.End), Kind: f.Kind, Detail: f.Detail}
		}
		if err := errors.Join(e.run.rec.record(began), e.run.rec.record(ended)); err != nil {
			return err
		}
	}
	for _, moment := range []*int64{&back.Down, &back.Spawned, &back.Port, &back.Health, &back.Canary} {
		if *moment != 0 {
			*moment += shift
		}
	}
	return e.run.rec.record(func(model.Instant) model.Event { return back })
}

// failed reports whether a plan no longer passes. The ledger ends then.
func (l *ledger) failed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.found != nil || l.session.stopped()
}

// judge closes a history and judges it again. A plan that no longer passes is
// told to the session when nothing is read from the server any more: what is asked
// about a violation restarts it.
func (l *ledger) judge(e *entry, err error) error {
	h, closing := e.run.rec.close()
	r := Run{Number: e.number, Plan: e.plan, Verdict: Harness, Ledger: true,
		Outcome: &Outcome{ID: e.id, Plan: e.plan, History: h, Path: e.path, Age: e.age, began: e.began, Took: time.Since(e.began)}}
	for _, n := range answeredReads(h) {
		l.objects.Add(1)
		l.reads.Add(int64(n))
	}
	if errors.As(err, &r.Outcome.Liveness) {
		err = nil
	}
	l.session.judge(&r, errors.Join(err, closing))
	if r.Verdict == Pass {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sys.retired, l.found = "the ledger of run "+e.id+" did not pass", append(l.found, r)
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

// forget removes the histories that no finding has taken.
func (s *System) forget() error {
	var errs []error
	for _, v := range s.served {
		if err := os.Remove(v.path); err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, fmt.Errorf("remove a history that passed: %w", err))
		}
	}
	s.served = nil
	return errors.Join(errs...)
}

package harness

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"retain/generators"
	"retain/model"
	"retain/runtime/ingress"
)

// Span is a time in which calls were answered, canaries or operations, or in
// which canaries were not.
type Span struct {
	// Runtime numbers the session's runtimes from 1, in the order in which they
	// were first used. A runtime has spans only while a plan runs on it.
	Runtime  int
	From, To time.Duration
	Up       bool
}

const (
	// probeInterval is the pause between two canaries of a prober, which is what
	// its spans are exact to. A canary costs what an operation costs.
	probeInterval = 50 * time.Millisecond
	// probeBound is how long a canary may take.
	probeBound = 2 * time.Second
)

// mark is a moment at which a call was answered, or a canary was sent that was
// not.
type mark struct {
	at int64 // nanoseconds since the run began
	up bool
}

// prober notes when the runtime answers. It asks while nothing else does: while
// the runtime is down nobody need, and while it starts those do who wait for it.
type prober struct {
	mu    sync.Mutex
	marks []mark
}

func (p *prober) mark(at int64, up bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.marks = append(p.marks, mark{at, up})
}

// answeredSince reports whether an answer came at that time or later.
func (p *prober) answeredSince(at int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.marks)
	return n > 0 && p.marks[n-1].up && p.marks[n-1].at >= at
}

// spans are the times between the marks: up from the first answer to the last one
// in a row, down from there to the next answer.
func (p *prober) spans() []model.Span {
	p.mu.Lock()
	defer p.mu.Unlock()
	marks := slices.Clone(p.marks)
	slices.SortStableFunc(marks, func(a, b mark) int { return int(a.at - b.at) })
	var out []model.Span
	for _, m := range marks {
		last := len(out) - 1
		switch {
		case last < 0:
			out = append(out, model.Span{From: m.at, To: m.at, Up: m.up})
		case out[last].Up == m.up:
			out[last].To = m.at
		case m.up:
			out[last].To = m.at
			out = append(out, model.Span{From: m.at, To: m.at, Up: true})
		default:
			out = append(out, model.Span{From: out[last].To, To: m.at})
		}
	}
	return out
}

// probe asks for canaries until it is told to stop, in the partitions of the
// plan's objects by turns, and then puts the spans on record.
func (r *run) probe(ctx context.Context) (stop func()) {
	if !r.sys.probed {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var asking sync.WaitGroup
	asking.Go(func() {
		keys := r.keys()
		tick := time.NewTicker(probeInterval)
		defer tick.Stop()
		for n := 0; ; n++ {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			life := r.askable()
			if life != nil && len(keys) > 0 && !r.prober.answeredSince(r.rec.since()-int64(probeInterval)) {
				asking.Go(func() { r.ask(ctx, life, keys[n%len(keys)]) })
			}
		}
	})
	return func() {
		cancel()
		asking.Wait()
		r.rec.available(r.prober.spans())
	}
}

// askable is the life to be asked, nil if there is none.
func (r *run) askable() *ingress.Client {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state == down || r.state == starting {
		return nil
	}
	return r.ingress
}

func (r *run) ask(ctx context.Context, life *ingress.Client, key string) {
	bounded, cancel := context.WithTimeout(ctx, probeBound)
	defer cancel()
	sent := r.rec.since()
	switch err := life.Canary(bounded, key, r.sys.Nonce); {
	case err == nil:
		r.prober.mark(r.rec.since(), true)
	case errors.Is(err, ingress.ErrMixedUp):
		if l := (*Liveness)(nil); errors.As(r.spoiled(ctx, err), &l) {
			r.fail(l)
		} else {
			r.prober.mark(sent, false)
		}
	case ctx.Err() == nil:
		r.prober.mark(sent, false)
	}
}

// outage is a violation if the runtime did not answer for longer than a recovery
// may take although nothing was done to it. Our own delays count for it.
func (r *run) outage() error {
	if !r.sys.probed {
		return nil
	}
	r.rec.mu.Lock()
	h := r.rec.history
	h.Availability = r.prober.spans()
	r.rec.mu.Unlock()
	longest, from := quietest(&h)
	if longest -= r.pulse.worst(); longest <= r.bounds.Recovery {
		return nil
	}
	return &Liveness{
		Guarantee: "a runtime that is up answers",
		Detail: fmt.Sprintf("no canary was answered for %s, from %d ms on, and nothing was done to the server meanwhile; %s are allowed",
			longest.Round(time.Millisecond), from/1e6, r.bounds.Recovery),
	}
}

// quietest is the longest time without an answer in which the runtime was up, and
// when it began.
func quietest(h *model.History) (longest time.Duration, from int64) {
	for _, up := range upTimes(h) {
		for _, s := range h.Availability {
			begin, end := max(s.From, up.From), min(s.To, up.To)
			if quiet := time.Duration(end - begin); !s.Up && quiet > longest {
				longest, from = quiet, begin
			}
		}
	}
	return longest, from
}

// upTimes are the times from which on the runtime was ready to the next thing
// that was done to it.
func upTimes(h *model.History) []model.Span {
	begins := []int64{0}
	for _, r := range h.Recoveries {
		if r.Canary > 0 {
			begins = append(begins, r.Canary)
		}
	}
	for _, f := range h.Faults {
		if f.Kind == string(generators.Resume) && f.End != model.Forever {
			begins = append(begins, f.End.Ns)
		}
	}
	var out []model.Span
	for _, begin := range begins {
		up := model.Span{From: begin, To: model.Forever.Ns, Up: true}
		for _, f := range h.Faults {
			if f.Begin.Ns >= begin && f.Begin.Ns < up.To {
				up.To = f.Begin.Ns
			}
		}
		out = append(out, up)
	}
	return out
}

// spansOf are the spans of a recovery: from the server's end, which is 0, to the
// next fault or the end of the history.
func spansOf(h *model.History, r Recovered) []Span {
	until := model.Forever.Ns
	for _, f := range h.Faults {
		if f.Begin.Ns > r.Canary {
			until = min(until, f.Begin.Ns)
		}
	}
	var out []Span
	for _, s := range h.Availability {
		from, to := max(s.From, r.from()), min(s.To, until)
		if from < to {
			out = append(out, Span{From: r.After(from), To: r.After(to), Up: s.Up})
		}
	}
	return out
}

// available puts a run's spans on the session's clock.
func (s *session) available(sys *System, o *Outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	shift := o.began.Sub(s.began)
	for _, a := range o.History.Availability {
		s.result.Availability = append(s.result.Availability,
			Span{Runtime: sys.number, From: time.Duration(a.From) + shift, To: time.Duration(a.To) + shift, Up: a.Up})
	}
}

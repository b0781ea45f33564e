package harness

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"retain/model"
	"retain/runtime/ingress"
)

// Span is a time in which calls were answered, probes or operations, or in
// which probes were not.
type Span struct {
	// Runtime numbers the session's runtimes from 1, in the order in which they
	// were first used. A runtime has spans only while a plan runs on it.
	Runtime  int
	From, To time.Duration
	Up       bool
}

const (
	// probeInterval is the time between two probes of a prober, which is what its spans
	// are exact to. A probe costs what an operation costs: see [spacing].
	probeInterval = 50 * time.Millisecond
	// probeBound is how long a probe may take.
	probeBound = 2 * time.Second
)

// mark is a moment at which a call was answered, or a probe was sent that was
// not.
type mark struct {
	at int64 // nanoseconds since the run began
	up bool
}

// prober notes when the runtime answers. It sends probes only while no other call is
// answered: not while the runtime is down, nor while a wait for its readiness probes it.
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

// probe sends probes until stop is called, to the partitions of the
// plan's objects by turns, and then puts the spans on record.
func (r *run) probe(ctx context.Context) (stop func()) {
	if !r.sys.Probed {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var asking sync.WaitGroup
	asking.Go(func() {
		keys := r.keys()
		tick := time.NewTicker(probeInterval)
		defer tick.Stop()
		var waiting atomic.Int64
		var sent time.Time
		for n := 0; ; {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			incarnation := r.askable()
			if incarnation == nil || len(keys) == 0 || time.Since(sent) < spacing(waiting.Load()) || r.prober.answeredSince(r.rec.since()-int64(probeInterval)) {
				continue
			}
			key := keys[n%len(keys)]
			n++
			sent = time.Now()
			waiting.Add(1)
			asking.Go(func() {
				defer waiting.Add(-1)
				r.ask(ctx, incarnation, key)
			})
		}
	})
	return func() {
		cancel()
		asking.Wait()
		r.rec.available(r.prober.spans())
	}
}

// spacing is the time from one probe of a prober to the next while so many have no answer.
// A server calls the handlers of all probes, those that were given up too: at a fixed rate a
// slow one would do nothing else.
func spacing(waiting int64) time.Duration {
	return min(probeInterval/2<<waiting, probeBound)
}

// askable is the incarnation to be asked, nil if there is none.
func (r *run) askable() *ingress.Client {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state == down || r.state == starting {
		return nil
	}
	return r.ingress
}

func (r *run) ask(ctx context.Context, incarnation *ingress.Client, key string) {
	bounded, cancel := context.WithTimeout(ctx, probeBound)
	defer cancel()
	sent := r.rec.since()
	switch err := incarnation.Probe(bounded, key, r.sys.Prober()); {
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
	if !r.sys.Probed {
		return nil
	}
	r.rec.mu.Lock()
	h := r.rec.history
	h.Availability = r.prober.spans()
	r.rec.mu.Unlock()
	longest, from := quietest(&h)
	if longest -= r.heartbeat.worst(); longest <= r.bounds.Recovery {
		return nil
	}
	return (&Liveness{Guarantee: model.Guarantee{Code: model.RuntimeAnswers}}).detailed(
		fmt.Sprintf("no probe was answered for %s, from %d ms on, and nothing was done to the server meanwhile", longest.Round(time.Millisecond), from/1e6),
		fmt.Sprintf("%s are allowed", r.bounds.Recovery))
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
		if r.Probe > 0 {
			begins = append(begins, r.Probe)
		}
	}
	for _, f := range h.Faults {
		over := f.Kind.Undoes() && !f.Kind.Starts() || f.Kind.Spec().To == model.Ready
		if over && !f.Kind.Starts() && f.End != model.Forever {
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
		if f.Begin.Ns > r.Probe {
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

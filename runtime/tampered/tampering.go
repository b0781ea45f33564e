package tampered

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"sync"
)

// tampering is what the man in the middle knows.
type tampering struct {
	mu    sync.Mutex
	lines bytes.Buffer
	bugs  committed
	life  int // counts the starts
	// sent has the keys of all calls that came by. Those that were answered
	// here, not by the server, have their answer: a key's answer stays.
	sent map[keyed]*answer
	// updates are the unanswered calls that [LostUpdate] can overlap with.
	updates map[scope][]*update
	// answered are the latest answers to keys, by life and scope.
	answered map[scope]map[int]*answer
}

func newTampering(o Options) *tampering {
	return &tampering{
		bugs: commit(o), sent: map[keyed]*answer{},
		updates: map[scope][]*update{}, answered: map[scope]map[int]*answer{},
	}
}

func (t *tampering) begin() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.life++
}

func (t *tampering) log() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return bytes.Clone(t.lines.Bytes())
}

// strike notes that a bug struck; the caller holds the lock.
func (t *tampering) strike(b Bug, format string, args ...any) {
	t.bugs.struck[b]++
	fmt.Fprintf(&t.lines, "%s%s: %s\n", stamp(), b, fmt.Sprintf(format, args...))
}

// serve passes one request on, or does not.
func (r *Runtime) serve(w http.ResponseWriter, req *http.Request) {
	l := req.Context().Value(linkKey{}).(*link)
	q, err := readRequest(req)
	if err != nil {
		panic(http.ErrAbortHandler) // the client is gone
	}
	a, err := r.tampering.answer(req.Context(), l, q)
	if err != nil {
		panic(http.ErrAbortHandler) // closes the connection without an answer, as the server did
	}
	a.write(w)
}

func (t *tampering) answer(ctx context.Context, l *link, q *request) (*answer, error) {
	if k, asked := q.lookUp(); asked {
		if a := t.ours(k); a != nil {
			return a, nil
		}
	}
	c := q.call()
	if c == nil {
		return l.ask(ctx, q)
	}
	first, a := t.arrive(c)
	if a != nil {
		return a, nil
	}
	if first {
		return t.execute(ctx, l, q, c)
	}
	return l.ask(ctx, q)
}

// execute does what is asked for the first time.
func (t *tampering) execute(ctx context.Context, l *link, q *request, c *call) (*answer, error) {
	if a := t.mixUp(c); a != nil {
		return a, nil
	}
	u, other := t.overlap(c)
	if other != nil {
		a, err := t.overwritten(ctx, l, q, c, other)
		if a != nil || err != nil {
			return a, err
		}
	}
	a, err := l.ask(ctx, q)
	t.finish(u, a)
	if err == nil {
		t.learn(c, a)
	}
	return a, err
}

// arrive reports whether a call is made for the first time, and what it was
// answered if that was us.
func (t *tampering) arrive(c *call) (first bool, ours *answer) {
	if c.key == "" {
		return true, nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	a, again := t.sent[c.keyed()]
	if !again {
		t.sent[c.keyed()] = nil
	}
	return !again, a
}

// ours is the answer that we gave to a key, nil if we did not.
func (t *tampering) ours(k keyed) *answer {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.sent[k]
}

// keep makes an answer of ours stay; the caller holds the lock.
func (t *tampering) keep(c *call, a *answer) {
	if c.key != "" {
		t.sent[c.keyed()] = a
	}
}

package mitm

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"sync"
)

// interceptor is what the man in the middle knows.
type interceptor struct {
	mu    sync.Mutex
	lines bytes.Buffer // the log
	read  int64        // so much of the inner runtime's log stands in lines
	bugs  committed
	// incarnation counts the starts.
	incarnation int
	// sent has the keys of all calls that came by. Those that were answered
	// here, not by the server, have their answer: a key's answer stays.
	sent map[keyed]*answer
	// updates are the unanswered calls that [LostUpdate] can overlap with.
	updates map[scope][]*update
	// answered are the latest answers to keys, by scope and incarnation.
	answered map[scope]map[int]*answer
	// drops are the keyed calls that [DroppedWrite] takes.
	drops map[keyed]*drop
	// objects are the latest objects of each service, for [OtherKey].
	objects map[string][]string
}

func newInterceptor(o Options) *interceptor {
	return &interceptor{
		bugs: commit(o), sent: map[keyed]*answer{},
		updates: map[scope][]*update{}, answered: map[scope]map[int]*answer{},
		drops: map[keyed]*drop{}, objects: map[string][]string{},
	}
}

func (t *interceptor) begin() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.incarnation++
}

// log appends the inner runtime's new lines to the log and returns the log from the
// offset.
func (t *interceptor) log(offset int64, inner func(offset int64) ([]byte, error)) ([]byte, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	latest, err := inner(t.read)
	t.read += int64(len(latest))
	t.lines.Write(latest)
	all := t.lines.Bytes()
	return bytes.Clone(all[min(offset, int64(len(all))):]), err
}

// strike notes that a bug struck; the caller holds the lock.
func (t *interceptor) strike(b Bug, format string, args ...any) {
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
	a, err := r.interceptor.answer(req.Context(), l, q)
	if err != nil {
		panic(http.ErrAbortHandler) // closes the connection without an answer, as the server did
	}
	a.write(w)
}

func (t *interceptor) answer(ctx context.Context, l *link, q *request) (*answer, error) {
	if k, asked := q.lookUp(); asked {
		if a := t.ours(k); a != nil {
			return a, nil
		}
	}
	c := q.call()
	if c == nil {
		return l.ask(ctx, q)
	}
	defer t.countInFlight()()
	first, a := t.arrive(c)
	if a != nil {
		return a, nil
	}
	if a, err := t.drop(ctx, l, q, c, first); a != nil || err != nil {
		return a, err
	}
	if first {
		return t.execute(ctx, l, q, c)
	}
	return l.ask(ctx, q)
}

// execute forwards the first request of a call.
func (t *interceptor) execute(ctx context.Context, l *link, q *request, c *call) (*answer, error) {
	if a := t.mixUp(c); a != nil {
		return a, nil
	}
	if a, err := t.readOther(ctx, l, q, c); a != nil || err != nil {
		return a, err
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

// countInFlight counts a call as in flight until over is called.
func (t *interceptor) countInFlight() (over func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.bugs.inFlight++
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.bugs.inFlight--
	}
}

// arrive reports whether a call is made for the first time, and what it was
// answered if that was us.
func (t *interceptor) arrive(c *call) (first bool, ours *answer) {
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
func (t *interceptor) ours(k keyed) *answer {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.sent[k]
}

// keep makes an answer of ours stay; the caller holds the lock.
func (t *interceptor) keep(c *call, a *answer) {
	if c.key != "" {
		t.sent[c.keyed()] = a
	}
}

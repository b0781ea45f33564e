package simulated

import (
	"net/http"
	"net/url"
	"time"

	"retain/model"
)

// denyingFor is for how long after its spawn a server with [UnknownAtStart] denies what it
// answered, at least: some times as long as it takes to be ready.
const denyingFor = 20 * time.Millisecond

// invocation is /restate/invocation/ and either an invocation's id or a service,
// key, handler and idempotency key, then /output or /attach.
func (i *incarnation) invocation(w http.ResponseWriter, r *http.Request, parts []string) *problem {
	var f found
	switch len(parts) {
	case 2:
		f = found{id: parts[0]}
		f.inv, f.finished = i.store.findID(f.id)
	case 5:
		h, exists := find(parts[0], parts[2])
		if !exists {
			return unknownService(parts[0])
		}
		key, err := url.PathUnescape(parts[1])
		if err != nil {
			return badInvocationPath
		}
		if h == nil {
			h = &handler{service: parts[0], name: parts[2]}
		}
		early := time.Since(i.began) < denyingFor || !isClosed(i.ready[i.store.partitionOf(key)])
		if early && i.store.deniesAtStart(h, key, parts[3]) {
			return noInvocation
		}
		if !i.awaitPartition(r, key) {
			panic(http.ErrAbortHandler)
		}
		f = found{id: invocationID(scope(h, key, parts[3]))}
		f.inv, f.finished = i.store.find(h, key, parts[3])
	default:
		return badInvocationPath
	}
	return i.output(w, r, f, parts[len(parts)-1])
}

// awaitPartition waits until the partition of a key is ready; false if the
// client or the incarnation is gone first.
func (i *incarnation) awaitPartition(r *http.Request, key string) bool {
	select {
	case <-i.ready[i.store.partitionOf(key)]:
		return true
	case <-i.ctx.Done():
	case <-r.Context().Done():
	}
	return false
}

// found is what a look-up found: an open or a finished invocation, or nil and
// the id that it would have.
type found struct {
	inv      *invocation
	finished bool
	id       string
}

func (i *incarnation) output(w http.ResponseWriter, r *http.Request, f found, verb string) *problem {
	switch {
	case verb != "output" && verb != "attach":
		return notFound
	case r.Method != http.MethodGet:
		return notAllowed
	case f.inv == nil && verb == "attach":
		// The server answers this as if the invocation had failed so.
		w.Header().Set("X-Restate-Id", f.id)
		w.Header().Set("Content-Type", "application/json")
		body := failure(w, model.Failure{Code: http.StatusNotFound, Message: "not found"}, i.version)
		_ = answerWith(w, http.StatusNotFound, body) // if it fails the client is gone
		return nil
	case f.inv == nil:
		return noInvocation
	case verb == "output" && !f.finished:
		return notReady
	}
	i.answer(w, r, f.inv, true)
	return nil
}

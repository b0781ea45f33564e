package simulated

import (
	"net/http"
	"net/url"

	"retain/model"
)

// invocation is /restate/invocation/ and either an invocation's id or a service,
// key, handler and idempotency key, then /output or /attach.
func (l *life) invocation(w http.ResponseWriter, r *http.Request, parts []string) *problem {
	var f found
	switch len(parts) {
	case 2:
		f = found{id: parts[0]}
		f.inv, f.finished = l.store.findID(f.id)
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
		if !l.awaitPartition(r, key) {
			panic(http.ErrAbortHandler)
		}
		f = found{id: invocationID(scope(h, key, parts[3]))}
		f.inv, f.finished = l.store.find(h, key, parts[3])
	default:
		return badInvocationPath
	}
	return l.output(w, r, f, parts[len(parts)-1])
}

// awaitPartition waits until the partition of a key is ready; false if the
// client or the life is gone first.
func (l *life) awaitPartition(r *http.Request, key string) bool {
	select {
	case <-l.ready[l.store.partitionOf(key)]:
		return true
	case <-l.ctx.Done():
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

func (l *life) output(w http.ResponseWriter, r *http.Request, f found, verb string) *problem {
	switch {
	case verb != "output" && verb != "attach":
		return notFound
	case r.Method != http.MethodGet:
		return notAllowed
	case f.inv == nil && verb == "attach":
		// The server answers this as if the invocation had failed so.
		w.Header().Set("X-Restate-Id", f.id)
		w.Header().Set("Content-Type", "application/json")
		body := failure(w, model.Failure{Code: http.StatusNotFound, Message: "not found"}, l.version)
		_ = answerWith(w, http.StatusNotFound, body) // if it fails the client is gone
		return nil
	case f.inv == nil:
		return noInvocation
	case verb == "output" && !f.finished:
		return notReady
	}
	l.answer(w, r, f.inv, true)
	return nil
}

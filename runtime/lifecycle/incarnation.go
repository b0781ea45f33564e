package lifecycle

import (
	"sync"
	"time"

	"retain/runtime"
)

// Incarnation is one life of a server, from a start to its end.
type Incarnation struct {
	done chan struct{} // closed at the end
	exit runtime.Exit  // valid once done is closed

	mu        sync.Mutex
	signalled time.Time // when the server was first asked to end; zero if it was not
}

// Begin makes the incarnation of a server that is about to be started.
func Begin() *Incarnation { return &Incarnation{done: make(chan struct{})} }

func (i *Incarnation) incarnation() *Incarnation { return i }

// Done is closed when the incarnation is over.
func (i *Incarnation) Done() <-chan struct{} { return i.done }

// Over reports whether the incarnation has ended.
func (i *Incarnation) Over() bool {
	select {
	case <-i.done:
		return true
	default:
		return false
	}
}

// Exit is how the incarnation ended, the zero value until [Incarnation.Over].
func (i *Incarnation) Exit() runtime.Exit {
	if !i.Over() {
		return runtime.Exit{}
	}
	return i.exit
}

// Signalled reports whether the server was asked to end, gracefully or not.
func (i *Incarnation) Signalled() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return !i.signalled.IsZero()
}

// signal records the first request to end.
func (i *Incarnation) signal() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.signalled.IsZero() {
		i.signalled = time.Now()
	}
}

// End ends the incarnation, once. Took is measured here, from the first signal;
// At is now unless it is set.
func (i *Incarnation) End(exit runtime.Exit) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if !i.signalled.IsZero() {
		exit.Took = time.Since(i.signalled)
	}
	if exit.At.IsZero() {
		exit.At = time.Now()
	}
	i.exit = exit
	close(i.done)
}

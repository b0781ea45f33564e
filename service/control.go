// Package service is the deployment that the runtime calls: handlers behind an
// endpoint proxy that sees every attempt of every invocation.
//
// [Control] is what the harness knows of it. The endpoint proxy implements it
// for real servers, the simulated runtime for itself.
package service

import (
	"context"
	"time"
)

// TagHeader is the request header that carries an operation's tag from the
// client through the ingress to the endpoint proxy.
const TagHeader = "x-retain-operation"

// MetadataHeader is the request header by which a client asks a handler to give its error
// metadata: servers before [versions.ErrorMetadata] make a call that does fail for ever.
const MetadataHeader = "x-retain-metadata"

// Position is where a gate holds an operation.
type Position string

// A gate holds an operation before its effect (the handler is not entered yet)
// or after it (the state commands have reached the runtime, the output has not).
const (
	Before Position = "before"
	After  Position = "after"
)

// Reading is how far an attempt of an invocation was seen to get.
type Reading string

// Readings, in the order in which one attempt reaches them.
const (
	// Entered: the runtime opened the invocation's stream to the handler.
	Entered Reading = "entered"
	// Effect: the handler's state commands were passed on to the runtime.
	// Operations without state commands never reach it.
	Effect Reading = "effect"
	// Finished: the handler's output was passed on to the runtime.
	Finished Reading = "finished"
	// Broken: the stream ended without the end message (server gone, handler
	// error, cut).
	Broken Reading = "broken"
)

// Evidence is one observation of one attempt of one invocation.
type Evidence struct {
	// Tag is the operation's tag as the client sent it in [TagHeader]; "" of a call without
	// one, of which nothing but [Finished] is seen.
	Tag string
	// Invocation is the runtime's id of the invocation.
	Invocation string
	// Attempt counts the entries of this invocation, from 1.
	Attempt int
	Reading Reading
	// Held is true on the first evidence after a gate caught the operation.
	Held bool
	At   time.Time
}

// Gate holds the first entry of one operation, once.
type Gate interface {
	// Held is closed when the operation stands at the gate.
	Held() <-chan struct{}
	// Open lets the operation go on, or disarms a gate that holds nothing yet.
	// It is safe to call more than once.
	Open()
}

// Strike says which attempts of operations a fault is done to, and what it is.
type Strike struct {
	// Matches reports whether the operation with a tag is meant. Attempts of others, and
	// those without a tag, are never struck.
	Matches func(tag string) bool
	// Attempts is how many are struck: those in flight first, then those that enter, before
	// the handler sees anything of them.
	Attempts int
	// Delay is for how long nothing of the attempt passes, in either direction. 0 is for
	// ever: the stream is broken where it is, and the runtime tries again.
	Delay time.Duration
	// Struck, if not nil, is called with the latest evidence of each attempt that is struck:
	// its reading is "" before the handler was entered. It must not block.
	Struck func(Evidence)
}

// Process is handlers in a process that retain started.
type Process interface {
	// URL is their base URL, under the name or address by which the caller reaches this
	// machine.
	URL(dialHost string) string
	// Freeze stops all that it does (SIGSTOP), Thaw lets it go on. It is frozen when Freeze
	// returns.
	Freeze() error
	Thaw() error
	// Restart kills the process (SIGKILL) and starts it again, at its address or at another.
	// It returns when the process listens.
	Restart(ctx context.Context, anotherAddress bool) error
}

// Control arms gates, does faults to attempts, and reports evidence. It is safe for
// concurrent use.
type Control interface {
	// Arm holds the first entry of the operation with this tag at the position.
	// Later entries (a retry after a restart) pass.
	Arm(tag string, at Position) Gate
	// OpenAll opens every gate that is armed or holding.
	OpenAll()
	// Strike does a fault to attempts. cancel takes it back where it has not struck.
	Strike(s Strike) (cancel func())
	// Stall lets nothing pass between the runtime and the handlers, in either direction,
	// until the returned function is called. Connections stay open.
	Stall() (release func())
	// Refuse breaks every attempt in flight and refuses connections of the runtime, until
	// accept is called.
	Refuse() (accept func() error, err error)
	// Observe hands every evidence from now on to f, from many goroutines, until
	// the returned function is called. f must not block.
	Observe(f func(Evidence)) (cancel func())
}

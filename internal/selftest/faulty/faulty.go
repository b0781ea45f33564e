// Package faulty has handlers of counters with one bug each, that no call shows by itself: it
// takes another attempt, or another process. They are what the suite has to find in handlers
// of others.
package faulty

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"

	restate "github.com/restatedev/sdk-go"
	"github.com/restatedev/sdk-go/server"

	"retain/internal/printable"
)

// Bug is what is wrong with the handlers.
type Bug string

const (
	// None is right.
	None Bug = "none"
	// AppliesTwice adds in a database, once in each attempt.
	AppliesTwice Bug = "applies-twice"
	// AnswersStale reads from a cache that a second attempt takes back to what was before it.
	AnswersStale Bug = "answers-stale"
	// KeepsInMemory has its state in the process, and nowhere else.
	KeepsInMemory Bug = "keeps-in-memory"
	// SwallowsError notes an attempt before it adds in a database. Neither the error of an
	// addition that was broken off ends the handler, nor that the note is there already.
	SwallowsError Bug = "swallows-error"
	// CachesInClosure takes the old value from the attempt before, not from Restate.
	CachesInClosure Bug = "caches-in-closure"
	// StoresTime sets a value that differs from attempt to attempt.
	StoresTime Bug = "stores-time"
)

// Bugs lists all of them.
func Bugs() []Bug {
	return []Bug{AppliesTwice, AnswersStale, KeepsInMemory, SwallowsError, CachesInClosure, StoresTime}
}

// New makes handlers, as often as their process is started: what is in a database outlives
// it, and what is in memory does not.
func New(b Bug) (start func() (http.Handler, error), err error) {
	if b != None && !slices.Contains(Bugs(), b) {
		return nil, fmt.Errorf("no bug is called %.40q: want %s", b, printable.List(append(Bugs(), None), "or"))
	}
	database := newStore()
	return func() (http.Handler, error) {
		h := handlers{memory: newStore(), database: database}
		add, get := h.of(b)
		return server.NewRestate().WithLogger(slog.DiscardHandler, true).Bind(h.counter(add, get)).Handler()
	}, nil
}

// change is the answer of an addition.
type change struct {
	Old int64 `json:"oldValue"`
	New int64 `json:"newValue"`
}

type (
	adding  = restate.ObjectHandlerFn[int64, change]
	getting func(ctx restate.ObjectSharedContext) (int64, error)
)

// counter has the handlers of the contract. Each reset is right.
func (h handlers) counter(add adding, get getting) restate.ServiceDefinition {
	return restate.NewObject("Counter").
		Handler("add", restate.NewObjectHandler(add)).
		Handler("addThenFail", restate.NewObjectHandler(func(ctx restate.ObjectContext, n int64) (restate.Void, error) {
			if _, err := add(ctx, n); err != nil {
				return restate.Void{}, err
			}
			return restate.Void{}, restate.ToTerminalError(errors.New(restate.Key(ctx)), restate.WithErrorCode(500))
		})).
		Handler("get", restate.NewObjectSharedHandler(func(ctx restate.ObjectSharedContext, _ restate.Void) (int64, error) { return get(ctx) })).
		Handler("reset", restate.NewObjectHandler(func(ctx restate.ObjectContext, _ restate.Void) (restate.Void, error) {
			h.memory.forget(restate.Key(ctx))
			h.database.forget(restate.Key(ctx))
			restate.Clear(ctx, count)
			return restate.Void{}, nil
		}))
}

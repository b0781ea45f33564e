package harness

import (
	"fmt"
	"strings"
	"time"

	"retain/internal/printable"
	"retain/model"
	"retain/runtime/introspect"
)

// HoldState says what the server's tables showed of an object's key.
type HoldState string

const (
	// Held: one invocation held the key all the time.
	Held HoldState = "held"
	// Nobody held the key, and its queue did not move.
	Nobody HoldState = "nobody"
	// NoKey: the call that does not finish is of a shared handler, which needs no key, or of none.
	NoKey HoldState = "no key needed"
	// Unknown: the tables could not be asked.
	Unknown HoldState = "unknown"
)

// Holding is who held the key of an object while an operation on it did not finish, and
// who waited, as the server's tables had it.
type Holding struct {
	State HoldState `json:"state"`
	// Object is the one whose key it is: "map-0", or the service of the probes.
	Object string `json:"object"`
	// Kind is the object's kind, "" for the service of the probes.
	Kind model.Kind `json:"kind,omitempty"`
	// Holder is the invocation that holds the key or, where none is needed, the one that
	// does not finish; nil for none.
	Holder *Caller `json:"holder,omitempty"`
	// Waiting are the exclusive calls that were not over and did not have the key.
	Waiting []Caller `json:"waiting,omitempty"`
	// UnchangedMs is for how long nobody got the key and no call of its queue ended, in
	// milliseconds; Ended is how many calls had ended before, while the operation waited,
	// and Overtook how many of them had come after it.
	UnchangedMs int64 `json:"unchanged_ms"`
	Ended       int   `json:"ended_before,omitempty"`
	Overtook    int   `json:"overtook,omitempty"`
	// Problem is why the tables could not be asked last, "" if they could.
	Problem string `json:"problem,omitempty"`
}

// Caller is a call that holds a key or waits for it.
type Caller struct {
	// Operation is its number in the history, 0 for a call that is not of this run, or
	// that can't be told from others without a key.
	Operation int `json:"operation,omitempty"`
	// Op is the operation, "clearAll()"; of an unknown call, the handler.
	Op string `json:"op"`
	// Handler is its handler, "" if nobody knows it.
	Handler string `json:"handler,omitempty"`
	// Process and Phase are the history's, "" for an unknown call; GaveUp
	// is true if its client waits for the answer no longer.
	Process string      `json:"process,omitempty"`
	Phase   model.Phase `json:"phase,omitempty"`
	GaveUp  bool        `json:"client_gave_up,omitempty"`
	// The server's words: the invocation's id, its status ("backing-off"; of a call that
	// fails again and again, the one between two attempts), how often it
	// was tried again, why it failed last ("[570 Journal mismatch] ...") and that
	// failure's code ("RT0016").
	Invocation      string `json:"invocation,omitempty"`
	Status          string `json:"status,omitempty"`
	Retries         int    `json:"retries,omitempty"`
	LastFailure     string `json:"last_failure,omitempty"`
	LastFailureCode string `json:"last_failure_code,omitempty"`
	// FailureModes are the ways in which it was seen to fail, if they were more than one; the
	// first ones of many. Failures are their texts, for readers.
	FailureModes []FailureMode `json:"failure_modes,omitempty"`
	Failures     []string      `json:"failures,omitempty"`
	// FailedBefore is true if the failure is from before the last restart: a call that is
	// not tried again has no other.
	FailedBefore bool `json:"failed_before_restart,omitempty"`
	// Since is when its handler was first started or, before that, when it was accepted,
	// by the server's clock (RFC 3339).
	Since string `json:"since,omitempty"`
}

// Of says whose call it is: "client 2", "the last reads", "the ledger", "an unknown client".
func (c Caller) Of() string {
	switch c.Phase {
	case "":
		return "an unknown client"
	case model.Program:
		return "client " + clientOf(c.Process)
	case model.Load:
		return "client " + strings.TrimPrefix(clientOf(c.Process), "load-") + " of the load"
	case model.Ledger:
		return "the ledger"
	}
	return "the last reads"
}

// clientOf is the client of a process: "2" of "2.1".
func clientOf(process string) string {
	client, _, _ := strings.Cut(process, ".")
	return client
}

// String is the call in words: "clearAll() of client 2, inv_1abc, backing-off, 56
// retries, last failure [570 Journal mismatch] ...".
func (c Caller) String() string { return c.words(true, longestFailure) }

// words are [Caller.String], whole or without what only a search needs. The failure is
// cut to so many columns.
func (c Caller) words(whole bool, failure int) string {
	if !whole {
		c.Invocation = ""
	}
	return strings.Join(c.Parts(failure), ", ")
}

// Parts are the parts of [Caller.String], the failure cut to so many columns.
func (c Caller) Parts(failure int) []string {
	parts := []string{fmt.Sprintf("%s of %s", printable.Middle(c.Op, longestCall), c.Of())}
	if c.Invocation != "" {
		parts = append(parts, printable.Middle(c.Invocation, longestCall))
	}
	if c.Status != "" {
		parts = append(parts, printable.Cut(c.Status, longestStatus))
	}
	switch {
	case c.Retries == 1:
		parts = append(parts, "1 retry")
	case c.Retries > 1:
		parts = append(parts, fmt.Sprintf("%d retries", c.Retries))
	}
	if c.LastFailure != "" {
		line, _, _ := strings.Cut(strings.TrimSpace(c.LastFailure), "\n")
		says := "last failure "
		if c.FailedBefore {
			says = "last failure, before the restart: "
		}
		parts = append(parts, says+printable.Cut(line, failure))
	}
	return parts
}

// Bounds of the texts of a call and of its failure, in columns; the finding's file has
// all.
const (
	longestCall    = 45
	longestStatus  = 24
	longestFailure = 80
	briefFailure   = 40
)

// says puts the holding into words, for the details of a violation: one clause or several.
func (h *Holding) says() (clauses []string) {
	unchanged := (time.Duration(h.UnchangedMs) * time.Millisecond).Round(10 * time.Millisecond)
	var text string
	switch {
	case h.State == Unknown:
		return []string{"who holds the key of " + h.Object + " is not known: " + printable.Cut(h.Problem, longestFailure)}
	case h.State == NoKey && h.Holder == nil:
		clauses, text = append(clauses, needsNoKey), "the server does not know the call"
	case h.State == NoKey:
		clauses, text = append(clauses, needsNoKey), "it is "+h.Holder.words(false, briefFailure)
	case h.Holder == nil && len(h.Waiting) > 0:
		text = fmt.Sprintf("nobody held the key of %s for %s, and its queue did not move", h.Object, unchanged)
	case h.Holder == nil:
		text = fmt.Sprintf("nobody held the key of %s for %s, and nothing was queued for it", h.Object, unchanged)
	default:
		text = fmt.Sprintf("the key of %s was held by %s, unchanged for %s", h.Object, h.Holder.words(false, briefFailure), unchanged)
	}
	clauses = append(clauses, text)
	if h.State == Held && h.Holder != nil && h.Holder.Status == introspect.Completed {
		clauses = append(clauses, "it is completed and did not release the key")
	}
	if h.Problem != "" {
		clauses = append(clauses, "the tables could not be asked last: "+printable.Cut(h.Problem, longestFailure))
	}
	return clauses
}

const needsNoKey = "its handler is shared and needs no key"

package simulated

import (
	"fmt"
	"slices"
	"strings"
)

// Bug is the name of a bug that can be planted.
type Bug string

// The bugs, in the order of [Bugs].
const (
	LostWrite       Bug = "lost-write"
	StaleRead       Bug = "stale-read"
	DoubleApply     Bug = "double-apply"
	SwallowedWrite  Bug = "swallowed-write"
	Rollback        Bug = "rollback"
	ReorderedList   Bug = "reordered-list"
	WrongKey        Bug = "wrong-key"
	ReadBeforeClear Bug = "read-before-clear"
	LateWrite       Bug = "late-write"
	DirtyRead       Bug = "dirty-read"
	StuckKey        Bug = "stuck-key"
	StuckRetry      Bug = "stuck-retry"
	DroppedSend     Bug = "dropped-send"
	EarlyTimer      Bug = "early-timer"
	NewestFirst     Bug = "newest-first"
	ForgottenKey    Bug = "forgotten-key"
	LostMetadata    Bug = "lost-metadata"
	UnknownAtStart  Bug = "unknown-at-start"
	EndedReturns    Bug = "ended-returns"

	LostCompletion      Bug = "lost-completion"
	LastCompletionWins  Bug = "last-completion-wins"
	EarlyCompletionLost Bug = "early-completion-lost"
)

// Description says what a bug does and when it can.
type Description struct {
	Bug Bug
	// Does is what goes wrong, When the condition under which it can.
	Does, When string
}

// Bugs describes every bug that can be planted.
func Bugs() []Description {
	return []Description{
		{LostWrite, "an object loses its last acknowledged write", "at a kill, if it was acknowledged since the start"},
		{StaleRead, "a read answers what held before the last write", "after a restart, until the object is written again"},
		{DoubleApply, "an operation runs a second time", "when it was in flight at a kill, its attempt was broken, or it is sent again with its key"},
		{SwallowedWrite, "a write is acknowledged and never applied", "at any write"},
		{Rollback, "a partition's objects are what they were at the last start", "at a restart, if one was written since the last"},
		{ReorderedList, "an element is put before the last one", "at an append to a list that is not empty"},
		{WrongKey, "a read answers another key's value", "when another key of the service, or of the map, has one"},
		{ReadBeforeClear, "a read answers what held before the last clear", "once something was cleared"},
		{LateWrite, "an acknowledged write is applied one to three operations later", "at any write"},
		{DirtyRead, "an effect is gone with its invocation, and applied again when that is sent again", "at a kill, if other operations saw it and no client was sent the answer; each that did is an opportunity"},
		{StuckKey, "an object never answers again", "after a restart, if it was called before"},
		{StuckRetry, "a write fails with the same error in every attempt", "at a kill, if its handler was running"},
		{DroppedSend, "what was sent and accepted is never executed", "at a kill, if it has not begun"},
		{EarlyTimer, "what was sent with a delay is executed at once", "after a restart, if it is not due"},
		{NewestFirst, "the call that came last has its turn before the others", "when several wait for an object"},
		{ForgottenKey, "the answer of an idempotency key is forgotten, and its effect stays", "at a kill, for a key of its own that was answered"},
		{LostMetadata, "an error has lost its metadata", "when it is asked for again, or its key is sent again"},
		{UnknownAtStart, "an answered idempotency key is said to be unknown", "when it is asked for in the first 20 ms after a restart, or before the server is ready"},
		{EndedReturns, "an invocation that was killed or cancelled runs again", "at a restart"},
		{LostCompletion, "an acknowledged completion of an awakeable is forgotten, and the end of its handler", "at a kill, if it was acknowledged since the start"},
		{LastCompletionWins, "a later completion of an awakeable replaces the first one", "until the handler ends that awaits it"},
		{EarlyCompletionLost, "a completion of an awakeable is acknowledged and never used", "before its handler awaits it"},
	}
}

// ParseBugs reads names that are separated by commas; "" is none.
func ParseBugs(names string) ([]Bug, error) {
	if strings.TrimSpace(names) == "" {
		return nil, nil
	}
	var known []string
	for _, d := range Bugs() {
		known = append(known, string(d.Bug))
	}
	var bugs []Bug
	for name := range strings.SplitSeq(names, ",") {
		name = strings.TrimSpace(name)
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("no bug is called %q: the bugs are %s", name, strings.Join(known, ", "))
		}
		if !slices.Contains(bugs, Bug(name)) {
			bugs = append(bugs, Bug(name))
		}
	}
	return bugs, nil
}

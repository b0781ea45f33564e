package checker

import (
	"fmt"
	"time"
)

// Bound is what ends a search before it has an answer.
type Bound string

const (
	// ByTime: [Options.Budget].
	ByTime Bound = "time"
	// ByMemory: [Options.Memory], or the object's share of it.
	ByMemory Bound = "memory"
)

// MostMemory is the most that a check of one history is worth, in bytes: 4 GiB.
const MostMemory = int64(4) << 30

// Exhausted says which bound ended a search, with its figures.
type Exhausted struct {
	Bound Bound
	// After is when the bound was reached.
	After time.Duration
	// Time and Memory (bytes) are what the object's search was given; Of is the memory
	// of the whole check, which objects that are judged side by side share.
	Time       time.Duration
	Memory, Of int64
	// Open is the number of answered operations that are open at once, if it is more
	// than just-in-time linearization takes; 0 otherwise. Then porcupine alone searched.
	Open int
}

// mostOpen is how many answered operations may be open at once for [jit].
const mostOpen = 64

// String says which bound was reached: "its 20s of time", "its 512 MiB of memory after
// 900ms".
func (e Exhausted) String() string {
	s := fmt.Sprintf("its %s of time", e.Time)
	if e.Bound == ByMemory {
		s = fmt.Sprintf("its %d MiB of memory after %s", e.Memory>>20, e.After.Round(time.Millisecond))
	}
	if e.Open > 0 {
		s += fmt.Sprintf(" (%d answered operations are open at once: more than %d are left to porcupine)", e.Open, mostOpen)
	}
	return s
}

// openAtOnce is the number of answered operations that are open at once.
func openAtOnce(records []record) int {
	now, most := 0, 0
	for _, m := range eventsOf(records) {
		switch {
		case records[m.record].optional():
		case m.returns:
			now--
		default:
			now++
			most = max(most, now)
		}
	}
	return most
}

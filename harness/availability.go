package harness

import "time"

// Span is a time in which canaries were answered, or were not.
type Span struct {
	// Runtime numbers the session's runtimes from 1, in the order in which they
	// were first used. A runtime has spans only while a plan runs on it.
	Runtime  int
	From, To time.Duration
	Up       bool
}

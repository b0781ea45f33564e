package harness

import "time"

// Ledger is what the end of a session read again: every runtime is killed and
// started once more, and what its plans left must be there.
type Ledger struct {
	// Objects were read again, Of is how many the plans left behind.
	Objects, Of int
	// Reads is how many answers there were: an object has several.
	Reads int
	// Took is the time that the ledger cost, the kills and starts included.
	Took time.Duration
	// Note says why not all objects were read; "" if they were.
	Note string
}

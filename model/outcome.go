package model

import "fmt"

// Outcome is the known effect of an operation.
type Outcome string

const (
	// OK: the operation answered; a terminal error of the handler is an answer.
	OK Outcome = "ok"
	// Failed: the operation certainly had no effect and never will.
	Failed Outcome = "failed"
	// Ambiguous: it may have had its effect, or may have it at any later time.
	Ambiguous Outcome = "ambiguous"
)

// Reason says why an operation or an attempt ended as it did.
type Reason string

// Reasons of outcomes. The first group can end an operation as failed, and only
// if no attempt of it wrote any byte, the ingress's own refusals excepted; the
// second is always ambiguous.
const (
	NotSent      Reason = "not-sent"     // no attempt wrote a byte (connection refused and the like)
	Rejected     Reason = "rejected"     // the ingress answered 400, 404, 413 or 429
	TimedOut     Reason = "timed-out"    // the attempt's deadline passed
	Disconnected Reason = "disconnected" // EOF or reset before a whole answer
	Unavailable  Reason = "unavailable"  // 503 and other 5xx of the ingress
	LeftOpen     Reason = "left-open"    // asked to run to its end, but the run ended
	Unexpected   Reason = "unexpected"   // a status that the ingress does not document
)

func (o Outcome) validate() error {
	if o == OK || o == Failed || o == Ambiguous {
		return nil
	}
	return fmt.Errorf("outcome %.40q: want ok, failed or ambiguous", o)
}

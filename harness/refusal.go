package harness

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"retain/runtime"
	"retain/runtime/serverlog"
)

// GiveUp is when a server that was never ready is not waited for any longer, although it
// runs: it logs the same error so many times, for a span, and goes on, or panicked a span
// ago. The zero value waits for the whole bound: a slow machine is not a finding.
type GiveUp struct {
	Times int
	Span  time.Duration
}

// EarlyGiveUp is for comparisons, where a version that does not get ready holds up the
// others. Servers that get ready were seen to log 1 error at a start. One partition of a
// server that can't write, and tries again ever later, logs 5 within 5 s and 10 within 40 s.
var EarlyGiveUp = GiveUp{Times: 5, Span: 3 * time.Second}

// Refusal is why a server never got ready: it says nothing of what it keeps.
type Refusal struct {
	// Reason is how that showed.
	Reason RefusalReason `json:"reason"`
	// Line is the server's own, Exit how it ended, "" if it ran.
	Line string `json:"line,omitempty"`
	Exit string `json:"exit,omitempty"`
	// Times is how often it logged the line, in SpanMs; AfterMs is when it was given up.
	Times   int   `json:"times,omitempty"`
	SpanMs  int64 `json:"span_ms,omitempty"`
	AfterMs int64 `json:"after_ms,omitempty"`
}

// RefusalReason is how a [Refusal] showed.
type RefusalReason string

// Reasons. A setting that the server does not know is refused before it starts, as is a
// plan that needs another version.
const (
	RefusedSetting RefusalReason = "setting"
	RefusedPlan    RefusalReason = "plan"
	// RefusedSDK: the handlers can't be built or started here.
	RefusedSDK     RefusalReason = "sdk"
	RefusedByEnd   RefusalReason = "ended"
	RefusedByError RefusalReason = "error"
	RefusedByPanic RefusalReason = "panic"
)

// Error implements error.
func (r *Refusal) Error() string {
	if r.Reason == RefusedByEnd {
		return errEndedEarly.Error() // whoever reports it adds the last words
	}
	return r.String()
}

// Unwrap makes the end of a server [errEndedEarly].
func (r *Refusal) Unwrap() error {
	if r.Reason == RefusedByEnd {
		return errEndedEarly
	}
	return nil
}

// String says what the server did, with its own words.
func (r *Refusal) String() string {
	after := fmt.Sprintf("%.1f s", float64(r.AfterMs)/1000)
	switch r.Reason {
	case RefusedSetting:
		return "refuses a setting: " + r.Line
	case RefusedPlan:
		return "can't execute the plan: " + r.Line
	case RefusedSDK:
		return "can't be built or started here: " + r.Line
	case RefusedByEnd:
		return strings.TrimSuffix(fmt.Sprintf("ended before it was ready (%s): %s", r.Exit, r.Line), ": ")
	case RefusedByPanic:
		return fmt.Sprintf("not ready after %s, and panicked: %s", after, r.Line)
	}
	return fmt.Sprintf("not ready after %s, and logged the same error %d times in %.1f s: %s", after, r.Times, float64(r.SpanMs)/1000, r.Line)
}

// RefusalIn is the refusal in an error, nil for none.
func RefusalIn(err error) *Refusal {
	r := (*Refusal)(nil)
	errors.As(err, &r)
	return r
}

// refusedByEnd is that of a server that ended before it was ready.
func (s *System) refusedByEnd() *Refusal {
	log, _ := s.Runtime.Logs(0) // a log that can't be read has no words
	r := &Refusal{Reason: RefusedByEnd, Line: serverlog.LastWords(log), AfterMs: time.Since(s.began).Milliseconds()}
	if e, can := s.Runtime.(runtime.Exiter); can {
		if exit, over := e.LastExit(); over {
			r.Exit = fmt.Sprintf("exit %d", exit.Code)
		}
	}
	return r
}

// logInterval is the pause between two looks at the log of a server that is not ready.
const logInterval = 200 * time.Millisecond

// watchLog ends a wait for a server that was never ready once its log shows that it
// does not get ready: see [System.GiveUp].
func (s *System) watchLog(ctx context.Context, giveUp context.CancelCauseFunc) {
	if s.GiveUp == (GiveUp{}) {
		return
	}
	tick := time.NewTicker(logInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := time.Now()
		if s.repeats.Read(s.Runtime, now) != nil {
			continue // there is no log yet
		}
		if worst := s.repeats.Worst(now, s.GiveUp.Times, s.GiveUp.Span); worst != nil {
			reason := RefusedByError
			if worst.Panic {
				reason = RefusedByPanic
			}
			giveUp(&Refusal{
				Reason: reason, Line: worst.Line, Times: worst.Times, SpanMs: worst.Last.Sub(worst.First).Milliseconds(), AfterMs: now.Sub(s.began).Milliseconds(),
			})
			return
		}
	}
}

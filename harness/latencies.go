package harness

import (
	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"retain/model"
)

// mostMicroseconds bounds the latencies that are distinguished: what takes an hour or
// more counts as an hour.
const mostMicroseconds = 3600 * 1e6

// NewLatencies is an empty histogram of latencies, in microseconds up to an hour,
// exact to 2 digits: Gil Tene's HdrHistogram.
func NewLatencies() *hdr.Histogram { return hdr.New(1, mostMicroseconds, 2) }

// RecordLatency adds the latency of an answered operation to a histogram of
// [NewLatencies].
func RecordLatency(to *hdr.Histogram, o model.Invoked) { recordTime(to, o.Return.Ns-o.Call.Ns) }

// recordTime adds nanoseconds to a histogram of [NewLatencies].
func recordTime(to *hdr.Histogram, ns int64) {
	_ = to.RecordValue(min(max(1, ns/1000), int64(mostMicroseconds))) // it is in range
}

// latenessOf is by how much each delayed send began behind its due time, nil for none: the time
// that the server was down included. A server promises no bound.
func latenessOf(h *model.History) *hdr.Histogram {
	due := map[int]int64{} // by operation
	for i := range h.Operations {
		if o := &h.Operations[i]; o.Deferred.Due > 0 && model.DeferralOf(o.Op).Sent {
			due[o.ID] = o.Deferred.Due
		}
	}
	if len(due) == 0 {
		return nil
	}
	out := NewLatencies()
	for _, e := range h.Evidence { // the first is that its handler is entered
		if at, waits := due[e.ID]; waits {
			recordTime(out, e.At.Ns-at)
			delete(due, e.ID)
		}
	}
	return out
}

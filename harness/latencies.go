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
func RecordLatency(to *hdr.Histogram, o model.Invoked) {
	_ = to.RecordValue(min(max(1, (o.Return.Ns-o.Call.Ns)/1000), int64(mostMicroseconds))) // it is in range
}

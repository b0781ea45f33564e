package campaign

import (
	"fmt"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// mostMicroseconds bounds the latencies that are told apart: what takes an hour or
// more counts as an hour.
const mostMicroseconds = 3600 * 1e6

// NewLatencies is an empty histogram of latencies, in microseconds up to an hour,
// exact to 2 digits: Gil Tene's HdrHistogram.
func NewLatencies() *hdr.Histogram { return hdr.New(1, mostMicroseconds, 2) }

// LatencyHistogram decodes the latencies of a plan; [hdr.Histogram.Merge] adds them to
// those of [NewLatencies].
func (j Judged) LatencyHistogram() (*hdr.Histogram, error) {
	if j.Latencies == "" {
		return NewLatencies(), nil
	}
	h, err := hdr.Decode([]byte(j.Latencies))
	if err != nil {
		return nil, fmt.Errorf("the latencies of plan %d: %w", j.Number, err)
	}
	return h, nil
}

// encodeLatencies is the text that [Judged.LatencyHistogram] decodes.
func encodeLatencies(h *hdr.Histogram) (string, error) {
	if h.TotalCount() == 0 {
		return "", nil
	}
	text, err := h.Encode(hdr.V2CompressedEncodingCookieBase)
	if err != nil {
		return "", fmt.Errorf("encode the latencies: %w", err)
	}
	return string(text), nil
}

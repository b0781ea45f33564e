package campaign

import (
	"fmt"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"retain/harness"
)

// LatencyHistogram decodes the latencies of a plan; [hdr.Histogram.Merge] adds them to
// those of [harness.NewLatencies].
func (j PlanResult) LatencyHistogram() (*hdr.Histogram, error) {
	h, err := decodeLatencies(j.Latencies)
	if err != nil {
		return nil, fmt.Errorf("the latencies of plan %d: %w", j.Number, err)
	}
	return h, nil
}

// LoadHistogram decodes the latencies on objects of the plan's load, which
// [PlanResult.LatencyHistogram] includes. It is empty for a record that does not have them
// apart: see [PlanResult.LoadApart].
func (j PlanResult) LoadHistogram() (*hdr.Histogram, error) {
	h, err := decodeLatencies(j.LoadLatencies)
	if err != nil {
		return nil, fmt.Errorf("the latencies of the load of plan %d: %w", j.Number, err)
	}
	return h, nil
}

// ProgramHistogram is [PlanResult.LatencyHistogram] without [PlanResult.LoadHistogram].
func (j PlanResult) ProgramHistogram() (*hdr.Histogram, error) {
	all, err := j.LatencyHistogram()
	if err != nil || j.LoadLatencies == "" {
		return all, err
	}
	load, err := j.LoadHistogram()
	if err != nil {
		return nil, err
	}
	rest, of := inOurBuckets(all), inOurBuckets(load)
	for i, n := range of.Counts {
		if n > rest.Counts[i] {
			return nil, fmt.Errorf("the latencies of plan %d: bucket %d has %d of its load, and %d of all", j.Number, i, n, rest.Counts[i])
		}
		rest.Counts[i] -= n
	}
	return hdr.Import(rest), nil
}

// inOurBuckets are the counts of a histogram, as [harness.NewLatencies] divides them.
func inOurBuckets(h *hdr.Histogram) *hdr.Snapshot {
	out := harness.NewLatencies()
	out.Merge(h)
	return out.Export()
}

// LoadApart reports whether the record counts the operations on objects of the plan's load
// apart, in LoadLatencies and Seconds. The first records of plans with a load did not.
func (j PlanResult) LoadApart() bool { return j.LoadLatencies != "" || j.Load.Operations == 0 }

// decodeLatencies decodes what [encodeLatencies] encoded.
func decodeLatencies(text string) (*hdr.Histogram, error) {
	if text == "" {
		return harness.NewLatencies(), nil
	}
	return hdr.Decode([]byte(text))
}

// encodeLatencies is the text that [PlanResult.LatencyHistogram] decodes.
func encodeLatencies(h *hdr.Histogram) (string, error) {
	text, err := h.Encode(hdr.V2CompressedEncodingCookieBase)
	if err != nil {
		return "", fmt.Errorf("encode the latencies: %w", err)
	}
	return string(text), nil
}

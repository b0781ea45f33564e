package report

import (
	"math"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"retain/campaign"
	"retain/harness"
	"retain/model"
)

// workAxis is a campaign on one axis: the time that its shards have worked, side
// by side. Pauses between two segments of a shard are left out.
type workAxis struct {
	c *campaign.Campaign
	// offsets are when each segment begins on the axis, resumes those that go on
	// with an earlier one.
	offsets []time.Duration
	resumes []time.Duration
	total   time.Duration
}

func workAxisOf(c *campaign.Campaign) workAxis {
	w := workAxis{c: c}
	worked := map[int]time.Duration{} // by shard
	for i := range c.Segments {
		s := &c.Segments[i]
		shard := s.Shard.Index
		if worked[shard] > 0 {
			w.resumes = append(w.resumes, worked[shard])
		}
		w.offsets = append(w.offsets, worked[shard])
		worked[shard] += max(s.Took(), 0)
		w.total = max(w.total, worked[shard])
	}
	return w
}

// at is where a moment of a segment is on the axis.
func (w workAxis) at(segment int, moment time.Time) time.Duration {
	return w.offsets[segment] + moment.Sub(w.c.Segments[segment].At)
}

// maxBuckets bounds the points of a line.
const maxBuckets = 240

// widths are those that a bucket may have.
var widths = []time.Duration{
	time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute,
	5 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour,
}

// bucketWidth is the smallest with which a time has not too many buckets.
func bucketWidth(total time.Duration) time.Duration {
	for _, w := range widths {
		if total <= maxBuckets*w {
			return w
		}
	}
	return total/maxBuckets + 1
}

// bucket is what happened in a stretch of the axis.
type bucket struct {
	// answered and latencies are the programs', with the last reads of their objects; those on
	// objects of loads are apart.
	answered, loadAnswered   int
	latencies, loadLatencies *hdr.Histogram
	load                     harness.LoadCounters
	workers                  time.Duration // that worked, summed
	width                    time.Duration // the last one may be cut off
}

// perSecond is the rate of what was counted in the bucket.
func (b bucket) perSecond(n int) float64 { return float64(n) / b.width.Seconds() }

// add adds what a plan counts where its middle is.
func (b *bucket) add(j campaign.PlanResult) error {
	b.load.Add(j.Load)
	program, err := j.ProgramHistogram()
	if err != nil {
		return err
	}
	load, err := j.LoadHistogram()
	if err != nil {
		return err
	}
	merge(&b.latencies, program)
	merge(&b.loadLatencies, load)
	return nil
}

// merge adds latencies, if there are any, to those that are nil without any.
func merge(to **hdr.Histogram, from *hdr.Histogram) {
	if from.TotalCount() == 0 {
		return
	}
	if *to == nil {
		*to = harness.NewLatencies()
	}
	(*to).Merge(from)
}

// buckets are those of the whole axis. An answer counts in the second in which it
// came; the latencies and the load's counters of a plan count where its middle is.
func (w workAxis) buckets(width time.Duration) ([]bucket, error) {
	out := make([]bucket, int(w.total/width)+1)
	for i := range out {
		out[i].width = min(width, max(w.total-time.Duration(i)*width, 1))
	}
	find := func(at time.Duration) *bucket {
		return &out[min(max(int(at/width), 0), len(out)-1)]
	}
	for i := range w.c.Segments {
		s := &w.c.Segments[i]
		for from := time.Duration(0); from < s.Took(); from += width {
			find(w.offsets[i] + from).workers += min(width, s.Took()-from) * time.Duration(max(1, s.Workers))
		}
		for _, j := range s.Plans {
			begin := w.at(i, j.At)
			for _, second := range j.Seconds {
				b := find(begin + second.From + time.Second/2)
				b.answered += second.Answered - second.Load
				b.loadAnswered += second.Load
			}
			if err := find(begin + j.Took/2).add(j); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// maxBands bounds the stretches of one kind of fault; where there are more faults
// a stretch is the stronger, the larger their share of its time.
const maxBands = 480

// bands are the faults of a stretch of the axis, those of one kind after the other.
func (w workAxis) bands(from, to time.Duration) (out []shade) {
	if to <= from {
		return nil
	}
	width := float64(to-from) / maxBands
	shares := map[model.FaultKind][]float64{}
	workers := 0
	for i := range w.c.Segments {
		s := &w.c.Segments[i]
		if w.offsets[i] < to && w.offsets[i]+s.Took() > from {
			workers += max(1, s.Workers)
		}
		for _, j := range s.Plans {
			begin := w.at(i, j.At)
			for _, b := range j.Bands {
				if _, known := shares[b.Kind]; !known {
					shares[b.Kind] = make([]float64, maxBands)
				}
				cover(shares[b.Kind], float64(begin+b.From-from)/width, float64(begin+max(b.To, b.From)-from)/width)
			}
		}
	}
	for _, kind := range faultKinds(shares) {
		out = append(out, stretches(shares[kind], float64(max(1, workers)), from, width, kind)...)
	}
	return out
}

// cover adds a fault to the columns that it covers, each by the part of it.
func cover(columns []float64, from, to float64) {
	for k := max(0, int(math.Floor(from))); k < len(columns) && float64(k) <= to; k++ {
		part := min(to, float64(k+1)) - max(from, float64(k))
		columns[k] += max(part, 0.02) // one that took no time is seen too
	}
}

// stretches joins neighbours of about the same share.
func stretches(columns []float64, of float64, from time.Duration, width float64, kind model.FaultKind) (out []shade) {
	const steps = 20 // shares that can be distinguished
	level := func(k int) int { return int(math.Ceil(min(columns[k]/of, 1) * steps)) }
	for k := 0; k < len(columns); {
		end := k + 1
		for end < len(columns) && level(end) == level(k) {
			end++
		}
		if n := level(k); n > 0 {
			begin := float64(from) + float64(k)*width
			out = append(out, shade{
				from: begin / 1e9, to: (float64(from) + float64(end)*width) / 1e9, share: float64(n) / steps, kind: kind,
			})
		}
		k = end
	}
	return out
}

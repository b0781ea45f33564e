package report

import (
	"fmt"
	"time"

	"gonum.org/v1/gonum/stat"

	"retain/campaign"
)

// warmUp is how long memory and descriptors may grow.
const warmUp = 2 * time.Minute

// flatness is whether what a process holds grows, after it has warmed up and before
// it closes its servers.
type flatness struct {
	Shard, Segment, What string
	Samples              int
	// Early and Late are the means of the first and the last quarter, Most is the
	// most of all.
	Early, Late, Most string
	// Trend is the change in an hour, of the line through all samples (least
	// squares).
	Trend string
}

type held struct {
	what  string
	value func(campaign.Sample) float64
	unit  string
}

var holdings = []held{
	{"resident memory", func(s campaign.Sample) float64 { return float64(s.Resident) / (1 << 20) }, " MiB"},
	{"Go's living heap", func(s campaign.Sample) float64 { return float64(s.Heap) / (1 << 20) }, " MiB"},
	{"descriptors", func(s campaign.Sample) float64 { return float64(s.Descriptors) }, ""},
	{"goroutines", func(s campaign.Sample) float64 { return float64(s.Goroutines) }, ""},
}

// flat gives the figures of each segment that was sampled after its warm-up.
func flat(c *campaign.Campaign) (out []flatness) {
	for i := range c.Segments {
		s := &c.Segments[i]
		var last time.Time // that a plan was drawn
		for _, d := range s.Drawn {
			if d.At.After(last) {
				last = d.At
			}
		}
		for _, h := range holdings {
			var x, y []float64
			for _, sample := range s.Samples {
				if at := sample.At.Sub(s.At); at >= warmUp && !sample.At.After(last) {
					x, y = append(x, at.Hours()), append(y, h.value(sample))
				}
			}
			if len(y) < 4 {
				continue
			}
			quarter := len(y) / 4
			_, slope := stat.LinearRegression(x, y, nil, false)
			most := y[0]
			for _, v := range y {
				most = max(most, v)
			}
			text := func(v float64) string { return fmt.Sprintf("%.0f%s", v, h.unit) }
			out = append(out, flatness{
				Shard: s.Shard.String(), Segment: s.Segment, What: h.what, Samples: len(y),
				Early: text(stat.Mean(y[:quarter], nil)), Late: text(stat.Mean(y[len(y)-quarter:], nil)), Most: text(most),
				Trend: fmt.Sprintf("%+.1f%s per hour", slope, h.unit),
			})
		}
	}
	return out
}

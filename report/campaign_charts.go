package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"

	"retain/campaign"
)

// charts are the pictures of a campaign, in the page's order.
func (w workAxis) charts(latencies []configured) ([]chart, error) {
	buckets, err := w.buckets(bucketWidth(w.total))
	if err != nil {
		return nil, err
	}
	bands := w.bands(0, w.total)
	var out []chart
	for _, draw := range []func() (chart, error){
		func() (chart, error) { return w.rateChart(buckets, bands) },
		func() (chart, error) { return w.latencyChart(buckets, bands) },
		w.closeChart,
		func() (chart, error) { return w.quantileChart(latencies) },
		w.recoveryChart,
		w.newSituationsChart,
		func() (chart, error) {
			return w.sampleChart("memory", "Memory of this process", "MiB", []string{"resident", "Go's living heap"}, func(s campaign.Sample) []float64 {
				return []float64{float64(s.Resident) / (1 << 20), float64(s.Heap) / (1 << 20)}
			})
		},
		func() (chart, error) {
			return w.sampleChart("descriptors", "Descriptors and goroutines of this process", "open", []string{"descriptors", "goroutines"}, func(s campaign.Sample) []float64 {
				return []float64{float64(s.Descriptors), float64(s.Goroutines)}
			})
		},
	} {
		c, err := draw()
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	loads, err := w.loadCharts(buckets, bands)
	return append(out, loads...), err
}

// timePlot is an empty plot over the campaign's time, with the faults as bands and
// a line where a segment went on.
func (w workAxis) timePlot(y string, bands []shade) *plot.Plot {
	p := newPlot("time at work", y)
	p.X.Min, p.X.Max = 0, math.Max(w.total.Seconds(), 1)
	p.X.Tick.Marker = clock{}
	p.Add(shades(bands))
	for _, at := range w.resumes {
		p.Add(upright(at.Seconds()))
	}
	return p
}

func (w workAxis) rateChart(buckets []bucket, bands []shade) (chart, error) {
	width := bucketWidth(w.total)
	out := chart{
		ID: "rate", Title: "Operations of the programs answered per second", Key: faultKey(bands),
		Says: fmt.Sprintf("A point is %s, of all shards together. A band is from a stop, kill or pause until calls were answered again; where faults are dense, the stronger the larger the share of workers that were in one.", span(width)),
	}
	return w.overTime(out, "per second", bands, "No plan has run.", fromZero,
		seriesOf("", rateColour, buckets, width, func(b bucket) (float64, bool) { return b.perSecond(b.answered), b.workers > 0 }))
}

func middle(i int, width time.Duration) float64 { return (float64(i) + 0.5) * width.Seconds() }

// rateColour, loadColour and latencyColours are none of those of the faults.
const rateColour, loadColour = 6, 2

var latencyColours = []int{6, 2, 4}

func (w workAxis) latencyChart(buckets []bucket, bands []shade) (chart, error) {
	return w.latencyOverTime("latency", "Latency of the programs' operations over time", "No operation was answered.", buckets, bands,
		func(b bucket) *hdr.Histogram { return b.latencies })
}

// latencyOverTime draws quantiles of some latencies of the buckets, which are nil without
// any; without any at all it says "none".
func (w workAxis) latencyOverTime(id, title, none string, buckets []bucket, bands []shade, of func(bucket) *hdr.Histogram) (chart, error) {
	width := bucketWidth(w.total)
	out := chart{
		ID: id, Title: title, Key: faultKey(bands),
		Says: fmt.Sprintf("A point is the plans whose middle is in its %s; operations that were never answered have no latency.", span(width)),
	}
	var lines []series
	for k, q := range []float64{50, 99, 100} {
		lines = append(lines, seriesOf([]string{"median", "99 %", "slowest"}[k], latencyColours[k], buckets, width, func(b bucket) (float64, bool) {
			if of(b) == nil {
				return 0, false
			}
			return micros(of(b).ValueAtQuantile(q)), true
		}))
	}
	return w.overTime(out, "latency", bands, none, logY, lines...)
}

// micros is a latency in seconds, at least a microsecond: a logarithmic axis has no 0.
func micros(us int64) float64 { return math.Max(float64(us), 1) / 1e6 }

// growth is when a plan tested something that none had tested before, once for each
// situation.
func (w workAxis) growth() (out []time.Duration) {
	type seen struct {
		at   time.Duration
		what []string
	}
	var all []seen
	for i := range w.c.Segments {
		for _, j := range w.c.Segments[i].Plans {
			all = append(all, seen{w.at(i, j.At.Add(j.Took)), j.Situations})
		}
	}
	slices.SortStableFunc(all, func(a, b seen) int { return cmp.Compare(a.at, b.at) })
	known := map[string]bool{}
	for _, s := range all {
		for _, what := range s.what {
			if !known[what] {
				known[what] = true
				out = append(out, s.at)
			}
		}
	}
	return out
}

// recent says how many situations were new in the last hour of work, or since the
// beginning where that was less.
func (w workAxis) recent() string {
	all := w.growth()
	if w.total < time.Hour {
		return fmt.Sprintf("%d new since it began, %s of work", len(all), span(w.total))
	}
	old := 0
	for _, at := range all {
		if at < w.total-time.Hour {
			old++
		}
	}
	return fmt.Sprintf("%d new in the last hour", len(all)-old)
}

// newSituationsChart shows how what is tested grows.
func (w workAxis) newSituationsChart() (chart, error) {
	out := chart{ID: "situations", Title: "Situations tested at least once"}
	all := w.growth()
	if len(all) == 0 {
		out.Says = "No fault has met an operation."
		return out, nil
	}
	points := plotter.XYs{{X: 0, Y: 0}}
	for i, at := range all {
		if i == 0 || at > all[i-1] {
			points = append(points, plotter.XY{X: at.Seconds(), Y: float64(i)})
		}
		if i+1 == len(all) || all[i+1] > at {
			points = append(points, plotter.XY{X: at.Seconds(), Y: float64(i + 1)})
		}
	}
	points = append(points, plotter.XY{X: w.total.Seconds(), Y: float64(len(all))})
	p := w.timePlot("situations", nil)
	if err := addLine(p, points, 2); err != nil {
		return out, err
	}
	fromZero(p)
	out.Says = fmt.Sprintf("%s in %s, %s, of all shards together.", plural(len(all), "situation"), span(w.total), w.recent())
	return out.with(p)
}

// sampleChart draws what the processes held, all segments over each other.
func (w workAxis) sampleChart(id, title, unit string, names []string, values func(campaign.Sample) []float64) (chart, error) {
	out := chart{ID: id, Title: title}
	p := w.timePlot(unit, nil)
	drawn := false
	for i := range w.c.Segments {
		lines := make([]plotter.XYs, len(names))
		for _, s := range w.c.Segments[i].Samples {
			for k, v := range values(s) {
				lines[k] = append(lines[k], plotter.XY{X: w.at(i, s.At).Seconds(), Y: v})
			}
		}
		for k, line := range lines {
			if len(line) == 0 {
				continue
			}
			drawn = true
			if err := addLine(p, thinned(line), k); err != nil {
				return out, err
			}
		}
	}
	if !drawn {
		out.Says = "No sample was taken."
		return out, nil
	}
	fromZero(p)
	for k, name := range names {
		out.Key = append(out.Key, colourKey{classOf(colourOf(k)), name})
	}
	out.Says = "A line is a process of the suite (not the server's): flat is how it should be. The figures are in the table below."
	return out.with(p)
}

// thinned leaves out points of a long line, but none that is higher than its
// neighbours.
func thinned(line plotter.XYs) plotter.XYs {
	const most = 1000
	step := (len(line) + most - 1) / most
	if step <= 1 {
		return line
	}
	var out plotter.XYs
	for part := range slices.Chunk(line, step) {
		out = append(out, slices.MaxFunc(part, func(a, b plotter.XY) int { return cmp.Compare(a.Y, b.Y) }))
	}
	return out
}

// with is the chart with its picture.
func (c chart) with(p *plot.Plot) (chart, error) {
	svg, err := drawn(p, chartWidth, chartHeight, c.Title+". "+c.Says)
	c.SVG = svg
	return c, err
}

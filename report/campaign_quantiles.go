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

	"retain/harness"
)

// configured is the latencies of the programs on one configuration of the server; Name is
// "all programs" for those of all, "all loads" for the operations on objects of loads.
type configured struct {
	Name  string
	Plans int
	times *hdr.Histogram
}

// quantiles that the page lists.
var quantiles = []float64{50, 90, 99, 99.9, 99.99, 100}

// Quantiles names them, for the template.
func (configured) Quantiles() (out []string) {
	for _, q := range quantiles[:len(quantiles)-1] {
		out = append(out, fmt.Sprintf("%g %%", q))
	}
	return append(out, "slowest")
}

// Count is how many operations were answered.
func (c configured) Count() string { return thousands(int(c.times.TotalCount())) }

// Values are the quantiles in words. One that would need more operations than
// there are is not said.
func (c configured) Values() (out []string) {
	for _, q := range quantiles {
		if n := c.times.TotalCount(); n == 0 || q < 100 && float64(n)*(100-q) < 100 {
			out = append(out, "-")
			continue
		}
		out = append(out, fine(time.Duration(c.times.ValueAtQuantile(q))*time.Microsecond))
	}
	return out
}

// latencies merges those of all programs, and by configuration, that with the most
// operations first.
func (w workAxis) latencies() ([]configured, error) {
	all := configured{Name: "all programs", times: harness.NewLatencies()}
	of := map[string]*configured{}
	for i := range w.c.Segments {
		for _, j := range w.c.Segments[i].Plans {
			h, err := j.ProgramHistogram()
			if err != nil {
				return nil, err
			}
			name := configurationName(j)
			if of[name] == nil {
				of[name] = &configured{Name: name, times: harness.NewLatencies()}
			}
			all.Plans++
			all.times.Merge(h)
			of[name].Plans++
			of[name].times.Merge(h)
		}
	}
	var out []configured
	for _, c := range of {
		out = append(out, *c)
	}
	slices.SortFunc(out, func(a, b configured) int {
		return cmp.Or(cmp.Compare(b.times.TotalCount(), a.times.TotalCount()), cmp.Compare(a.Name, b.Name))
	})
	return append([]configured{all}, out...), nil
}

// allLatencies are those of the programs, with those of all loads second, if there are any.
func (w workAxis) allLatencies(loads []configuredLoad) ([]configured, error) {
	out, err := w.latencies()
	if err != nil || loads == nil {
		return out, err
	}
	return slices.Insert(out, 1, configured{Name: "all loads", Plans: loads[0].Plans, times: loads[0].times}), nil
}

func (w workAxis) quantileChart(all []configured) (chart, error) {
	out := chart{ID: "quantiles", Title: "Latency: how many operations took longer"}
	if all[0].times.TotalCount() == 0 {
		out.Says = "No operation was answered."
		return out, nil
	}
	p := newPlot("of the operations took at most", "latency")
	for k, c := range all[:min(len(all), len(palette))] {
		var points plotter.XYs
		n := float64(c.times.TotalCount())
		for x := 1.0; x <= n; x *= 1.12 {
			points = append(points, plotter.XY{X: x, Y: micros(c.times.ValueAtQuantile(100 * (1 - 1/x)))})
		}
		if len(points) == 0 {
			continue
		}
		if err := addLine(p, points, k); err != nil {
			return out, err
		}
		out.Key = append(out.Key, colourKey{classOf(colourOf(k)), c.Name})
	}
	logY(p)
	p.X.Min, p.X.Max = 1, math.Max(p.X.Max, 10)
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, decades{shareText}
	out.Says = "To the right the share of the operations that took longer gets smaller, by 10 at each mark. Programs by configuration of the server; loads apart."
	return out.with(p)
}

// shareText names 1/x as the rest: 10 is 90 %, 1000 is 99.9 %.
func shareText(x float64) string { return fmt.Sprintf("%.6g %%", 100-100/x) }

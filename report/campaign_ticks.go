package report

import (
	"fmt"
	"math"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	vgdraw "gonum.org/v1/plot/vg/draw"
)

// clock marks an axis of seconds at round times.
type clock struct{}

// Ticks implements plot.Ticker.
func (clock) Ticks(low, high float64) (out []plot.Tick) {
	const most = 13
	step := widths[len(widths)-1].Seconds()
	for _, w := range widths {
		if (high-low)/w.Seconds() <= most {
			step = w.Seconds()
			break
		}
	}
	if (high-low)/step > most {
		step *= math.Ceil((high - low) / step / most)
	}
	for x := math.Ceil(low/step) * step; x <= high; x += step {
		out = append(out, plot.Tick{Value: x, Label: clockText(time.Duration(x * float64(time.Second)))})
	}
	return out
}

// clockText prints 90 s as 1:30, 2 h as 2:00 h.
func clockText(d time.Duration) string {
	d = d.Round(time.Second)
	if d >= time.Hour {
		return fmt.Sprintf("%d:%02d h", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%d:%02d", int(d.Minutes()), int(d.Seconds())%60)
}

// decades marks a logarithmic axis of seconds at powers of ten, with lines without
// names in between.
type decades struct{ name func(float64) string }

// Ticks implements plot.Ticker.
func (d decades) Ticks(low, high float64) (out []plot.Tick) {
	if low <= 0 {
		low = 1e-6
	}
	for e := math.Floor(math.Log10(low)); math.Pow(10, e) <= high*1.0001; e++ {
		for k := 1; k < 10; k++ {
			x := math.Pow(10, e) * float64(k)
			if x < low*0.9999 || x > high*1.0001 {
				continue
			}
			t := plot.Tick{Value: x}
			if k == 1 {
				t.Label = d.name(x)
			}
			out = append(out, t)
		}
	}
	return out
}

// secondsText prints an axis' power of ten: 10 ms, 1 s.
func secondsText(s float64) string {
	switch {
	case s < 0.9e-3:
		return fmt.Sprintf("%.0f µs", s*1e6)
	case s < 0.9:
		return fmt.Sprintf("%.0f ms", s*1e3)
	}
	return fmt.Sprintf("%.0f s", s)
}

// logY makes the y axis a logarithmic one of seconds, from one power of ten to
// another. All points must be added, and be above 0.
func logY(p *plot.Plot) {
	p.Y.Min = math.Pow(10, math.Floor(math.Log10(p.Y.Min)))
	p.Y.Max = math.Max(math.Pow(10, math.Ceil(math.Log10(p.Y.Max))), 10*p.Y.Min)
	p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, decades{secondsText}
}

// fromZero makes the y axis begin at 0 and end above the highest point. All points
// must be added.
func fromZero(p *plot.Plot) {
	p.Y.Min, p.Y.Max = 0, math.Max(p.Y.Max*1.08, 1)
	p.Y.Tick.Marker = plain{}
}

// plain marks an axis with numbers as short as they are.
type plain struct{}

// Ticks implements plot.Ticker.
func (plain) Ticks(low, high float64) []plot.Tick {
	out := plot.DefaultTicks{}.Ticks(low, high)
	for i, t := range out {
		if t.Label != "" {
			out[i].Label = fmt.Sprintf("%.6g", t.Value)
		}
	}
	return out
}

// upright is a dashed line over the whole height: a segment went on.
type upright float64

// Plot implements plot.Plotter.
func (u upright) Plot(c vgdraw.Canvas, p *plot.Plot) {
	x, _ := p.Transforms(&c)
	style := plotter.DefaultLineStyle
	style.Dashes = []vg.Length{vg.Points(3), vg.Points(3)}
	c.StrokeLine2(style, x(float64(u)), c.Min.Y, x(float64(u)), c.Max.Y)
}

package report

import (
	"cmp"
	"fmt"
	"image/color"
	"math"
	"slices"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	vgdraw "gonum.org/v1/plot/vg/draw"

	"retain/campaign"
	"retain/harness"
	"retain/model"
)

// restarted is a restart of a campaign, and where it was.
type restarted struct {
	campaign.Recovery
	segment int
	plan    campaign.PlanResult
}

// restarts are all that were seen to the end, and how many were not.
func (w workAxis) restarts() (seen []restarted, unseen int) {
	for i := range w.c.Segments {
		for _, j := range w.c.Segments[i].Plans {
			for _, r := range j.Recoveries {
				if r.Probe == 0 {
					unseen++
					continue
				}
				seen = append(seen, restarted{r, i, j})
			}
		}
	}
	return seen, unseen
}

// milestone is a moment of a restart.
type milestone struct {
	Name   string
	moment func(campaign.Recovery) time.Duration
}

var milestones = []milestone{
	{"down", func(r campaign.Recovery) time.Duration { return r.Down }},
	{"up: port open", func(r campaign.Recovery) time.Duration { return r.Port }},
	{"health says 200", func(r campaign.Recovery) time.Duration { return r.Health }},
	{"first call", func(r campaign.Recovery) time.Duration { return r.Probe }},
}

// kindOf is the group in which a restart is listed.
func kindOf(r campaign.Recovery) string {
	switch {
	case r.Closing:
		return "closing " + string(r.Kind)
	case r.TakeOver:
		return "take-over " + string(r.Kind)
	}
	return string(r.Kind)
}

// spread is how long a milestone took, over the restarts of a kind.
type spread struct {
	Kind, Milestone string
	times           *hdr.Histogram
}

// spreads are those of all kinds and milestones, in this order.
func spreads(all []restarted) (out []spread) {
	kinds := map[string]bool{}
	for _, r := range all {
		kinds[kindOf(r.Recovery)] = true
	}
	for _, kind := range faultKinds(kinds) {
		for _, m := range milestones {
			s := spread{Kind: kind, Milestone: m.Name, times: harness.NewLatencies()}
			for _, r := range all {
				if at := m.moment(r.Recovery); at > 0 && kindOf(r.Recovery) == kind {
					_ = s.times.RecordValue(min(max(at.Microseconds(), 1), s.times.HighestTrackableValue()))
				}
			}
			out = append(out, s)
		}
	}
	return out
}

// Count is how many there are, for the template.
func (s spread) Count() int64 { return s.times.TotalCount() }

// Median is the 50 % quantile in words, for the template.
func (s spread) Median() string { return s.quantile(50) }

// NinetyFive is the 95 % quantile.
func (s spread) NinetyFive() string { return s.quantile(95) }

// NinetyNine is the 99 % quantile.
func (s spread) NinetyNine() string { return s.quantile(99) }

// Slowest is the longest.
func (s spread) Slowest() string { return s.quantile(100) }

func (s spread) quantile(q float64) string {
	if s.Count() == 0 {
		return "-"
	}
	return fine(time.Duration(s.times.ValueAtQuantile(q)) * time.Microsecond)
}

// fine prints a duration with 2 digits at least: 0.4 ms, 12 ms, 612 ms, 5.1 s.
func fine(d time.Duration) string {
	if d < 10*time.Millisecond {
		return fmt.Sprintf("%.1f ms", float64(d)/1e6)
	}
	return span(d)
}

func (w workAxis) recoveryChart() (chart, error) {
	out := chart{ID: "recoveries", Title: "Restarts: from the end of the server, by kind of fault"}
	all, _ := w.restarts()
	if len(all) == 0 {
		out.Says = "No restart was seen to its end."
		return out, nil
	}
	p := newPlot("", "since the fault")
	var names []plot.Tick
	x := 0.0
	for k, s := range spreads(all) {
		if k > 0 && k%len(milestones) == 0 {
			x++ // a gap between kinds
		}
		if k%len(milestones) == 1 {
			names = append(names, plot.Tick{Value: x + 0.5, Label: s.Kind})
		}
		if s.Count() > 0 {
			p.Add(box{x, s, k % len(milestones)})
		}
		x++
	}
	p.X.Min, p.X.Max = -1, x
	p.X.Tick.Marker, p.X.Tick.Length = plot.ConstantTicks(names), 0
	logY(p)
	for k, m := range milestones {
		out.Key = append(out.Key, colourKey{classOf(colourOf(k)), m.Name})
	}
	out.Says = "Boxes are the middle half, with the median; whiskers reach from 5 to 95 %, dots are the slowest. Health says 200 before calls go through."
	return out.with(p)
}

// box draws a spread as a box with whiskers.
type box struct {
	x      float64
	s      spread
	colour int
}

func (b box) value(q float64) float64 { return micros(b.s.times.ValueAtQuantile(q)) }

// DataRange implements plot.DataRanger.
func (b box) DataRange() (xmin, xmax, ymin, ymax float64) {
	return b.x, b.x, b.value(5), b.value(100)
}

// Plot implements plot.Plotter.
func (b box) Plot(c vgdraw.Canvas, p *plot.Plot) {
	tx, ty := p.Transforms(&c)
	half := (tx(1) - tx(0)) * 0.36
	x := tx(b.x)
	style := plotter.DefaultLineStyle
	style.Color, style.Width = colourOf(b.colour), vg.Points(1.2)
	low, high := ty(b.value(25)), ty(b.value(75))
	fill := colourOf(b.colour)
	pale := color.NRGBA{fill.R, fill.G, fill.B, 0x55}
	corners := []vg.Point{{X: x - half, Y: low}, {X: x - half, Y: high}, {X: x + half, Y: high}, {X: x + half, Y: low}}
	c.StrokeLine2(style, x, ty(b.value(5)), x, ty(b.value(95)))
	c.FillPolygon(pale, corners)
	c.StrokeLines(style, append(corners, corners[0]))
	style.Width = vg.Points(2.4)
	c.StrokeLine2(style, x-half, ty(b.value(50)), x+half, ty(b.value(50)))
	c.DrawGlyph(vgdraw.GlyphStyle{Color: fill, Radius: vg.Points(2.2), Shape: vgdraw.CircleGlyph{}}, vg.Point{X: x, Y: ty(b.value(100))})
}

// maxSlowest bounds the restarts that are listed.
const maxSlowest = 15

// slowRestart is one of the slowest restarts, for the page.
type slowRestart struct {
	Plan                             int
	Shard, Config, Kind, Identity    string
	At                               string
	Down, Spawned, Port, Health, All string
	Parts                            []part
}

func (w workAxis) slowest() (out []slowRestart) {
	all, _ := w.restarts()
	slices.SortStableFunc(all, func(a, b restarted) int { return cmp.Compare(b.Probe, a.Probe) })
	all = all[:min(len(all), maxSlowest)]
	for _, r := range all {
		s := &w.c.Segments[r.segment]
		one := slowRestart{
			Plan: r.plan.Number, Shard: s.Shard.String(), Config: r.plan.Configuration(), Kind: kindOf(r.Recovery), Identity: r.plan.Identity,
			At: clockText(w.at(r.segment, r.plan.At)), Down: known(r.Down), Spawned: known(r.Spawned), Port: known(r.Port),
			Health: known(r.Health), All: fine(r.Probe),
		}
		from, longest := time.Duration(0), float64(all[0].Probe)
		add := func(until time.Duration, class, says string) {
			to := max(until, from)
			one.Parts = append(one.Parts, part{100 * float64(from) / longest, 100 * float64(to-from) / longest, class, says + ", until " + fine(to)})
			from = to
		}
		add(r.Down, "ending", "told to end")
		moments := model.Recovery{Spawned: int64(r.Spawned), Port: int64(r.Port), Health: int64(r.Health), Probe: int64(r.Probe)}
		for _, s := range stages {
			add(nanoseconds(s.at(moments)), s.class, s.says)
		}
		out = append(out, one)
	}
	return out
}

// known is a moment, or "?" if nobody saw it.
func known(d time.Duration) string {
	if d == 0 {
		return "?"
	}
	return fine(d)
}

// step adds a second of a close-up.
func (s *series) step(second, n int) {
	s.points = append(s.points, plotter.XY{X: float64(second), Y: float64(n)}, plotter.XY{X: float64(second + 1), Y: float64(n)})
}

// closeUp is how long a stretch the close-up shows.
const closeUp = time.Minute

// closeChart shows the minute around the slowest restart, fault by fault.
func (w workAxis) closeChart() (chart, error) {
	out := chart{ID: "close", Title: "One minute, fault by fault"}
	all, _ := w.restarts()
	if len(all) == 0 {
		out.Says = "No restart was seen to its end."
		return out, nil
	}
	r := slices.MaxFunc(all, func(a, b restarted) int { return cmp.Compare(a.Probe, b.Probe) })
	alone := workAxis{c: &campaign.Campaign{Segments: w.c.Segments[r.segment : r.segment+1]}, offsets: w.offsets[r.segment : r.segment+1]}
	middle := alone.at(0, r.plan.At) + r.plan.Took/2
	from := max(0, middle-closeUp/2).Truncate(time.Second)
	to := from + closeUp
	alone.total = to
	bands := alone.bands(from, to)
	buckets, err := alone.buckets(time.Second)
	if err != nil {
		return out, err
	}
	programs, loads := series{colour: rateColour}, series{name: "loads", colour: loadColour}
	loaded := false
	for i := int(from / time.Second); i < min(int(to/time.Second), len(buckets)); i++ {
		programs.step(i, buckets[i].answered)
		loads.step(i, buckets[i].loadAnswered)
		loaded = loaded || buckets[i].loadAnswered > 0
	}
	p := newPlot("time at work", "per second")
	p.X.Min, p.X.Max = from.Seconds(), math.Max(to.Seconds(), from.Seconds()+1)
	p.X.Tick.Marker = clock{}
	p.Add(shades(bands))
	out.Key = faultKey(bands)
	lines := []series{programs}
	if loaded {
		lines[0].name = "programs"
		lines = append(lines, loads)
	}
	for _, l := range lines {
		if err := out.add(p, l); err != nil {
			return out, err
		}
	}
	fromZero(p)
	s := &w.c.Segments[r.segment]
	out.Says = fmt.Sprintf("Operations answered in each second around the slowest restart of the campaign (%s after a %s: plan %d, shard %s, %s); its shard alone.",
		fine(r.Probe), kindOf(r.Recovery), r.plan.Number, s.Shard, plural(max(1, s.Workers), "worker"))
	return out.with(p)
}

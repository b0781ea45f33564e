package report

import (
	"fmt"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
)

// series is a line of a chart over the campaign's time, with its name in the key.
type series struct {
	name   string
	colour int
	points plotter.XYs
}

// seriesOf makes a line of what some buckets have.
func seriesOf(name string, colour int, buckets []bucket, width time.Duration, value func(bucket) (y float64, has bool)) series {
	s := series{name: name, colour: colour}
	for i, b := range buckets {
		if y, has := value(b); has {
			s.points = append(s.points, plotter.XY{X: middle(i, width), Y: y})
		}
	}
	return s
}

// overTime draws lines over the campaign's time; scale makes the y axis. A chart without
// any point says "none".
func (w workAxis) overTime(out chart, unit string, bands []shade, none string, scale func(*plot.Plot), lines ...series) (chart, error) {
	p := w.timePlot(unit, bands)
	drawn := false
	for _, l := range lines {
		if len(l.points) == 0 {
			continue
		}
		drawn = true
		if err := out.add(p, l); err != nil {
			return out, err
		}
	}
	if !drawn {
		out.Says, out.Key = none, nil
		return out, nil
	}
	scale(p)
	return out.with(p)
}

// add adds a line and its name, "" for the only one of a chart.
func (c *chart) add(p *plot.Plot, s series) error {
	if s.name != "" {
		c.Key = append(c.Key, colourKey{classOf(colourOf(s.colour)), s.name})
	}
	return addLine(p, s.points, s.colour)
}

func addLine(p *plot.Plot, points plotter.XYs, colour int) error {
	line, err := plotter.NewLine(points)
	if err != nil {
		return fmt.Errorf("draw a line: %w", err)
	}
	line.Color, line.Width = colourOf(colour), vg.Points(1.2)
	p.Add(line)
	if len(points) == 1 { // a line of one point is none
		dot, err := plotter.NewScatter(points)
		if err != nil {
			return fmt.Errorf("draw a point: %w", err)
		}
		dot.Color = colourOf(colour)
		p.Add(dot)
	}
	return nil
}

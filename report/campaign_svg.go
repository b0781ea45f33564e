package report

import (
	"bytes"
	"fmt"
	"html/template"
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	vgdraw "gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// chart is a picture of a campaign, as a part of its page.
type chart struct {
	// ID is the element's, for links and for tests that look at the page.
	ID, Title string
	// Says is what to look at, below the picture.
	Says string
	// SVG is the picture; "" is a chart without data, and Says tells why.
	SVG template.HTML
	// Key names the colours.
	Key []colourKey
}

type colourKey struct{ Colour, Says string }

// The size of a chart in its own units; the page stretches it to its width.
const (
	chartWidth  = 9.6 * vg.Inch
	chartHeight = 2.9 * vg.Inch
)

// The colours of the lines, told apart by people who see red and green alike
// too (Okabe and Ito, Color Universal Design, 2008).
var palette = []color.RGBA{
	{0x00, 0x72, 0xb2, 0xff}, // blue
	{0xd5, 0x5e, 0x00, 0xff}, // vermilion
	{0x00, 0x9e, 0x73, 0xff}, // green
	{0xcc, 0x79, 0xa7, 0xff}, // purple
	{0xe6, 0x9f, 0x00, 0xff}, // orange
	{0x56, 0xb4, 0xe9, 0xff}, // sky
	{0x5d, 0x66, 0x73, 0xff}, // grey
}

func colourOf(i int) color.RGBA { return palette[i%len(palette)] }

func hex(c color.RGBA) string { return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B) }

// newPlot is an empty plot with named axes and a grid.
func newPlot(x, y string) *plot.Plot {
	p := plot.New()
	face := font.Font{Typeface: "Liberation", Variant: "Sans"}
	for _, s := range []*text.Style{&p.X.Label.TextStyle, &p.Y.Label.TextStyle, &p.X.Tick.Label, &p.Y.Tick.Label, &p.Legend.TextStyle} {
		s.Font.Typeface, s.Font.Variant = face.Typeface, face.Variant
	}
	for _, s := range []*text.Style{&p.X.Label.TextStyle, &p.Y.Label.TextStyle} {
		s.Font.Size = vg.Points(9.5)
	}
	for _, s := range []*text.Style{&p.X.Tick.Label, &p.Y.Tick.Label} {
		s.Font.Size = vg.Points(8.5)
	}
	p.X.Label.Text, p.Y.Label.Text = x, y
	p.X.Padding, p.Y.Padding = 0, 0
	grid := plotter.NewGrid()
	grid.Vertical.Color, grid.Horizontal.Color = color.Gray{0xe4}, color.Gray{0xe4}
	p.Add(grid)
	return p
}

// drawn is the plot as an SVG element.
func drawn(p *plot.Plot, w, h vg.Length) (template.HTML, error) {
	canvas := vgsvg.New(w, h)
	p.Draw(vgdraw.Crop(vgdraw.New(canvas), 0, -vg.Points(18), 0, -vg.Points(6))) // room for half a label at the ends of the axes
	var b bytes.Buffer
	if _, err := canvas.WriteTo(&b); err != nil {
		return "", fmt.Errorf("draw a chart: %w", err)
	}
	_, body, found := bytes.Cut(b.Bytes(), []byte("<svg ")) // without the declaration of a document of its own
	if !found {
		return "", fmt.Errorf("draw a chart: no svg element in what was drawn")
	}
	return template.HTML("<svg " + string(body)), nil //nolint:gosec // all texts went through vgsvg, which escapes them
}

// shade is a stretch of the x axis in a colour; the more often it was so, the
// stronger.
type shade struct {
	from, to float64
	share    float64 // above 0 up to 1
	colour   color.RGBA
}

// shades draws stretches over the whole height, below what is added after it.
type shades []shade

// weakest keeps a single short fault visible.
const weakest, strongest = 0.10, 0.55

// Plot implements plot.Plotter.
func (s shades) Plot(c vgdraw.Canvas, p *plot.Plot) {
	x, _ := p.Transforms(&c)
	for _, b := range s {
		alpha := weakest + (strongest-weakest)*min(b.share, 1)
		fill := color.NRGBA{b.colour.R, b.colour.G, b.colour.B, uint8(255 * alpha)}
		from, to := max(x(b.from), c.Min.X), min(x(b.to), c.Max.X)
		if to-from < vg.Points(0.25) {
			to = from + vg.Points(0.25)
		}
		c.FillPolygon(fill, []vg.Point{{X: from, Y: c.Min.Y}, {X: from, Y: c.Max.Y}, {X: to, Y: c.Max.Y}, {X: to, Y: c.Min.Y}})
	}
}

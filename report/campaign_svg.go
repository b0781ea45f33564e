package report

import (
	"bytes"
	"fmt"
	"html/template"
	"image/color"
	"regexp"
	"retain/model"
	"slices"
	"strconv"

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

// colourKey names a colour by its class in the style sheet.
type colourKey struct{ Class, Says string }

// The size of a chart in its own units; the page stretches it to its width.
const (
	chartWidth  = 9.6 * vg.Inch
	chartHeight = 2.9 * vg.Inch
)

// The colours of the lines, told apart by people who see red and green alike
// too (after Okabe and Ito, Color Universal Design, 2008). They are those of the style
// sheet's light scheme; in the page each is a variable of it, "--c0" and so on.
var palette = []color.RGBA{
	{0x00, 0x72, 0xb2, 0xff}, // blue
	{0xc2, 0x4a, 0x00, 0xff}, // vermilion
	{0x00, 0x80, 0x5d, 0xff}, // green
	{0xa8, 0x58, 0x8a, 0xff}, // purple
	{0x99, 0x66, 0x00, 0xff}, // orange
	{0x2f, 0x7f, 0xb5, 0xff}, // sky
	{0x39, 0x42, 0x4e, 0xff}, // grey
}

// gridColour is the style sheet's "--rule".
var gridColour = color.RGBA{0xd0, 0xd5, 0xdd, 0xff}

func colourOf(i int) color.RGBA { return palette[i%len(palette)] }

// classOf is the style sheet's class of a colour: "c0".
func classOf(c color.RGBA) string { return fmt.Sprintf("c%d", max(slices.Index(palette, c), 0)) }

// themed puts the style sheet's variables in place of the colours, so that a chart
// follows the scheme of its page. What is black takes the colour of the text.
func themed(svg string) string {
	return hexColour.ReplaceAllStringFunc(svg, func(text string) string {
		n, err := strconv.ParseUint(text[1:], 16, 32)
		if err != nil {
			return text
		}
		c := color.RGBA{uint8(n >> 16), uint8(n >> 8), uint8(n), 0xff}
		switch i := slices.IndexFunc(palette, func(p color.RGBA) bool { return near(p, c) }); {
		case i >= 0:
			return fmt.Sprintf("var(--c%d)", i)
		case near(gridColour, c):
			return "var(--rule)"
		case n == 0:
			return "currentColor"
		}
		return text
	})
}

var hexColour = regexp.MustCompile(`#[0-9A-Fa-f]{6}\b`)

// near reports whether colours are the same but for what translucent ones lose when
// they are written.
func near(a, b color.RGBA) bool {
	const lost = 6
	d := func(x, y uint8) bool { return max(x, y)-min(x, y) <= lost }
	return d(a.R, b.R) && d(a.G, b.G) && d(a.B, b.B)
}

// newPlot is an empty plot with named axes and a grid.
func newPlot(x, y string) *plot.Plot {
	p := plot.New()
	p.BackgroundColor = nil // the page's
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
	grid.Vertical.Color, grid.Horizontal.Color = gridColour, gridColour
	p.Add(grid)
	return p
}

// drawn is the plot as an SVG element, with a text alternative.
func drawn(p *plot.Plot, w, h vg.Length, alternative string) (template.HTML, error) {
	canvas := vgsvg.New(w, h)
	p.Draw(vgdraw.Crop(vgdraw.New(canvas), vg.Points(5), -vg.Points(30), 0, -vg.Points(6))) // room for half a label at the ends of the axes, and for the faults' names
	var b bytes.Buffer
	if _, err := canvas.WriteTo(&b); err != nil {
		return "", fmt.Errorf("draw a chart: %w", err)
	}
	_, body, found := bytes.Cut(b.Bytes(), []byte("<svg ")) // without the declaration of a document of its own
	if !found {
		return "", fmt.Errorf("draw a chart: no svg element in what was drawn")
	}
	label := template.HTMLEscapeString(alternative)
	return template.HTML(`<svg role="img" aria-label="` + label + `" ` + themed(string(body))), nil //nolint:gosec // all texts went through vgsvg, which escapes them
}

// shade is a stretch of the x axis in a colour, darker the more plans it covers.
type shade struct {
	from, to float64
	share    float64 // above 0 up to 1
	kind     model.FaultKind
}

// shades draws stretches below what is added after them: over the whole height, the
// stronger the larger their share, and as a strip in a lane of their kind at the top,
// with its name: kinds differ without their colours too.
type shades []shade

const (
	// weakest keeps a single short fault visible.
	weakest, strongest = 0.10, 0.45
	// laneHeight is that of a kind's strip.
	laneHeight = 5.5
)

// Plot implements plot.Plotter.
func (s shades) Plot(c vgdraw.Canvas, p *plot.Plot) {
	x, _ := p.Transforms(&c)
	var lanes []model.FaultKind
	for _, b := range s {
		if !slices.Contains(lanes, b.kind) {
			lanes = append(lanes, b.kind)
		}
		colour := faultColour(b.kind)
		from, to := max(x(b.from), c.Min.X), min(x(b.to), c.Max.X)
		to = max(to, from+vg.Points(0.25))
		block := func(fill color.Color, low, high vg.Length) {
			c.FillPolygon(fill, []vg.Point{{X: from, Y: low}, {X: from, Y: high}, {X: to, Y: high}, {X: to, Y: low}})
		}
		alpha := weakest + (strongest-weakest)*min(b.share, 1)
		block(color.NRGBA{colour.R, colour.G, colour.B, uint8(255 * alpha)}, c.Min.Y, c.Max.Y)
		top := c.Max.Y - vg.Points(laneHeight*float64(slices.Index(lanes, b.kind)))
		block(colour, top-vg.Points(laneHeight-1.5), top)
	}
	for i, kind := range lanes {
		style := p.X.Tick.Label
		style.Font.Size, style.XAlign, style.YAlign = vg.Points(6.5), text.XLeft, text.YCenter
		c.FillText(style, vg.Point{X: c.Max.X + vg.Points(3), Y: c.Max.Y - vg.Points(laneHeight*(float64(i)+0.5)-1)}, string(kind))
	}
}

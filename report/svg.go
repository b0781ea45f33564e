package report

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"retain/internal/printable"
)

// scene is a drawing of a page, as an SVG element with a text alternative. Lengths
// are in the units of its view box, which are CSS pixels where it is not scaled.
type scene struct {
	// ID is unique on the page. Title names the drawing, Desc says what can be seen.
	ID, Title, Desc string
	Width, Height   float64
	// Least is the width below which it scrolls instead of shrinking.
	Least float64
	// Class says on which windows it is shown.
	Class  string
	Shapes []shape
}

// shape is a part of a scene. Kind is "rect", "line" (from X, Y over W, H), "glyph"
// (Class names the fault) or "text" (W is its length).
type shape struct {
	Kind, Class string
	X, Y, W, H  coordinate
	Text, Tip   string
}

// coordinate prints with two digits at most.
type coordinate float64

// String is the number as SVG has it.
func (c coordinate) String() string {
	return strconv.FormatFloat(math.Round(float64(c)*100)/100, 'f', -1, 64)
}

// frame is the room of a scene. Each is drawn twice, for a desk and for a phone, and
// the style sheet shows one of them.
type frame struct {
	width float64
	// gutter is to the left of the time, for the names of lanes; where it is 0 they
	// stand above them. margin is on the other side, or on both.
	gutter, margin float64
	// least is the width below which the scene scrolls.
	least float64
	// ticks is how many an axis has at most, chars how many characters of a text.
	ticks int64
	chars int
	class string
}

var (
	desk  = frame{width: 960, gutter: 118, margin: 14, least: 900, ticks: 8, chars: 64, class: "desk"}
	phone = frame{width: 352, margin: 5, ticks: 4, chars: 44, class: "phone"}
)

// scenes draws what draw draws in each frame, nil if that is nothing.
func scenes(draw func(frame) *scene) (out []*scene) {
	for _, f := range []frame{desk, phone} {
		s := draw(f)
		if s == nil {
			return nil
		}
		s.Width, s.Least, s.Class = f.width, f.least, f.class
		if f.class != desk.class {
			s.ID += "-" + f.class
		}
		out = append(out, s)
	}
	return out
}

// left is where the time begins, length is how long it is.
func (f frame) left() float64 { return max(f.gutter, f.margin) }

func (f frame) length() float64 { return f.width - f.left() - f.margin }

// right is where the time ends.
func (f frame) right() float64 { return f.width - f.margin }

// charWidth is the width of a column of 12 px monospace; texts are fitted to it, so
// that no font takes more.
const charWidth = 7.25

func (s *scene) rect(class string, x, y, w, h float64, tip string) {
	s.Shapes = append(s.Shapes, shape{Kind: "rect", Class: class, X: coordinate(x), Y: coordinate(y), W: coordinate(w), H: coordinate(h), Tip: tip})
}

func (s *scene) line(class string, x, y, dx, dy float64) {
	s.Shapes = append(s.Shapes, shape{Kind: "line", Class: class, X: coordinate(x), Y: coordinate(y), W: coordinate(dx), H: coordinate(dy)})
}

// text begins at x, its baseline at y.
func (s *scene) text(class string, x, y float64, text string) {
	if text != "" {
		s.Shapes = append(s.Shapes, shape{Kind: "text", Class: class, X: coordinate(x), Y: coordinate(y), W: coordinate(textWidth(text)), Text: text})
	}
}

// glyph is a fault's sign, its middle at x and y.
func (s *scene) glyph(kind string, x, y float64, tip string) {
	s.Shapes = append(s.Shapes, shape{Kind: "glyph", Class: kind, X: coordinate(x), Y: coordinate(y), Tip: tip})
}

func textWidth(text string) float64 { return charWidth * float64(printable.Columns(text)) }

// scale is an axis of time across a frame.
type scale struct {
	from, to int64 // in nanoseconds
	frame
}

func (a scale) x(ns int64) float64 {
	ns = min(max(ns, a.from), a.to)
	return a.left() + a.length()*float64(ns-a.from)/float64(max(a.to-a.from, 1))
}

// axis draws the ticks of a scale, with their units, and lines through the scene.
func (s *scene) axis(a scale, top, y float64) {
	step := tick(a.to-a.from, a.ticks)
	for at := (a.from + step - 1) / step * step; at <= a.to; at += step {
		x, label := a.x(at), tickText(at, step)
		s.line("grid", x, top, 0, y-top)
		s.line("axis", x, y, 0, 5)
		w := textWidth(label)
		s.text("soft", min(max(x-w/2, 0), a.width-w), y+18, label)
	}
	s.line("axis", a.left(), y, a.length(), 0)
}

// axisHeight is the room below an axis.
const axisHeight = 26

// tick is the distance of an axis' ticks: 1, 2 or 5 times a power of ten.
func tick(span, most int64) int64 {
	step := int64(1e3)
	for i := 1; span/step >= most; i++ {
		step = int64([]float64{1, 2, 5}[i%3] * math.Pow10(3+i/3))
	}
	return step
}

func tickText(at, step int64) string {
	d := time.Duration(at)
	switch {
	case step >= 1e9:
		return fmt.Sprintf("%d s", at/1e9)
	case step >= 1e8 && at >= 1e10:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case step >= 1e6:
		return fmt.Sprintf("%d ms", at/1e6)
	}
	return strconv.FormatFloat(float64(at)/1e6, 'f', -1, 64) + " ms"
}

// shelves places stretches on rows so that none overlap.
type shelves [][][2]float64

// place returns the first row where the stretch is free.
func (s *shelves) place(from, to float64) int {
	const apart = 8
	for row := range *s {
		free := true
		for _, taken := range (*s)[row] {
			free = free && (to+apart <= taken[0] || from >= taken[1]+apart)
		}
		if free {
			(*s)[row] = append((*s)[row], [2]float64{from, to})
			return row
		}
	}
	*s = append(*s, [][2]float64{{from, to}})
	return len(*s) - 1
}

package report

import (
	"cmp"
	"fmt"
	"html/template"
	"image/color"
	"slices"
	"strings"

	"retain/model"
)

// faultStyle is how a kind of fault is shown. Each kind's style stands in a file of its
// own, fault_NAME.go, and registers there.
type faultStyle struct {
	// order is its place in keys and among bands.
	order int
	// colour is an index of the palette.
	colour int
	// glyph is its form, an SVG path around the origin that differs from all others but
	// those of its like.
	glyph string
	// filled is true if the glyph hides what is behind it.
	filled bool
	// hatch fills the time from the fault until calls go through again: an SVG path in
	// a tile so wide and 8 high. None for a fault that undoes another.
	hatch string
	tile  int
	// border is the line beside its row in the table of the proof: a CSS border style.
	border string
	// past is what it did, where it ends another fault: "resumed".
	past string
	// key is true if keys of glyphs explain it.
	key bool
}

var faultStyles = map[model.FaultKind]faultStyle{}

func registerFault(k model.FaultKind, s faultStyle) model.FaultKind {
	faultStyles[k] = s
	return k
}

// ShowsFault reports whether pages have a form and a colour for a kind of fault.
func ShowsFault(k model.FaultKind) bool { return faultStyles[k].glyph != "" }

// styledFault is a kind of fault with its style, for templates.
type styledFault struct {
	Kind model.FaultKind
	faultStyle
}

// styledFaults lists the kinds of faults that have what is wanted, in the order of their
// styles.
func styledFaults(want func(faultStyle) bool) []styledFault {
	var out []styledFault
	for k, s := range faultStyles {
		if want(s) {
			out = append(out, styledFault{k, s})
		}
	}
	slices.SortFunc(out, func(a, b styledFault) int { return cmp.Or(cmp.Compare(a.order, b.order), cmp.Compare(a.Kind, b.Kind)) })
	return out
}

func hatched(s faultStyle) bool { return s.hatch != "" }

// knownKinds are the kinds of faults that have bands, in their order.
func knownKinds() []model.FaultKind {
	var out []model.FaultKind
	for _, f := range styledFaults(hatched) {
		out = append(out, f.Kind)
	}
	return out
}

// faultColour is a kind's colour, as on the page of a finding; unknown kinds are grey.
func faultColour(kind model.FaultKind) color.RGBA {
	if s, known := faultStyles[kind]; known && hatched(s) {
		return palette[s.colour]
	}
	return palette[len(palette)-1]
}

// glyphOf is the form of a kind; kinds without one of their own have a diamond.
func glyphOf(kind model.FaultKind) string {
	if s := faultStyles[kind]; s.glyph != "" {
		return s.glyph
	}
	return "M0 -6 L6 0 L0 6 L-6 0 Z"
}

// Hatch is the SVG pattern of the kind, for the template.
func (f styledFault) Hatch() template.HTML {
	return template.HTML(fmt.Sprintf(`<pattern id="hatch-%s" width="%d" height="8" patternUnits="userSpaceOnUse"><path class="hatch %s" d="%s"/></pattern>`,
		f.Kind, f.tile, f.Kind, f.hatch)) //nolint:gosec // constants of this package
}

// faultRules are the rules of the style sheet for each kind of fault.
func faultRules() string {
	var b strings.Builder
	for _, f := range styledFaults(func(faultStyle) bool { return true }) {
		if f.filled {
			fmt.Fprintf(&b, ".glyph.%s { fill: var(--paper); }\n", f.Kind)
		}
		if !hatched(f.faultStyle) {
			continue
		}
		fmt.Fprintf(&b, ".band.%[1]s { fill: url(#hatch-%[1]s); }\n", f.Kind)
		fmt.Fprintf(&b, ".%[1]s.edge, .%[1]s.over, .%[1]s.glyph, .%[1]s.hatch { stroke: var(--c%[2]d); }\n", f.Kind, f.colour)
		fmt.Fprintf(&b, ".proof .fault.%s td { border-left-color: var(--c%d); border-left-style: %s; }\n", f.Kind, f.colour, f.border)
	}
	return b.String()
}

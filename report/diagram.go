package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"retain/harness"
	"retain/internal/printable"
	"retain/model"
)

const (
	// laneRow is the height of a row of bars, barHeight that of a bar.
	laneRow, barHeight = 26.0, 18.0
	// labelRow is the height of a row of the faults' labels.
	labelRow = 20.0
	// inset is between a bar's edge and its text.
	inset = 6.0
)

// shown are the operations that a violation is shown by, and the one that can't be
// explained.
func shown(r harness.Run) (ids []int, marked int) {
	if b := r.Check.Broken(); b != nil {
		return b.Proof, b.Contradiction
	}
	return stuckOnes(r)
}

// draw is the table of a violation drawn to time: a lane for each column, a bar for
// each operation from its call to its return, a band for each time in which the server
// was away; nil if there is nothing to draw. id is the element's.
func draw(r harness.Run, id string) []*scene {
	ids, marked := shown(r)
	if len(ids) == 0 || r.Outcome == nil {
		return nil
	}
	return scenes(func(f frame) *scene {
		p := painter{h: r.Outcome.History, scene: &scene{ID: id}}
		p.scale.frame = f
		p.span(ids)
		labels := p.faultLabels()
		p.top = 6 + labelRow*float64(len(labels))
		y := p.lanes(ids, marked)
		p.bands(y)
		p.axis(p.scale, p.top, y)
		p.scene.Shapes = append(p.scene.Shapes, p.above...)
		p.Height = y + axisHeight
		p.Title = "The operations of the table, drawn to time"
		p.Desc = strings.Join(p.says, "; ") + "."
		return p.scene
	})
}

// painter draws a scene in two layers: bands and lines first, what must be read above
// them.
type painter struct {
	*scene
	h       *model.History
	scale   scale
	outages []outage // those of the time that is drawn
	at      []int    // the row of each one's label
	top     float64  // of the lanes
	above   []shape
	says    []string
}

// span is the time to draw: that of the operations and of the outages that they meet.
func (p *painter) span(ids []int) {
	from, to := int64(math.MaxInt64), int64(0)
	for _, id := range ids {
		o := p.h.Operations[id-1]
		from = min(from, o.Call.Ns)
		for _, at := range []model.Instant{o.Call, o.Return, endOf(o)} {
			if at != model.Forever {
				to = max(to, at.Ns)
			}
		}
	}
	if to < from || slices.ContainsFunc(ids, func(id int) bool { return endOf(p.h.Operations[id-1]) == model.Forever }) {
		to = max(to, lastOf(p.h)) // what never ended is open to the end
	}
	for _, o := range outagesOf(p.h) {
		if o.Begin.Ns > to || o.Back < from {
			continue
		}
		p.outages = append(p.outages, o)
		from = min(from, o.Begin.Ns)
	}
	after := max((to-from)/50, 1e6) // an edge at the very end would not be seen
	p.scale.from, p.scale.to = from, to+after
}

// lastOf is when the last that is known of a history happened.
func lastOf(h *model.History) (at int64) {
	for _, o := range h.Operations {
		for _, end := range []model.Instant{o.Call, o.Return} {
			if end != model.Forever {
				at = max(at, end.Ns)
			}
		}
	}
	for _, s := range h.Availability {
		at = max(at, s.To)
	}
	return at
}

// endOf is when an operation was answered, first or when it was sent again.
func endOf(o model.Invoked) model.Instant { return o.In(model.Resolved).Return }

// faultLabels places the labels of the faults on rows.
func (p *painter) faultLabels() (rows shelves) {
	for _, o := range p.outages {
		x := p.labelAt(o)
		p.at = append(p.at, rows.place(x-12, x+textWidth(p.label(o))))
	}
	return rows
}

func (p *painter) label(o outage) string {
	at := fmt.Sprintf(" at %d ms", o.Begin.Ns/1e6)
	for len(o.Facts) > 1 && printable.Columns(o.says()) > p.scale.chars-len(at) {
		o.Facts = o.Facts[1:] // "stop · gone after 210 ms · down 520 ms"
	}
	return printable.Middle(o.says(), p.scale.chars-len(at)) + at
}

// labelAt is where an outage's label begins: at its band, or where it ends at the edge.
func (p *painter) labelAt(o outage) float64 {
	return min(p.scale.x(o.Begin.Ns)+12, p.scale.right()-textWidth(p.label(o))-6)
}

// bands draws the outages down to the axis.
func (p *painter) bands(bottom float64) {
	for i, o := range p.outages {
		x, back := p.scale.x(o.Begin.Ns), p.scale.x(o.Back)
		y := 4 + labelRow*float64(p.at[i])
		p.rect("band "+string(o.Kind), x, p.top, max(back-x, 1), bottom-p.top, p.label(o))
		p.line("edge "+string(o.Kind), x, y, 0, bottom-y)
		if o.Back < p.scale.to {
			p.line("over "+string(o.Kind), back, p.top, 0, bottom-p.top)
		}
		p.upper(func(s *scene) {
			s.glyph(string(o.Kind), p.labelAt(o)-4, y+8, p.label(o))
			s.rect("behind", p.labelAt(o)+4, y, textWidth(p.label(o))+4, labelRow-4, "")
			s.text("strong", p.labelAt(o)+6, y+12, p.label(o))
		})
		p.says = append(p.says, p.label(o))
	}
}

// upper draws above all that is drawn otherwise.
func (p *painter) upper(draw func(*scene)) {
	var s scene
	draw(&s)
	p.above = append(p.above, s.Shapes...)
}

// lanes draws the operations, each column's in its lane, and returns where they end.
func (p *painter) lanes(ids []int, marked int) (y float64) {
	y = p.top
	const widest = 15 // of a name
	for _, name := range columnsOf(p.h, ids) {
		nameAt := y + laneRow/2 + 4
		if p.scale.gutter == 0 {
			nameAt, y = y+14, y+18
		}
		var rows shelves
		for _, id := range ids {
			if o := p.h.Operations[id-1]; column(o) == name {
				p.bar(o, id == marked, y, &rows)
			}
		}
		name, nameAt := printable.Cut(name, widest), nameAt
		p.upper(func(s *scene) {
			if p.scale.gutter == 0 {
				s.rect("behind", 0, nameAt-11, textWidth(name)+4, 14, "")
			}
			s.text("strong", 0, nameAt, name)
		})
		y += laneRow * float64(len(rows))
		p.line("grid", 0, y, p.scale.width, 0)
	}
	return y
}

// bar draws an operation: solid until its client stopped waiting, dashed until its
// answer became known later. Its text stands in the bar if it fits, beside it if not.
func (p *painter) bar(o model.Invoked, marked bool, top float64, rows *shelves) {
	text := p.told(o)
	x, waited, end := p.scale.x(o.Call.Ns), p.scale.x(o.Return.Ns), p.scale.x(endOf(o).Ns)
	waited = max(waited, x+4)
	if marked {
		waited = max(waited, x+10)
	}
	end = max(end, waited)
	label, at := beside(p.scale.frame, p.labels(o, text), x, waited, end)
	row := rows.place(min(x, at), max(end, at+textWidth(label)))
	y := top + laneRow*float64(row) + (laneRow-barHeight)/2
	class := "op"
	if marked {
		class += " marked"
	}
	if o.Return == model.Forever {
		class += " open"
	}
	tip := fmt.Sprintf("%s, operation %d, called at %d ms: %s", column(o), o.ID, o.Call.Ns/1e6, text)
	p.upper(func(s *scene) {
		if end > waited {
			s.rect("wait", waited, y, end-waited, barHeight, tip)
		}
		s.rect(class, x, y, waited-x, barHeight, tip)
		if inside := at > x && at+textWidth(label) <= waited; !inside {
			s.rect("behind", at-2, y+1, textWidth(label)+4, barHeight-2, "")
		}
		s.text("", at, y+13, label)
	})
	p.says = append(p.says, printable.Middle(tip, 2*maxCell))
}

// told is an operation and what became of it.
func (p *painter) told(o model.Invoked) string {
	op := printable.Middle(o.Op.String(), p.scale.chars/2)
	switch {
	case o.Return == model.Forever:
		return op + " -> no answer, " + Reached(p.h, o)
	case o.Outcome == model.Ambiguous && o.Resolution != nil:
		return op + " -> " + ending(p.h, o) + "; " + resolution(o)
	}
	return op + " -> " + ending(p.h, o)
}

// labels are the texts of a bar, the one that says most first.
func (p *painter) labels(o model.Invoked, text string) (out []string) {
	if printable.Columns(text) <= p.scale.chars {
		out = append(out, text)
	}
	return append(out, printable.Middle(p.brief(o), p.scale.chars))
}

// brief is the same in less room.
func (p *painter) brief(o model.Invoked) string {
	op := printable.Middle(o.Op.String(), p.scale.chars/2)
	switch {
	case o.Return == model.Forever:
		return op + " -> no answer"
	case o.Outcome == model.Ambiguous && o.Resolution != nil:
		return op + " " + resolutions[o.Resolution.By] + " -> " + o.Resolution.Answer.String()
	case o.Outcome != model.OK:
		return op + " -> " + string(o.Reason)
	}
	return p.told(o)
}

// beside finds a place for a bar's text: in the bar, in what is dashed of it, to its
// right, to its left, or where there is most room, cut. The first of the texts that fits
// somewhere is taken.
func beside(f frame, texts []string, x, waited, end float64) (label string, at float64) {
	type room struct {
		width float64
		at    func(w float64) float64
	}
	rooms := []room{
		{waited - x - 2*inset, func(float64) float64 { return x + inset }},
		{end - waited - 2*inset, func(float64) float64 { return waited + inset }},
		{f.right() - end - inset, func(float64) float64 { return end + inset }},
		{x - inset - f.left(), func(w float64) float64 { return x - inset - w }},
	}
	for _, text := range texts {
		for _, r := range rooms {
			if w := textWidth(text); w <= r.width {
				return text, r.at(w)
			}
		}
	}
	const least = 8
	widest := slices.MaxFunc(rooms, func(a, b room) int { return cmp.Compare(a.width, b.width) })
	text := texts[len(texts)-1]
	text = printable.Middle(text, max(int(widest.width/charWidth), least))
	return text, widest.at(textWidth(text))
}

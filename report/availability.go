package report

import (
	"fmt"
	"slices"
	"time"

	"retain/harness"
	"retain/model"
)

// bandOf draws when the server answered along a run, with the faults above; nil if that
// is not known.
func bandOf(h *model.History) []*scene {
	return scenes(func(f frame) *scene { return bandIn(f, h) })
}

func bandIn(f frame, h *model.History) *scene {
	spans := available(h)
	if len(spans) == 0 {
		return nil
	}
	end := slices.MaxFunc(spans, func(a, b model.Span) int { return int(a.To - b.To) }).To
	if end <= 0 {
		return nil
	}
	const top, height = 22.0, 26.0
	a := scale{0, end, f}
	s := &scene{ID: "availability", Height: top + height + axisHeight}
	s.axis(a, top, top+height)
	if f.gutter > 0 {
		s.text("strong", 0, top+height/2+4, "answered")
	}
	s.rect("frame", f.left(), top, f.length(), height, "")
	var up, all int64
	for _, span := range spans {
		x, w := a.x(span.From), a.x(span.To)-a.x(span.From)
		class, says := "down", "no answer"
		all += span.To - span.From
		if span.Up {
			class, says = "up", "answered"
			up += span.To - span.From
		}
		s.rect(class, x, top, max(w, 0.5), height, says+" for "+during(span.From, span.To))
	}
	for _, f := range h.Faults {
		if f.Begin.Ns <= end && f.Kind != model.Start { // how a start went is drawn below
			s.glyph(string(f.Kind), a.x(f.Begin.Ns), top-9, fmt.Sprintf("%s at %d ms", f.Kind, f.Begin.Ns/1e6))
		}
	}
	share := 100.0
	if all > 0 {
		share = 100 * float64(up) / float64(all)
	}
	s.Title = fmt.Sprintf("When the server answered: %.0f %% of the time known, in %s", share, span(nanoseconds(end)))
	s.Desc = "A bar over the time of the run: filled where probes were answered, hatched where they were not" + faultList(h) + "."
	return s
}

func during(from, to int64) string {
	return fmt.Sprintf("%s, from %s on", span(nanoseconds(to-from)), span(nanoseconds(from)))
}

// maxListed bounds what a text alternative lists.
const maxListed = 30

// faultList says when which fault came, for those who don't see it.
func faultList(h *model.History) (text string) {
	for i, f := range h.Faults {
		if i == maxListed {
			return text + fmt.Sprintf("; and %d more faults", len(h.Faults)-i)
		}
		text += fmt.Sprintf("; %s at %d ms", f.Kind, f.Begin.Ns/1e6)
	}
	return text
}

// available is when probes were answered in a run; of a history that does not
// tell, what its restarts tell.
func available(h *model.History) []model.Span {
	if len(h.Availability) > 0 {
		return h.Availability
	}
	var out []model.Span
	up := int64(0)
	for _, r := range h.Recoveries {
		if r.Down == 0 || r.Down < up {
			continue
		}
		back := r.Probe
		if back == 0 {
			back = r.Down
		}
		if r.Down > up {
			out = append(out, model.Span{From: up, To: r.Down, Up: true})
		}
		out = append(out, model.Span{From: r.Down, To: back})
		up = back
	}
	for _, o := range slices.Backward(h.Operations) {
		if o.Outcome == model.OK && o.Return.Ns > up {
			return append(out, model.Span{From: up, To: o.Return.Ns, Up: true})
		}
	}
	return out
}

// stages are the parts of a restart, each until a moment: from the server's end until
// calls go through.
var stages = []struct {
	at          func(model.Recovery) int64
	class, says string
}{
	{func(r model.Recovery) int64 { return r.Spawned }, "gone", "gone"},
	{func(r model.Recovery) int64 { return r.Port }, "spawned", "started, port closed"},
	{func(r model.Recovery) int64 { return r.Health }, "port", "port open"},
	{func(r model.Recovery) int64 { return r.Probe }, "health", "health says 200, calls fail"},
}

// timelines draws the restarts of a run on one scale, from the moment at which the
// server was gone; nil without any.
func timelines(h *model.History) []*scene {
	return scenes(func(f frame) *scene { return timelinesIn(f, h) })
}

func timelinesIn(f frame, h *model.History) *scene {
	if len(h.Recoveries) == 0 {
		return nil
	}
	longest := time.Duration(1)
	for _, r := range h.Recoveries {
		longest = max(longest, harness.Recovered{Recovery: r}.After(max(r.Spawned, r.Port, r.Health, r.Probe)))
	}
	const row, height = 24.0, 16.0
	room := f.length() / (f.length() - textWidth("calls go through after 9 min 99 s") - 2*inset) // behind the longest
	if f.gutter == 0 {
		room = 1 // its label stands above
	}
	a := scale{0, int64(float64(longest) * room), f}
	s := &scene{ID: "recovery", Title: "How it came back"}
	each := row
	if f.gutter == 0 {
		each += 18
	}
	bottom := 4 + each*float64(len(h.Recoveries))
	s.axis(a, 4, bottom)
	for i, r := range h.Recoveries {
		y := 4 + each*float64(i+1) - row + (row-height)/2
		says, end := s.restart(a, harness.Recovered{Recovery: r}, y, height)
		outcome, at := "no call went through", fmt.Sprintf("at %d ms", r.Down/1e6)
		if r.Probe > 0 {
			outcome = "calls go through after " + span(time.Duration(r.Probe-r.Down))
		}
		if f.gutter == 0 {
			s.rect("behind", 0, y-15, textWidth(at+": "+outcome)+2, 14, "")
			s.text("strong", 0, y-4, at+": "+outcome)
		} else {
			s.text("strong", 0, y+12, at)
			s.text("", end+inset, y+12, outcome)
		}
		if i < maxListed {
			s.Desc += fmt.Sprintf("%s: %s%s. ", at, says, outcome)
		}
	}
	s.Height = bottom + axisHeight
	return s
}

// restart draws a restart, says how it went and where it ends.
func (s *scene) restart(a scale, r harness.Recovered, y, height float64) (says string, end float64) {
	from := time.Duration(0)
	for _, stage := range stages {
		at := stage.at(r.Recovery)
		if at == 0 {
			continue
		}
		to := max(r.After(at), from)
		tip := fmt.Sprintf("%s until %s", stage.says, span(to))
		x := a.x(int64(from))
		s.rect(stage.class, x, y, max(a.x(int64(to))-x, 0.5), height, tip)
		says += tip + ", "
		from = to
	}
	return says, a.x(int64(from))
}

func nanoseconds(n int64) time.Duration { return time.Duration(n) }

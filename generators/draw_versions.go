package generators

import (
	"math/rand/v2"
	"slices"

	"retain/model"
	"retain/runtime/versions"
)

// versionsStream tells the random stream of versions from others of a seed.
const versionsStream = 0x7665

// resending is how many of a hundred plans that switch versions send what was answered
// again. The others call at once what comes after the switch.
const resending = 75

// switching is the plan with starts that name versions of a list, of which the first one
// runs at its beginning: half of its starts, and at least one. A plan without a start gets
// one at its end.
func (p Plan) switching(list []string, strikes []model.FaultKind, r *rand.Rand) Plan {
	p.Config.ResendAnswered = r.IntN(100) < resending
	p = p.endingWithAStart(strikes[r.IntN(len(strikes))])
	var starts []int
	for i, s := range p.Steps {
		if f, is := s.(Inject); is && f.Fault.Starts() {
			starts = append(starts, i)
		}
	}
	p.Steps = slices.Clone(p.Steps)
	at := []string{list[0]}
	must := starts[r.IntN(len(starts))]
	for _, i := range starts {
		to := nextVersions(at, list)
		if r.IntN(2) > 0 && i != must || len(to) == 0 {
			continue
		}
		f := p.Steps[i].(Inject)
		f.Version = to[r.IntN(len(to))]
		p.Steps[i] = f
		at = after(at, f.Version)
	}
	return p
}

// nextVersions lists the versions of a list that a server can be started as which now is
// one of some: others, without a gap between.
func nextVersions(at, list []string) (out []string) {
	for _, to := range list {
		if !slices.Contains(at, to) && !slices.ContainsFunc(at, func(from string) bool { _, gap := versions.GapOf(from, to); return gap }) {
			out = append(out, to)
		}
	}
	return out
}

// after are the versions that a server may have after a step: a way back that is refused,
// with some settings or with any, leaves it where it was.
func after(at []string, to string) []string {
	out := []string{to}
	for _, from := range at {
		switch refusal, may := versions.Excuse(from, to); {
		case may && len(refusal.With) == 0:
			return slices.Clone(at)
		case may:
			out = append(out, from)
		}
	}
	return out
}

// endingWithAStart is the plan with a start for each fault that ends the server and has
// none, at its end, and with at least one.
func (p Plan) endingWithAStart(strike model.FaultKind) Plan {
	condition, id, starts := model.Ready, 0, false
	for _, s := range p.Steps {
		id = max(id, s.StepID())
		if f, is := s.(Inject); is && f.Fault.Applies(condition) {
			condition, starts = f.Fault.Spec().To, starts || f.Fault.Starts()
		}
	}
	if starts && condition != model.Down {
		return p
	}
	p.Steps = slices.Clone(p.Steps)
	add := func(k model.FaultKind) {
		id++
		p.Steps = append(p.Steps, Inject{ID: id, Fault: k, When: InPlace{}})
	}
	if condition != model.Down {
		if undo := condition.Undo(); undo != "" {
			add(undo)
		}
		add(strike)
	}
	add(model.Start)
	return p
}

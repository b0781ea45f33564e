package generators

import (
	"context"
	"fmt"
	"slices"

	"retain/model"
)

// without is the plan without some of its steps.
func (p Plan) without(gone ...int) Plan {
	return p.keeping(func(s Step) bool { return !slices.Contains(gone, s.StepID()) })
}

func (p Plan) keeping(keep func(Step) bool) Plan {
	steps := make([]Step, 0, len(p.Steps))
	for _, s := range p.Steps {
		if keep(s) {
			steps = append(steps, s)
		}
	}
	p.Steps = steps
	return p
}

// ids lists the ids of the wanted steps, in the order of the list.
func (p Plan) ids(want func(Step) bool) []int {
	var out []int
	for _, s := range p.Steps {
		if want(s) {
			out = append(out, s.StepID())
		}
	}
	return out
}

func isFault(s Step) bool {
	_, is := s.(Inject)
	return is
}

func isOperation(s Step) bool { return !isFault(s) }

// doingHint describes the candidates of the hint, for progress.
const doingHint = "the operations that contradict each other, and the faults"

// doingGuess describes the candidates of a guess, for progress.
const doingGuess = "the operation that does not finish, and what changed its object before"

// hintedAndFaults is the plan with the hint's operations and all faults. A fault that
// waited for another operation comes at its place in the list: at once, it would often
// come before the write that it is to lose.
func (s *reducer) hintedAndFaults() Plan {
	return s.Best.keeping(func(st Step) bool { return isFault(st) || slices.Contains(s.Hint, st.StepID()) }).rather(InPlace{})
}

// hinted tries the hint's operations with the faults, and without.
func (s *reducer) hinted(ctx context.Context) error {
	if len(s.Hint) == 0 {
		return nil
	}
	alone := s.Best.keeping(func(st Step) bool { return slices.Contains(s.Hint, st.StepID()) })
	if ok, err := s.try(ctx, doingHint, s.hintedAndFaults()); ok || err != nil {
		return err
	}
	_, err := s.try(ctx, "the operations that contradict each other", alone)
	return err
}

// objects tries each object alone, the one with the most operations first.
func (s *reducer) objects(ctx context.Context) error {
	objects := s.Best.Objects()
	if len(objects) < 2 {
		return nil
	}
	size := func(o model.Object) int {
		return len(s.Best.ids(func(st Step) bool { op, is := st.(Operate); return is && op.Object == o }))
	}
	slices.SortStableFunc(objects, func(a, b model.Object) int { return size(b) - size(a) })
	for _, o := range objects {
		alone := s.Best.keeping(func(st Step) bool { op, is := st.(Operate); return !is || op.Object == o })
		if ok, err := s.try(ctx, fmt.Sprintf("only %s", o), alone); ok || err != nil {
			return err
		}
	}
	var groups [][]int
	for _, o := range objects {
		groups = append(groups, s.Best.ids(func(st Step) bool { op, is := st.(Operate); return is && op.Object == o }))
	}
	return s.minimise(ctx, "fewer objects", groups, 1)
}

// clients tries to do without clients.
func (s *reducer) clients(ctx context.Context) error {
	var groups [][]int
	for _, c := range s.Best.Clients() {
		groups = append(groups, s.Best.ids(func(st Step) bool { op, is := st.(Operate); return is && op.Client == c }))
	}
	if len(groups) < 2 {
		return nil
	}
	return s.minimise(ctx, "fewer clients", groups, len(groups)/2)
}

// restarts tries to do without faults: without any, then by restart. A fault and
// the start or resume that follows it go together.
func (s *reducer) restarts(ctx context.Context) error {
	var groups [][]int
	for _, st := range s.Best.Steps {
		f, is := st.(Inject)
		switch {
		case !is:
		case len(groups) > 0 && f.Fault.Undoes():
			groups[len(groups)-1] = append(groups[len(groups)-1], f.ID)
		default:
			groups = append(groups, []int{f.ID})
		}
	}
	return s.minimise(ctx, "fewer faults", groups, len(groups))
}

// operations tries to do without operations, by parts of the list.
func (s *reducer) operations(ctx context.Context) error {
	groups := singly(s.Best.ids(isOperation))
	return s.minimise(ctx, "fewer operations", groups, max(1, len(groups)/2))
}

// oneByOne tries to do without each single step.
func (s *reducer) oneByOne(ctx context.Context) error {
	return s.minimise(ctx, "one step less", singly(s.Best.ids(func(Step) bool { return true })), 1)
}

func singly(ids []int) [][]int {
	var out [][]int
	for _, id := range ids {
		out = append(out, []int{id})
	}
	return out
}

// minimise takes away as many of the groups of steps as it can, so many at once
// at first, then half of that, and so on. What stands last goes first: nothing
// needs what comes after the failure.
func (s *reducer) minimise(ctx context.Context, what string, groups [][]int, size int) error {
	for ; size > 0; size /= 2 {
		for end := len(groups); end > 0; {
			from := max(0, end-size)
			ok, err := s.try(ctx, what, s.Best.without(slices.Concat(groups[from:end]...)...))
			if err != nil {
				return err
			}
			if ok {
				groups = slices.Delete(groups, from, end)
			}
			end = from
		}
		size = min(size, len(groups))
	}
	return nil
}

// mostInPairs bounds the steps whose pairs are tried: they are many.
const mostInPairs = 8

// pairs tries to do without two steps at once, of which neither can go alone: a
// clear and what it took away.
func (s *reducer) pairs(ctx context.Context) error {
	ids := s.Best.ids(func(Step) bool { return true })
	if len(ids) > mostInPairs {
		return nil
	}
	for distance := 1; distance < len(ids); distance++ {
		for i := 0; i+distance < len(ids); i++ {
			ok, err := s.try(ctx, "two steps less", s.Best.without(ids[i], ids[i+distance]))
			if err != nil {
				return err
			}
			if ok {
				return s.pairs(ctx)
			}
		}
	}
	return nil
}

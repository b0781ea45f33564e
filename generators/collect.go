package generators

import (
	"cmp"
	"slices"

	"retain/model"
)

// collect gives the distinct values of the plan's operations, sorted.
func collect[V comparable](p Plan, of func(Operate) V, compare func(a, b V) int) []V {
	var out []V
	for _, s := range p.Steps {
		if o, ok := s.(Operate); ok && !slices.Contains(out, of(o)) {
			out = append(out, of(o))
		}
	}
	slices.SortFunc(out, compare)
	return out
}

func compareObjects(a, b model.Object) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.N, b.N))
}

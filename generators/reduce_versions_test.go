package generators

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/model"
)

// versionsAt are the versions that the server runs at the steps of a plan, "" for its own.
func versionsAt(p Plan) (out []string) {
	now := ""
	for _, s := range p.Steps {
		if f, is := s.(Inject); is && f.Version != "" {
			now = f.Version
		}
		out = append(out, now)
	}
	return out
}

// A write in one version that another one does not show, whatever lies between.
func TestThePathOfVersionsIsReduced(t *testing.T) {
	register, counter := model.Object{Kind: model.Register}, model.Object{Kind: model.Counter}
	lost := func(p Plan) bool {
		at := versionsAt(p)
		for i, write := range p.Steps {
			for j, read := range p.Steps {
				if i < j && writesRegister(write) && registerReads(read) && at[i] == "1.7.2" && at[j] == "1.6.2" {
					return true
				}
			}
		}
		return false
	}
	var steps []Step
	id := 0
	add := func(all ...Step) {
		for _, s := range all {
			id++
			switch s := s.(type) {
			case Operate:
				s.ID = id
				steps = append(steps, s)
			case Inject:
				s.ID, s.When = id, InPlace{}
				steps = append(steps, s)
			}
		}
	}
	for _, version := range []string{"1.7.12", "1.7.2", "1.7.12", "1.6.2", "1.6.2"} {
		add(Operate{Object: counter, Op: model.CounterAdd{Delta: 1}}, Operate{Object: register, Op: model.RegisterWrite{Value: "v" + version + string(rune('a'+id))}},
			Operate{Object: register, Op: model.RegisterRead{}}, Inject{Fault: model.Kill}, Inject{Fault: model.Start, Version: version})
	}
	add(Operate{Object: register, Op: model.RegisterWrite{Value: "last"}}, Operate{Object: register, Op: model.RegisterRead{}})
	plan := Plan{Steps: steps}
	require.NoError(t, Validate(plan))
	require.True(t, lost(plan))
	require.Equal(t, []string{"1.7.12", "1.7.2", "1.6.2"}, plan.Versions())

	r, err := Reduce(t.Context(), plan, ReduceOptions{Fails: func(_ context.Context, p Plan) (bool, error) { return lost(p), nil }})
	require.NoError(t, err)
	require.Equal(t, Minimal, r.Ending)
	assert.True(t, lost(r.Best))
	assert.Equal(t, []string{"1.7.2", "1.6.2"}, r.Best.Path(), "the others have no part in it")
	back, err := Decode(Encode(r.Best))
	require.NoError(t, err)
	assert.Equal(t, r.Best, back)
}

// A start that is needed loses its version if that is not.
func TestAStartWithoutNeedOfItsVersionIsReducedToTheOneThatRan(t *testing.T) {
	register := model.Object{Kind: model.Register}
	plan := Plan{Steps: []Step{
		Operate{ID: 1, Object: register, Op: model.RegisterWrite{Value: "v1"}},
		Inject{ID: 2, Fault: model.Kill, When: InPlace{}}, Inject{ID: 3, Fault: model.Start, When: InPlace{}, Version: "1.7.2"},
		Inject{ID: 4, Fault: model.Kill, When: InPlace{}}, Inject{ID: 5, Fault: model.Start, When: InPlace{}, Version: "1.6.2"},
		Operate{ID: 6, Object: register, Op: model.RegisterRead{}},
	}}
	twice := func(p Plan) bool {
		return chain(p, func([]Step) bool { return true }, writesRegister, injects(model.Start), injects(model.Start), registerReads)
	}
	r, err := Reduce(t.Context(), plan, ReduceOptions{Fails: func(_ context.Context, p Plan) (bool, error) { return twice(p), nil }})
	require.NoError(t, err)
	assert.True(t, twice(r.Best))
	assert.Empty(t, r.Best.Versions())
}

// A version that must be started between two others stays, although the failure does not
// need it: without it the plan could not begin.
func TestAReducedPathLeadsOverNoGap(t *testing.T) {
	plan := Plan{Steps: []Step{
		Operate{ID: 1, Object: model.Object{Kind: model.Register}, Op: model.RegisterWrite{Value: "v1"}},
		Inject{ID: 2, Fault: model.Kill, When: InPlace{}}, Inject{ID: 3, Fault: model.Start, When: InPlace{}, Version: "1.6.2"},
		Inject{ID: 4, Fault: model.Kill, When: InPlace{}}, Inject{ID: 5, Fault: model.Start, When: InPlace{}, Version: "1.7.2"},
		Inject{ID: 6, Fault: model.Kill, When: InPlace{}}, Inject{ID: 7, Fault: model.Start, When: InPlace{}, Version: "1.7.12"},
	}}
	reaches := func(_ context.Context, p Plan) (bool, error) { return slices.Contains(p.Path(), "1.7.12"), nil }
	for first, want := range map[string][]string{"1.5.3": {"1.6.2", "1.7.12"}, "1.6.1": {"1.7.12"}} {
		r, err := Reduce(t.Context(), plan, ReduceOptions{First: first, Fails: reaches})
		require.NoError(t, err)
		assert.Equal(t, want, r.Best.Path(), first)
	}
}

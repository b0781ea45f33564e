package reference

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/model"
)

func TestReferenceServesTheHandlersOfEveryKind(t *testing.T) {
	all, err := objects()
	require.NoError(t, err)
	require.Len(t, all, len(model.Kinds()))
	for i, k := range model.Kinds() {
		var want []string
		for _, h := range k.Spec().Handlers {
			want = append(want, h.Name)
		}
		assert.Equal(t, k.Service(), all[i].Name())
		assert.ElementsMatch(t, want, slices.Collect(maps.Keys(all[i].Handlers())), "service/reference/kind_%s.go", k)
	}
}

func TestKindWithoutHandlersIsNamed(t *testing.T) {
	service := kinds[model.List]
	delete(kinds, model.List)
	defer registerKind(model.List, service)
	_, err := Listen(Options{})
	assert.EqualError(t, err, "preparing the reference service: no handlers serve a list: add service/reference/kind_list.go")
}

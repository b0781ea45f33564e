package backend

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/harness"
	"retain/runtime"
	"retain/runtime/process"
	"retain/runtime/resources"
)

var _ resources.Limited = (*process.Runtime)(nil)

func TestNamesOutsideTheListAreRefusedWithTheList(t *testing.T) {
	for _, name := range names {
		assert.NoError(t, name.Check())
	}
	for _, name := range []Name{"", "cloud", "Process"} {
		assert.EqualError(t, name.Check(), "-runtime "+string(name)+": want auto, container, process or simulated")
		_, _, err := Choose(t.Context(), runtime.Settings{}, Options{Name: name})
		assert.EqualError(t, err, name.Check().Error())
	}
}

// A name that is offered and can't be opened is a mistake of ours, not of this machine.
func TestEachNameIsOpenedByChoose(t *testing.T) {
	for _, name := range names {
		open, choice, err := Choose(t.Context(), runtime.Settings{}, Options{Name: name})
		require.NotErrorIs(t, err, errUnopened, name)
		if err == nil {
			assert.NotNil(t, open)
			assert.NotEqual(t, Auto, choice.Name)
			assert.NotEmpty(t, choice.Why)
		}
	}
}

func TestAutoTakesTheProcessWithAGivenBinary(t *testing.T) {
	_, choice, err := Choose(t.Context(), runtime.Settings{}, Options{Name: Auto, Binary: "server"})
	require.NoError(t, err)
	assert.Equal(t, "process, since -restate.binary names one", choice.String())
}

func TestSimulatedHasItsOwnDeploymentAndANotice(t *testing.T) {
	open, choice, err := Choose(t.Context(), runtime.Settings{}, Options{Name: Simulated})
	require.NoError(t, err)
	assert.Equal(t, "simulated, as asked: this tests retain, not Restate", choice.String())
	var systems [2]*harness.System
	for i := range systems {
		systems[i], err = open(context.Background(), runtime.Settings{Partitions: 1})
		require.NoError(t, err)
		assert.Equal(t, "simulated", systems[i].Runtime.Identity().Backend)
		assert.NotEmpty(t, systems[i].Shared)
		assert.Nil(t, systems[i].Deploy)
		require.NoError(t, systems[i].Runtime.Close(t.Context()))
	}
	assert.NotEqual(t, systems[0].Runtime.Identity().Node, systems[1].Runtime.Identity().Node)
}

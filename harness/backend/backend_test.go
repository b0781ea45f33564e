package backend

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/harness"
	"retain/runtime"
	"retain/runtime/binary"
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
		assert.NotEmpty(t, systems[i].Contract)
		assert.Nil(t, systems[i].Deploy)
		require.NoError(t, systems[i].Runtime.Close(t.Context()))
	}
	assert.NotEqual(t, systems[0].Runtime.Identity().Node, systems[1].Runtime.Identity().Node)
}

func TestAutoTakesTheBackendOfNamedBuilds(t *testing.T) {
	_, choice, err := Choose(t.Context(), runtime.Settings{}, Options{Name: Auto, Binaries: map[string]string{"mine": "server"}})
	require.NoError(t, err)
	assert.Equal(t, Process, choice.Name)
}

// A version of a plan is not the server that a person named for the beginning.
func TestSubjectsAreThoseOfTheirVersions(t *testing.T) {
	dir := t.TempDir()
	program := func(name, version string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\necho restate-server "+version+"\n"), 0o755))
		return path
	}
	o := Options{Name: Process, Binary: program("own", "1.7.1"), Binaries: map[string]string{"mine": program("mine", "1.9.0-dev"), "1.6.2": program("other", "1.7.0")}}
	found, err := o.Subjects(t.Context(), Choice{Name: Process}, runtime.Settings{}, []string{"mine"})
	require.NoError(t, err)
	assert.Len(t, found, 2)
	of, s := o.of(runtime.Settings{Version: "1.7.12"}, "mine")
	server, err := binary.Find(t.Context(), of.request(s))
	require.NoError(t, err)
	assert.Equal(t, "1.9.0-dev", server.Version)
	_, err = o.Subjects(t.Context(), Choice{Name: Process}, runtime.Settings{}, []string{"mine", "neither"})
	require.ErrorIs(t, err, binary.ErrVersion)
	require.ErrorContains(t, err, "the plan starts version neither: ")

	sys, err := o.real(o.native)(t.Context(), runtime.Settings{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, sys.Shutdown(context.WithoutCancel(t.Context()))) })
	reported, err := sys.Runtime.Provide(t.Context(), "mine")
	require.NoError(t, err)
	assert.Equal(t, "1.9.0-dev", reported)
	assert.Equal(t, "1.7.1", sys.Runtime.Identity().Version)
	_, err = sys.Runtime.Provide(t.Context(), "1.6.2")
	require.ErrorContains(t, err, "the build that is called 1.6.2 reports version 1.7.0")
	before := sys.Need[resources.Space]
	sys.Widen("1.7.12")
	assert.GreaterOrEqual(t, sys.Need[resources.Space], before)
}

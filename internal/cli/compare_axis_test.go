package cli

import (
	"flag"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/harness/backend"
	"retain/harness/compare"
)

func TestSDKsThatCantBeComparedAreRefused(t *testing.T) {
	with(t, runtimeFlag, string(backend.Process))
	for sdks, says := range map[string]string{
		"go":                         "-sdks go: want at least two",
		"go,rust":                    `-sdks: no SDK is called "rust": want go, `,
		"go,":                        `-sdks: no SDK is called ""`,
		"go,go":                      "-sdks go,go: go stands twice",
		"go,mine=nowhere":            "-sdks mine=nowhere: \"nowhere\" is not an address of handlers",
		"go,=http://127.0.0.1:1":     "-sdks =http://127.0.0.1:1: want NAME=URL",
		"java,go=http://127.0.0.1:1": "go names the reference service",
	} {
		with(t, sdksFlag, sdks)
		assert.ErrorContains(t, checkSDKs(), says, sdks)
	}
	with(t, sdksFlag, "go,mine=http://127.0.0.1:9080")
	require.NoError(t, checkSDKs())
	axis, names, ordered := compared()
	assert.Equal(t, compare.SDKs, axis)
	assert.False(t, ordered)
	assert.Equal(t, map[string]string{"mine": "-deployment=http://127.0.0.1:9080"}, argumentsOf(axis, names))
	assert.Equal(t, "sdk", axisFlag(axis))
	var s server
	assert.Equal(t, "mine", s.calls(names[1]))
	assert.Equal(t, "http://127.0.0.1:9080", s.handlers.Backend.URL)
	var other server
	assert.Equal(t, "go", other.calls(names[0]))
	assert.False(t, other.handlers.Given())
	with(t, runtimeFlag, string(backend.Simulated))
	assert.ErrorContains(t, checkSDKs(), "the simulated runtime calls handlers of its own")
	with(t, runtimeFlag, string(backend.Process))
	with(t, versionsFlag, "1.6.2,1.7.12")
	assert.ErrorContains(t, checkSDKs(), "a comparison has one axis")
	require.NotNil(t, flag.Lookup("sdks"))
}

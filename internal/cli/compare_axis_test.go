package cli

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/harness/backend"
	"retain/harness/compare"
	"retain/service"
)

func TestSDKsThatCantBeComparedAreRefused(t *testing.T) {
	with(t, runtimeFlag, string(backend.Process))
	for sdks, says := range map[string]string{
		"go":                         "-sdks go: want at least two",
		"go,rust":                    `-sdks: no SDK is called "rust": want go, `,
		"go,":                        `-sdks: no SDK is called ""`,
		"go,go":                      "-sdks go,go: go stands twice",
		"go,mine=nowhere":            "-sdks mine=nowhere: \"nowhere\" is not an address of handlers",
		"go,=http://127.0.0.1:1":     "-sdks =http://127.0.0.1:1: want NAME=URL or NAME=image:REF",
		"go,=image:x":                "-sdks =image:x: want NAME=URL or NAME=image:REF",
		"go,mine=image:":             "-sdks mine=image:: want the reference of an image",
		"go,mine=handlers:1":         `"handlers:1" is not an address of handlers: want http://HOST:PORT or https://HOST:PORT, or image:REF for an image of them`,
		"java,go=http://127.0.0.1:1": "go names the reference service",
		"java,go=image:x":            "go names the reference service",
	} {
		with(t, sdksFlag, sdks)
		assert.ErrorContains(t, checkSDKs(), says, sdks)
	}
	with(t, sdksFlag, "go,mine=http://127.0.0.1:9080")
	require.NoError(t, checkSDKs())
	axis, _, ordered := compared()
	assert.Equal(t, compare.SDKs, axis)
	assert.False(t, ordered)
	assert.Equal(t, "sdk", axisFlag(axis))
	with(t, runtimeFlag, string(backend.Simulated))
	assert.ErrorContains(t, checkSDKs(), "the simulated runtime calls handlers of its own")
	with(t, runtimeFlag, string(backend.Process))
	with(t, versionsFlag, "1.6.2,1.7.12")
	assert.ErrorContains(t, checkSDKs(), "a comparison has one axis")
	require.NotNil(t, flag.Lookup("sdks"))
}

// Handlers behind a token and images can be compared, each with what a session on them has, and
// a replay names them like one.
func TestComparedHandlersHaveTheFlagsOfTheirSessions(t *testing.T) {
	t.Setenv("TOKEN", "secret")
	env := filepath.Join(t.TempDir(), "env")
	require.NoError(t, os.WriteFile(env, []byte("PORT=9123\n"), 0o644))
	with(t, runtimeFlag, string(backend.Process))
	with(t, sdksFlag, "go,mine=https://127.0.0.1:9080/api,built=image:registry:5000/mine@sha256:0a")
	with(t, serviceEnvFlag, env)
	with(t, &headerFlag, headers{"Authorization": "$TOKEN"})
	require.NoError(t, checkSDKs())
	require.NoError(t, checkDeployment())

	_, names, _ := compared()
	assert.Equal(t, map[string][]string{
		"mine":  {"-deployment=https://127.0.0.1:9080/api", "-deployment.header=Authorization=$TOKEN"},
		"built": {"-service.image=registry:5000/mine@sha256:0a", "-service.env-file=" + env},
	}, argumentsOf(compare.SDKs, names))
	for _, argument := range serverArguments() {
		assert.NotRegexp(t, "^-(deployment|service)", argument, "the replay of the reference service has none of them")
	}

	called := map[string]backend.Handlers{}
	altered := map[string]string{}
	for _, element := range names {
		var s server
		name := s.calls(element)
		called[name], altered[name] = s.foreign.handlers(), fmt.Sprint(s.foreign.altered())
	}
	assert.Equal(t, map[string]backend.Handlers{
		"go":    {},
		"mine":  {Backend: service.Backend{URL: "https://127.0.0.1:9080/api", Header: http.Header{"Authorization": {"secret"}}}},
		"built": {Image: "registry:5000/mine@sha256:0a", Env: map[string]string{"PORT": "9123"}},
	}, called)
	assert.Contains(t, altered["mine"], "Authorization")
	assert.NotContains(t, altered["mine"], "secret")
	assert.Contains(t, altered["built"], "-service.env-file")
	assert.NotContains(t, altered["built"], "Authorization")
}

func TestFlagsOfOtherHandlersThanAreComparedAreRefused(t *testing.T) {
	with(t, runtimeFlag, string(backend.Process))
	with(t, sdksFlag, "go,mine=image:x")
	with(t, &headerFlag, headers{"Authorization": "x"})
	assert.ErrorContains(t, checkDeployment(), "-deployment.header is for handlers that listen: add -deployment URL, or with -run Compare NAME=URL in -sdks")
	with(t, &headerFlag, headers{})
	with(t, sdksFlag, "go,mine=http://127.0.0.1:9080")
	with(t, serviceEnvFlag, "f")
	assert.ErrorContains(t, checkDeployment(), "-service.env-file is for the container of an image: add -service.image REF, or with -run Compare NAME=image:REF in -sdks")
	with(t, serviceEnvFlag, "")
	with(t, deploymentFlag, "http://127.0.0.1:9080")
	assert.EqualError(t, checkDeployment(), "-sdks names all handlers that are compared: give those of -deployment there, as NAME=http://127.0.0.1:9080")
	with(t, deploymentFlag, "")
	with(t, serviceImageFlag, "x:1")
	assert.EqualError(t, checkDeployment(), "-sdks names all handlers that are compared: give those of -service.image there, as NAME=image:x:1")
}

package reference

import (
	"net/http"
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDiscoveryNamesTheSDKOfGoMod(t *testing.T) {
	modules, err := os.ReadFile("../../go.mod")
	require.NoError(t, err)
	required := regexp.MustCompile(`github.com/restatedev/sdk-go (v\S+)`).FindSubmatch(modules)
	require.NotNil(t, required)

	s, err := Listen(Options{})
	require.NoError(t, err)
	defer s.Close()
	var h2c http.Protocols
	h2c.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: &h2c}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequest(http.MethodGet, s.URL("")+"/discover", nil)
	require.NoError(t, err)
	request.Header.Set("Accept", "application/vnd.restate.endpointmanifest.v3+json")
	response, err := transport.RoundTrip(request)
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, http.StatusOK, response.StatusCode)
	assert.Equal(t, "restate-sdk-go/"+string(required[1]), response.Header.Get(serverHeader), "service/reference/version.go")
}

package commandline_test

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"retain/internal/selftest/suite"
)

// badDeployments are handlers that can't be tested, and flags that contradict each other.
func badDeployments(t *testing.T) []refusal {
	h1 := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(h1.Close)
	later := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/vnd.restate.endpointmanifest.v9+json")
	}))
	later.Config.Protocols = new(http.Protocols)
	later.Config.Protocols.SetUnencryptedHTTP2(true)
	later.Start()
	t.Cleanup(later.Close)
	deployment := func(more ...string) []string { return suite.Properties(append([]string{"-deployment"}, more...)...) }
	process := []string{"-runtime", "process"}
	return []refusal{
		{name: "no URL of handlers", args: deployment("localhost:9080"), says: []string{`-deployment: "localhost:9080"`, "want http://HOST:PORT"}},
		{name: "two deployments", args: deployment("http://localhost:9080", "-service.image", "x"), says: []string{"-deployment and -service.image", "give one of them"}},
		{name: "handlers of the simulated runtime", args: deployment("http://localhost:9080", "-runtime", "simulated"), says: []string{"a real server", "leave out -runtime simulated"}},
		{name: "a header of no deployment", args: suite.Properties("-deployment.header", "a=b"), says: []string{"add -deployment URL"}},
		{name: "an environment of no image", args: suite.Properties("-service.env-file", "f"), says: []string{"add -service.image REF"}},
		{name: "an environment file that is not there", args: suite.Properties("-service.image", "x", "-service.env-file", "/nonexistent"), says: []string{"-service.env-file", "/nonexistent"}},
		{name: "a web server", args: deployment(append([]string{h1.URL}, process...)...), says: []string{h1.URL, "GET /discover gets 404", "give the address and path at which the SDK serves its handlers"}},
		{name: "a port that speaks no TLS", args: deployment(append([]string{"https" + h1.URL[len("http"):]}, process...)...), says: []string{"does not speak TLS", "give its address as http://"}},
		{name: "handlers beside those that are compared",
			args: []string{"-test.run", "^TestCompare$", "-runtime", "process", "-sdks", "go,java", "-deployment", "http://localhost:9080"}, says: []string{"give those of -deployment there, as NAME=http://localhost:9080"}},
		{name: "handlers of a later protocol", args: deployment(append([]string{later.URL}, process...)...), says: []string{"endpointmanifest.v9+json", "use an SDK of these"}},
		{name: "an image that is nowhere", env: []string{"DOCKER_HOST=unix://" + filepath.Join(t.TempDir(), "none")},
			args: suite.Properties(append([]string{"-service.image", "x"}, process...)...), says: []string{"no Docker", "set DOCKER_HOST"}},
	}
}

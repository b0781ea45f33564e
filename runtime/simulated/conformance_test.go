package simulated_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/runtime"
	"retain/runtime/runtimetest"
	"retain/runtime/simulated"
	"retain/runtime/versions"
	"retain/service"
)

// exchange is one recorded request and the real server's answer to it.
type exchange struct {
	Name    string      `json:"name"`
	Method  string      `json:"method"`
	Path    string      `json:"path"`
	Request sent        `json:"request"`
	Status  int         `json:"status"`
	Headers http.Header `json:"headers"`
	Body    string      `json:"body"`
}

// sent is a request beside its method and path.
type sent struct {
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
	Filler  int               `json:"filler"` // the length of a body of "aaa..."
}

func recorded(t *testing.T, version string) []exchange {
	text, err := os.ReadFile(filepath.Join("..", "testdata", "responses-"+version+".json"))
	require.NoError(t, err)
	var all []exchange
	require.NoError(t, json.Unmarshal(text, &all))
	require.Greater(t, len(all), 60)
	return all
}

// notImitated are the recorded exchanges that the simulated server can't have or
// does not imitate, and why.
var notImitated = map[string]string{
	"health without services": "its services are there from the start",
	"unregistered service":    "its services are there from the start",
	"too many requests":       "it has no limit on requests",
	"query, an open invocation": "the recording's stands open because its service is gone; " +
		"TestQueriesShowOpenInvocations has one",
	"query, not SQL": "it says what it understands instead",
}

// The test sends the recorded requests in their order.
func TestAnswersEqualThoseOfRecordedServers(t *testing.T) {
	for _, version := range []string{"1.7.12", "1.7.2", "1.6.2"} {
		t.Run(version, func(t *testing.T) {
			o := simulated.Options{Settings: runtime.Settings{Version: version}}
			bubble(t, o, func(t *testing.T, r *rig) {
				for _, want := range recorded(t, version) {
					if notImitated[want.Name] != "" || !versions.Has(version, versions.RequestSizeLimit) && want.Name == "too large" {
						continue // such a server fails to store it, in words about its storage
					}
					if want.Name == "output not ready" {
						g, answer := r.held(service.Before, "/Counter/open/add", "1", sending{Key: "open-1", Tag: "t"})
						compare(t, want, r.exchange(want))
						g.Open()
						<-answer
						continue
					}
					compare(t, want, r.exchange(want))
				}
			})
		})
	}
}

func (r *rig) exchange(e exchange) response {
	base, path := r.Endpoints().Ingress, e.Path
	if rest, admin := strings.CutPrefix(e.Path, "admin:"); admin {
		base, path = r.Endpoints().Admin, rest
	}
	body := e.Request.Body
	if e.Request.Filler > 0 {
		body = `"` + strings.Repeat("a", e.Request.Filler-2) + `"`
	}
	req, err := http.NewRequest(e.Method, base+path, strings.NewReader(body))
	require.NoError(r.t, err)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for k, v := range e.Request.Headers {
		req.Header[k] = []string{v}
		if v == "" {
			delete(req.Header, k)
		}
	}
	return runtimetest.Exchange(r.http, req)
}

// compare holds an answer against the recorded one: the status, which headers
// there are and what they say, and the body.
func compare(t *testing.T, want exchange, got response) {
	t.Helper()
	if !assert.NoError(t, got.Err, want.Name) {
		return
	}
	assert.Equal(t, want.Status, got.Status, want.Name)
	got.Header.Del("Date")
	if strings.HasPrefix(want.Path, "admin:") {
		assert.Equal(t, want.Headers.Get("Content-Type"), got.Header.Get("Content-Type"), want.Name)
	} else {
		assert.Equal(t, stable(want.Headers), stable(got.Header), want.Name)
	}
	switch {
	case want.Name == "register":
		recorded, answered := kinds(t, want.Body), kinds(t, got.Body)
		maps.DeleteFunc(answered, func(handler, _ string) bool { // those of kinds that came after the recording
			service, _, _ := strings.Cut(handler, "/")
			return !slices.ContainsFunc(slices.Collect(maps.Keys(recorded)), func(r string) bool { return strings.HasPrefix(r, service+"/") })
		})
		assert.Equal(t, recorded, answered)
	case want.Name == "admin version":
		var recorded, answered map[string]any
		require.NoError(t, json.Unmarshal([]byte(want.Body), &recorded))
		require.NoError(t, json.Unmarshal([]byte(got.Body), &answered))
		delete(recorded, "features")
		recorded["ingress_endpoint"], answered["ingress_endpoint"] = nil, nil
		assert.Equal(t, recorded, answered)
	case strings.HasPrefix(want.Name, "bad input"):
		before, _, _ := strings.Cut(want.Body, "type: ") // what follows is the decoder's own
		assert.True(t, strings.HasPrefix(got.Body, before), got.Body)
	case want.Name == "health":
		assert.Subset(t, names(t, got.Body), names(t, want.Body))
	case strings.HasPrefix(want.Name, "send"):
		assert.Equal(t, withoutID(want.Body, want.Headers), withoutID(got.Body, got.Header), want.Name)
	case want.Body == "" || want.Body[0] != '{':
		assert.Equal(t, want.Body, got.Body, want.Name)
	default:
		assert.JSONEq(t, want.Body, got.Body, want.Name)
	}
}

// stable are headers without what differs from run to run.
func stable(h http.Header) http.Header {
	h = h.Clone()
	for _, k := range []string{"X-Restate-Id", "Idempotency-Expires"} {
		if h.Get(k) != "" {
			h.Set(k, "there")
		}
	}
	h.Del("Content-Length") // as long as the body, which is compared
	return h
}

func withoutID(body string, h http.Header) string {
	return strings.ReplaceAll(body, h.Get("X-Restate-Id"), "ID")
}

func names(t *testing.T, body string) []string {
	var health struct{ Services []string }
	require.NoError(t, json.Unmarshal([]byte(body), &health))
	require.NotEmpty(t, health.Services)
	return health.Services
}

// kinds are the handlers of a registration's answer, with their kinds and what
// they take and give.
func kinds(t *testing.T, body string) map[string]string {
	var answer struct {
		Services []struct {
			Name     string
			Type     string `json:"ty"`
			Handlers []struct {
				Name   string
				Type   string `json:"ty"`
				Input  string `json:"input_description"`
				Output string `json:"output_description"`
			}
		}
	}
	require.NoError(t, json.Unmarshal([]byte(body), &answer))
	out := map[string]string{}
	for _, s := range answer.Services {
		for _, h := range s.Handlers {
			out[s.Name+"/"+h.Name] = strings.Join([]string{s.Type, h.Type, h.Input, h.Output}, " ")
		}
	}
	require.NotEmpty(t, out)
	return out
}

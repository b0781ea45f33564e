package deployment_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"retain/service"
	"retain/service/deployment"
)

// A server that is starting is asked again until it answers. The retry policies of its answer
// have its own defaults: they say nothing of the handlers.
func TestRegisterRetriesUntilTheServerAnswers(t *testing.T) {
	var asked atomic.Int32
	admin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) < 3 {
			http.Error(w, `{"message":"no leader"}`, http.StatusInternalServerError)
			return
		}
		_, _ = w.Write([]byte(`{"id":"dp_1","sdk_version":"restate-sdk-java/2.4.0_2a001aec","services":[{"name":"S","handlers":[{"name":"h","ty":"Shared"}]},
			{"name":"P","public":false,"handlers":[{"name":"h","ty":"Exclusive"}]},
			{"name":"Q","public":true,"handlers":[{"name":"h","ty":"Exclusive","public":true},{"name":"i","ty":"Shared","public":false}]},
			{"name":"R","retry_policy":{"max_attempts":70},"handlers":[{"name":"h","ty":"Exclusive"},{"name":"i","ty":"Shared","retry_policy":{"max_attempts":1000}}]}]}`))
	}))
	defer admin.Close()
	r, err := deployment.Register(t.Context(), client, admin.URL, "http://127.0.0.1:1")
	require.NoError(t, err)
	assert.Equal(t, deployment.Registration{ID: "dp_1", SDK: "sdk java 2.4.0 (2a001aec)", Contract: service.Contract{
		"S/h": service.Shared, "P/h": service.Private, "Q/h": service.Exclusive, "Q/i": service.Private, "R/h": service.Exclusive, "R/i": service.Shared,
	}}, r)
	assert.EqualValues(t, 3, asked.Load())
}

// Failures are one line that names both addresses and the last reason.
func TestRegisterReportsTheAdminsError(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		answer string
		want   string
	}{
		"refused":   {400, `{"message":"The request field\n 'uri' is invalid"}`, "answered 400: The request field 'uri' is invalid"},
		"late":      {500, `{"message":"no leader"}`, "answered 500: no leader"},
		"not json":  {200, `hello`, "reading the admin API's answer"},
		"not admin": {200, `{}`, "is this a Restate server?"},
	} {
		t.Run(name, func(t *testing.T) {
			admin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.answer))
			}))
			defer admin.Close()
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			_, err := deployment.Register(ctx, client, admin.URL, "http://127.0.0.1:1")
			require.Error(t, err)
			for _, part := range []string{"http://127.0.0.1:1", admin.URL, c.want} {
				assert.Contains(t, err.Error(), part)
			}
			assert.False(t, strings.Contains(err.Error(), "\n"), "%q", err)
		})
	}
}

func TestRegisterWithoutServerTimesOut(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := deployment.Register(ctx, client, "http://127.0.0.1:1", "http://127.0.0.1:2")
	require.ErrorContains(t, err, "connection refused")
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestListenRefusesUnusableAddresses(t *testing.T) {
	_, err := deployment.Listen(deployment.Options{Bind: "192.0.2.1"})
	require.ErrorContains(t, err, "is 192.0.2.1 an address of this machine?")
	_, err = deployment.Listen(deployment.Options{Backend: service.Backend{URL: "localhost:9080"}})
	require.ErrorContains(t, err, "want http://HOST:PORT")
}

// The server answers 500 for what stays as it is, too: its codes tell it apart. It is not
// asked again.
func TestRegisterEndsAtARefusalThatStays(t *testing.T) {
	for name, c := range map[string]struct{ answer, want string }{
		"another service protocol": {`{"message":"[META0012] unsupported service protocol versions: [1, 4]","restate_code":"META0012"}`, "unsupported service protocol versions: [1, 4]"},
		"another discovery":        {`{"message":"[META0013] received a bad response from the SDK: Bad content type header","restate_code":"META0013"}`, "Bad content type header"},
		"a stream on one way":      {`{"message":"[META0015] the SDK reports itself","restate_code":"META0015"}`, "the SDK reports itself"},
		"a manifest of its own":    {`{"message":"received a bad response from the SDK that cannot be decoded: unknown variant","restate_code":null}`, "unknown variant"},
	} {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Int32
			admin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked.Add(1)
				w.WriteHeader(http.StatusInternalServerError)
				_, _ = w.Write([]byte(c.answer))
			}))
			defer admin.Close()
			_, err := deployment.Register(t.Context(), client, admin.URL, "http://127.0.0.1:1")
			require.ErrorContains(t, err, c.want)
			assert.EqualValues(t, 1, asked.Load())
		})
	}
}

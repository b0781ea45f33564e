package ingress_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/runtime"
	"retain/runtime/ingress"
)

// admin serves these bodies by path; what begins with a digit is a status.
func admin(t *testing.T, bodies map[string]string) runtime.Endpoints {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, ok := bodies[r.URL.Path]
		status := http.StatusOK
		if !ok {
			status = http.StatusNotFound
		} else if _, err := fmt.Sscanf(body, "%d", &status); err == nil {
			body = "no"
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(s.Close)
	return runtime.Endpoints{Admin: s.URL}
}

func TestCheckServerTellsOursFromOthers(t *testing.T) {
	const wrong, unknown = "another server", "nobody could tell"
	version, cluster := `{"version":"1.7.12"}`, `{"cluster_name":"ours"}`
	for name, c := range map[string]struct {
		bodies map[string]string
		want   string
	}{
		"ours":                         {map[string]string{"/version": version, "/cluster-health": cluster}, ""},
		"another cluster":              {map[string]string{"/version": version, "/cluster-health": `{"cluster_name":"theirs"}`}, wrong},
		"another version":              {map[string]string{"/version": `{"version":"1.7.11"}`, "/cluster-health": cluster}, wrong},
		"no admin API":                 {nil, wrong},
		"a page":                       {map[string]string{"/version": "<html>"}, wrong},
		"an admin API that is not up":  {map[string]string{"/version": "503"}, unknown},
		"one that names no cluster":    {map[string]string{"/version": version}, unknown},
		"one that is not yet a member": {map[string]string{"/version": version, "/cluster-health": "503"}, unknown},
	} {
		t.Run(name, func(t *testing.T) {
			err := ingress.CheckServer(t.Context(), admin(t, c.bodies), runtime.Identity{Version: "1.7.12", Cluster: "ours"})
			switch c.want {
			case "":
				require.NoError(t, err)
			case wrong:
				require.ErrorIs(t, err, ingress.ErrWrongServer)
			default:
				require.Error(t, err)
				require.NotErrorIs(t, err, ingress.ErrWrongServer)
			}
		})
	}
	closed := admin(t, nil)
	closed.Admin = "http://127.0.0.1:1"
	err := ingress.CheckServer(t.Context(), closed, runtime.Identity{})
	require.Error(t, err)
	require.NotErrorIs(t, err, ingress.ErrWrongServer, "nobody answers")
	assert.NoError(t, ingress.CheckServer(t.Context(), admin(t, map[string]string{"/version": version, "/cluster-health": cluster}), runtime.Identity{}),
		"what is not known is not compared")
}

func TestShortestIdempotencyRetentionIsFound(t *testing.T) {
	services := func(list string) runtime.Endpoints {
		return admin(t, map[string]string{"/services": `{"services":[` + list + `]}`})
	}
	for _, c := range []struct {
		text string
		want time.Duration
	}{
		{"1d", 24 * time.Hour}, {"1 day", 24 * time.Hour}, {"24h", 24 * time.Hour}, {"2 days 3 hours", 51 * time.Hour},
		{"5m 10s", 310 * time.Second}, {"1h, 30m", 90 * time.Minute}, {"1.5s", 1500 * time.Millisecond}, {"20ms", 20 * time.Millisecond},
		{"0s", 0}, {"1week", 7 * 24 * time.Hour}, {"1mo", 30 * 24 * time.Hour}, {"10000 years", 200 * 365 * 24 * time.Hour},
	} {
		got, whose, err := ingress.Retention(t.Context(), services(`{"name":"Counter","idempotency_retention":"`+c.text+`"}`))
		require.NoError(t, err, c.text)
		assert.Equal(t, c.want, got, c.text)
		assert.Equal(t, "Counter", whose)
	}
	got, whose, err := ingress.Retention(t.Context(), services(
		`{"name":"A","idempotency_retention":"1d","handlers":[{"name":"x"},{"name":"y","idempotency_retention":"10s"}]},{"name":"B","idempotency_retention":"1h"}`))
	require.NoError(t, err)
	assert.Equal(t, 10*time.Second, got)
	assert.Equal(t, "A/y", whose, "the shortest of all counts")
	got, whose, err = ingress.Retention(t.Context(), services(
		`{"name":"A","idempotency_retention":"1s","handlers":[{"name":"y","idempotency_retention":"1h"}]}`))
	require.NoError(t, err)
	assert.Equal(t, time.Hour, got, "a service whose handlers all have their own has none")
	assert.Equal(t, "A/y", whose)

	for list, says := range map[string]string{
		``: "knows no service", `{"name":"A"}`: "prints no retention", `{"name":"A","idempotency_retention":"forever"}`: "can't be read",
		`{"name":"A","idempotency_retention":"1 fortnight"}`: "can't be read",
	} {
		_, _, err := ingress.Retention(t.Context(), services(list))
		assert.ErrorContains(t, err, says)
	}
}

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
	"retain/service"
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
	contract := service.Contract{"Counter/add": service.Exclusive, "Counter/get": service.Shared, "MapObject/set": service.Exclusive}
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
		got, whose, err := ingress.Retention(t.Context(), services(`{"name":"Counter","idempotency_retention":"`+c.text+`","handlers":[{"name":"add"}]}`), contract)
		require.NoError(t, err, c.text)
		assert.Equal(t, c.want, got, c.text)
		assert.Equal(t, "Counter", whose)
	}
	got, whose, err := ingress.Retention(t.Context(), services(
		`{"name":"Counter","idempotency_retention":"1d","handlers":[{"name":"get"},{"name":"add","idempotency_retention":"10s"}]},
		{"name":"MapObject","idempotency_retention":"1h","handlers":[{"name":"set"}]}`), contract)
	require.NoError(t, err)
	assert.Equal(t, 10*time.Second, got)
	assert.Equal(t, "Counter/add", whose, "the shortest of all counts")
	got, whose, err = ingress.Retention(t.Context(), services(
		`{"name":"Counter","idempotency_retention":"1s","handlers":[{"name":"add","idempotency_retention":"1h"}]}`), contract)
	require.NoError(t, err)
	assert.Equal(t, time.Hour, got, "a service whose handlers all have their own has none")
	assert.Equal(t, "Counter/add", whose)

	for list, says := range map[string]string{
		`"name":"Extra","idempotency_retention":"1d"`: "knows no service that plans call", `"name":"Counter"`: "prints no retention",
		`"name":"Counter","idempotency_retention":"forever"`: "can't be read", `"name":"Counter","idempotency_retention":"1 fortnight"`: "can't be read",
	} {
		_, _, err := ingress.Retention(t.Context(), services("{"+list+`,"handlers":[{"name":"add"}]}`), contract)
		assert.ErrorContains(t, err, says)
	}
	_, _, err = ingress.Retention(t.Context(), services(""), contract)
	assert.ErrorContains(t, err, "knows no service")
}

// What no plan calls may forget its answers at once.
func TestRetentionOfHandlersThatNoPlanCallsDoesNotCount(t *testing.T) {
	ep := admin(t, map[string]string{"/services": `{"services":[
		{"name":"Extra","idempotency_retention":"0s","handlers":[{"name":"add"}]},
		{"name":"MapObject","idempotency_retention":"2s","handlers":[{"name":"set"}]},
		{"name":"Counter","idempotency_retention":"1s","handlers":[{"name":"audit"},{"name":"reset","idempotency_retention":"0s"},{"name":"add","idempotency_retention":"1d"}]},
		{"name":"RetainCanary","idempotency_retention":"2d","handlers":[{"name":"ping"}]}]}`})
	for name, c := range map[string]struct {
		contract service.Contract
		want     time.Duration
		whose    string
	}{
		"a counter among others": {service.Contract{
			"Extra/add": service.Exclusive, "MapObject/set": "", "Counter/audit": service.Exclusive, "Counter/add": service.Exclusive,
		}, 24 * time.Hour, "Counter/add"},
		"the probe":       {service.Contract{"Extra/add": service.Exclusive, "RetainCanary/ping": service.Exclusive}, 48 * time.Hour, "RetainCanary"},
		"of all services": {nil, 0, "Counter/reset"},
	} {
		t.Run(name, func(t *testing.T) {
			got, whose, err := ingress.Retention(t.Context(), ep, c.contract)
			require.NoError(t, err)
			assert.Equal(t, c.want, got)
			assert.Equal(t, c.whose, whose)
		})
	}
}

package deployment_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/service/deployment"
)

// Servers before 1.6 know no PATCH, and another refusal is not one of the method.
func TestRedeployUpdatesByPutWhereThereIsNoPatch(t *testing.T) {
	for status, want := range map[int][]string{
		http.StatusOK:               {"PATCH"},
		http.StatusMethodNotAllowed: {"PATCH", "PUT"},
		http.StatusBadRequest:       {"PATCH"},
	} {
		d, err := deployment.Listen(deployment.Options{})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, d.Close()) })
		before := d.URL("")
		var methods []string
		var body string
		admin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet {
				_, _ = fmt.Fprintf(w, `{"deployments":[{"id":"dp_0","uri":"http://127.0.0.1:1/"},{"id":"dp_1","uri":%q}]}`, before+"/")
				return
			}
			assert.Equal(t, "/deployments/dp_1", r.URL.Path)
			methods = append(methods, r.Method)
			text, _ := io.ReadAll(r.Body)
			body = string(text)
			if r.Method == http.MethodPatch {
				w.WriteHeader(status)
			}
		}))
		t.Cleanup(admin.Close)
		err = d.Redeploy(t.Context(), client, admin.URL, "")
		if status == http.StatusBadRequest {
			assert.ErrorContains(t, err, "the admin API answered 400")
		} else {
			assert.NoError(t, err)
		}
		assert.Equal(t, want, methods)
		assert.NotEqual(t, before, d.URL(""))
		assert.JSONEq(t, fmt.Sprintf(`{"uri":%q}`, d.URL("")), body)
	}
}

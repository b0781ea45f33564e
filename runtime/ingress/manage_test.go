package ingress_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"

	"retain/model"
	"retain/runtime"
	"retain/runtime/ingress"
)

// managing tries an operation on an invocation where the admin API answers with a status and a
// body. The ingress has no invocation to attach to.
func managing(t *testing.T, m model.Manage, status int, body string) ingress.Result {
	admin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, http.MethodPatch, r.Method)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	defer admin.Close()
	none := httptest.NewServer(http.NotFoundHandler())
	defer none.Close()
	client := ingress.New(runtime.Endpoints{Ingress: none.URL, Admin: admin.URL, Version: runtime.DefaultVersion})
	defer client.Close()
	return client.Try(t.Context(), ingress.Call{ObjectKey: "o", Op: m, Invocation: "inv_1"})
}

func TestStatusOfTheAdminAPISaysWhetherAnythingWasDone(t *testing.T) {
	kill := model.Manage{Verb: model.KillInvocation, Step: 1, On: model.Counter}
	for status, want := range map[int]model.Reason{200: "", 202: "", 404: model.Rejected, 409: model.Rejected, 425: model.Rejected, 500: model.Unavailable} {
		got := managing(t, kill, status, "{}")
		assert.Equal(t, want, got.Reason, status)
		assert.Equal(t, want == "", got.Answer != nil, status)
	}
}

// Once it was accepted, a restart may have its effect, whatever becomes of the question for it.
func TestAcceptedRestartIsAmbiguousIfItsEndIsNotKnown(t *testing.T) {
	restart := model.Manage{Verb: model.RestartInvocation, Step: 1, On: model.Counter, Of: model.CounterAdd{Delta: 1}}
	for _, body := range []string{`{"new_invocation_id":"inv_2"}`, `{}`} {
		got := managing(t, restart, 200, body)
		assert.Nil(t, got.Answer, body)
		assert.True(t, got.Wrote, body)
		assert.NotContains(t, []model.Reason{model.NotSent, model.Rejected, ""}, got.Reason, body)
	}
}

func TestOperationOnAnInvocationThatNobodyKnowsIsNotSent(t *testing.T) {
	client := ingress.New(runtime.Endpoints{Admin: "http://127.0.0.1:1"})
	got := client.Try(t.Context(), ingress.Call{Op: model.Manage{Verb: model.KillInvocation, Step: 1, On: model.Counter}})
	assert.Equal(t, model.NotSent, got.Reason)
}

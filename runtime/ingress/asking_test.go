package ingress_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"

	"retain/model"
	"retain/runtime"
	"retain/runtime/ingress"
	"retain/service"
)

// What has no answer is answered so; that a service is not known says nothing of its
// invocations.
func TestAnswerThatIsAskedForIsThatOfItsCall(t *testing.T) {
	for name, c := range map[string]struct {
		op     model.Operation
		path   string
		status int
		body   string
		want   model.Answer
		reason model.Reason
	}{
		"an answer": {model.AnswerOutput{Value: "v"}, "output", 200, `"#2 v"`, model.Receipt{Number: 2, Value: "v"}, ""},
		"an error": {model.AnswerAttach{Value: "v"}, "attach", 500, `{"code":500,"message":"#2 v","source":"invocation","metadata":{"call":"2"}}`,
			model.Failure{Code: 500, Message: "#2 v", Metadata: `{"call":"2"}`}, ""},
		"none yet": {model.AnswerOutput{Value: "v"}, "output", 470, `{"code":470,"message":"the invocation exists but has not completed yet","source":"ingress"}`, model.Unfinished{}, ""},
		"unknown":  {model.AnswerPeek{Value: "v"}, "output", 404, `{"code":404,"message":"invocation not found","source":"ingress"}`, model.Unknown{}, ""},
		"attached to nothing": {model.AnswerAttach{Value: "v"}, "attach", 404, `{"code":404,"message":"not found","source":"invocation"}`,
			model.Unknown{}, ""},
		"a service that is not known": {model.AnswerPeek{Value: "v"}, "output", 404,
			`{"code":404,"message":"service 'Answer' not found, make sure to register the service before calling it.","source":"ingress"}`, nil, model.Rejected},
		"a server that is not ready": {model.AnswerPeek{Value: "v"}, "output", 503, `{"code":503,"message":"not ready","source":"ingress"}`, nil, model.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				assert.Equal(t, http.MethodGet, r.Method)
				assert.Equal(t, "/restate/invocation/Answer/o/submit/k/"+c.path, r.URL.Path)
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.body))
			}))
			defer s.Close()
			client := ingress.New(runtime.Endpoints{Ingress: s.URL, Version: runtime.DefaultVersion})
			defer client.Close()
			result := client.Try(t.Context(), ingress.Call{ObjectKey: "o", Op: c.op, IdempotencyKey: "k"})
			assert.Equal(t, c.want, result.Answer)
			assert.Equal(t, c.reason, result.Reason)
			assert.Equal(t, c.status, result.Status)
		})
	}
}

// A call whose error has metadata fails for ever on a server that knows of none.
func TestErrorIsAskedForMetadataWhereTheServerKnowsOfThem(t *testing.T) {
	for version, want := range map[string]string{"1.5.3": "", "1.6.1": "true", runtime.DefaultVersion: "true", "": "true"} {
		var asked string
		s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked = r.Header.Get(service.MetadataHeader) }))
		client := ingress.New(runtime.Endpoints{Ingress: s.URL, Version: version})
		client.Try(t.Context(), ingress.Call{ObjectKey: "o", Op: model.AnswerSubmit{Value: "v", Fails: true}, IdempotencyKey: "k"})
		assert.Equal(t, want, asked, "version %q", version)
		client.Try(t.Context(), ingress.Call{ObjectKey: "o", Op: model.AnswerSubmit{Value: "v"}, IdempotencyKey: "k"})
		assert.Empty(t, asked, "a call that does not fail")
		client.Close()
		s.Close()
	}
}

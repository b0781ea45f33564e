package ingress_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"retain/runtime"
	"retain/runtime/ingress"
)

// A server that spoils the answer of one canary is ours, and another one is not.
func TestACanaryThatIsAnsweredWithSomethingElse(t *testing.T) {
	for name, c := range map[string]struct {
		first, then string
		status      int
		want        error
	}{
		"half an answer, once":           {`{"nonce":"n`, `{"nonce":"n1"}`, 200, ingress.ErrMixedUp},
		"no answer, once":                {``, `{"nonce":"n1"}`, 200, ingress.ErrMixedUp},
		"another call's answer, once":    {`3`, `{"nonce":"n1"}`, 200, ingress.ErrMixedUp},
		"half an answer, again, again":   {`{"nonce":"n`, `{"nonce":"n`, 200, ingress.ErrWrongServer},
		"another deployment's, once":     {`{"nonce":"n2"}`, `{"nonce":"n1"}`, 200, ingress.ErrWrongServer},
		"a deployment that is not there": {`{}`, `{}`, 404, ingress.ErrUnregistered},
	} {
		t.Run(name, func(t *testing.T) {
			var n atomic.Int32
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(c.status)
				if n.Add(1) == 1 {
					_, _ = w.Write([]byte(c.first))
				} else {
					_, _ = w.Write([]byte(c.then))
				}
			}))
			defer s.Close()
			client := ingress.New(runtime.Endpoints{Ingress: s.URL})
			defer client.Close()
			for range 5 {
				if err := client.Canary(bounded(t, 5*time.Second), "key", "n1"); errors.Is(err, c.want) {
					return
				} else if err == nil {
					break
				}
			}
			assert.Fail(t, "it is not told")
		})
	}
}

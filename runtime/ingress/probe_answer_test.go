package ingress_test

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"retain/runtime"
	"retain/runtime/ingress"
)

// An answer that no probe gives is an error, and the probe is repeated.
func TestProbeWithForeignAnswerIsMixedUp(t *testing.T) {
	for name, c := range map[string]struct {
		first, then string
		status      int
		want, again error
	}{
		"half an answer, once":           {`{"nonce":"n`, `{"nonce":"n1"}`, 200, ingress.ErrMixedUp, nil},
		"no answer, once":                {``, `{"nonce":"n1"}`, 200, ingress.ErrMixedUp, nil},
		"another call's answer, once":    {`3`, `{"nonce":"n1"}`, 200, ingress.ErrMixedUp, nil},
		"half an answer, always":         {`{"nonce":"n`, `{"nonce":"n`, 200, ingress.ErrMixedUp, ingress.ErrWrongServer},
		"another deployment's":           {`{"nonce":"n2"}`, `{"nonce":"n2"}`, 200, ingress.ErrWrongServer, ingress.ErrWrongServer},
		"a deployment that is not there": {`{}`, `{}`, 404, ingress.ErrUnregistered, ingress.ErrUnregistered},
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
			ctx := within(t, time.Minute)
			assert.ErrorIs(t, client.Probe(ctx, "key", ingress.Nonce("n1")), c.want)
			n.Store(0)
			assert.ErrorIs(t, client.Ask(ctx, "key", ingress.Nonce("n1")), c.again)
		})
	}
}

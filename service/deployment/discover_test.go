package deployment_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/internal/poll"
	"retain/service"
	"retain/service/deployment"
)

// impatient is how long the tests wait for handlers that nobody starts.
const impatient = 100 * time.Millisecond

// manifest is the answer of discovery of one object and what an SDK adds to it.
const manifest = `{"protocolMode":"BIDI_STREAM","minProtocolVersion":5,"maxProtocolVersion":6,"services":[
	{"name":"Counter","ty":"VIRTUAL_OBJECT","handlers":[{"name":"add"},{"name":"get","ty":"SHARED"},{"name":"reset","ty":"EXCLUSIVE"}]},
	{"name":"Proxy","ty":"SERVICE","handlers":[{"name":"call"}]},
	{"name":"Wait","ty":"WORKFLOW","handlers":[{"name":"run"},{"name":"unblock","ty":"SHARED"}]}]}`

// endpoint is a server that speaks HTTP/2 alone, as SDKs do.
func endpoint(t *testing.T, answer http.HandlerFunc, secure bool) (url string, roots *x509.CertPool) {
	s := httptest.NewUnstartedServer(answer)
	s.Config.Protocols = new(http.Protocols)
	if secure {
		s.Config.Protocols.SetHTTP2(true)
		s.EnableHTTP2 = true
		s.StartTLS()
		roots = x509.NewCertPool()
		roots.AddCert(s.Certificate())
	} else {
		s.Config.Protocols.SetUnencryptedHTTP2(true)
		s.Start()
	}
	t.Cleanup(s.Close)
	return s.URL, roots
}

// discovery answers with a manifest under a version of the media type.
func discovery(version int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/discover" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", fmt.Sprintf("application/vnd.restate.endpointmanifest.v%d+json", version))
		_, _ = w.Write([]byte(body))
	}
}

func TestDiscoveryReadsHandlersAndTheirTypes(t *testing.T) {
	want := service.Contract{
		"Counter/add": service.Exclusive, "Counter/get": service.Shared, "Counter/reset": service.Exclusive,
		"Proxy/call": "", "Wait/run": "", "Wait/unblock": "",
	}
	for version := 1; version <= 4; version++ {
		url, _ := endpoint(t, discovery(version, manifest), false)
		got, err := deployment.Discover(t.Context(), service.Backend{URL: url + "/"}, impatient)
		require.NoError(t, err)
		assert.Equal(t, want, got.Contract)
	}
}

// The manifest says of a service, or of a handler, that the ingress may not call it.
func TestDiscoveryReadsWhatTheIngressMayNotCall(t *testing.T) {
	url, _ := endpoint(t, discovery(4, `{"protocolMode":"BIDI_STREAM","minProtocolVersion":5,"maxProtocolVersion":6,"services":[
		{"name":"Counter","ty":"VIRTUAL_OBJECT","ingressPrivate":false,"handlers":[{"name":"add","ingressPrivate":true},{"name":"get","ty":"SHARED","ingressPrivate":false}]},
		{"name":"MapObject","ty":"VIRTUAL_OBJECT","ingressPrivate":true,"handlers":[{"name":"set"},{"name":"get","ty":"SHARED"}]}]}`), false)
	got, err := deployment.Discover(t.Context(), service.Backend{URL: url}, impatient)
	require.NoError(t, err)
	assert.Equal(t, service.Contract{
		"Counter/add": service.Private, "Counter/get": service.Shared, "MapObject/set": service.Private, "MapObject/get": service.Private,
	}, got.Contract)
	assert.False(t, got.Contract.Serves("Counter", "add"))
	assert.Equal(t, []string{"Counter/get"}, got.Contract.Shared())
}

// The limit of a handler goes before that of its service; a hundred attempts outlast an outage.
func TestDiscoveryReadsWhichHandlersGiveUp(t *testing.T) {
	url, _ := endpoint(t, discovery(4, `{"protocolMode":"BIDI_STREAM","minProtocolVersion":5,"maxProtocolVersion":6,"services":[
		{"name":"Counter","ty":"VIRTUAL_OBJECT","handlers":[{"name":"add","retryPolicyMaxAttempts":3},{"name":"reset","retryPolicyMaxAttempts":100},{"name":"get","ty":"SHARED"}]},
		{"name":"MapObject","ty":"VIRTUAL_OBJECT","retryPolicyMaxAttempts":99,"handlers":[{"name":"set"},{"name":"get","ty":"SHARED","retryPolicyMaxAttempts":1000}]}]}`), false)
	got, err := deployment.Discover(t.Context(), service.Backend{URL: url}, impatient)
	require.NoError(t, err)
	assert.Equal(t, service.Contract{
		"Counter/add": service.Limited, "Counter/reset": service.Exclusive, "Counter/get": service.Shared,
		"MapObject/set": service.Limited, "MapObject/get": service.Shared,
	}, got.Contract)
}

// Handlers behind a gateway: https, headers, a path.
func TestDiscoveryGoesThroughAGateway(t *testing.T) {
	url, roots := endpoint(t, http.StripPrefix("/mounted/here", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer t" {
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		discovery(4, manifest)(w, r)
	})).ServeHTTP, true)
	b := service.Backend{URL: url + "/mounted/here", Header: http.Header{"Authorization": {"Bearer t"}}, Roots: roots}
	_, err := deployment.Discover(t.Context(), b, impatient)
	require.NoError(t, err)

	b.Header = nil
	_, err = deployment.Discover(t.Context(), b, impatient)
	assert.ErrorContains(t, err, "GET /discover gets 401 who are you?")
	b.Roots = nil
	_, err = deployment.Discover(t.Context(), b, impatient)
	assert.ErrorContains(t, err, "SSL_CERT_FILE")
}

// Handlers without streams speak HTTP/1.1, with encryption or without.
func TestDiscoveryFindsHandlersThatSpeakHTTP1(t *testing.T) {
	answers := discovery(4, manifest)
	plain, secure := httptest.NewServer(answers), httptest.NewTLSServer(answers)
	t.Cleanup(plain.Close)
	t.Cleanup(secure.Close)
	roots := x509.NewCertPool()
	roots.AddCert(secure.Certificate())
	h2, _ := endpoint(t, answers, false)
	for url, http1 := range map[string]bool{plain.URL: true, secure.URL: false, h2: false} {
		got, err := deployment.Discover(t.Context(), service.Backend{URL: url, Roots: roots}, impatient)
		require.NoError(t, err)
		assert.Equal(t, http1, got.HTTP1, url)
		assert.True(t, got.Contract.Serves("Counter", "add"))
	}
	asks := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }))
	t.Cleanup(asks.Close)
	_, err := deployment.Discover(t.Context(), service.Backend{URL: asks.URL}, impatient)
	assert.ErrorContains(t, err, "GET /discover gets 401: it wants requests that are signed, or a header")
}

// hangsUp accepts connections and closes them.
func hangsUp(t *testing.T) (address string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_ = c.Close()
		}
	}()
	return l.Addr().String()
}

// healthy is an SDK's endpoint that wants signatures: every path that ends in /health has an
// answer, as in the SDKs for Java and Python.
func healthy(answer string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/health") {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte("Unauthorized"))
			return
		}
		_, _ = w.Write([]byte(answer))
	}
}

// silent listens, and answers nothing.
func silent(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return "http://" + l.Addr().String()
}

func TestWhatIsNoDeploymentIsNamedInOneLine(t *testing.T) {
	old := httptest.NewServer(http.NotFoundHandler()) // HTTP/1.1 alone
	t.Cleanup(old.Close)
	secureOld := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(secureOld.Close)
	secureOld.Config.ErrorLog, old.Config.ErrorLog = log.New(io.Discard, "", 0), log.New(io.Discard, "", 0)
	secure, _ := endpoint(t, http.NotFound, true)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	nobody := "http://" + free.Addr().String()
	require.NoError(t, free.Close())
	h2 := func(f http.HandlerFunc) string {
		url, _ := endpoint(t, f, false)
		return url
	}
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	answers := func(path, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != path {
				http.NotFound(w, r)
				return
			}
			_, _ = w.Write([]byte(body))
		}
	}
	page := func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }
	for name, c := range map[string]struct{ url, want string }{
		"nobody listens":            {nobody, "nobody listens there: start the handlers first"},
		"no answer":                 {silent(t), "no answer within"},
		"HTTP/1.1":                  {old.URL, "what answers is no deployment: GET /discover gets 404"},
		"TLS":                       {"http" + secure[len("https"):], "give its address as https://HOST:PORT"},
		"TLS in HTTP/1.1":           {"http" + secureOld.URL[len("https"):], "give its address as https://HOST:PORT"},
		"no TLS":                    {"https" + h2(http.NotFound)[len("http"):], "give its address as http://HOST:PORT"},
		"no TLS in HTTP/1.1":        {"https" + old.URL[len("http"):], "give its address as http://HOST:PORT"},
		"own authority":             {secure, "SSL_CERT_FILE names more authorities"},
		"neither":                   {"http://" + hangsUp(t), "speaks neither HTTP/2 nor HTTP/1.1"},
		"a web server":              {h2(http.NotFound), "what answers is no deployment: GET /discover gets 404"},
		"a page at that path":       {h2(answers("/discover", "<html>")), `with the content type "text/html`},
		"a page for every path":     {h2(page), `what answers is no deployment: GET /discover gets 200 with the content type "text/html`},
		"the ingress of a server":   {h2(answers("/restate/health", `{"services":[]}`)), "it is the ingress of a Restate server"},
		"the admin API of a server": {h2(answers("/version", `{"version":"1.7.12","min_admin_api_version":1}`)), "it is the admin API of a Restate server"},
		"a later discovery":         {h2(discovery(5, manifest)), "endpointmanifest.v5+json, and retain knows versions 1 to 4"},
		"a later service protocol": {h2(discovery(4, `{"minProtocolVersion":8,"maxProtocolVersion":9,"services":[]}`)),
			"versions 8 to 9 of the service protocol, and retain reads 1 to 7"},
		"garbage":     {h2(discovery(4, "{\n")), "can't be read"},
		"no handlers": {h2(discovery(4, `{"minProtocolVersion":1,"maxProtocolVersion":6,"services":[]}`)), "names no handlers"},
		"no address":  {"localhost:9080", "want http://HOST:PORT or https://HOST:PORT"},
		"no port":     {"http://127.0.0.1:99999", "its port is not one of 1 to 65535"},
		"port 0":      {"https://127.0.0.1:0/mounted", "its port is not one of 1 to 65535"},
		"no name":     {"http://no..such:9080", "can't resolve the name of the host"},
		"no route":    {"http://255.255.255.255:9080", "no connection can be made: give an address that this machine reaches"},
		"secure name": {"https://no..such:9080", "can't resolve the name of the host"},
		"signatures":  {h2(status(http.StatusUnauthorized)), "GET /discover gets 401: it wants requests that are signed, or a header: start the handlers without their request identity keys"},
		"an SDK":      {h2(healthy("OK")), "GET /discover gets 401 Unauthorized: it wants requests that are signed, or a header"},
		"another SDK": {h2(healthy(`{"status":"ok"}`)), "GET /discover gets 401 Unauthorized: it wants requests that are signed, or a header"},
		"no entry":    {h2(status(http.StatusForbidden)), "GET /discover gets 403: it wants requests that are signed, or a header"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeoutCause(t.Context(), 3*time.Second, fmt.Errorf("no answer within 3s"))
			defer cancel()
			_, err := deployment.Discover(ctx, service.Backend{URL: c.url}, impatient)
			require.ErrorContains(t, err, c.want)
			assert.NotContains(t, err.Error(), "\n")
			assert.Contains(t, err.Error(), c.url)
			assert.Less(t, len(err.Error()), 600)
		})
	}
}

// A container or a JVM takes a while until it listens. The connections before are closed
// beside a request, or before one is written.
func TestDiscoveryWaitsForHandlersThatAreJustStarting(t *testing.T) {
	const closes = 3
	for name, trace := range map[string]*httptrace.ClientTrace{"beside a request": {}, "before a request": awaitClosed(t, closes)} {
		t.Run(name, func(t *testing.T) {
			early := &hasty{closes: closes}
			var err error
			early.Listener, err = net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			var h2c http.Protocols
			h2c.SetUnencryptedHTTP2(true)
			s := &http.Server{Handler: discovery(4, manifest), Protocols: &h2c, ReadHeaderTimeout: time.Second}
			t.Cleanup(func() { _ = s.Close() })
			go func() { _ = s.Serve(early) }()
			_, err = deployment.Discover(httptrace.WithClientTrace(t.Context(), trace), service.Backend{URL: "http://" + early.Addr().String()}, 15*time.Second)
			require.NoError(t, err)
			assert.Zero(t, early.closes)
		})
	}
}

// awaitClosed holds requests on the first connections until the client has seen their ends.
func awaitClosed(t *testing.T, first int) *httptrace.ClientTrace {
	return &httptrace.ClientTrace{GotConn: func(c httptrace.GotConnInfo) {
		if first--; first < 0 {
			return
		}
		assert.NoError(t, poll.Until(t.Context(), time.Millisecond, func() error {
			if c.Conn.SetDeadline(time.Time{}) == nil {
				return errors.New("the connection is open")
			}
			return nil
		}))
	}}
}

// hasty is a listener that closes the first connections, as Docker does before anybody
// listens in a container.
type hasty struct {
	net.Listener
	closes int
}

func (h *hasty) Accept() (net.Conn, error) {
	for {
		c, err := h.Listener.Accept()
		if err != nil || h.closes == 0 {
			return c, err
		}
		h.closes--
		_ = c.Close()
	}
}

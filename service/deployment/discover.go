package deployment

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"retain/internal/poll"
	"retain/internal/printable"
	"retain/service"
	"retain/service/proxy"
)

const (
	// discoverBound is how long a discovery may take: a deployment answers in
	// milliseconds once it is up.
	discoverBound = 20 * time.Second
	// pauseBetween is the time between two tries.
	pauseBetween = 100 * time.Millisecond
	// maxManifest bounds a discovery's answer, in bytes.
	maxManifest = 16 << 20
)

// The media types of discovery's answer: this and a version, and "+json". See
// endpoint_manifest_schema.json in restatedev/restate, service-protocol/.
const (
	manifestPrefix = "application/vnd.restate.endpointmanifest.v"
	firstManifest  = 1
	lastManifest   = 4
)

// ErrNoDeployment is wrapped by [Discover] where handlers can't be called.
var ErrNoDeployment = errors.New("no deployment can be tested there")

// Discovered is what handlers said of themselves.
type Discovered struct {
	Contract service.Contract
	// HTTP1 is that of [service.Backend].
	HTTP1 bool
}

// Discover asks handlers which they are, as the server does when they are registered. For as
// long as the patience nobody may listen: they may be just starting. The error is one line.
func Discover(ctx context.Context, b service.Backend, patience time.Duration) (Discovered, error) {
	base, err := b.Base()
	if err != nil {
		return Discovered{}, err
	}
	b.URL = base.String()
	ctx, cancel := context.WithTimeoutCause(ctx, discoverBound, fmt.Errorf("no answer to discovery within %s", discoverBound))
	defer cancel()
	found, err := discover(ctx, b, patience)
	if err != nil && context.Cause(ctx) != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return Discovered{}, fmt.Errorf("discover the handlers at %s: %w: %s", b.URL, ErrNoDeployment, printable.Line(err.Error()))
	}
	return found, nil
}

// discover asks until somebody listens.
func discover(ctx context.Context, b service.Backend, patience time.Duration) (found Discovered, err error) {
	began := time.Now()
	t := b.Transport()
	defer t.CloseIdleConnections()
	found.HTTP1 = b.HTTP1
	err = poll.Until(ctx, pauseBetween, func() (err error) {
		found.Contract, err = ask(ctx, b, t)
		if err != nil && isPlain(b) && !b.HTTP1 && connects(err) {
			found, err = askHTTP1(ctx, b, err)
		}
		if err != nil && (!starting(err) || time.Since(began) > patience) {
			return poll.Stop(err)
		}
		return err
	})
	b.HTTP1 = found.HTTP1
	return found, explained(ctx, b, err)
}

// isPlain reports whether handlers are called without encryption.
func isPlain(b service.Backend) bool { return strings.HasPrefix(b.URL, "http:") }

// connects reports whether somebody listens who does not answer in HTTP/2.
func connects(err error) bool {
	dial := (*net.OpError)(nil)
	return errors.As(err, new(*noAnswer)) && !errors.As(err, new(*net.DNSError)) && !(errors.As(err, &dial) && dial.Op == "dial") && !timedOut(err)
}

// askHTTP1 asks in HTTP/1.1. Handlers without streams, such as those of the fetch API, may speak
// nothing else. The error is the one that is given where there is no answer.
func askHTTP1(ctx context.Context, b service.Backend, err error) (Discovered, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	b.HTTP1 = true
	t := b.Transport()
	defer t.CloseIdleConnections()
	contract, answer := ask(ctx, b, t)
	if errors.As(answer, new(*noAnswer)) {
		return Discovered{}, err
	}
	return Discovered{Contract: contract, HTTP1: true}, answer
}

// notEstablished is how Go's transport says that a connection was closed before its first
// request. The error has no exported value.
const notEstablished = "http2: client conn could not be established"

// starting reports whether an error is one of handlers that do not listen yet. Docker accepts
// connections to a port that nobody listens on, and closes them.
func starting(err error) bool {
	return err.Error() == notEstablished || slices.ContainsFunc([]error{syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.EPIPE, io.EOF, io.ErrUnexpectedEOF},
		func(early error) bool { return errors.Is(err, early) })
}

func ask(ctx context.Context, b service.Backend, t http.RoundTripper) (service.Contract, error) {
	resp, body, err := get(ctx, b, t, "/discover")
	switch {
	case err != nil:
		return nil, err
	case resp.StatusCode != http.StatusOK:
		return nil, &foreignAnswer{
			says:    strings.TrimSpace(fmt.Sprintf("GET /discover gets %d %s", resp.StatusCode, printable.Cut(strings.TrimSpace(string(body)), 200))),
			refuses: resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden,
		}
	}
	media, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";")
	digits, is := strings.CutPrefix(media, manifestPrefix)
	if !is {
		return nil, &foreignAnswer{says: fmt.Sprintf("GET /discover gets 200 with the content type %q", printable.Cut(media, 100))}
	}
	version, err := strconv.Atoi(strings.TrimSuffix(digits, "+json"))
	if err != nil || version < firstManifest || version > lastManifest {
		return nil, fmt.Errorf("it answers discovery as %s, and retain knows versions %d to %d: use an SDK of these, or a newer retain", printable.Cut(media, 100), firstManifest, lastManifest)
	}
	return readManifest(body)
}

// foreignAnswer is the answer of something that is no deployment.
type foreignAnswer struct {
	says    string
	refuses bool // it asks who calls
}

// Error implements error.
func (f *foreignAnswer) Error() string { return f.says }

// noAnswer is why there was none.
type noAnswer struct{ error }

// Unwrap is the reason.
func (n *noAnswer) Unwrap() error { return n.error }

func get(ctx context.Context, b service.Backend, t http.RoundTripper, path string) (*http.Response, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.URL+path, nil)
	if err != nil {
		return nil, nil, err
	}
	var accepted []string
	for v := firstManifest; v <= lastManifest; v++ {
		accepted = append(accepted, manifestPrefix+strconv.Itoa(v)+"+json")
	}
	req.Header.Set("Accept", strings.Join(accepted, ", "))
	b.Amend(req.Header)
	resp, err := t.RoundTrip(req)
	if err != nil {
		return nil, nil, &noAnswer{err}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxManifest+1))
	if err == nil && len(body) > maxManifest {
		err = fmt.Errorf("the answer to GET %s is longer than %d bytes", path, maxManifest)
	}
	return resp, body, err
}

func readManifest(body []byte) (service.Contract, error) {
	var manifest struct {
		Mode     string `json:"protocolMode"`
		Min      int    `json:"minProtocolVersion"`
		Max      int    `json:"maxProtocolVersion"`
		Services []struct {
			Name     string `json:"name"`
			Type     string `json:"ty"`
			Private  bool   `json:"ingressPrivate"`
			Attempts *int   `json:"retryPolicyMaxAttempts"`
			Handlers []struct {
				Name     string `json:"name"`
				Type     string `json:"ty"`
				Private  bool   `json:"ingressPrivate"`
				Attempts *int   `json:"retryPolicyMaxAttempts"`
			} `json:"handlers"`
		} `json:"services"`
	}
	if err := json.Unmarshal(body, &manifest); err != nil {
		return nil, fmt.Errorf("its answer to discovery can't be read: %w", err)
	}
	if first, last := proxy.Versions(); manifest.Max < first || manifest.Min > last || manifest.Min > manifest.Max {
		return nil, fmt.Errorf("it speaks versions %d to %d of the service protocol, and retain reads %d to %d: use an SDK of these, or a newer retain",
			manifest.Min, manifest.Max, first, last)
	}
	contract := service.Contract{}
	for _, s := range manifest.Services {
		for _, h := range s.Handlers {
			kind := service.HandlerType("")
			if s.Type == "VIRTUAL_OBJECT" { // without a type its handlers are exclusive
				kind = service.HandlerType(strings.ToLower(cmp.Or(h.Type, "EXCLUSIVE")))
			}
			switch {
			case s.Private || h.Private:
				kind = service.Private
			case service.GivesUp(cmp.Or(h.Attempts, s.Attempts)):
				kind = service.Limited
			}
			contract[s.Name+"/"+h.Name] = kind
		}
	}
	if len(contract) == 0 {
		return nil, errors.New("its discovery names no handlers: bind services to the endpoint")
	}
	return contract, nil
}

// explained says what an error of a try means, and what to do.
func explained(ctx context.Context, b service.Backend, err error) error {
	foreign, dial := (*foreignAnswer)(nil), (*net.OpError)(nil)
	_ = errors.As(err, &foreign)
	switch {
	case err == nil:
		return nil
	case isPlain(b) && (foreign != nil || connects(err)) && speaksTLS(ctx, b):
		return fmt.Errorf("what listens there speaks TLS (%w): give its address as https://HOST:PORT", err)
	case foreign != nil:
		if what := restate(ctx, b); what != "" {
			return fmt.Errorf("%s: %w: give the port of the handlers, such as 9080", what, err)
		}
		if foreign.refuses {
			return fmt.Errorf("%w: it wants requests that are signed, or a header: start the handlers without their request identity keys for the test, or give -deployment.header", err)
		}
		return fmt.Errorf("what answers is no deployment: %w: give the address and path at which the SDK serves its handlers", err)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("nobody listens there: start the handlers first: %w", err)
	case errors.As(err, new(*net.DNSError)):
		return fmt.Errorf("this machine can't resolve the name of the host: give another name, or an address: %w", err)
	case ctx.Err() != nil || timedOut(err):
		return err
	case errors.As(err, &dial) && dial.Op == "dial":
		return fmt.Errorf("no connection can be made: give an address that this machine reaches: %w", err)
	case isPlain(b):
		return fmt.Errorf("what listens there speaks neither HTTP/2 nor HTTP/1.1: give the port of the handlers: %w", err)
	case errors.As(err, new(x509.HostnameError)):
		return fmt.Errorf("%w: give a name or an address that the certificate has", err)
	case errors.As(err, new(*tls.CertificateVerificationError)):
		return fmt.Errorf("%w: https needs a certificate that this machine trusts (SSL_CERT_FILE names more authorities, on macOS the keychain)", err)
	case connects(err) && !speaksTLS(ctx, b):
		return fmt.Errorf("what listens there does not speak TLS (%w): give its address as http://HOST:PORT", err)
	}
	return fmt.Errorf("no connection can be made in https: %w", err)
}

func timedOut(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}

// restate names a port of a Restate server, "" if it is none.
func restate(ctx context.Context, b service.Backend) string {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	t := b.Transport()
	defer t.CloseIdleConnections()
	// SDKs, and pages for every path, answer 200 there too. The ingress lists services.
	var health struct{ Services []string }
	if resp, body, err := get(ctx, b, t, "/restate/health"); err == nil && resp.StatusCode == http.StatusOK && json.Unmarshal(body, &health) == nil && health.Services != nil {
		return "it is the ingress of a Restate server, and no deployment"
	}
	if resp, body, err := get(ctx, b, t, "/version"); err == nil && resp.StatusCode == http.StatusOK && strings.Contains(string(body), "admin_api") {
		return "it is the admin API of a Restate server, and no deployment"
	}
	return ""
}

// speaksTLS reports whether somebody shakes hands in TLS, whoever that is.
func speaksTLS(ctx context.Context, b service.Backend) bool {
	base, err := b.Base()
	if err != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	usual := map[string]string{"http": "80", "https": "443"}
	address := net.JoinHostPort(base.Hostname(), cmp.Or(base.Port(), usual[base.Scheme]))
	hello := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}} // nothing is sent over it
	c, err := hello.DialContext(ctx, "tcp", address)
	if err == nil {
		_ = c.Close()
	}
	return err == nil || errors.As(err, new(tls.AlertError))
}

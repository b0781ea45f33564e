package service

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Backend is handlers that listen somewhere.
type Backend struct {
	// URL is where: http, or https. A path is where
	// the handlers are mounted.
	URL string
	// Header is added to each request, over what the runtime sends.
	Header http.Header
	// HTTP1 is true of handlers at an http URL that speak HTTP/1.1 alone. At an https URL the
	// handshake tells.
	HTTP1 bool
	// Roots are the authorities that may have signed an https certificate; nil for those
	// of the system.
	Roots *x509.CertPool
}

// Base is the parsed URL, without a slash at its end.
func (b Backend) Base() (*url.URL, error) {
	u, err := url.Parse(b.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return nil, fmt.Errorf("%q is not an address of handlers: want http://HOST:PORT or https://HOST:PORT", b.URL)
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return nil, fmt.Errorf("%q is not an address of handlers: its port is not one of 1 to 65535", b.URL)
		}
	}
	u.Path, u.RawPath = strings.TrimSuffix(u.Path, "/"), ""
	return u, nil
}

const (
	// idle is for how long a connection is kept that nothing is sent on. Node.js closes one of
	// HTTP/1.1 after 5 s: a request that is sent at that moment fails.
	idle = 3 * time.Second
	// idleConnections of HTTP/1.1 are kept: each attempt has one of its own.
	idleConnections = 512
)

// Transport speaks to the handlers as the runtime does: HTTP/2 without encryption, over https
// what the handshake chooses, or HTTP/1.1 where there is nothing else.
func (b Backend) Transport() *http.Transport {
	var speaks http.Protocols
	switch {
	case strings.HasPrefix(b.URL, "https:"):
		speaks.SetHTTP2(true)
		speaks.SetHTTP1(true)
	case b.HTTP1:
		speaks.SetHTTP1(true)
	default:
		speaks.SetUnencryptedHTTP2(true)
	}
	t := &http.Transport{
		Protocols:           &speaks,
		DisableCompression:  true,
		MaxIdleConnsPerHost: idleConnections,
		TLSClientConfig:     &tls.Config{RootCAs: b.Roots, MinVersion: tls.VersionTLS12},
	}
	if speaks.HTTP1() {
		t.IdleConnTimeout = idle
	}
	return t
}

// Answers asks once whether handlers listen: any answer shows it, in whatever they speak.
func (b Backend) Answers(ctx context.Context) error {
	err := b.answers(ctx)
	if err != nil && ctx.Err() == nil && !b.HTTP1 {
		b.HTTP1 = true
		if b.answers(ctx) == nil {
			return nil
		}
	}
	return err
}

func (b Backend) answers(ctx context.Context) error {
	transport := b.Transport()
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(b.URL, "/")+"/discover", nil)
	if err != nil {
		return err
	}
	b.Amend(request.Header)
	response, err := transport.RoundTrip(request)
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("wait until it answers at %s: %w", b.URL, err)
	}
	return response.Body.Close()
}

// Amend adds the headers of the backend to a request.
func (b Backend) Amend(h http.Header) {
	for name, values := range b.Header {
		h[http.CanonicalHeaderKey(name)] = values
	}
}

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
)

// Backend is handlers that listen somewhere.
type Backend struct {
	// URL is where: http, which is HTTP/2 without encryption, or https. A path is where
	// the handlers are mounted.
	URL string
	// Header is added to each request, over what the runtime sends.
	Header http.Header
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

// Transport speaks HTTP/2 to the handlers, and nothing else.
func (b Backend) Transport() *http.Transport {
	var h2 http.Protocols
	if strings.HasPrefix(b.URL, "https:") {
		h2.SetHTTP2(true)
	} else {
		h2.SetUnencryptedHTTP2(true)
	}
	return &http.Transport{
		Protocols:          &h2,
		DisableCompression: true,
		TLSClientConfig:    &tls.Config{RootCAs: b.Roots, MinVersion: tls.VersionTLS12},
	}
}

// Answers asks once whether handlers listen: any answer shows it.
func (b Backend) Answers(ctx context.Context) error {
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

package backend

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/harness"
	"retain/internal/selftest/official"
	"retain/runtime"
	"retain/service"
	"retain/service/sdk"
)

// listening serves handlers until the test ends.
func listening(t *testing.T) *httptest.Server {
	handler, err := official.Handler()
	require.NoError(t, err)
	s := httptest.NewUnstartedServer(handler)
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	t.Cleanup(s.Close)
	return s
}

// What plans are drawn with is decided before there is a system.
func TestSystemHasAProcessWhereFaultsOfOneAreDrawn(t *testing.T) {
	for name, h := range map[string]Handlers{
		"handlers that listen": {Backend: service.Backend{URL: listening(t).URL}},
		"reference service":    {},
	} {
		t.Run(name, func(t *testing.T) {
			var sys harness.System
			require.NoError(t, Options{Handlers: h, SDK: sdk.Go}.withHandlers(t.Context(), &sys, "127.0.0.1", ""))
			defer sys.Close()
			assert.Equal(t, h.Started(), sys.Service != nil)
		})
	}
	open := Options{}.simulated()
	sys, err := open(t.Context(), runtime.Settings{})
	require.NoError(t, err)
	assert.Equal(t, Handlers{}.Started(), sys.Service != nil, "simulated")
}

// moved is a process whose handlers are where it says.
type moved struct {
	url   string
	ended error
}

func (m *moved) URL(string) string                   { return m.url }
func (m *moved) Freeze() error                       { return nil }
func (m *moved) Thaw() error                         { return nil }
func (m *moved) Restart(context.Context, bool) error { return nil }
func (m *moved) Exited() <-chan struct{}             { return nil }
func (m *moved) Ended() error                        { return m.ended }

// Handlers that moved are asked where they are, and not where they were.
func TestHandlersThatMovedAreAlive(t *testing.T) {
	before, now := listening(t), listening(t)
	p := &moved{url: now.URL}
	up := &running{backend: service.Backend{URL: before.URL}, process: p}
	before.Close()
	require.NoError(t, up.alive(t.Context()))
	p.ended = errors.New("the container ended by itself")
	assert.Equal(t, p.ended, up.alive(t.Context()))
}

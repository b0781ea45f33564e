package proxy_test

import (
	"io"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// While the proxy refuses, the port is nobody else's, and streams in flight are broken. An
// address that it has left refuses too.
func TestRefusingProxyKeepsItsPort(t *testing.T) {
	entered := make(chan struct{}, 1)
	p := listen(t, func(w http.ResponseWriter, r *http.Request) {
		head(w, r)
		entered <- struct{}{}
		<-r.Context().Done()
	})
	host := func() string {
		u, err := url.Parse(p.URL(""))
		require.NoError(t, err)
		return u.Host
	}
	one := invoke(t, p, server(t), v6, "op")
	get(t, "the handler", entered)
	body := one.response().Body
	at := host()
	accept, err := p.Refuse()
	require.NoError(t, err)
	_, err = io.ReadAll(body)
	require.Error(t, err, "the stream is broken")
	_, err = net.Dial("tcp", at)
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	_, err = p.Refuse()
	require.Error(t, err)
	require.NoError(t, accept())
	require.NoError(t, accept(), "once more changes nothing")
	assert.Equal(t, at, host())
	invoke(t, p, server(t), v6, "op")
	get(t, "the handler", entered)
	require.NoError(t, p.Move())
	assert.NotEqual(t, at, host())
	_, err = net.Dial("tcp", at)
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	invoke(t, p, server(t), v6, "op")
	get(t, "the handler", entered)
}

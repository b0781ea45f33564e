package address_test

import (
	"net"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/service/address"
)

func TestKeptAddressRefusesWhileNobodyListens(t *testing.T) {
	a, err := address.Keep("127.0.0.1")
	require.NoError(t, err)
	defer a.Close()
	for range 3 {
		_, err = net.Dial("tcp", a.String())
		require.ErrorIs(t, err, syscall.ECONNREFUSED)
		l, err := a.Listen()
		require.NoError(t, err)
		c, err := net.Dial("tcp", a.String())
		require.NoError(t, err)
		accepted, err := l.Accept()
		require.NoError(t, err, "the listener has the connection, not the keeper")
		require.NoError(t, accepted.Close())
		require.NoError(t, c.Close())
		require.NoError(t, l.Close())
	}
}

func TestKeptAddressIsNobodyElses(t *testing.T) {
	a, err := address.Keep("127.0.0.1")
	require.NoError(t, err)
	_, err = net.Listen("tcp", a.String())
	require.ErrorIs(t, err, syscall.EADDRINUSE)
	require.NoError(t, a.Close())
	l, err := net.Listen("tcp", a.String())
	require.NoError(t, err, "it is free again")
	require.NoError(t, l.Close())
}

func TestURLNamesTheHostThatIsDialed(t *testing.T) {
	a, err := address.Keep("127.0.0.1")
	require.NoError(t, err)
	defer a.Close()
	_, port, err := net.SplitHostPort(a.String())
	require.NoError(t, err)
	assert.Equal(t, "http://127.0.0.1:"+port, a.URL(""))
	assert.Equal(t, "http://host.docker.internal:"+port, a.URL("host.docker.internal"))
}

func TestHostThatIsNotOursIsRefused(t *testing.T) {
	_, err := address.Keep("192.0.2.1")
	assert.ErrorContains(t, err, "192.0.2.1")
}

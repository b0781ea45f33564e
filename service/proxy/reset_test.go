package proxy_test

import (
	"bytes"
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"retain/service"
	"retain/service/proxy"
)

// ending is how the other side of a stream ended: by END_STREAM or a reset.
type ending string

// rawHandlers is an endpoint that ends each stream with the end message at once, as the SDKs
// of other languages do, whatever the other side still sends. It tells how that side ended.
func rawHandlers(t *testing.T) (url string, ended <-chan ending) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	endings := make(chan ending, 100)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serveRaw(c, endings)
		}
	}()
	t.Cleanup(func() { _ = l.Close() })
	return "http://" + l.Addr().String(), endings
}

func serveRaw(c net.Conn, endings chan<- ending) {
	defer c.Close()
	_, _ = io.ReadFull(c, make([]byte, len(http2.ClientPreface)))
	framer := http2.NewFramer(c, c)
	_ = framer.WriteSettings()
	for {
		f, err := framer.ReadFrame()
		if err != nil {
			return
		}
		switch f := f.(type) {
		case *http2.SettingsFrame:
			if !f.IsAck() {
				_ = framer.WriteSettingsAck()
			}
		case *http2.HeadersFrame:
			var head bytes.Buffer
			coder := hpack.NewEncoder(&head)
			_ = coder.WriteField(hpack.HeaderField{Name: ":status", Value: "200"})
			_ = coder.WriteField(hpack.HeaderField{Name: "content-type", Value: v6})
			_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: f.StreamID, BlockFragment: head.Bytes(), EndHeaders: true})
			_ = framer.WriteData(f.StreamID, true, frame(end, ""))
		case *http2.DataFrame:
			if f.StreamEnded() {
				endings <- "END_STREAM"
			}
		case *http2.RSTStreamFrame:
			endings <- ending("reset " + f.ErrCode.String())
		}
	}
}

// Each attempt ends in the middle of the runtime's side of the stream, which the runtime
// ends when it has read the end message. Handlers on Java's netty hang up after 200 resets
// in half a minute.
func TestAttemptThatEndsResetsNeitherSideOfItsStream(t *testing.T) {
	backend, ended := rawHandlers(t)
	p, err := proxy.Listen(proxy.Options{Backend: service.Backend{URL: backend}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	c := server(t)
	for range 20 {
		s := invoke(t, p, c, v6, "op")
		s.response()
		s.read(frame(end, ""))
		<-s.opened
		require.NoError(t, s.send.Close())
		rest, err := io.ReadAll(s.body)
		require.NoError(t, err)
		assert.Empty(t, rest)
		assert.Equal(t, ending("END_STREAM"), get(t, "the end of the stream", ended))
	}
}

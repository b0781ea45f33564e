package proxy_test

import (
	"io"
	"net/http"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"google.golang.org/protobuf/encoding/protowire"
)

const (
	getLazyState = 0x0402
	suspension   = 0x0001
)

// The proxy counts how the runtime hands state over and which side ends a stream.
func TestStatsCountClosedAndSuspendedStreams(t *testing.T) {
	p := listen(t, func(w http.ResponseWriter, r *http.Request) {
		head(w, r)
		write(w, frame(getLazyState, "k"))
		_, _ = r.Body.Read(make([]byte, 1)) // the opening has come
		_, _ = io.Copy(io.Discard, r.Body)  // until the runtime closes its side
		write(w, frame(suspension, ""))
	})
	c := server(t)
	s := invoke(t, p, c, v6, "op")
	s.response()
	s.read(frame(getLazyState, "k"))
	before := p.Stats()
	assert.Equal(t, uint64(1), before.Asked)
	assert.Zero(t, before.Closed, "both sides are open")
	<-s.opened
	_ = s.send.Close()
	s.read(frame(suspension, ""))
	after := p.Stats()
	assert.Equal(t, uint64(1), after.Closed, "the runtime closed its side first")
	assert.Equal(t, uint64(1), after.Suspended)
	assert.Zero(t, after.Partial)
}

func TestStatsCountStreamsWithoutState(t *testing.T) {
	var start []byte
	start = protowire.AppendString(protowire.AppendTag(start, 2, protowire.BytesType), "inv_1")
	start = protowire.AppendVarint(protowire.AppendTag(start, 5, protowire.VarintType), 1)
	p := listen(t, func(w http.ResponseWriter, r *http.Request) { head(w, r); write(w, frame(end, "")) })
	s := invokeWith(t, p, server(t), v6, "op", slices.Concat(frame(0, string(start)), frame(0x0400, "")))
	s.response()
	s.read(frame(end, ""))
	assert.Equal(t, uint64(1), p.Stats().Partial)
	assert.Zero(t, p.Stats().Asked)
}

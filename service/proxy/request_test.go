package proxy

import (
	"bytes"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The handler gets what the runtime sent, byte for byte, and the replay is
// counted on the way.
func TestRequestIsForwardedUnchanged(t *testing.T) {
	for _, v := range versions {
		for _, filters := range []bool{false, true} {
			ty := v.types()
			first := slices.Concat(startMessage("inv_1"), inputMessage("x"))
			opened := &opening{raw: first, end: len(first)}
			replay := slices.Concat(
				message(ty.get, 0, []byte("k")), message(0x8002, 0, []byte("v")), message(ty.set, 0, []byte("kv")),
				message(0xFBFF, 0, nil), ackMessage(9), []byte{0, 4, 0}) // ends within a header
			splits(replay, func(at int, r io.Reader) {
				j := newJournal(nil)
				b := newRequestBody(io.NopCloser(r), opened, v, j, filters)
				got, err := io.ReadAll(b)
				require.NoError(t, err)
				assert.Equal(t, slices.Concat(first, replay), got, "v%d split at %d", v, at)
				assert.True(t, j.hasReplayedState())
				assert.EqualValues(t, 2, j.next, "notifications have no place among the commands")
			})
		}
	}
}

// Acknowledgements that the proxy asked for are kept from the handler, others
// are not.
func TestRequestOmitsAcksTheProxyAskedFor(t *testing.T) {
	zero := message(0x0004, 0, nil) // an index of 0 has no bytes
	stream := slices.Concat(ackMessage(2), ackMessage(3), zero, message(0x8002, 0, []byte("v")), ackMessage(4))
	want := slices.Concat(ackMessage(2), zero, message(0x8002, 0, []byte("v")))
	splits(stream, func(at int, r io.Reader) {
		j := newJournal(nil)
		j.next = 3
		j.sent(true)
		j.sent(true)
		assert.False(t, j.stored(t.Context(), 0))
		b := newRequestBody(io.NopCloser(r), &opening{}, 6, j, true)
		got, err := io.ReadAll(b)
		require.NoError(t, err)
		assert.Equal(t, want, got, at)
		assert.True(t, j.stored(t.Context(), 0))
	})
}

// A runtime that closed its side acknowledges nothing: nobody waits for it.
func TestWaitForAcksEndsWithTheStream(t *testing.T) {
	j := newJournal(nil)
	j.sent(true)
	b := newRequestBody(io.NopCloser(bytes.NewReader(nil)), &opening{}, 6, j, true)
	_, err := io.ReadAll(b)
	require.NoError(t, err)
	assert.False(t, j.stored(t.Context(), time.Hour))
}

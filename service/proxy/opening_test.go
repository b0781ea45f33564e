package proxy

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOpeningYieldsInvocationAndTag(t *testing.T) {
	for _, v := range versions {
		t.Run(testName(t, v), func(t *testing.T) {
			first := slices.Concat(startMessage("inv_1"), inputMessage("run/7"))
			stream := append(slices.Clone(first), message(v.types().set, 0, []byte("more"))...)
			splits(stream, func(at int, r io.Reader) {
				o, err := readOpening(r, v)
				require.NoError(t, err, at)
				assert.Equal(t, "inv_1", o.invocation)
				assert.Equal(t, "run/7", o.tag)
				assert.Equal(t, first, o.raw[:o.end])
				rest, err := io.ReadAll(r)
				require.NoError(t, err)
				assert.Equal(t, stream, append(o.raw, rest...), "no byte is lost")
			})
		})
	}
}

func TestOpeningWithoutTag(t *testing.T) {
	o, err := readOpening(bytes.NewReader(slices.Concat(startMessage("inv_1"), inputMessage(""))), 6)
	require.NoError(t, err)
	assert.Empty(t, o.tag)
}

// What can't be read is kept, so that it can pass through.
func TestUnreadableOpeningKeepsItsBytes(t *testing.T) {
	short := startMessage("inv_1")
	huge := []byte{0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff}
	for name, stream := range map[string][]byte{
		"empty":            {},
		"within a header":  short[:5],
		"within a message": short[:20],
		"start only":       short,
		"no start":         inputMessage("x"),
		"no input":         slices.Concat(short, outputMessage()),
		"broken start":     slices.Concat(message(0, 0, []byte{0xff}), inputMessage("x")),
		"broken input":     slices.Concat(short, message(0x0400, 0, []byte{0x0a, 0x7f})),
		"text":             []byte("hello, is this a service endpoint?"),
		"huge":             slices.Concat(huge, make([]byte, 100)),
	} {
		t.Run(name, func(t *testing.T) {
			o, err := readOpening(iotest.OneByteReader(bytes.NewReader(stream)), 6)
			require.ErrorIs(t, err, errUnread)
			assert.Equal(t, stream[:len(o.raw)], o.raw)
		})
	}
}

func TestReadErrorOfAnOpeningIsReturned(t *testing.T) {
	broken := errors.New("connection reset")
	_, err := readOpening(iotest.ErrReader(broken), 6)
	require.ErrorIs(t, err, broken)
	require.NotErrorIs(t, err, errUnread)
}

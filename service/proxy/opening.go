package proxy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"retain/service"
)

// maxOpening bounds the bytes kept of a stream before the handler is entered: the start
// message, with the object's state, and the input.
const maxOpening = 64 << 20

// errUnread says that a stream is not what this package can read. It passes
// through as it is.
var errUnread = errors.New("not read")

// opening is the beginning of a runtime's stream: the start message and the
// input. All of it is held back until the gates let the attempt go on, so that
// a handler held before its effect has not seen a byte.
type opening struct {
	raw []byte // all that was read so far, perhaps more than the opening
	end int    // where the input message ends in raw

	invocation string // StartMessage.debug_id
	partial    bool   // StartMessage.partial_state
	tag        string // the input's header
}

// readOpening reads up to the end of the input message. With [errUnread] and
// with an error of body, raw is what was read.
func readOpening(body io.Reader, version protocol) (*opening, error) {
	o := &opening{raw: make([]byte, 0, 1024)}
	for {
		complete, err := o.parse(version)
		if complete || err != nil {
			return o, err
		}
		if len(o.raw) == cap(o.raw) {
			o.raw = slices.Grow(o.raw, len(o.raw))
		}
		n, err := body.Read(o.raw[len(o.raw):cap(o.raw)])
		o.raw = o.raw[:len(o.raw)+n]
		if n > 0 {
			continue // an error comes again
		}
		if errors.Is(err, io.EOF) {
			return o, fmt.Errorf("%w: the stream ended before its input message", errUnread)
		}
		if err != nil {
			return o, fmt.Errorf("reading the runtime's stream: %w", err)
		}
	}
}

func (o *opening) parse(version protocol) (complete bool, err error) {
	startMessage, after, ok, err := o.message(0, version, start)
	if !ok || err != nil {
		return false, err
	}
	inputMessage, after, ok, err := o.message(after, version, input)
	if !ok || err != nil {
		return false, err
	}
	if o.invocation, o.partial, err = started(startMessage); err != nil {
		return false, fmt.Errorf("%w: start message: %w", errUnread, err)
	}
	if o.tag, err = header(inputMessage, service.TagHeader); err != nil {
		return false, fmt.Errorf("%w: input message: %w", errUnread, err)
	}
	o.end = after
	return true, nil
}

// message is the message at this place in raw; ok is false while it is
// incomplete.
func (o *opening) message(at int, version protocol, want kind) (message []byte, after int, ok bool, err error) {
	if len(o.raw) < at+headLen {
		return nil, 0, false, nil
	}
	var h head
	copy(h[:], o.raw[at:])
	if got := version.kind(h.typ()); got != want {
		return nil, 0, false, fmt.Errorf("%w: unexpected message type %#04x", errUnread, h.typ())
	}
	length := int(binary.BigEndian.Uint32(h[4:]))
	after = at + headLen + length
	if after > maxOpening {
		return nil, 0, false, fmt.Errorf("%w: the start and input messages have more than %d bytes", errUnread, maxOpening)
	}
	if len(o.raw) < after {
		return nil, 0, false, nil
	}
	return o.raw[at+headLen : after], after, true, nil
}

package proxy

import (
	"bytes"
	"errors"
	"io"
)

// requestBody is the runtime's side of a stream as the handler gets it: the same
// bytes, less acknowledgements that the proxy asked for itself. It is read by
// the transport's goroutine.
type requestBody struct {
	opening []byte    // messages that were read already
	rest    io.Reader // from the next message on
	body    io.Closer
	version protocol
	journal *journal
	// filters is set where acknowledgements may have to be taken out. Without
	// it bytes are only looked at on their way.
	filters bool
	flow    func() error // waits until something may pass; nil for always

	scan scanner
	buf  []byte // with filters: what rest is read into
	out  []byte // with filters: what may go on
	kept []byte // with filters: an acknowledgement that is not complete yet
	err  error  // with filters: what rest ended with
}

func newRequestBody(body io.ReadCloser, o *opening, version protocol, j *journal, filters bool) *requestBody {
	b := &requestBody{
		opening: o.raw[:o.end],
		rest:    io.MultiReader(bytes.NewReader(o.raw[o.end:]), body),
		body:    body,
		version: version,
		journal: j,
		filters: filters,
	}
	if filters {
		b.buf = make([]byte, 4096)
	}
	return b
}

// Close implements [io.Closer].
func (b *requestBody) Close() error { return b.body.Close() }

// Read implements [io.Reader].
func (b *requestBody) Read(p []byte) (int, error) {
	n, err := b.read(p)
	if b.flow != nil && n > 0 {
		if stopped := b.flow(); stopped != nil {
			return 0, stopped
		}
	}
	return n, err
}

func (b *requestBody) read(p []byte) (int, error) {
	if len(b.opening) > 0 {
		n := copy(p, b.opening)
		b.opening = b.opening[n:]
		return n, nil
	}
	if b.filters {
		return b.readFiltered(p)
	}
	n, err := b.rest.Read(p)
	for look := p[:n]; len(look) > 0; {
		var m piece
		var ok bool
		if m, look, ok = b.scan.next(look); ok && m.begins {
			b.journal.replay(b.version.kind(m.head.typ()))
		}
	}
	if errors.Is(err, io.EOF) {
		b.journal.close(true)
	}
	return n, err
}

func (b *requestBody) readFiltered(p []byte) (int, error) {
	for len(b.out) == 0 {
		if b.err != nil {
			return 0, b.err
		}
		n, err := b.rest.Read(b.buf)
		b.filter(b.buf[:n])
		if err != nil {
			// What can't be a whole message any more goes on as it is.
			b.out = append(append(b.out, b.kept...), b.scan.head[:b.scan.have]...)
			b.err = err
			b.journal.close(errors.Is(err, io.EOF))
		}
	}
	n := copy(p, b.out)
	b.out = b.out[n:]
	return n, nil
}

func (b *requestBody) filter(in []byte) {
	b.out = b.out[:0]
	for len(in) > 0 {
		m, rest, ok := b.scan.next(in)
		in = rest
		if !ok {
			return
		}
		part := m.payload
		if m.begins {
			part = m.head[:]
			k := b.version.kind(m.head.typ())
			b.journal.replay(k)
			if k == ack {
				b.kept = make([]byte, 0, headLen+8)
			}
		}
		if b.kept == nil {
			b.out = append(b.out, part...)
			continue
		}
		b.kept = append(b.kept, part...)
		if m.ends {
			if index, err := acked(b.kept[headLen:]); err != nil || !b.journal.ack(index) {
				b.out = append(b.out, b.kept...)
			}
			b.kept = nil
		}
	}
}

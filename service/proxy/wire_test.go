package proxy

import (
	"bytes"
	"encoding/binary"
	"io"
	"slices"
	"sync"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"retain/service"
)

// versions are the protocol versions that the tests of streams run with.
var versions = []protocol{1, 3, 5, 6, 7}

// types are the message types of a version, written down once more so that the
// proxy's own table is not its own witness.
type types struct {
	suspension, failure, ack, end, get, set, clear, clearAll uint16
}

func (v protocol) types() types {
	if v <= 3 {
		return types{suspension: 2, failure: 3, ack: 4, end: 5, get: 0x0800, set: 0x0801, clear: 0x0802, clearAll: 0x0803}
	}
	return types{suspension: 1, failure: 2, ack: 4, end: 3, get: 0x0402, set: 0x0403, clear: 0x0404, clearAll: 0x0405}
}

func message(typ, flags uint16, payload []byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, typ)
	b = binary.BigEndian.AppendUint16(b, flags)
	b = binary.BigEndian.AppendUint32(b, uint32(len(payload)))
	return append(b, payload...)
}

func bytesField(b []byte, field protowire.Number, content []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), content)
}

func varintField(b []byte, field protowire.Number, number uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), number)
}

// startMessage has some state, so that it is longer than what surrounds it.
func startMessage(id string) []byte {
	b := bytesField(nil, 1, []byte{1, 2, 3})
	b = bytesField(b, 2, []byte(id))
	b = varintField(b, 3, 1)
	b = bytesField(b, 4, bytesField(bytesField(nil, 1, []byte("key")), 2, bytes.Repeat([]byte("v"), 40)))
	return message(0x0000, 0, b)
}

// inputMessage has the tag between other headers, and its value first: fields
// may come in any order.
func inputMessage(tag string) []byte {
	b := bytesField(nil, 14, bytesField(nil, 1, []byte("5")))
	for _, h := range [][2]string{{"user-agent", "x"}, {"X-Retain-Operation", tag}, {"accept", "*/*"}} {
		if h[1] != "" {
			b = bytesField(b, 1, bytesField(bytesField(nil, 1, []byte(h[0])), 2, []byte(h[1])))
		}
	}
	return message(0x0400, 0, bytesField(b, 12, []byte("name")))
}

func ackMessage(index int) []byte { return message(0x0004, 0, varintField(nil, 1, uint64(index))) }

func failureMessage(v protocol, behavior uint64) []byte {
	b := bytesField(varintField(nil, 1, 500), 2, []byte("no"))
	if behavior > 0 {
		b = varintField(b, 9, behavior)
	}
	return message(v.types().failure, 0, b)
}

func outputMessage() []byte { return message(0x0401, 0, bytesField(nil, 14, []byte("out"))) }

// splits calls f with b cut in two at each place, and in single bytes.
func splits(b []byte, f func(at int, r io.Reader)) {
	for at := range len(b) + 1 {
		f(at, &parts{[][]byte{b[:at], b[at:]}})
	}
	f(-1, &parts{slices.Collect(slices.Chunk(b, 1))})
}

// parts is a reader that returns one part at a time.
type parts struct{ left [][]byte }

func (p *parts) Read(b []byte) (int, error) {
	for len(p.left) > 0 && len(p.left[0]) == 0 {
		p.left = p.left[1:]
	}
	if len(p.left) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.left[0])
	p.left[0] = p.left[0][n:]
	return n, nil
}

// sink is the runtime's end of an answer: what was flushed to it.
type sink struct {
	mu               sync.Mutex
	written, flushed []byte
}

func (s *sink) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.written = append(s.written, b...)
	return len(b), nil
}

func (s *sink) flush() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flushed = slices.Clone(s.written)
	return nil
}

func (s *sink) bytes() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.flushed
}

// testProxy is a proxy without a network.
func testProxy() *Proxy { return &Proxy{gates: newGates(), maxHold: DefaultMaxHold} }

// readings collects what a proxy reports, as "attempt reading held".
type readings struct {
	mu  sync.Mutex
	all []service.Evidence
}

func observe(p *Proxy) *readings {
	r := &readings{}
	p.Observe(func(e service.Evidence) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.all = append(r.all, e)
	})
	return r
}

// of are the readings of one operation, in order; "!" marks a caught one.
func (r *readings) of(tag string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var got []string
	for _, e := range r.all {
		if e.Tag == tag {
			reading := string(e.Reading)
			if e.Held {
				reading += "!"
			}
			got = append(got, reading)
		}
	}
	return got
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func never() bool { return false }

func testName(t *testing.T, v protocol) string {
	t.Helper()
	return "v" + string(rune('0'+v))
}

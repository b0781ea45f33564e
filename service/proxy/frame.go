package proxy

import "encoding/binary"

// headLen is the length of the header before each message of a stream.
const headLen = 8

// ackFlag in a command's header asks the runtime to say when the command is
// stored. It is the most significant of the 16 flag bits, in all versions.
const ackFlag = 0x8000

// head is a message's header as it stands on the wire, big-endian: type and
// flags of 16 bits each, then the 32-bit length of what follows.
type head [headLen]byte

func (h *head) typ() uint16    { return binary.BigEndian.Uint16(h[0:]) }
func (h *head) flags() uint16  { return binary.BigEndian.Uint16(h[2:]) }
func (h *head) length() uint32 { return binary.BigEndian.Uint32(h[4:]) }

func (h *head) askAck() { binary.BigEndian.PutUint16(h[2:], h.flags()|ackFlag) }

// piece is a part of one message: its header, or some of what follows.
type piece struct {
	// begins marks a header, complete; payload is empty then.
	begins  bool
	head    head
	payload []byte
	// ends marks the last piece of the message.
	ends bool
}

// scanner cuts a stream of messages into pieces, however the bytes are split.
// It keeps no more than a header.
type scanner struct {
	head head
	have int    // bytes of head that were seen, while a header is incomplete
	left uint32 // bytes of the current message still to come
}

// next takes the first piece off b. ok is false if b ended within a header: then
// nothing remains, and the scanner keeps what it needs.
func (s *scanner) next(b []byte) (p piece, rest []byte, ok bool) {
	if s.left > 0 {
		n := min(len(b), int(s.left))
		s.left -= uint32(n)
		return piece{payload: b[:n], ends: s.left == 0}, b[n:], true
	}
	n := copy(s.head[s.have:], b)
	s.have += n
	if s.have < headLen {
		return piece{}, nil, false
	}
	s.have = 0
	s.left = s.head.length()
	return piece{begins: true, head: s.head, ends: s.left == 0}, b[n:], true
}

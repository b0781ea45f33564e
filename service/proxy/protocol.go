package proxy

import (
	"errors"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// The service protocol versions whose streams are read. Versions 1 to 3 number
// their messages otherwise than 4 and later. See protocol.proto and legacy.proto
// in restatedev/restate, service-protocol/.
const (
	minVersion    = 1
	lastLegacy    = 3
	failsVersion  = 7 // the first in which an error message can end an invocation
	maxVersion    = 7
	contentPrefix = "application/vnd.restate.invocation.v"
)

// Versions are the first and the last version of the service protocol that a [Proxy]
// reads.
func Versions() (first, last int) { return minVersion, maxVersion }

// protocol is a version of the service protocol.
type protocol int

// protocolOf reads the version from a request's or answer's content type, which may have
// parameters.
func protocolOf(contentType string) (protocol, bool) {
	media, _, _ := strings.Cut(contentType, ";")
	digits, ok := strings.CutPrefix(strings.ToLower(strings.TrimSpace(media)), contentPrefix)
	if !ok {
		return 0, false
	}
	v, err := strconv.Atoi(digits)
	if err != nil || v < minVersion || v > maxVersion {
		return 0, false
	}
	return protocol(v), true
}

// kind is what a message means to the proxy.
type kind uint8

const (
	other   kind = iota
	command      // takes a place in the journal, and is none of the next four
	input
	output
	lazy  // asks the runtime for state that was not sent along
	state // changes the object's state, sends another invocation, or completes an awakeable
	start
	suspension
	failure
	end
	ack
)

// isCommand says whether messages of this kind take a place in the journal's
// numbering, by which they are acknowledged.
func (k kind) isCommand() bool { return k >= command && k <= state }

var legacyKinds = map[uint16]kind{
	0x0000: start, 0x0002: suspension, 0x0003: failure, 0x0004: ack, 0x0005: end,
	0x0400: input, 0x0401: output,
	0x0801: state, 0x0802: state, 0x0803: state, // set, clear, clear all
	0x0c02: state, 0x0c04: state, // send, complete an awakeable
}

var modernKinds = map[uint16]kind{
	0x0000: start, 0x0001: suspension, 0x0002: failure, 0x0003: end, 0x0004: ack,
	0x0400: input, 0x0401: output,
	0x0402: lazy, 0x0406: lazy, // get a state, get the keys
	0x0403: state, 0x0404: state, 0x0405: state, // set, clear, clear all
	0x040e: state, 0x0414: state, // send, complete an awakeable
}

func (v protocol) kind(typ uint16) kind {
	kinds, commands := modernKinds, typ >= 0x0400 && typ < 0x0800
	if v <= lastLegacy {
		kinds, commands = legacyKinds, typ >= 0x0400 && typ < 0x1000
	}
	if k, ok := kinds[typ]; ok {
		return k
	}
	if commands {
		return command
	}
	return other
}

var errMalformed = errors.New("malformed message")

// fields calls f with each field of a message until f is satisfied. content is
// the value of length-delimited fields, number that of varints.
func fields(message []byte, f func(field protowire.Number, content []byte, number uint64) (done bool)) error {
	for len(message) > 0 {
		field, typ, n := protowire.ConsumeTag(message)
		if n < 0 {
			return errMalformed
		}
		message = message[n:]
		var content []byte
		var number uint64
		switch typ {
		case protowire.BytesType:
			content, n = protowire.ConsumeBytes(message)
		case protowire.VarintType:
			number, n = protowire.ConsumeVarint(message)
		default:
			n = protowire.ConsumeFieldValue(field, typ, message)
		}
		if n < 0 {
			return errMalformed
		}
		if f(field, content, number) {
			return nil
		}
		message = message[n:]
	}
	return nil
}

// started reads StartMessage.debug_id, the invocation's id in its readable form, and
// StartMessage.partial_state, which says that the object's state is not sent along.
func started(startMessage []byte) (id string, partial bool, err error) {
	const debugID, partialState = 2, 5
	err = fields(startMessage, func(field protowire.Number, content []byte, number uint64) bool {
		switch field {
		case debugID:
			id = string(content)
		case partialState:
			partial = number != 0
		}
		return false
	})
	return id, partial, err
}

// header is the value of a header in the input message, "" if it is not there.
// Names are compared without regard to case.
func header(inputMessage []byte, name string) (value string, err error) {
	err = fields(inputMessage, func(field protowire.Number, content []byte, _ uint64) bool {
		if field != 1 {
			return false
		}
		var key, val string
		if fields(content, func(field protowire.Number, content []byte, _ uint64) bool {
			switch field {
			case 1:
				key = string(content)
			case 2:
				val = string(content)
			}
			return false
		}) == nil && strings.EqualFold(key, name) {
			value = val
			return true
		}
		return false
	})
	return value, err
}

// endsInvocation reads ErrorMessage.behavior: whether the runtime ends the
// invocation with this error instead of trying again.
func endsInvocation(errorMessage []byte) bool {
	const behavior, fail = 9, 2
	ends := false
	err := fields(errorMessage, func(field protowire.Number, _ []byte, number uint64) bool {
		if field == behavior {
			ends = number == fail
		}
		return false
	})
	return err == nil && ends
}

// acked reads the index of the command (CommandAckMessage, EntryAckMessage) that
// the runtime has stored. An index of 0 is left out on the wire.
func acked(ackMessage []byte) (index uint32, err error) {
	err = fields(ackMessage, func(field protowire.Number, _ []byte, number uint64) bool {
		if field == 1 {
			index = uint32(number)
		}
		return false
	})
	return index, err
}

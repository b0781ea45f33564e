package model

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"retain/internal/exactjson"
)

// MaxLine bounds a line of a history file, in bytes. The largest answer of a server
// that a client reads (64 MiB) fits, each of its bytes spelled out.
const MaxLine = 512 << 20

// ReadHistory reads a history file, line by line, as docs/history.md describes it.
//
// A last line that a kill cut off is the only damage it tolerates: the history then
// has Damage set. A last line that is whole and lacks its newline counts. Any other
// broken line is an error that names the line. Memory is bounded by the history and
// [MaxLine].
func ReadHistory(r io.Reader) (*History, error) { return readHistory(r, MaxLine) }

func readHistory(r io.Reader, maxLine int) (*History, error) {
	f := &reading{h: &History{}}
	lines := bufio.NewReaderSize(r, 1<<16)
	if head, err := lines.Peek(1 << 10); len(head) > 0 || errors.Is(err, io.EOF) { // another error comes again
		if err := exactjson.Sniff(head); err != nil {
			return nil, fmt.Errorf("history line 1: %w", err)
		}
	}
	for f.n = 1; ; f.n++ {
		line, err := readLine(lines, maxLine)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("history line %d: %w", f.n, err)
		}
		if errors.Is(err, io.EOF) {
			return f.h, f.finish(line)
		}
		if err := f.line(line); err != nil {
			return nil, fmt.Errorf("history line %d: %w", f.n, err)
		}
	}
}

// readLine reads a line without its newline. Without one before the end of the file,
// the error is [io.EOF].
func readLine(r *bufio.Reader, maxLine int) (line []byte, err error) {
	for {
		part, err := r.ReadSlice('\n')
		if err == nil && line == nil {
			return part[:len(part)-1], nil // valid until the next read, and decoded before
		}
		// The only control characters of a line are tabs: others end a binary file early.
		for _, c := range part {
			if c < ' ' && c != '\t' && c != '\n' && c != '\r' && len(part) == r.Size() {
				return nil, fmt.Errorf("the byte 0x%02x is in no JSON text: this is no history", c)
			}
		}
		line = append(line, part...)
		switch {
		case len(line) > maxLine:
			return nil, fmt.Errorf("it is longer than %d MiB, and no event is", maxLine>>20)
		case errors.Is(err, bufio.ErrBufferFull):
		case err != nil:
			return line, err
		default:
			return line[:len(line)-1], nil
		}
	}
}

// reading is a file that is being read.
type reading struct {
	h *History
	n int // the line, from 1
	// last is the instant of the last event, own the last that is an event's own, with
	// their lines.
	last, own         Instant
	lastLine, ownLine int
}

func (f *reading) line(line []byte) error {
	if err := f.form(line); err != nil {
		return err
	}
	e, err := decodeEvent(line)
	if err != nil {
		return err
	}
	return f.add(e)
}

func (f *reading) add(e Event) error {
	if _, header := e.(Header); f.n == 1 && !header {
		return errors.New("the first line is not a header")
	}
	if f.h.Ended {
		return fmt.Errorf("event %s: it follows the end of the history", e.name())
	}
	if timed, is := e.(interface{ instant() Instant }); is && timed.instant().Seq > 0 {
		if err := f.order(e, timed.instant()); err != nil {
			return fmt.Errorf("event %s: %w", e.name(), err)
		}
	}
	return f.h.Apply(e)
}

// order shows that events stand in the order in which they happened. The beginning and
// the end of an attempt may share the sequence number of an event beside them.
func (f *reading) order(e Event, at Instant) error {
	own := true
	switch e.(type) {
	case Attempting, Attempted:
		own = false
	}
	switch {
	case at.Seq < f.last.Seq:
		return fmt.Errorf("seq %d comes after the %d of line %d: lines stand in the order of seq", at.Seq, f.last.Seq, f.lastLine)
	case own && at.Seq == f.own.Seq:
		return fmt.Errorf("seq %d is that of line %d too: each event but an attempt's has one of its own", at.Seq, f.ownLine)
	}
	f.last, f.lastLine = at, f.n
	if own {
		f.own, f.ownLine = at, f.n
	}
	return nil
}

// finish deals with what follows the last newline: nothing, a whole line, or one that
// the writer did not finish.
func (f *reading) finish(rest []byte) error {
	whole := json.Valid(rest)
	if f.n == 1 && len(rest) == 0 {
		return errors.New("history line 1: the header is missing or cut off: the file is empty")
	}
	if f.n == 1 && bytes.IndexByte(rest, '\r') > 0 {
		return errors.New(`history line 1: its lines end in carriage returns: end them with newlines (tr '\r' '\n' <FILE)`)
	}
	if f.n == 1 && !whole {
		return errors.New("history line 1: the header is missing or cut off: this is no history, or it was cut off before its first event")
	}
	if len(rest) > 0 && !cutOff(rest) {
		if err := f.line(rest); err != nil {
			return fmt.Errorf("history line %d: %w", f.n, err)
		}
		return nil
	}
	if len(rest) > 0 {
		f.h.Damage = fmt.Sprintf("line %d is cut off after %d bytes: the run was killed while it wrote it", f.n, len(rest))
	}
	return nil
}

// cutOff reports whether a text is the beginning of a JSON object, without an error
// before its end.
func cutOff(text []byte) bool {
	err := json.NewDecoder(bytes.NewReader(text)).Decode(new(json.RawMessage))
	return text[0] == '{' && errors.Is(err, io.ErrUnexpectedEOF)
}

// form reports a line that is written in another way than one object a line.
func (f *reading) form(line []byte) error {
	text := bytes.TrimSpace(line)
	switch {
	case len(bytes.Trim(text, "\x00")) == 0 && len(text) > 0:
		return errors.New("it is zero bytes, as a loss of power leaves them: remove the line")
	case len(text) == 0:
		return errors.New("it is blank: remove it (sed -i '/^[[:space:]]*$/d' FILE)")
	case line[len(line)-1] == '\r':
		return errors.New(`it ends in CRLF: end lines with a newline alone (sed -i 's/\r$//' FILE)`)
	case text[0] == '[' && f.n == 1:
		return errors.New("it begins an array: write one event on each line (jq -c '.[]' FILE)")
	case text[0] == '{' && !json.Valid(text) && cutOff(text):
		return fmt.Errorf("not a JSON object: it ends within the event: write each event on one line (jq -c . FILE), or remove the line if the file was cut here")
	}
	return nil
}

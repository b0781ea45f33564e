package model

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// ReadHistory reads a history file, line by line. A last line that a kill cut
// off is the only damage it tolerates: the history then says so in Damage. Any
// other broken line is an error that names the line.
func ReadHistory(r io.Reader) (*History, error) {
	h := &History{}
	lines := bufio.NewReaderSize(r, 1<<16)
	for n := 1; ; n++ {
		line, err := lines.ReadBytes('\n')
		switch {
		case errors.Is(err, io.EOF):
			return h, finish(h, line, n)
		case err != nil:
			return nil, fmt.Errorf("history line %d: %w", n, err)
		}
		if err := readLine(h, bytes.TrimSuffix(line, []byte("\n")), n); err != nil {
			return nil, err
		}
	}
}

func readLine(h *History, line []byte, n int) error {
	e, err := DecodeEvent(line)
	if err == nil && n == 1 {
		if _, header := e.(Header); !header {
			err = errors.New("the first line is not a header")
		}
	}
	if err == nil {
		err = h.Apply(e)
	}
	if err != nil {
		return fmt.Errorf("history line %d: %w", n, err)
	}
	return nil
}

// finish deals with what follows the last newline: nothing, or a line that the
// writer did not finish.
func finish(h *History, rest []byte, n int) error {
	if h.Version == 0 {
		return fmt.Errorf("history line 1: the header is missing or cut off: this is not a history, or one of nothing")
	}
	if len(rest) > 0 {
		h.Damage = fmt.Sprintf("line %d is cut off after %d bytes: the run was killed while it wrote it", n, len(rest))
	}
	return nil
}

package serverlog

import (
	"bytes"
	"regexp"
	"strings"
	"time"
)

// level is the log level of a line.
type level int

const (
	infoLevel  level = iota // TRACE, DEBUG, INFO
	warnLevel               // WARN
	errorLevel              // ERROR
	noLevel                 // not written by the logger: a panic, an abort, a failed start
)

var levels = map[string]level{"WARN": warnLevel, "ERROR": errorLevel}

var (
	// head is the beginning of a line in the formats compact and pretty, and in JSON: a
	// time, then the level.
	head    = regexp.MustCompile(`^\{?[^A-Za-z]{0,6}(?:"timestamp":")?\d{4}-\d\d-\d\dT[0-9:.]+Z?[^A-Za-z]*(?:"level":")?(TRACE|DEBUG|INFO|WARN|ERROR)\b`)
	logTime = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z`)
	ansi    = regexp.MustCompile("\x1b\\[[0-9;]*m")
)

// block is a line with a head, or up to [maxBareLines] lines without one. A panic prints
// itself three times, over several lines.
type block struct {
	level level
	text  string
}

// maxBareLines is how many lines without a head are taken together.
const maxBareLines = 4

// time is when a line was logged; ok is false for a line without a time.
func (b block) time() (at time.Time, ok bool) {
	if b.level == noLevel {
		return at, false
	}
	at, err := time.Parse(time.RFC3339Nano, logTime.FindString(b.text))
	return at, err == nil
}

// blocks cuts a log into blocks.
func blocks(log []byte) func(yield func(block) bool) {
	return func(yield func(block) bool) {
		var b block
		n := 0
		flush := func() bool {
			ok := b.text == "" || yield(b)
			b, n = block{}, 0
			return ok
		}
		for line := range bytes.Lines(log) {
			text := strings.TrimSpace(string(ansi.ReplaceAll(line, nil)))
			headed := head.FindStringSubmatch(text)
			switch {
			case headed != nil:
				if !flush() {
					return
				}
				b = block{level: levels[headed[1]], text: text}
			case text == "":
			case b.text == "":
				b, n = block{level: noLevel, text: text}, 1
			case b.level == noLevel && n < maxBareLines:
				b.text += " " + text
				n++
			default: // the rest of a line that was broken, or of a backtrace
			}
			// What follows a headed line stands by itself: it may be a panic's.
			if headed != nil && !flush() {
				return
			}
		}
		flush()
	}
}

// Package printable makes text from outside safe to print: values, log lines,
// names, error texts of servers and of files.
//
// Such text can't end a line, move the cursor, change the direction of writing or
// hide a character. What can't be seen is printed as Go escapes it: \n, \x1b,
// \u202e, and \xff for a byte that is not UTF-8. So is a character that Unicode
// holds equal to another one (an e followed by U+0301 looks like é, but is another
// value). Letters of all scripts, symbols and backslashes stay as they are.
package printable

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"
	"golang.org/x/text/unicode/norm"
)

const (
	// maxMarks is how many combining marks may follow a letter. More of them are
	// escaped: they reach into the lines above and below.
	maxMarks = 3
	// ellipsis ends a text that is cut, gap stands where its middle was.
	ellipsis = "…"
	gap      = " ... "
	// maxBytes bounds the bytes of one column: a letter and its marks.
	maxBytes = (1 + maxMarks) * utf8.UTFMax
)

// Line is s on one line, with what can't be seen escaped.
func Line(s string) string {
	if plain(s) {
		return s
	}
	var b strings.Builder
	each(s, func(u unit) bool { b.WriteString(u.text); return true })
	return b.String()
}

// Lines is [Line] for each line of s. Newlines and tabs stay, the carriage return
// of "\r\n" is dropped.
func Lines(s string) string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		cells := strings.Split(strings.TrimSuffix(line, "\r"), "\t")
		for j, c := range cells {
			cells[j] = Line(c)
		}
		lines[i] = strings.Join(cells, "\t")
	}
	return strings.Join(lines, "\n")
}

// Cut is the beginning of [Line], at most so many columns wide; a text that was cut
// ends in "…".
func Cut(s string, columns int) string {
	if plain(s) && len(s) <= columns {
		return s
	}
	var b strings.Builder
	width, kept := 0, 0 // kept: the bytes that leave room for the ellipsis
	whole := each(s, func(u unit) bool {
		if width += u.width; width > columns {
			return false
		}
		b.WriteString(u.text)
		if width < columns {
			kept = b.Len()
		}
		return true
	})
	if whole {
		return b.String()
	}
	return b.String()[:kept] + ellipsis
}

// Middle is [Line] without its middle, at most so many columns wide: what a long
// value says stands at its ends.
func Middle(s string, columns int) string {
	if plain(s) && len(s) <= columns {
		return s
	}
	if ends := 2 * columns * maxBytes; len(s) > 2*ends {
		s = strings.ToValidUTF8(s[:ends], "") + strings.ToValidUTF8(s[len(s)-ends:], "")
	}
	var units []unit
	width := 0
	each(s, func(u unit) bool { units = append(units, u); width += u.width; return true })
	if width <= columns {
		return joined(units)
	}
	half := (columns - len(gap)) / 2
	first, last := 0, len(units)
	for w := units[first].width; w <= half; w += units[first].width {
		first++
	}
	for w := units[last-1].width; w <= half; w += units[last-1].width {
		last--
	}
	for last < len(units) && units[last].isMark() {
		last++ // a mark stays with its letter
	}
	return joined(units[:first]) + gap + joined(units[last:])
}

func joined(units []unit) string {
	var b strings.Builder
	for _, u := range units {
		b.WriteString(u.text)
	}
	return b.String()
}

// narrow takes characters whose width the terminal decides as one column, in every
// locale: what is printed must not depend on it.
var narrow = &runewidth.Condition{StrictEmojiNeutral: true}

// Columns is how many columns a terminal needs for s, which is printable.
func Columns(s string) (n int) {
	for _, r := range s {
		n += narrow.RuneWidth(r)
	}
	return n
}

// plain reports whether s is printable ASCII.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// unit is a character as it is printed: itself or its escape.
type unit struct {
	text  string
	width int
}

// isMark reports whether the unit combines with the one before it. Its width does not
// say so: terminals give some marks a column.
func (u unit) isMark() bool {
	r, _ := utf8.DecodeRuneInString(u.text)
	return unicode.Is(unicode.M, r)
}

// each goes through the characters of s, until visit returns false; false then.
func each(s string, visit func(unit) bool) bool {
	var cluster []rune // a letter and its marks, up to here
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		u := unit{text: s[:size]}
		if !unicode.Is(unicode.M, r) {
			cluster = cluster[:0]
		}
		cluster = append(cluster, r)
		if r == utf8.RuneError && size == 1 {
			u.text, cluster = fmt.Sprintf(`\x%02x`, s[0]), cluster[:0]
		} else if !visible(r) || unicode.Is(unicode.M, r) && !combines(cluster) {
			u.text, cluster = escaped(r), cluster[:0]
		}
		u.width = Columns(u.text)
		if !visit(u) {
			return false
		}
		s = s[size:]
	}
	return true
}

// visible reports whether the character leaves a mark of its own on the screen, and
// is not another spelling of a different one.
func visible(r rune) bool {
	const brailleBlank = '\u2800'
	if r < utf8.RuneSelf {
		return r >= ' ' && r <= '~'
	}
	return unicode.IsPrint(r) && r != brailleBlank &&
		!unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) && norm.NFC.IsNormalString(string(r))
}

// combines reports whether the last mark of a cluster may stay: not too far behind a
// letter or digit with which it makes no character that has a code of its own.
func combines(cluster []rune) bool {
	return unicode.In(cluster[0], unicode.L, unicode.N) && len(cluster) <= 1+maxMarks && norm.NFC.IsNormalString(string(cluster))
}

func escaped(r rune) string {
	switch {
	case r == '\n':
		return `\n`
	case r == '\r':
		return `\r`
	case r == '\t':
		return `\t`
	case r < utf8.RuneSelf:
		return fmt.Sprintf(`\x%02x`, r)
	case r <= 0xffff:
		return fmt.Sprintf(`\u%04x`, r)
	}
	return fmt.Sprintf(`\U%08x`, r)
}

// OneLine is the text of an error on one line.
func OneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

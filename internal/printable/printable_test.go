package printable_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"retain/internal/printable"
)

func TestLineEscapesWhatCantBeSeen(t *testing.T) {
	for text, want := range map[string]string{
		"":                   "",
		`plain "text" \ <&>`: `plain "text" \ <&>`,
		"Grüße, 世界, привет, नमस्ते":       "Grüße, 世界, привет, नमस्ते",
		"π ≤ 3.2 · ▁▂▃ → 🙂":               "π ≤ 3.2 · ▁▂▃ → 🙂",
		"\ufffd":                          "\ufffd", // written so, and not what stands for a broken byte
		"a\nverdict pass":                 `a\nverdict pass`,
		"a\r\tb\x00\x7f":                  `a\r\tb\x00\x7f`,
		"\x1b[31mred":                     `\x1b[31mred`,
		"\u0085\u009b2J":                  `\u0085\u009b2J`,
		"v\xff\xc3(":                      `v\xff\xc3(`,
		"\xed\xa0\x80":                    `\xed\xa0\x80`, // a surrogate in UTF-8
		"a\u202eb\u2066c\u200fd":          `a\u202eb\u2066c\u200fd`,
		"a\u200bb\u200dc\ufeffd":          `a\u200bb\u200dc\ufeffd`,
		"a\u2028b\u00a0c\u3000d":          `a\u2028b\u00a0c\u3000d`,
		"a\u00adb\u3164c\u2800d":          `a\u00adb\u3164c\u2800d`, // soft hyphen, filler, blank
		"\u2764\ufe0f":                    "\u2764" + `\ufe0f`,
		"\U000e0041":                      `\U000e0041`, // a tag
		"e\u0301":                         `e\u0301`,    // looks like é
		"\u212b":                          `\u212b`,     // looks like Å
		"\"\u0301":                        "\"" + `\u0301`,
		"x" + strings.Repeat("\u0335", 5): "x\u0335\u0335\u0335" + `\u0335\u0335`,
	} {
		assert.Equal(t, want, printable.Line(text), "%+q", text)
	}
}

func TestLinesKeepNewlinesAndTabsAlone(t *testing.T) {
	assert.Equal(t, "a\n\tb\\x1b\n"+`c\rd`+"\n", printable.Lines("a\r\n\tb\x1b\nc\rd\n"))
}

func TestCutKeepsTheBeginningAndMiddleTheEnds(t *testing.T) {
	for _, c := range []struct {
		text    string
		columns int
		cut     string
		middle  string
	}{
		{"short", 12, "short", "short"},
		{"twelve chars", 12, "twelve chars", "twelve chars"},
		{"thirteen char", 12, "thirteen ch…", "thi ... har"},
		{"世界世界世界世界", 12, "世界世界世…", "世 ... 界"},
		{"世界世界世界", 12, "世界世界世界", "世界世界世界"},
		{"ab\n\n\n\n\n\n\n", 12, `ab\n\n\n\n…`, `ab ... \n`},
		{strings.Repeat("x", 1<<22) + "y", 12, "xxxxxxxxxxx…", "xxx ... xxy"},
	} {
		assert.Equal(t, c.cut, printable.Cut(c.text, c.columns))
		assert.Equal(t, c.middle, printable.Middle(c.text, c.columns))
	}
}

func TestAnyInputIsOneVisibleLineWithinItsColumns(t *testing.T) {
	text := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }))
	rapid.Check(t, func(t *rapid.T) {
		s := text.Draw(t, "text")
		columns := rapid.IntRange(12, 40).Draw(t, "columns")
		for _, out := range []string{printable.Line(s), printable.Cut(s, columns), printable.Middle(s, columns)} {
			if !utf8.ValidString(out) {
				t.Fatalf("%q is not UTF-8", out)
			}
			for _, r := range out {
				if !unicode.IsPrint(r) {
					t.Fatalf("%q has %U", out, r)
				}
			}
			if printable.Line(out) != out {
				t.Fatalf("%q is escaped again: %q", out, printable.Line(out))
			}
		}
		for _, out := range []string{printable.Cut(s, columns), printable.Middle(s, columns)} {
			if n := printable.Columns(out); n > columns {
				t.Fatalf("%q needs %d columns of %d", out, n, columns)
			}
		}
	})
}

func TestCutLeavesNoCombiningMarkWithoutItsLetter(t *testing.T) {
	// U+0591 has a width of one column for some terminals.
	if out := printable.Middle("AAAAA\x00A\u0591AA", 12); out != "AAA ... AA" {
		t.Fatalf("got %q", out)
	}
}

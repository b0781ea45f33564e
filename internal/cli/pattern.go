package cli

import (
	"regexp"
	"slices"
	"strings"
)

// pattern is a value of -run or -skip as package testing reads it: alternatives, each
// with an expression for each level of names. nil selects everything and skips nothing.
type pattern [][]*regexp.Regexp

func runPattern() pattern { return patternOf(flagValue("test.run")) }

func skipPattern() pattern { return patternOf(flagValue("test.skip")) }

// patternOf parses a pattern. It returns nil for a malformed one, which package testing
// refuses.
func patternOf(text string) (out pattern) {
	if text == "" {
		return nil
	}
	for _, alternative := range splitOutside(text, '|') {
		var levels []*regexp.Regexp
		for _, level := range splitOutside(alternative, '/') {
			expression, err := regexp.Compile(strings.ReplaceAll(level, " ", "_"))
			if err != nil {
				return nil
			}
			levels = append(levels, expression)
		}
		out = append(out, levels)
	}
	return out
}

// splitOutside splits an expression at a character outside brackets and parentheses.
func splitOutside(s string, at byte) (parts []string) {
	brackets, parentheses, from := 0, 0, 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			i++
		case c == '[':
			brackets++
		case c == ']':
			brackets = max(0, brackets-1)
		case c == '(' && brackets == 0:
			parentheses++
		case c == ')' && brackets == 0:
			parentheses--
		case c == at && brackets == 0 && parentheses == 0:
			parts, from = append(parts, s[from:i]), i+1
		}
	}
	return append(parts, s[from:])
}

// selects reports whether a test of this name runs, if only for its subtests.
func (p pattern) selects(test string) bool {
	return p == nil || slices.ContainsFunc(p, func(levels []*regexp.Regexp) bool { return levels[0].MatchString(test) })
}

// selectsAnyOf reports whether any of a test's cases runs.
func (p pattern) selectsAnyOf(test string, cases []string) bool {
	return p == nil || slices.ContainsFunc(p, func(levels []*regexp.Regexp) bool {
		return levels[0].MatchString(test) && (len(levels) == 1 || slices.ContainsFunc(cases, levels[1].MatchString))
	})
}

// skips reports whether a test of this name is skipped with all its subtests.
func (p pattern) skips(test string) bool {
	return slices.ContainsFunc(p, func(levels []*regexp.Regexp) bool { return len(levels) == 1 && levels[0].MatchString(test) })
}

package cli

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestPatternSelectsLikePackageTesting(t *testing.T) {
	for pattern, want := range map[string][]string{
		"":                         {"TestReplay", "TestReport"},
		"Rep":                      {"TestReplay", "TestReport"},
		"Replay/x|Nonsense":        {"TestReplay"},
		"^Test(Replay|Report)$":    {"TestReplay", "TestReport"},
		`Rep[l|o]ay`:               {"TestReplay"},
		"TestReplay/TestReport":    {"TestReplay"},
		"/x":                       {"TestReplay", "TestReport"},
		"Nonsense|Report":          {"TestReport"},
		"(":                        {"TestReplay", "TestReport"}, // package testing refuses it
		`Test\|Replay|TestReport$`: {"TestReport"},
	} {
		p := patternOf(pattern)
		for _, name := range []string{"TestReplay", "TestReport"} {
			wanted := strings.Contains(strings.Join(want, " "), name)
			assert.Equal(t, wanted, p.selects(name), "-run %s, %s", pattern, name)
		}
	}
	assert.True(t, patternOf("Replay").skips("TestReplay"))
	assert.False(t, patternOf("Replay/x").skips("TestReplay"), "only a case is")
	assert.False(t, patternOf("").skips("TestReplay"))
	assert.True(t, patternOf("Regressions/lost").selectsAnyOf("TestRegressions", []string{"lost-write"}))
	assert.False(t, patternOf("Regressions/lost$").selectsAnyOf("TestRegressions", []string{"lost-write"}))
}

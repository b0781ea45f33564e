package commandline_test

import (
	"errors"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/internal/selftest/suite"
)

// refusal is bad input, and what its one line must say.
type refusal struct {
	name string
	env  []string
	args []string
	says []string // the last one is what to do
	// before prepares the child's directory.
	before func(t *testing.T, dir string)
}

// One line says what is wrong and what to do. Nothing else is printed, except that the
// test failed.
func TestBadInputFailsInOneLine(t *testing.T) {
	for _, group := range [][]refusal{badServers(t), badDeployments(t), badFlags(), badBuilds(), badCampaigns(), badComparisons(), badUpgrades(), badUnits(), badNames(), badPlaces(), badFiles(t)} {
		for _, c := range group {
			t.Run(c.name, func(t *testing.T) {
				run := suite.New(t, c.env, c.args...)
				if c.before != nil {
					c.before(t, run.Dir)
				}
				refused(t, run, c.says...)
			})
		}
	}
}

// refused runs a child and asserts that it soon fails, in one line.
func refused(t *testing.T, run *suite.Child, says ...string) {
	began := time.Now()
	var exit *exec.ExitError
	require.True(t, errors.As(run.Run(), &exit), "it must fail: %s", run.Text())
	assert.True(t, exit.Exited(), "it ended by a signal: %s", exit)
	assert.Less(t, time.Since(began), 30*time.Second)
	said := telling(run.Text())
	require.Len(t, said, 1, run.Text())
	assert.Regexp(t, "^(harness    could not begin, which says nothing about Restate: |retain: )", said[0])
	for _, what := range says {
		assert.Contains(t, said[0], what)
	}
	for _, noise := range []string{"goroutine", "panic", ".go:", "Usage of"} {
		assert.NotContains(t, run.Text(), noise)
	}
}

// own matches the lines that package testing and the go command print.
var own = regexp.MustCompile(`^(FAIL(\s.*)?|exit status \d+|\s*--- FAIL: .*)$`)

// telling are the lines of an output that name an error: neither Go's own nor notices.
func telling(output string) (out []string) {
	for line := range strings.SplitSeq(strings.TrimSpace(output), "\n") {
		if !own.MatchString(line) && !strings.HasPrefix(line, "note  ") && !strings.HasPrefix(line, "runtime  ") {
			out = append(out, line)
		}
	}
	return out
}

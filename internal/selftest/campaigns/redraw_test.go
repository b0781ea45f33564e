package campaigns_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"retain/internal/selftest/suite"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The plan that -run Redraw stores is the one that ran, and the printed command replays
// it.
func TestRedrawStoresPlanOfNumber(t *testing.T) {
	t.Parallel()
	c := suite.Campaign(t, nil, "-runtime", "simulated", "-duration", "3s", "-rapid.seed", "8", "-bugs", "lost-write", "-bugs.rate", "1", "-shrink.budget", "0s")
	require.Error(t, c.Run(), c.Text())
	all := suite.Recorded(c)
	require.NotEmpty(t, all.Segments[0].Violations, c.Text())
	found := all.Segments[0].Violations[0]
	stored, err := os.ReadFile(filepath.Join(c.Dir, "c", found.Dir, "plan.json"))
	require.NoError(t, err)

	again := suite.Command(t, c.Dir, nil, c.Path, "-test.run", "^TestRedraw$", "-dir", "c", "-number", fmt.Sprint(found.Number))
	require.NoError(t, again.Run(), again.Text())
	drawn, err := os.ReadFile(filepath.Join(c.Dir, "c", fmt.Sprintf("plan-%d.json", found.Number)))
	require.NoError(t, err)
	assert.Equal(t, string(stored), string(drawn))
	command := regexp.MustCompile(`(?m)^replay     go test -run Replay (.*)$`).FindStringSubmatch(again.Text())
	require.NotNil(t, command, again.Text())
	replay := suite.Command(t, c.Dir, nil, c.Path, append([]string{"-test.run", "^TestReplay$", "-shrink.budget", "0", "-rapid.checks", "30"}, strings.Fields(command[1])...)...)
	require.Error(t, replay.Run(), "the plan violated, and does when it is replayed as the line says, if not every time")
	assert.Contains(t, replay.Text(), "violation  ")

	none := suite.Command(t, c.Dir, nil, c.Path, "-test.run", "^TestRedraw$", "-dir", "c", "-number", "999999")
	require.Error(t, none.Run())
	assert.Contains(t, none.Text(), "no plan of that number was drawn")
	steps := suite.Command(t, c.Dir, nil, c.Path, "-test.run", "^TestRedraw$", "-dir", "c", "-number", fmt.Sprint(found.Number), "-rapid.steps", "10")
	require.Error(t, steps.Run())
	assert.Contains(t, steps.Text(), "was drawn with -rapid.steps 30")
}

package retain_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/campaign"
	"retain/generators"
)

// TestRedraw draws a plan of a campaign again, by its number, and stores it.
func TestRedraw(t *testing.T) {
	if *numberFlag < 0 {
		skipped(t, "give -dir DIR -number N to draw a plan of a campaign again")
	}
	plan, flags, err := redraw(*dirFlag, *numberFlag)
	if err != nil {
		cannotBegin(t, err)
	}
	path := filepath.Join(*dirFlag, fmt.Sprintf("plan-%d.json", *numberFlag))
	if err := os.WriteFile(path, generators.Encode(plan), 0o644); err != nil {
		cannotBegin(t, err)
	}
	fmt.Println("replay    ", strings.Join(append([]string{"go test -run Replay -plan", path}, flags...), " "))
}

// redraw draws a plan as it was judged, or, if it was not, drawn last, and gives the
// flags of the server that it ran on.
func redraw(dir string, number int) (generators.Plan, []string, error) {
	c, err := campaign.Read(dir)
	if err != nil {
		return generators.Plan{}, nil, fmt.Errorf("-dir: %w", err)
	}
	s, d, drawn := c.Drew(number)
	if !drawn {
		return generators.Plan{}, nil, errors.New("no plan of that number was drawn: its records are not in " + dir)
	}
	if _, given := rapidFlag("steps"); !given {
		_ = flag.Set("rapid.steps", strconv.Itoa(s.RapidSteps))
	}
	p := s.Redraw(d)
	if p.RapidSteps != s.RapidSteps {
		return p, nil, fmt.Errorf("plan %d was drawn with -rapid.steps %d and would be another one now: leave -rapid.steps and -short out", number, s.RapidSteps)
	}
	flags := s.Flags
	if !slices.ContainsFunc(flags, func(f string) bool { return strings.HasPrefix(f, "-runtime=") }) && s.Runtime != "" {
		flags = append([]string{spelled("runtime", s.Runtime)}, flags...)
	}
	return p, flags, nil
}

// TestAPlanIsDrawnAgainByItsNumber as a user would, and is the one that ran.
func TestAPlanIsDrawnAgainByItsNumber(t *testing.T) {
	c := hours(t, nil, "-runtime", "simulated", "-duration", "3s", "-rapid.seed", "8", "-bugs", "lost-write", "-bugs.rate", "1", "-shrink.budget", "0s")
	require.Error(t, c.Run(), c.text())
	all := recorded(c)
	require.NotEmpty(t, all.Sittings[0].Found, c.text())
	found := all.Sittings[0].Found[0]
	stored, err := os.ReadFile(filepath.Join(c.dir, "c", found.Dir, "plan.json"))
	require.NoError(t, err)

	again := newCommand(t, c.dir, nil, c.Path, "-test.run", "^TestRedraw$", "-dir", "c", "-number", fmt.Sprint(found.Number))
	require.NoError(t, again.Run(), again.text())
	drawn, err := os.ReadFile(filepath.Join(c.dir, "c", fmt.Sprintf("plan-%d.json", found.Number)))
	require.NoError(t, err)
	assert.Equal(t, string(stored), string(drawn))
	command := regexp.MustCompile(`(?m)^replay     go test -run Replay (.*)$`).FindStringSubmatch(again.text())
	require.NotNil(t, command, again.text())
	replay := newCommand(t, c.dir, nil, c.Path, append([]string{"-test.run", "^TestReplay$", "-shrink.budget", "0", "-rapid.checks", "30"}, strings.Fields(command[1])...)...)
	require.Error(t, replay.Run(), "the plan violated, and does when it is replayed as the line says, if not every time")
	assert.Contains(t, replay.text(), "violation  ")

	none := newCommand(t, c.dir, nil, c.Path, "-test.run", "^TestRedraw$", "-dir", "c", "-number", "999999")
	require.Error(t, none.Run())
	assert.Contains(t, none.text(), "no plan of that number was drawn")
	steps := newCommand(t, c.dir, nil, c.Path, "-test.run", "^TestRedraw$", "-dir", "c", "-number", fmt.Sprint(found.Number), "-rapid.steps", "10")
	require.Error(t, steps.Run())
	assert.Contains(t, steps.text(), "was drawn with -rapid.steps 30")
}

package cli

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"retain/campaign"
	"retain/generators"
)

// Redraw draws a plan of a campaign again, by its number, and stores it.
func Redraw(t T) {
	if missing := redrawMissing(); missing != "" {
		skipped(t, "give "+missing)
	}
	plan, flags, err := redraw(*dirFlag, *numberFlag)
	if err != nil {
		cannotBegin(t, err)
	}
	path := filepath.Join(*dirFlag, fmt.Sprintf("plan-%d.json", *numberFlag))
	if err := os.WriteFile(path, generators.Encode(plan), 0o644); err != nil {
		cannotBegin(t, err)
	}
	say("replay    ", strings.Join(append([]string{"go test -run Replay -plan", path}, flags...), " "))
}

// redraw draws a plan as it was judged, or as it was drawn last if it was not judged. It
// also returns the flags of the server that the plan ran on, and those of its path of versions.
func redraw(dir string, number int) (generators.Plan, []string, error) {
	c, err := campaign.Read(dir)
	if err != nil {
		return generators.Plan{}, nil, fmt.Errorf("-dir: %w", err)
	}
	s, d, drawn := c.FindDrawn(number)
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
		flags = append([]string{argument("runtime", s.Runtime)}, flags...)
	}
	if s.Upgrade != nil {
		flags = slices.Concat(flags, s.Upgrade.Flags(s.Runtime, d.Path))
	}
	return p, flags, nil
}

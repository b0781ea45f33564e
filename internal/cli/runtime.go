package cli

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"retain/harness"
	"retain/harness/backend"
	"retain/model"
	"retain/runtime"
	"retain/runtime/reaper"
	"retain/runtime/simulated"
)

// open opens the runtime of the flags.
func open(ctx context.Context, seed uint64) (harness.Open, error) {
	on, err := choose(ctx, backend.Name(*runtimeFlag), seed, func(string) {})
	return on.open, err
}

// chosen is the runtime under test.
type chosen struct {
	open    harness.Open
	choice  backend.Choice
	altered model.Settings
}

// choose selects the runtime of the flags, checks its settings, and reaps what dead
// sessions left. notice receives the notices that are printed.
func choose(ctx context.Context, name backend.Name, seed uint64, notice func(string)) (chosen, error) {
	bugs, err := simulated.ParseBugs(*bugsFlag)
	if err != nil {
		return chosen{}, err
	}
	options := backend.Options{
		Name: name, Image: *imageFlag, Binary: *binaryFlag, Bugs: bugs, Rate: *bugsRateFlag, Seed: seed,
		Notice: func(line string) {
			notice(line)
			say("note      ", line)
		},
	}
	if name != backend.Name(*runtimeFlag) {
		options.Why = "which the case was kept for"
	}
	open, choice, err := backend.Choose(ctx, settingsOn(name), options)
	if err != nil {
		return chosen{}, err
	}
	server, err := options.Subject(ctx, choice, settingsOn(name))
	if err == nil {
		err = checkSettings(ctx, options, choice)
	}
	if err != nil {
		return chosen{}, withChoice(choice, name, err)
	}
	if choice.Name != backend.Simulated {
		if swept, err := reaper.Sweep(ctx); err != nil {
			say("note       leftovers could not be removed:", err)
		} else if swept.Removed() {
			say("note      ", swept)
		}
	}
	return chosen{announced(open, choice, name), choice, alteredOn(choice.Name, server)}, nil
}

// checkedSettings is set once the server accepted its settings, which are those of all
// sessions of the process.
var checkedSettings bool

// checkSettings refuses settings that the server does not know.
func checkSettings(ctx context.Context, o backend.Options, on backend.Choice) error {
	if checkedSettings || on.Name == backend.Simulated {
		return nil
	}
	err := o.Check(ctx, on, settings())
	checkedSettings = err == nil
	return err
}

// withChoice adds to an error the runtime that -runtime auto chose.
func withChoice(choice backend.Choice, asked backend.Name, err error) error {
	if asked != backend.Auto {
		return err
	}
	return fmt.Errorf("%s: %w", choice, err)
}

// lastAnnounced is the choice that was printed last.
var lastAnnounced atomic.Pointer[backend.Choice]

// announced prints the choice once its first system is open, unless it was printed last.
// An error before that is printed alone.
func announced(open harness.Open, choice backend.Choice, asked backend.Name) harness.Open {
	announce := sync.OnceFunc(func() {
		if last := lastAnnounced.Swap(&choice); last == nil || *last != choice {
			say("runtime   ", choice)
		}
	})
	return func(ctx context.Context, s runtime.Settings) (*harness.System, error) {
		sys, err := open(ctx, s)
		if err != nil {
			return nil, withChoice(choice, asked, err)
		}
		announce()
		return sys, nil
	}
}

package cli

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"retain/harness"
	"retain/harness/backend"
	"retain/model"
	"retain/runtime"
	"retain/runtime/reaper"
	"retain/runtime/simulated"
	"retain/service/sdk"
)

// open opens the runtime of the flags.
func open(ctx context.Context, seed uint64) (harness.Open, error) {
	on, err := choose(ctx, backend.Name(*runtimeFlag), seed, nil, func(string) {})
	return on.open, err
}

// chosen is the runtime under test.
type chosen struct {
	open    harness.Open
	choice  backend.Choice
	altered model.Settings
	// found are the servers that were found, by the names of their versions; "" is the first.
	found map[string]backend.Subject
}

// server is a server that can be chosen: that of the flags, or a version of it.
type server struct {
	settings runtime.Settings
	bugs     []simulated.Bug
	// versions are those that starts of plans name.
	versions []string
	// sdk is the SDK of the reference service, "" for that of -sdk, and foreign are other
	// handlers, the zero value for none.
	sdk     sdk.Name
	foreign foreign
}

// flagServer is the server of the flags, on a backend.
func flagServer(name backend.Name) server {
	bugs, _ := simulated.ParseBugs(*bugsFlag) // checked before anything started
	return server{settings: settingsOn(name), bugs: bugs, foreign: foreignFlags()}
}

// choose selects the runtime of the flags, finds its server and those of the versions that
// plans name, checks their settings, and reaps what dead sessions left. notice receives
// the notices that are printed.
func choose(ctx context.Context, name backend.Name, seed uint64, versions []string, notice func(string)) (chosen, error) {
	s := flagServer(name)
	s.versions = versions
	on, err := chooseServer(ctx, name, seed, notice, s)
	if err == nil && on.choice.Name != backend.Simulated {
		sweep(ctx)
	}
	return on, err
}

// sweep reaps what dead sessions left.
func sweep(ctx context.Context) {
	if swept, err := reaper.Sweep(ctx); err != nil {
		first, others, _ := strings.Cut(err.Error(), "\n") // an error for each session
		if others != "" {
			first += fmt.Sprintf(" (and of %d more)", 1+strings.Count(others, "\n"))
		}
		say("note       leftovers could not be removed:", first)
	} else if swept.Removed() {
		say("note      ", swept)
	}
}

// chooseServer selects the runtime of a server, and checks its settings.
func chooseServer(ctx context.Context, name backend.Name, seed uint64, notice func(string), s server) (chosen, error) {
	options := backend.Options{
		Name: name, Image: imageFlag.plain, Images: imageFlag.named, Binary: binaryFlag.plain, Binaries: binaryFlag.named, Bugs: s.bugs, Rate: *bugsRateFlag, Seed: seed, SDK: cmp.Or(s.sdk, sdk.Name(*sdkFlag)), Handlers: s.foreign.handlers(),
		Notice: func(line string) {
			notice(line)
			say("note      ", line)
		},
	}
	if name != backend.Name(*runtimeFlag) {
		options.Why = "which the case was kept for"
	}
	open, choice, err := backend.Choose(ctx, s.settings, options)
	if err != nil {
		return chosen{}, err
	}
	if err := options.PrepareService(ctx, choice); err != nil {
		return chosen{}, &unusableHandlers{withChoice(choice, name, err)}
	}
	if choice.Name != backend.Simulated {
		if err := discover(ctx, options); err != nil {
			return chosen{}, &unusableHandlers{err}
		}
	}
	found, err := options.Subjects(ctx, choice, s.settings, s.versions)
	if err == nil {
		err = checkSettings(ctx, options, choice, s)
	}
	if err != nil {
		return chosen{}, withChoice(choice, name, err)
	}
	return chosen{announced(open, choice, name), choice, alteredOn(choice.Name, found), found}, nil
}

// checkedVersions are the versions that accepted the settings, which are those of all
// sessions of the process.
var checkedVersions = map[string]bool{}

// unusableHandlers is the error of handlers that can't be built here, or do not answer.
type unusableHandlers struct{ error }

// Unwrap returns why.
func (u *unusableHandlers) Unwrap() error { return u.error }

// refusedSettings is the error of settings that the server does not know or refuses.
type refusedSettings struct{ error }

// Unwrap returns what is wrong with them.
func (r *refusedSettings) Unwrap() error { return r.error }

// checkSettings refuses settings that no server of a plan's path knows. What only some of
// them refuse is for the others, and is said.
func checkSettings(ctx context.Context, o backend.Options, on backend.Choice, s server) error {
	if on.Name == backend.Simulated {
		return nil
	}
	var refused []error
	all := []string{s.settings.Version}
	for _, version := range s.versions {
		if version != s.settings.Version {
			all = append(all, version)
		}
	}
	for i, version := range all {
		if checkedVersions[version] {
			continue
		}
		if i == 0 {
			version = "" // that of the settings, which may be another server than the release
		}
		if err := o.Check(ctx, on, s.settings, version); err != nil {
			refused = append(refused, err)
			continue
		}
		checkedVersions[all[i]] = true
	}
	if len(refused) == len(all) {
		return &refusedSettings{refused[0]}
	}
	for _, err := range refused {
		o.Notice("another version of the plan takes it: " + err.Error())
	}
	return nil
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

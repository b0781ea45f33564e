package cli

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"

	"retain/campaign"
	"retain/harness/backend"
)

// inheritFlags sets the flags that the command line of a resumed campaign leaves out to
// their recorded values. It refuses flags that name another server or other plans: one
// campaign tests under one set of conditions.
func inheritFlags() error {
	dir := campaignDir()
	if dir == "" {
		return nil
	}
	last, err := lastSegment(dir)
	if err != nil || last == nil {
		return err
	}
	if err := inheritUpgrade(dir, last); err != nil {
		return err
	}
	keepExclusions(dir, last.Exclude, last.Discovered)
	was, env, header, err := recordedFlags(last)
	if err != nil {
		return fmt.Errorf("-resume %s: %w", *resumeFlag, err)
	}
	for _, name := range slices.Sorted(maps.Keys(was)) {
		f := flag.Lookup(name)
		given := isSet(f) && f.Value.String() != string(backend.Auto)
		switch {
		case !given && was[name] != "":
			err = flag.Set(name, was[name])
		case given && name != "rapid.steps" && f.Value.String() != orDefault(was[name], f):
			err = fmt.Errorf("it has %s, this command line %s: leave the flag out, or begin another campaign",
				recordedArgument(name, was[name]), argument(name, f.Value.String()))
		}
		if err != nil {
			return fmt.Errorf("the campaign in %s: %w", dir, err)
		}
	}
	if !isSet(flag.Lookup("duration")) {
		*durationFlag = last.Duration
	}
	if len(envFlag) == 0 {
		envFlag = env
	}
	if len(headerFlag) == 0 {
		headerFlag = header
	}
	if !slices.Equal(headerFlag.referenced(), header.referenced()) {
		return fmt.Errorf("the campaign in %s: it has -deployment.header %v, this command line %v: leave them out, or begin another campaign",
			dir, header.referenced(), headerFlag.referenced())
	}
	if !maps.Equal(envFlag, env) {
		return fmt.Errorf("the campaign in %s: it has -restate.env %v, this command line %v: leave them out, or begin another campaign",
			dir, env.referenced(), envFlag.referenced())
	}
	return nil
}

// inheritUpgrade sets the versions of an upgrade that goes on, and refuses to go on with a
// campaign as an upgrade, or the other way round.
func inheritUpgrade(dir string, last *campaign.Segment) error {
	switch {
	case last.Upgrade == nil && runs("Upgrade"):
		return fmt.Errorf("%s has a campaign, and no upgrade: go on with -run Campaign", dir)
	case last.Upgrade == nil:
		return nil
	case !runs("Upgrade"):
		return fmt.Errorf("%s has an upgrade, and no campaign: go on with -run Upgrade", dir)
	case *versionsFlag == "":
		*versionsFlag = last.Upgrade.Versions
	}
	if *versionsFlag != last.Upgrade.Versions {
		return fmt.Errorf("the upgrade in %s: it has -restate.versions %s, this command line %s: leave the flag out, or begin another one", dir, last.Upgrade.Versions, *versionsFlag)
	}
	return nil
}

// recordedArgument is a recorded flag as an argument. The default of one that was left out
// may be nothing that a command line can give.
func recordedArgument(name, value string) string {
	if value == "" {
		return "no -" + name
	}
	return argument(name, value)
}

// lastSegment is the last segment of -shard, nil for a campaign that is to begin.
func lastSegment(dir string) (*campaign.Segment, error) {
	part, err := shard()
	if err != nil {
		return nil, err
	}
	c, err := campaign.Read(dir)
	switch {
	case errors.Is(err, campaign.ErrNoRecords), errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("the campaign in %s: %w", dir, err)
	}
	for i := range slices.Backward(c.Segments) {
		if s := &c.Segments[i]; s.Shard == part {
			return s, nil
		}
	}
	return nil, nil
}

// recordedFlags are the recorded values of the flags of the server and the plans, "" for
// a flag that was left out, and of -restate.env and -deployment.header.
func recordedFlags(s *campaign.Segment) (was map[string]string, env envs, header headers, err error) {
	was, env, header = map[string]string{}, envs{}, headers{}
	for _, name := range serverFlags {
		was[name] = ""
	}
	for _, f := range s.Flags {
		name, value, _ := strings.Cut(strings.TrimPrefix(f, "-"), "=")
		switch {
		case name == "restate.env":
			err = env.Set(value)
		case name == "deployment.header":
			err = header.Set(value)
		case was[name] != "":
			was[name] += argumentGap + value // of a flag that was given again
		default:
			was[name] = value
		}
		if err != nil {
			return nil, nil, nil, fmt.Errorf("-%s %s: %w", name, value, err)
		}
	}
	maps.Copy(was, s.DrawFlags())
	if s.Runtime != "" && s.Runtime != string(backend.Auto) {
		was["runtime"] = s.Runtime
	}
	if flag.Lookup("rapid.steps") != nil {
		was["rapid.steps"] = strconv.Itoa(s.RapidSteps)
	}
	return was, env, header, nil
}

// resumeCommand is the command that resumes what an entry point began, twice as long if it is
// over. The records name what is tested, the command only the other flags.
func resumeCommand(entryPoint, dir string, over bool) string {
	words := []string{"go test -run", entryPoint, "-timeout 0 -resume", dir}
	flag.Visit(func(f *flag.Flag) {
		switch f.Name {
		case "workers", "shard", "keep.data", "shrink.budget", "check.budget", "summary", "junit":
			words = append(words, argument(f.Name, f.Value.String()))
		}
	})
	if over {
		words = append(words, argument("duration", (2**durationFlag).String()))
	}
	return strings.Join(words, " ")
}

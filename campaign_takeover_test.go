package retain_test

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

// takeOver gives the flags that the command line leaves out the values that the
// campaign in -resume had, and refuses those that name another server or other
// plans: what is tested under two conditions is no one campaign.
func takeOver() error {
	if *resumeFlag == "" {
		return nil
	}
	last, err := lastSitting(*resumeFlag)
	if err != nil || last == nil {
		return err
	}
	was, env := recordedFlags(last)
	for _, name := range slices.Sorted(maps.Keys(was)) {
		f := flag.Lookup(name)
		given := isSet(f) && f.Value.String() != string(backend.Auto)
		switch {
		case !given && was[name] != "":
			err = flag.Set(name, was[name])
		case given && name != "rapid.steps" && f.Value.String() != orDefault(was[name], f):
			err = fmt.Errorf("it has %s, this command line %s: leave the flag out, or begin another campaign",
				spelled(name, orDefault(was[name], f)), spelled(name, f.Value.String()))
		}
		if err != nil {
			return fmt.Errorf("-resume %s: %w", *resumeFlag, err)
		}
	}
	if !isSet(flag.Lookup("duration")) {
		*durationFlag = last.Duration
	}
	if len(envFlag) == 0 {
		envFlag = env
	}
	if !maps.Equal(envFlag, env) {
		return fmt.Errorf("-resume %s: it has -restate.env %v, this command line %v: leave them out, or begin another campaign",
			*resumeFlag, env.pairs(), envFlag.pairs())
	}
	return nil
}

// lastSitting is the last one of -shard, nil for a campaign that is to begin.
func lastSitting(dir string) (*campaign.Sitting, error) {
	part, err := shard()
	if err != nil {
		return nil, err
	}
	c, err := campaign.Read(dir)
	switch {
	case errors.Is(err, campaign.ErrNoRecords), errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("-resume: %w", err)
	}
	for i := range slices.Backward(c.Sittings) {
		if s := &c.Sittings[i]; s.Shard == part {
			return s, nil
		}
	}
	return nil, nil
}

// recordedFlags are the values of a sitting's flags that name its server and its
// plans, "" for those that were left out, and of -restate.env.
func recordedFlags(s *campaign.Sitting) (was map[string]string, env envs) {
	was, env = map[string]string{}, envs{}
	for _, name := range serverFlags {
		was[name] = ""
	}
	for _, f := range s.Flags {
		name, value, _ := strings.Cut(strings.TrimPrefix(f, "-"), "=")
		if name == "restate.env" {
			_ = env.Set(value)
		} else {
			was[name] = value
		}
	}
	was["config"] = s.Server
	was["unresolved"] = ""
	if s.Unresolved {
		was["unresolved"] = "true"
	}
	if s.Runtime != "" && s.Runtime != string(backend.Auto) {
		was["runtime"] = s.Runtime
	}
	if flag.Lookup("rapid.steps") != nil {
		was["rapid.steps"] = strconv.Itoa(s.RapidSteps)
	}
	return was, env
}

// isSet reports whether the command line gave a flag.
func isSet(f *flag.Flag) (given bool) {
	flag.Visit(func(g *flag.Flag) { given = given || g == f })
	return given
}

func orDefault(value string, f *flag.Flag) string {
	if value == "" {
		return f.DefValue
	}
	return value
}

// spelled is a flag as it is written on the command line.
func spelled(name, value string) string { return "-" + name + "=" + value }

func (e envs) pairs() (out []string) {
	for _, k := range slices.Sorted(maps.Keys(e)) {
		out = append(out, k+"="+e[k])
	}
	return out
}

// goOn is the command that goes on with a campaign: its records say what it tests,
// the command line only what else was given.
func goOn(dir string, over bool) string {
	words := []string{"go test -run Campaign -timeout 0 -resume", dir}
	flag.Visit(func(f *flag.Flag) {
		switch f.Name {
		case "workers", "shard", "keep.data", "shrink.budget", "check.budget", "summary", "junit":
			words = append(words, spelled(f.Name, f.Value.String()))
		}
	})
	if over {
		words = append(words, spelled("duration", (2**durationFlag).String()))
	}
	return strings.Join(words, " ")
}

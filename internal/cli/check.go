package cli

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"strings"
	"time"

	"retain/generators"
	"retain/harness/backend"
	"retain/runtime/simulated"
	"retain/service/sdk"
)

// checkFlags refuses a command line that contradicts itself or can't be executed.
func checkFlags() error {
	if rest := flag.Args(); len(rest) > 1 || len(rest) == 1 && rest[0] != "." {
		return fmt.Errorf("leftover arguments %q: flags are written -name value or -name=value, and nothing else is read", rest)
	}
	return cmp.Or(checkNames(), checkReaders(), checkValues(), checkExclude(), checkSource(), checkDeployment(), checkVersionNames(), checkSDKs(), checkUpgrade(), checkFiles(), checkCampaign(), checkArguments(), checkEmpty())
}

// checkEmpty refuses a flag with an empty value. A script with an unset variable passes
// one, and without the flag something else than intended would run.
func checkEmpty() (err error) {
	flag.Visit(func(f *flag.Flag) {
		if f.Name == "restate.env" || f.Name == "deployment.header" || strings.HasPrefix(f.Name, "test.") || strings.HasPrefix(f.Name, "rapid.") || f.Value.String() != "" {
			return
		}
		err = cmp.Or(err, fmt.Errorf("-%s has an empty value: give it one, or leave it out (%s)", f.Name, f.Usage))
	})
	return err
}

// checkValues refuses values outside their range.
func checkValues() error {
	if err := backend.Name(*runtimeFlag).Check(); err != nil {
		return err
	}
	if err := sdk.Name(*sdkFlag).Check(); err != nil {
		return err
	}
	bugs, err := simulated.ParseBugs(*bugsFlag)
	switch {
	case err != nil:
		return fmt.Errorf("-bugs: %w", err)
	case len(bugs) > 0 && backend.Name(*runtimeFlag) != backend.Simulated:
		return errors.New("-bugs are planted in the simulated runtime: add -runtime simulated")
	case !(*bugsRateFlag > 0 && *bugsRateFlag <= 1):
		return fmt.Errorf("-bugs.rate %v: want a number above 0, up to 1", *bugsRateFlag)
	case len(bugs) == 0 && *versionsFlag == "" && isSet(flag.Lookup("bugs.rate")):
		return errors.New("-bugs.rate is how often the bugs of -bugs strike: add -bugs NAME,..., or leave it out")
	}
	if *serverFlag != "" {
		_, err := generators.ServerNamed(*serverFlag)
		if err == nil {
			err = checkVersions(generators.Plan{}.On(*serverFlag), backend.Name(*runtimeFlag))
		}
		if err != nil {
			return fmt.Errorf("-config: %w", err)
		}
	}
	if *loadFlag < drawnLoad || *loadFlag > generators.MaxLoadClients || *loadFlag == drawnLoad && isSet(flag.Lookup("load")) {
		return fmt.Errorf("-load %d: want 1 to %d clients, or 0 for no load", *loadFlag, generators.MaxLoadClients)
	}
	if !(*disturbFlag >= 0 && *disturbFlag <= 1) {
		return fmt.Errorf("-service.faults %v: want a share of the plans, 0 to 1", *disturbFlag)
	}
	if n, given := rapidFlag("checks"); given && plans() < 1 {
		return fmt.Errorf("-rapid.checks %v: want a number of plans above 0; without the flag, plans are drawn for about %s", n, defaultTime)
	}
	if n, given := rapidFlag("steps"); given && n.(int) < 1 {
		return fmt.Errorf("-rapid.steps %v: want a number of steps above 0", n)
	}
	for name, d := range map[string]time.Duration{"recovery.max": *recoveryFlag, "completion.max": *completionFlag, "check.budget": *budgetFlag} {
		if d <= 0 {
			return fmt.Errorf("-%s %s: want a duration above 0, such as 30s", name, d)
		}
	}
	if *shrinkFlag < 0 {
		return fmt.Errorf("-shrink.budget %s: want a duration such as 3m, or 0 for none", *shrinkFlag)
	}
	return nil
}

// checkSource refuses flags of the server that the chosen runtime can't use.
func checkSource() error {
	name, image, binary := backend.Name(*runtimeFlag), imageFlag.given(), binaryFlag.given()
	switch {
	case image && binary:
		return errors.New("-restate.image and -restate.binary name two servers: give one of them")
	case imageFlag.plain+binaryFlag.plain != "" && isSet(flag.Lookup("restate.version")):
		return errors.New("-restate.version names the server of the official image and of the npm package, -restate.image and -restate.binary another one: leave one of them out, or name the build, NAME=, and say -restate.version NAME")
	case name == backend.Simulated && *dataFlag:
		return errors.New("-keep.data keeps a real server's directory, and the simulated runtime has none: leave it out, or say -runtime process or container")
	case image && (name == backend.Process || name == backend.Simulated):
		return fmt.Errorf("-restate.image is for containers: leave out -runtime %s, or say -runtime container", name)
	case name == backend.Simulated && (isSet(flag.Lookup("restate.version")) || *configFlag != "" || len(envFlag) > 0):
		return errors.New("-restate.version, -restate.config and -restate.env are for a real server: leave them out, or say -runtime process or container")
	case name == backend.Simulated && isSet(flag.Lookup("sdk")):
		return fmt.Errorf("-sdk %s: the simulated runtime calls handlers of its own: leave it out, or say -runtime process or container", *sdkFlag)
	case binary && (name == backend.Container || name == backend.Simulated):
		return fmt.Errorf("-restate.binary is for the native server: leave out -runtime %s, or say -runtime process", name)
	}
	return nil
}

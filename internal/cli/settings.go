package cli

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"retain/checker"
	"retain/generators"
	"retain/harness"
	"retain/harness/backend"
	"retain/harness/session"
	"retain/runtime"
	"retain/runtime/versions"
	"retain/service/sdk"
)

// settings are the settings of every server, by the flags.
func settings() runtime.Settings {
	return runtime.Settings{Version: *versionFlag, Env: envFlag, ConfigFile: *configFlag}
}

// settingsOn are the settings for a backend. The simulated runtime takes none.
func settingsOn(name backend.Name) runtime.Settings {
	if name == backend.Simulated {
		return runtime.Settings{}
	}
	return settings()
}

// withServer is the plan on the server configuration of -config, if that is given.
func withServer(p generators.Plan) generators.Plan {
	if *serverFlag != "" {
		p = p.On(*serverFlag)
	}
	return p
}

// drawnLoad is the value of -load without the flag, and loadShare the share of the plans
// that have a load then.
const (
	drawnLoad = -1
	loadShare = 2.0 / 3
)

// loads says which plans have a load, by -load.
func loads() generators.Loads {
	switch *loadFlag {
	case drawnLoad:
		return generators.Loads{Share: loadShare}
	case 0:
		return generators.Loads{}
	}
	return generators.Loads{Share: 1, Clients: *loadFlag}
}

// DrawOptions are the options of all plans that are drawn, by the flags.
func DrawOptions() generators.Options {
	return generators.Options{
		Unresolved: *unresolvedFlag, Server: *serverFlag, StartConfigs: true, VQueues: drawsVQueues(), Loads: loads(), ServiceFaults: *disturbFlag, Scheduled: true, Exclude: exclusions, Rare: rareOperations(),
	}
}

// drawsVQueues reports whether servers of the flags have vqueues in some plans and not in
// others: their version is known to have them, and no variable decides it for all.
func drawsVQueues() bool { return drawsVQueuesOn(*versionFlag) }

// drawsVQueuesOn is [drawsVQueues] for a version.
func drawsVQueuesOn(version string) bool {
	for name := range envFlag {
		if strings.EqualFold(name, runtime.EnvVQueues) {
			return false
		}
	}
	return versionKnown() && generators.HasVQueues(cmp.Or(version, runtime.DefaultVersion))
}

// versionKnown reports whether the version of the server is known before it starts. That
// of an image or a binary is not, unless it has the name of a release.
func versionKnown() bool {
	_, ordered := versions.Parse(*versionFlag)
	return imageFlag.plain+binaryFlag.plain == "" && (ordered || !isBuild(*versionFlag))
}

func bounds() harness.Bounds {
	return harness.Bounds{Recovery: *recoveryFlag, Completion: *completionFlag}
}

func checks() checker.Options { return checker.Options{Budget: *budgetFlag} }

// recheckOptions are the options of a check that runs by itself. A larger time budget raises the
// memory budget with it: either may have ended the session's check.
func recheckOptions(budget time.Duration) checker.Options {
	const usual, most = 512 << 20, 8
	times := min(max(int64(budget/(20*time.Second)), 1), most)
	return checker.Options{Budget: budget, Memory: times * usual}
}

// checkVersions refuses a plan that a server of the flags can't execute, or that starts a
// version that is no release and no build of theirs. What the version of an image or a
// binary can't do, the harness refuses when it has said it.
func checkVersions(p generators.Plan, on backend.Name) error {
	var known []string
	if versionKnown() {
		known = append(known, cmp.Or(settingsOn(on).Version, runtime.DefaultVersion))
	}
	for _, version := range p.Versions() {
		switch _, ordered := versions.Parse(version); {
		case ordered:
			known = append(known, version)
		case !isBuild(version) && on != backend.Simulated:
			return fmt.Errorf("it starts version %s, which is no release such as %s: name your build with -restate.binary %s=PATH or -restate.image %s=REF",
				version, runtime.DefaultVersion, version, version)
		}
	}
	for _, version := range known {
		if err := generators.CheckServer(p, version); err != nil {
			return err
		}
	}
	if len(known) > 0 && versionKnown() {
		return generators.CheckPath(p, known[0], generators.AsNamed)
	}
	return nil
}

// Options are the options of a session that follow from the flags of the server and of
// the check alone.
func Options() session.Options {
	return session.Options{Base: settings(), Bounds: bounds(), Check: checks(), Exclude: exclusions}
}

// Native opens native servers as the flags say, and ignores -runtime.
func Native(ctx context.Context) (harness.Open, error) {
	open, _, err := backend.Choose(ctx, settings(), backend.Options{Name: backend.Process, Binary: binaryFlag.plain, Binaries: binaryFlag.named, SDK: sdk.Name(*sdkFlag)})
	return open, err
}

// askedSDK names the handlers that are asked for, "" for those of others. What is deployed is known once the server
// has a record of it.
func askedSDK() string {
	if backend.Name(*runtimeFlag) == backend.Simulated || foreignFlags() != (foreign{}) {
		return ""
	}
	return "sdk " + *sdkFlag
}

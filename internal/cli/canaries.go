package cli

import (
	"context"
	"maps"

	"retain/campaign"
	"retain/harness"
	"retain/harness/backend"
	"retain/runtime"
	"retain/runtime/simulated"
	"retain/runtime/versions"
)

// WithoutLog are the settings that plant a real bug in an unmodified server: without its
// write-ahead log, the log server forgets acknowledged writes when it is killed.
var WithoutLog = versions.Of(versions.LogWithoutWAL).Settings

// Canaries are the bugs that a campaign plants and must find: in the server under test if
// its version has the switch, in the simulated runtime otherwise. The simulated one is
// last. open opens servers under test.
func Canaries(open harness.Open) []campaign.Planted {
	planted := campaign.Planted{
		Bug:  "the simulated runtime with " + string(simulated.LostWrite),
		Base: settings(),
		Open: func(ctx context.Context, s runtime.Settings) (*harness.System, error) {
			opened, _, err := backend.Choose(ctx, s, backend.Options{
				Name: backend.Simulated, Bugs: []simulated.Bug{simulated.LostWrite}, Rate: 1, Seed: 1,
			})
			if err != nil {
				return nil, err
			}
			return opened(ctx, s)
		},
	}
	if backend.Name(*runtimeFlag) == backend.Simulated {
		return []campaign.Planted{planted}
	}
	base := settings()
	base.Env = map[string]string{}
	maps.Copy(base.Env, envFlag)
	maps.Copy(base.Env, WithoutLog)
	return []campaign.Planted{{
		Bug: "the server without its write-ahead log", Open: open, Base: base, Fits: hasLogSwitch,
	}, planted}
}

// hasLogSwitch reports whether the server is known to run without its write-ahead log.
func hasLogSwitch(i runtime.Identity) bool {
	_, known := versions.Parse(i.Version)
	return known && versions.Has(i.Version, versions.LogWithoutWAL)
}

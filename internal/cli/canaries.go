package cli

import (
	"context"
	"maps"

	"golang.org/x/mod/semver"

	"retain/campaign"
	"retain/harness"
	"retain/harness/backend"
	"retain/runtime"
	"retain/runtime/simulated"
)

// WithoutLog are the settings that plant a real bug in an unmodified server: without its
// write-ahead log, the log server forgets acknowledged writes when it is killed.
var WithoutLog = map[string]string{"RESTATE_LOG_SERVER__ROCKSDB_DISABLE_WAL": "true"}

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

// hasLogSwitch reports whether the server can run without its write-ahead log, which it
// can from 1.7 on.
func hasLogSwitch(i runtime.Identity) bool {
	return semver.Compare(semver.MajorMinor("v"+i.Version), "v1.7") >= 0 // one that can't be read is less than any
}

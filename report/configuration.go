package report

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"retain/generators"
	"retain/harness"
	"retain/model"
	"retain/runtime"
)

// configurationJSON are the axes of a plan's configuration that has no name.
type configurationJSON struct {
	Partitions int                    `json:"partitions,omitempty"`
	VQueues    bool                   `json:"vqueues,omitempty"`
	Start      generators.StartConfig `json:"start,omitzero"`
}

func configurationOf(c generators.Config) configurationJSON {
	return configurationJSON{Partitions: c.Partitions, VQueues: c.VQueues, Start: c.Start}
}

// changesOf are what starts changed to, by the sequence number of the start: another version,
// another configuration.
func changesOf(h *model.History) map[int64]string {
	configurations, versions := startConfigsOf(h), versionsOf(h)
	out := maps.Clone(configurations)
	for at, version := range versions {
		out[at] = strings.Join(compact(version, configurations[at]), ", ")
	}
	return out
}

// compact leaves out empty texts.
func compact(texts ...string) []string {
	return slices.DeleteFunc(texts, func(s string) bool { return s == "" })
}

// versionsOf are the versions that starts changed to, in words: "as 1.6.2 (a1b2c3d)".
func versionsOf(h *model.History) map[int64]string {
	out, last := map[int64]string{}, ""
	for _, f := range h.Faults {
		if !f.Kind.Starts() {
			continue
		}
		if f.Version != last {
			out[f.Begin.Seq] = "as " + versionText(f, h)
		}
		last = f.Version
	}
	return out
}

// versionText is the version of a start: the server that started and, where that does not
// say it, the plan's name for it.
func versionText(f model.Fault, h *model.History) string {
	own, _ := runtime.ParseIdentity(h.Runtime)
	name, started := cmp.Or(f.Version, own.Version), f.StartedVersion()
	switch {
	case started == "":
		return name
	case f.Version == "" || f.Version == f.Reported:
		return started
	}
	return name + ", " + started
}

// startConfigsOf are the configurations that starts changed to.
func startConfigsOf(h *model.History) map[int64]string {
	var config generators.StartConfig
	if p, err := generators.Decode(h.Plan); err == nil {
		config = p.Config.Started()
	}
	out := map[int64]string{}
	for _, f := range h.Faults {
		took := harness.TakesOver(h, f)
		if !f.Kind.Starts() || f.Start == nil && !took {
			continue // no step takes a setting back, and older histories do not have them
		}
		now, err := generators.DecodeStartConfig(f.Start)
		if err != nil {
			continue // a history from elsewhere has its own
		}
		if now != config || took {
			out[f.Begin.Seq] = cmp.Or(now.String(), "with the server's defaults")
		}
		config = now
	}
	return out
}

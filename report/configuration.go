package report

import (
	"cmp"

	"retain/generators"
	"retain/harness"
	"retain/model"
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

// changesOf are the configurations that starts changed to, by the sequence number of the
// start.
func changesOf(h *model.History) map[int64]string {
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

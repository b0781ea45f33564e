package campaign

import (
	"time"

	"retain/harness"
	"retain/harness/known"
	"retain/runtime"
)

// Known are the known findings that plans showed and nothing else with them.
func (c *Campaign) Known() (out []harness.SeenKnown) {
	for _, s := range c.Segments {
		for _, j := range s.Plans {
			if j.Verdict != harness.Known {
				continue
			}
			for _, k := range j.Known {
				out = harness.AddSeenKnown(out, k, j.Number, "")
			}
		}
	}
	return out
}

// KnownNotSeen are the known findings that no plan showed, though servers of their version
// and configuration were tested.
func (c *Campaign) KnownNotSeen() (out []harness.KnownFinding) {
	var seen []string
	var all known.List
	tested := map[string]harness.Coverage{}
	var versions []string
	var last time.Time
	for _, s := range c.Segments {
		all, last = s.Known, s.Last
		for _, j := range s.Plans {
			for _, k := range j.Known {
				seen = append(seen, k.Link)
			}
			server, ok := runtime.ParseIdentity(j.Identity)
			if !ok || j.Verdict == harness.Known {
				continue
			}
			c, known := tested[server.Version]
			if !known {
				c = harness.NewCoverage()
				versions = append(versions, server.Version)
			}
			c.Add(j.coverage())
			tested[server.Version] = c
		}
	}
	for _, v := range versions {
		notSeen := all.NotSeen(v, tested[v], seen, last)
		for _, k := range notSeen {
			seen = append(seen, k.Link)
		}
		out = append(out, notSeen...)
	}
	return out
}

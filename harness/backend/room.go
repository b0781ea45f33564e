package backend

import (
	"strconv"

	"retain/harness"
	"retain/runtime"
	"retain/runtime/process"
	"retain/runtime/resources"
)

// partitionsOf is how many partitions a server of the settings has, 0 if they leave it
// open.
func partitionsOf(s runtime.Settings) int {
	if n, err := strconv.Atoi(s.Env[runtime.EnvPartitions]); err == nil {
		return n
	}
	return s.Partitions
}

// needOf is what a server of the settings needs at most.
func needOf(s runtime.Settings, version string) resources.Need {
	partitions := partitionsOf(s)
	if version == "" {
		version = runtime.DefaultVersion
	}
	return resources.NeedOf(version, partitions)
}

// watched has the resources of a server on this machine looked at.
func watched(sys *harness.System, s runtime.Settings) {
	sys.Need = needOf(s, sys.Runtime.Identity().Version)
	sys.Partitions = max(0, partitionsOf(s))
	sys.Widen = func(version string) { sys.Need = sys.Need.Or(needOf(s, version)) }
	if h, can := sys.Runtime.(runtime.Hosted); can {
		server := &resources.Server{Data: resources.DataPlace(h.Directory()), Processes: h.Processes, Need: sys.Need}
		if sys.Runtime.Identity().Backend == string(Container) {
			server.Contained, server.Data.Role, server.Data.Set = true, "the server's volume", ""
		}
		if l, can := sys.Runtime.(resources.Limited); can {
			server.LastLimits = l.LastLimits
		}
		sys.Look = server.Look
		sys.Widen = func(version string) {
			sys.Need = sys.Need.Or(needOf(s, version))
			server.Widen(sys.Need)
		}
	}
}

// Room is [session.Options.Room] on the backend. For containers it looks at the needs of
// this process alone: their volumes are on the daemon's disk, which need not be this
// machine's.
func (c Choice) Room(dir string, s runtime.Settings, servers int) error {
	places := []resources.Place{resources.ArtifactsPlace(dir)}
	switch c.Name {
	case Process:
		resources.Raise()
		places = append(places, resources.DataPlace(process.Parent()))
		return resources.Room(places, needOf(s, s.Version), servers)
	case Container:
		resources.Raise()
		return resources.Room(places, nil, 0)
	}
	return nil
}

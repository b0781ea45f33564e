package harness

import (
	"maps"

	"retain/generators"
	"retain/runtime"
)

// settings are those of the plan's server: its configuration over the base, and
// the base's environment, which a person gave, over all.
func (s *session) settings(c generators.Config) (runtime.Settings, error) {
	out := s.Base
	if c.Server != "" {
		server, err := generators.ServerNamed(c.Server)
		if err != nil {
			return out, err
		}
		out.Partitions, out.Env = server.Partitions, server.Env
		maps.Copy(out.Env, s.Base.Env)
	}
	if c.Partitions != 0 {
		out.Partitions = c.Partitions
	}
	return out, nil
}

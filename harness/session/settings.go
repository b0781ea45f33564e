package session

import (
	"retain/generators"
	"retain/runtime"
)

// settings are those of the plan's server: what is provisioned by its configuration,
// over the base. Variables that a person gave stay over those of the plan.
func (s *session) settings(c generators.Config) (runtime.Settings, error) {
	out := s.Base
	if c.Server != "" {
		if _, err := generators.ServerNamed(c.Server); err != nil {
			return out, err
		}
	}
	p := c.Provisioned()
	if p.Partitions != 0 {
		out.Partitions = p.Partitions
	}
	if env := p.Env(); env != nil {
		out = out.With(runtime.StartOptions{Env: env}) // at every start of the server
	}
	return out, nil
}

// settingsAtStart are the settings with those of the plan's first start. The base's
// environment, which a person gave, stays over it.
func (s *session) settingsAtStart(c generators.Config) (runtime.Settings, error) {
	out, err := s.settings(c)
	return out.With(runtime.StartOptions{Env: c.Started().Env()}), err
}

package runtime

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"retain/model"
)

// StartOptions are what one start of a server may change. They hold until that
// incarnation ends.
type StartOptions struct {
	// Env configures the server of this start. The order, each over the one before:
	// what retain sets for every server, this, [Settings].Env. A variable that a
	// person gave with -restate.env therefore wins over a start's, and a start's wins
	// over a configuration file, because a server reads its file below all variables.
	// That holds for a table too (RESTATE_WORKER={...}), of which the settings that it
	// has win.
	//
	// What is fixed when the data is provisioned and what a runtime decides by itself,
	// such as addresses, can't be set here: Start refuses it.
	Env map[string]string
	// Version names the server's version, a release or a build of one's own; "" is that
	// of the runtime. See [Runtime].Provide.
	Version string
}

// notOfAStart are variables that a start can't change, with the reason.
var notOfAStart = map[string]string{
	EnvPartitions:                   provisioned,
	EnvVQueues:                      provisioned,
	"RESTATE_NODE_NAME":             provisioned,
	"RESTATE_CLUSTER_NAME":          provisioned,
	"RESTATE_BASE_DIR":              decided,
	"RESTATE_CONFIG":                decided,
	"RESTATE_BIND_IP":               decided,
	"RESTATE_BIND_ADDRESS":          decided,
	"RESTATE_ADVERTISED_ADDRESS":    decided,
	"RESTATE_INGRESS__BIND_ADDRESS": decided,
	"RESTATE_ADMIN__BIND_ADDRESS":   decided,
}

const (
	provisioned = "it is fixed when the data is provisioned: make another server"
	decided     = "the runtime decides it: give it with the runtime's settings"
)

// CheckVersion refuses what can't name a version; "" is the runtime's own. The error wraps
// [errors.ErrUnsupported].
func CheckVersion(name string) error {
	if name == "" {
		return nil
	}
	if err := model.CheckVersionName(name); err != nil {
		return fmt.Errorf("%w: %w", errors.ErrUnsupported, err)
	}
	return nil
}

// Check returns an error for options that no server can be started with.
func (o StartOptions) Check() error {
	if err := CheckVersion(o.Version); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(o.Env)) {
		if why, is := notOfAStart[strings.ToUpper(name)]; is {
			return fmt.Errorf("a start can't set %s: %s", name, why)
		}
	}
	return nil
}

// With is the settings with those of a start below them: a variable of Settings.Env
// stays, in whatever case a server would accept it.
func (s Settings) With(o StartOptions) Settings {
	env := maps.Clone(s.Env)
	if env == nil {
		env = map[string]string{}
	}
	own := map[string]bool{}
	for name := range s.Env {
		own[strings.ToUpper(name)] = true
	}
	for name, value := range o.Env {
		if !own[strings.ToUpper(name)] {
			env[name] = value
		}
	}
	s.Env = env
	return s
}

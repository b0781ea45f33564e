package generators

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"retain/internal/printable"
)

// StartConfig is the part of the server's configuration that every start may change.
// What is fixed when a data directory is made is in [Config].
type StartConfig struct {
	// State is how the server hands an object's state to its handler.
	State StateMode `json:"state,omitempty"`
	// Suspension is when the server suspends an invocation that waits for it.
	Suspension Suspension `json:"suspension,omitempty"`
	// OneTimer keeps one timer in memory, the others on disk.
	OneTimer bool `json:"one_timer,omitempty"`
}

// StateMode is a way to hand state to a handler.
type StateMode string

// State modes. The zero value is the server's default.
const (
	EagerState StateMode = "eager" // all of it, with the invocation
	LazyState  StateMode = "lazy"  // each entry when the handler asks for it
)

// Suspension is a bound on how long an invocation waits for the server until it is
// suspended.
type Suspension string

// Suspensions. The zero value is the server's default. SuspendAtOnce also makes the
// server send each request whole before it reads the response (request/response mode).
const (
	SuspendNever  Suspension = "never"
	SuspendSoon   Suspension = "50ms"
	SuspendAtOnce Suspension = "at once"
)

var (
	stateModes = map[StateMode]map[string]string{
		"":         nil,
		EagerState: nil,
		LazyState:  settings(eagerState, noEagerBytes, noEagerState, noEager),
	}
	suspensions = map[Suspension]map[string]string{
		"":            nil,
		SuspendNever:  settings(inactivity, never),
		SuspendSoon:   settings(inactivity, soon),
		SuspendAtOnce: settings(inactivity, always),
	}
)

// Env is the environment that configures a start. A variable that a version does not
// know is ignored by it.
func (c StartConfig) Env() map[string]string {
	env := map[string]string{}
	maps.Copy(env, stateModes[c.State])
	maps.Copy(env, suspensions[c.Suspension])
	if c.OneTimer {
		env[timersInCache] = "1"
	}
	return env
}

// With is the configuration after a change. What the change leaves empty stays as it is.
func (c StartConfig) With(change StartConfig) StartConfig {
	return StartConfig{
		State:      cmp.Or(change.State, c.State),
		Suspension: cmp.Or(change.Suspension, c.Suspension),
		OneTimer:   change.OneTimer || c.OneTimer,
	}
}

// JSON is the configuration as plans and histories have it, nil for the server's
// defaults.
func (c StartConfig) JSON() json.RawMessage {
	if c == (StartConfig{}) {
		return nil
	}
	text, _ := json.Marshal(c) // a plain struct
	return text
}

// DecodeStartConfig reads what [StartConfig.JSON] writes. The error is one line.
func DecodeStartConfig(text json.RawMessage) (StartConfig, error) {
	var c StartConfig
	if text == nil {
		return c, nil
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return StartConfig{}, fmt.Errorf("the configuration of a start: %w", err)
	}
	return c, c.validate()
}

// String prints "lazy, suspended at once"; "" for the server's defaults.
func (c StartConfig) String() string {
	var parts []string
	if c.State != "" {
		parts = append(parts, string(c.State))
	}
	switch c.Suspension {
	case "":
	case SuspendNever:
		parts = append(parts, "never suspended")
	case SuspendSoon:
		parts = append(parts, "suspended after 50 ms")
	default:
		parts = append(parts, "suspended "+string(c.Suspension))
	}
	if c.OneTimer {
		parts = append(parts, "one timer in memory")
	}
	return strings.Join(parts, ", ")
}

func (c StartConfig) validate() error {
	if _, known := stateModes[c.State]; !known {
		return fmt.Errorf("state %.40q: want %s", c.State, words(stateModes))
	}
	if _, known := suspensions[c.Suspension]; !known {
		return fmt.Errorf("suspension %.40q: want %s", c.Suspension, words(suspensions))
	}
	return nil
}

// words lists the names of a setting's values: "eager or lazy".
func words[K ~string](of map[K]map[string]string) string {
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(of)), func(n K) bool { return n == "" })
	return printable.List(names, "or") + ", or nothing for the server's default"
}

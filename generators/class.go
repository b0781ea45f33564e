package generators

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Class is a class of configurations: those that take the same way through the server
// for what an operation does to state. The zero value is eager state, not suspended.
type Class struct {
	// Lazy: the server sends an object's state when the handler asks for it.
	Lazy bool
	// Suspending: the server suspends an invocation that waits for it.
	Suspending bool
}

// Classes lists the classes, the plainest first.
func Classes() []Class { return []Class{{}, {Suspending: true}, {Lazy: true}, {true, true}} }

// String prints "eager" or "lazy, suspending".
func (c Class) String() string {
	text := string(EagerState)
	if c.Lazy {
		text = string(LazyState)
	}
	if c.Suspending {
		text += ", suspending"
	}
	return text
}

// MarshalText is String.
func (c Class) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads what String prints.
func (c *Class) UnmarshalText(text []byte) error {
	i := slices.IndexFunc(Classes(), func(d Class) bool { return d.String() == string(text) })
	if i < 0 {
		return fmt.Errorf("no class of configurations is called %.40q: the classes are %q", text, Classes())
	}
	*c = Classes()[i]
	return nil
}

// Class is the class of servers that are started with this. The server's default
// suspends after a minute, which no call of a plan waits.
func (c StartConfig) Class() Class { return c.ClassUnder(nil) }

// ClassUnder is the class of servers that are started with this, if the variables of an
// environment go over it, as those that a person gives do.
func (c StartConfig) ClassUnder(over map[string]string) Class {
	env := c.Env()
	maps.Copy(env, over)
	wait, known := env[inactivity]
	bound, err := time.ParseDuration(strings.ReplaceAll(wait, " ", ""))
	return Class{
		Lazy:       strings.TrimRight(env[eagerState], "bBkKmMgGi ") == noEagerBytes || env[noEagerState] == noEager,
		Suspending: known && err == nil && bound < suspendsByDefault,
	}
}

// suspendsByDefault is after what time of waiting a server suspends an invocation that
// nothing is set for.
const suspendsByDefault = time.Minute

// Class is the class that a plan begins in. A start step may change it.
func (c Config) Class() Class { return c.Started().Class() }

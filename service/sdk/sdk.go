// Package sdk builds, starts and ends the reference services that are written with SDKs
// of other languages than Go.
//
// A service is built once: the cache has it under a hash of its sources. It runs as a child
// process behind the endpoint proxy, and does not outlive this process, even if that is killed:
// see package child.
package sdk

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"retain/internal/printable"
)

// Name names the SDK of the handlers under test.
type Name string

// SDKs. The handlers in Go are served by this process: package reference.
const (
	Go         Name = "go"
	Java       Name = "java"
	TypeScript Name = "typescript"
	Python     Name = "python"
)

// order is that of [Names].
var order = []Name{Go, Java, TypeScript, Python}

// Names are the SDKs that there is a reference service for.
func Names() []Name {
	var out []Name
	for _, n := range order {
		if n == Go || languages[n] != nil {
			out = append(out, n)
		}
	}
	return out
}

// List is a sentence's list of [Names]: "go, java or python".
func List() string { return printable.List(Names(), "or") }

// Check returns an error that lists the SDKs, unless the name is one.
func (n Name) Check() error {
	if slices.Contains(Names(), n) {
		return nil
	}
	return fmt.Errorf("-sdk %s: want %s", n, List())
}

// Options of a [Service].
type Options struct {
	// Bind is the host to listen on, "" for 127.0.0.1.
	Bind string
	// Nonce is what a probe is answered with.
	Nonce string
	// Notice, if not nil, gets lines for the user when something takes time. It must not
	// block.
	Notice func(string)
}

func (o Options) notice(format string, args ...any) {
	if o.Notice != nil {
		o.Notice(fmt.Sprintf(format, args...))
	}
}

// errInProcess is returned where there is nothing to start.
var errInProcess = errors.New("the reference service in Go is served by this process")

// Prepare checks that the tools are here that run the service, and builds it if the cache
// does not have it. An error about a tool is one line and says what to install. Nothing is
// prepared for [Go].
func Prepare(ctx context.Context, n Name, o Options) error {
	if n == Go {
		return nil
	}
	_, err := prepare(ctx, n, o)
	return err
}

// Start prepares a service and starts it. It listens when Start returns.
func Start(ctx context.Context, n Name, o Options) (*Service, error) {
	if n == Go {
		return nil, errInProcess
	}
	b, err := prepare(ctx, n, o)
	if err != nil {
		return nil, err
	}
	return start(ctx, b, o)
}

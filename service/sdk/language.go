package sdk

import (
	"context"
	"io/fs"
)

// language is how the services of an SDK are built and run. Each has a file of its own,
// which registers it.
type language struct {
	// title is its name in sentences.
	title string
	// sources are all files that the service is built from, lock files included.
	sources fs.FS
	// find finds the tools that run a service, and those that build it too if build is set. It
	// checks their versions: an error is one line and says what to install.
	find func(ctx context.Context, build bool) (tools, error)
	// build builds the service in dir, which holds the sources. What it makes may be moved to
	// another directory.
	build func(ctx context.Context, t tools, dir string) error
	// command runs the service that was built in dir; temp is a directory for its temporary
	// files.
	command func(t tools, dir, temp string) []string
}

// A service reads its environment:
const (
	// envHost and envPort are where it listens; port 0 is one that the system chooses.
	envHost = "HOST"
	envPort = "PORT"
	// envNonce is what it answers a probe with.
	envNonce = "RETAIN_NONCE"
)

// portLine is the line that a service prints to its standard output once it listens, with
// the number of its port.
const portLine = "listening on port "

// tools are the paths of programs by their names, and what of them a build depends on.
type tools struct {
	programs map[string]string
	// fingerprint is part of the build's key, such as the version of an interpreter whose
	// binary modules the build holds.
	fingerprint string
}

var languages = map[Name]*language{}

func register(n Name, l language) Name {
	languages[n] = &l
	return n
}

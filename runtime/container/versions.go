package container

import (
	"context"
	"fmt"
	"sync"

	"retain/runtime"
	"retain/runtime/binary"
	"retain/runtime/reaper"
)

// server is an image that has said its version.
type server struct{ image, version string }

// servers are the images that a runtime starts, by the names of their versions.
type servers struct {
	docker  *daemon
	owner   *reaper.Owner
	options options
	own     server
	// name is that of own: the version that was asked for or, if an image was named
	// without one, what it reports.
	name string

	mu    sync.Mutex
	found map[string]server
}

// findOwn gets the image of the runtime's settings.
func (s *servers) findOwn(ctx context.Context, version string) (err error) {
	s.name = version
	if s.own, err = s.get(ctx, s.options.own(version), version); err != nil {
		return err
	}
	if s.options.image != "" {
		s.name = s.own.version
	}
	return binary.CheckBuild(s.name, s.own.version)
}

// find gets the image of a version; "" is the runtime's own.
func (s *servers) find(ctx context.Context, version string) (server, error) {
	if version == "" || version == s.name {
		return s.own, nil
	}
	if err := runtime.CheckVersion(version); err != nil {
		return server{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if known, is := s.found[version]; is {
		return known, nil
	}
	out, err := s.get(ctx, s.options.images[version], version)
	if err == nil {
		err = binary.CheckBuild(version, out.version)
	}
	if err != nil {
		return server{}, fmt.Errorf("provide version %s: %w", version, err)
	}
	if s.found == nil {
		s.found = map[string]server{}
	}
	s.found[version] = out
	return out, nil
}

// get gets an image that a person named or, for "", that of a release, and asks it for
// its version.
func (s *servers) get(ctx context.Context, named, version string) (server, error) {
	image, err := s.docker.image(ctx, named, version, s.options.notice)
	if err != nil {
		return server{}, err
	}
	reported, err := s.docker.version(ctx, s.owner, image)
	return server{image: image, version: reported}, err
}

// own is the image that a person named for the version of a runtime's settings, "" for
// none.
func (o options) own(version string) string {
	if o.image != "" {
		return o.image
	}
	return o.images[version]
}

package process

import (
	"cmp"
	"context"
	"fmt"
	"sync"

	"retain/runtime"
	"retain/runtime/binary"
)

// Request is what [New] looks for, with these settings.
func Request(s runtime.Settings, opts ...Option) binary.Request { return collect(opts).own(s) }

// own is the request for the server that a runtime of the settings starts unless a start
// names another version.
func (o options) own(s runtime.Settings) binary.Request {
	if o.binary != "" {
		return binary.Request{Path: o.binary, Notice: o.notice}
	}
	return o.request(cmp.Or(s.Version, runtime.DefaultVersion))
}

// request asks for the server of a version.
func (o options) request(version string) binary.Request {
	return binary.Request{Path: o.builds[version], Version: version, Notice: o.notice}
}

// servers are the programs that a runtime starts, by the names of their versions.
type servers struct {
	options options
	own     binary.Server
	// name is that of own: the version that was asked for or, if a program was named
	// without one, what it reports.
	name string

	mu    sync.Mutex
	found map[string]binary.Server
}

// findOwn finds the server of a runtime's settings.
func findOwn(ctx context.Context, o options, s runtime.Settings) (*servers, error) {
	request := o.own(s)
	server, err := binary.Find(ctx, request)
	if err != nil {
		return nil, err
	}
	out := &servers{options: o, own: server, name: request.Version, found: map[string]binary.Server{}}
	if out.name == "" {
		out.name = server.Version
	}
	return out, binary.CheckBuild(out.name, server.Version)
}

// find finds the server of a version, installing it if need be; "" is the runtime's own.
func (s *servers) find(ctx context.Context, version string) (binary.Server, error) {
	if version == "" || version == s.name {
		return s.own, nil
	}
	if err := runtime.CheckVersion(version); err != nil {
		return binary.Server{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if server, known := s.found[version]; known {
		return server, nil
	}
	server, err := binary.Find(ctx, s.options.request(version))
	if err == nil {
		err = binary.CheckBuild(version, server.Version)
	}
	if err != nil {
		return binary.Server{}, fmt.Errorf("provide version %s: %w", version, err)
	}
	s.found[version] = server
	return server, nil
}

package backend

import (
	"context"
	"fmt"

	"retain/runtime"
	"retain/runtime/binary"
	"retain/runtime/container"
)

// Subject is the server that a choice comes to.
type Subject struct {
	// OnPath is the program of this machine's PATH that is used in place of the npm
	// package's, "" for none.
	OnPath string
	// Image is the id of the server's image, "sha256:" and hex; "" for none.
	Image string
	// Version is what a native server reports, "" for others: an image says it once it runs.
	Version string
}

// Subjects finds the servers of a choice, installing or pulling them if need be: that of the
// settings, under "", and those of versions that starts name.
func (o Options) Subjects(ctx context.Context, c Choice, s runtime.Settings, versions []string) (map[string]Subject, error) {
	out := map[string]Subject{}
	for _, version := range append([]string{""}, versions...) {
		of, settings := o.of(s, version)
		found, err := of.subject(ctx, c, settings)
		if err != nil && version != "" {
			err = fmt.Errorf("the plan starts version %s: %w", version, err)
		}
		if err != nil {
			return nil, err
		}
		out[version] = found
	}
	return out, nil
}

// subject finds one server of a choice.
func (o Options) subject(ctx context.Context, c Choice, s runtime.Settings) (Subject, error) {
	switch c.Name {
	case Process:
		server, err := binary.Find(ctx, o.request(s))
		if err != nil {
			return Subject{}, err
		}
		found := Subject{Version: server.Version}
		if server.OnPath {
			found.OnPath = server.Path
		}
		return found, nil
	case Container:
		id, err := container.ImageID(ctx, s, o.containers()...)
		if err != nil {
			return Subject{}, fmt.Errorf("look at the server's image: %w", err)
		}
		return Subject{Image: id}, nil
	}
	return Subject{}, nil
}

package backend

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"retain/generators"
	"retain/internal/printable"
	"retain/runtime"
	"retain/runtime/binary"
	"retain/runtime/container"
	"retain/runtime/dumpconfig"
	"retain/runtime/process"
)

// Check refuses settings that the server does not know, and variables that it can't
// read, in one line; nothing is started. Notices say what could not be checked, and
// which settings change nothing. The server is that of a version, "" for that of the
// settings. The simulated runtime has no settings.
func (o Options) Check(ctx context.Context, c Choice, s runtime.Settings, version string) error {
	if c.Name == Simulated {
		return nil
	}
	if version == "" {
		o.inheritance(s)
	}
	o, s = o.of(s, version)
	given, err := handed(c, s)
	if err != nil || len(given.Env) == 0 && given.Content == nil {
		return err
	}
	server, err := o.dumper(ctx, c, s, given.Path)
	if err != nil {
		return err
	}
	notes, err := dumpconfig.Check(ctx, server, given)
	for _, note := range notes {
		o.notice(note)
	}
	return err
}

// dumper is the server of a choice.
func (o Options) dumper(ctx context.Context, c Choice, s runtime.Settings, file string) (dumpconfig.Server, error) {
	if c.Name == Container {
		id, err := container.ImageID(ctx, s, o.containers()...)
		if err != nil {
			return dumpconfig.Server{}, fmt.Errorf("look at the server's image: %w", err)
		}
		return container.Dumper(ctx, id)
	}
	server, err := binary.Find(ctx, o.request(s))
	if err != nil {
		return dumpconfig.Server{}, err
	}
	return server.Dumper(file), nil
}

func (o Options) request(s runtime.Settings) binary.Request {
	return process.Request(s, o.process()...)
}

// handed are the settings that a person hands to the server.
func handed(c Choice, s runtime.Settings) (dumpconfig.Given, error) {
	g := dumpconfig.Given{Env: maps.Clone(s.Env), Path: s.ConfigFile, Shared: []string{runtime.EnvPartitions}}
	for _, configuration := range generators.Servers() {
		g.Shared = slices.AppendSeq(g.Shared, maps.Keys(configuration.Start.Env()))
		g.Shared = slices.AppendSeq(g.Shared, maps.Keys(configuration.Env()))
	}
	g.Fixed = slices.Collect(maps.Keys(binary.Environment(runtime.Settings{}, "retain")))
	if own, is := s.Env["RESTATE_CONFIG"]; is && c.Name == Process {
		switch {
		case s.ConfigFile != "":
			return g, fmt.Errorf("-restate.config and -restate.env RESTATE_CONFIG name two configuration files: give one of them")
		case !filepath.IsAbs(own):
			return g, fmt.Errorf("-restate.env RESTATE_CONFIG=%s: the server runs in another directory: name the file with -restate.config", printable.Cut(own, maxPath))
		}
		delete(g.Env, "RESTATE_CONFIG")
		g.Path = own
	}
	if g.Path == "" {
		return g, nil
	}
	content, err := os.ReadFile(g.Path)
	if err != nil {
		return g, fmt.Errorf("read the server's configuration file: %w: name one with -restate.config", err)
	}
	g.Content = append([]byte{}, content...) // not nil
	return g, nil
}

// maxPath bounds a path in an error, in columns.
const maxPath = 200

// inheritance says that variables of this environment are not handed on.
func (o Options) inheritance(s runtime.Settings) {
	var names []string
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		if _, handed := s.Env[name]; !handed && strings.HasPrefix(strings.ToUpper(name), "RESTATE_") {
			names = append(names, printable.Cut(name, maxPath))
		}
	}
	if len(names) > 0 {
		slices.Sort(names)
		o.notice(fmt.Sprintf("not handed to the server: %s of this environment (-restate.env hands variables on)", strings.Join(names, ", ")))
	}
}

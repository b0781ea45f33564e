package runtimetest

import (
	"context"
	"errors"
	"fmt"

	"retain/runtime"
	"retain/runtime/binary"
	"retain/runtime/ingress"
)

// startsMayHaveAnotherVersion starts one server with its own version, with another one, and
// with its own again.
func (s *Suite) startsMayHaveAnotherVersion(ctx context.Context) error {
	if _, err := s.down(ctx); err != nil {
		return err
	}
	r, err := s.Up(ctx)
	if err != nil {
		return err
	}
	var w wrong
	own, other := r.Identity(), s.fixture.Another
	w.add(ingress.CheckServer(ctx, r.Endpoints(), own))
	has, err := s.fixture.Save(ctx, r)
	if err != nil {
		return fmt.Errorf("save something: %w", err)
	}
	reported, err := r.Provide(ctx, other)
	w.unless(err == nil && reported == other, "Provide of %s returns %q, %v", other, reported, err)
	w.unless(r.Identity() == own, "Provide of %s changes the identity from %+v to %+v", other, own, r.Identity())
	w.add(has(ctx))
	var log follower
	w.add(log.follow(r))
	for n, version := range []string{other, "", other, own.Version} {
		if err := s.restart(ctx, r, n, runtime.StartOptions{Version: version}); err != nil {
			return errors.Join(w.err(), fmt.Errorf("start with version %q: %w", version, err))
		}
		id := r.Identity()
		w.add(ingress.CheckServer(ctx, r.Endpoints(), id))
		w.add(has(ctx))
		w.add(log.follow(r))
		if version != other {
			w.unless(id == own, "its own server again, the identity is %+v, and was %+v", id, own)
			continue
		}
		w.unless(id.Version == other, "started with version %s, the identity has %s", other, id.Version)
		w.unless(id.Node == own.Node && id.Cluster == own.Cluster && id.Backend == own.Backend, "version %s changes %+v to %+v", other, own, id)
		w.unless(own.Build == "" || id.Build != own.Build && id.Build != "", "the build of %s is %q, and that of %s %q", other, id.Build, own.Version, own.Build)
	}
	w.add(log.whole(r))
	return w.err()
}

// startThatIsRefusedLosesNothing asks for versions and settings that a start can't have.
func (s *Suite) startThatIsRefusedLosesNothing(ctx context.Context) error {
	r, err := s.Up(ctx)
	if err != nil {
		return err
	}
	has, err := s.fixture.Save(ctx, r)
	if err != nil {
		return fmt.Errorf("save something: %w", err)
	}
	own := r.Identity()
	if err := kill(ctx, r); err != nil {
		return err
	}
	var w wrong
	for _, version := range []string{"no version", "../1.7.12", s.fixture.Missing} {
		if version == "" {
			continue
		}
		for what, err := range map[string]error{
			"Start": r.Start(ctx, runtime.StartOptions{Version: version}), "Provide": provide(ctx, r, version),
		} {
			w.unless(errors.Is(err, errors.ErrUnsupported) || errors.Is(err, binary.ErrVersion),
				"%s with version %q returns %v, want ErrUnsupported or ErrVersion", what, version, err)
		}
	}
	err = r.Start(ctx, runtime.StartOptions{Env: map[string]string{runtime.EnvPartitions: "2"}})
	w.unless(err != nil && !errors.Is(err, runtime.ErrState), "Start with %s returns %v, want an error about it", runtime.EnvPartitions, err)
	w.refused("Kill", r.Kill(ctx))
	if err := r.Start(ctx, runtime.StartOptions{}); err != nil {
		return errors.Join(w.err(), fmt.Errorf("start after refused starts: %w", err))
	}
	w.add(Healthy(ctx, r))
	w.add(has(ctx))
	w.unless(r.Identity() == own, "refused starts change the identity from %+v to %+v", own, r.Identity())
	return w.err()
}

func provide(ctx context.Context, r runtime.Runtime, version string) error {
	_, err := r.Provide(ctx, version)
	return err
}

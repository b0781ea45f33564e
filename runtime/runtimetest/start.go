package runtimetest

import (
	"context"
	"errors"
	"fmt"

	"retain/runtime"
)

// observeNothing is for servers that no environment changes.
func observeNothing(context.Context, runtime.Runtime) (func(context.Context) (string, error), error) {
	return func(context.Context) (string, error) { return "", nil }, nil
}

// startsHaveTheirOwnEnvironment starts one server without an environment, with one, with
// another one, and without again.
func (s *Suite) startsHaveTheirOwnEnvironment(ctx context.Context) error {
	if _, err := s.down(ctx); err != nil {
		return err
	}
	r, err := s.Up(ctx)
	if err != nil {
		return err
	}
	var w wrong
	identity := r.Identity()
	has, err := s.fixture.Save(ctx, r)
	if err != nil {
		return fmt.Errorf("save something: %w", err)
	}
	begin := s.fixture.Observe
	if begin == nil {
		begin = observeNothing
	}
	observe, err := begin(ctx, r)
	if err != nil {
		return fmt.Errorf("observe the server: %w", err)
	}
	var log follower
	var seen []string
	envs := Environments()
	starts := []map[string]string{nil, envs[0], envs[1], nil}
	for n, env := range starts {
		if n > 0 {
			if err := s.restart(ctx, r, n, runtime.StartOptions{Env: env}); err != nil {
				return fmt.Errorf("start with %v: %w", env, err)
			}
			w.add(has(ctx))
		}
		does, err := observe(ctx)
		if err != nil {
			return fmt.Errorf("after a start with %v: %w", env, err)
		}
		seen = append(seen, does)
		w.add(log.follow(r))
	}
	w.unless(r.Identity() == identity, "the identity changes from %+v to %+v", identity, r.Identity())
	w.add(log.whole(r))
	w.unless(seen[3] == seen[0], "started without an environment, the server does at first: %s; and after other starts: %s", seen[0], seen[3])
	for i, j := range []int{1, 2, 0} {
		w.unless(seen[i] != seen[j] || s.fixture.Observe == nil, "started with %v and with %v, the server does the same: %s", starts[i], starts[j], seen[i])
	}
	return w.err()
}

// restart ends a server, every other time by a kill, and starts it with options.
func (s *Suite) restart(ctx context.Context, r runtime.Runtime, n int, o runtime.StartOptions) error {
	end := stopGracefully
	if n%2 == 0 {
		end = kill
	}
	if err := end(ctx, r); err != nil {
		return err
	}
	if err := r.Start(ctx, o); err != nil {
		return err
	}
	return Healthy(ctx, r)
}

// follower reads a log piece by piece, each from the end of the one before.
type follower struct{ read []byte }

// follow reads the next piece, which must not be empty.
func (f *follower) follow(r runtime.Runtime) error {
	more, err := r.Logs(int64(len(f.read)))
	if err == nil && len(more) == 0 {
		err = fmt.Errorf("the log ends at %d as before the start", len(f.read))
	}
	f.read = append(f.read, more...)
	return err
}

// whole returns an error unless the log begins with the pieces that were read.
func (f *follower) whole(r runtime.Runtime) error {
	all, err := r.Logs(0)
	if err == nil && (len(all) < len(f.read) || string(all[:len(f.read)]) != string(f.read)) {
		err = errors.New("the log does not begin with the pieces that were read of it")
	}
	return err
}

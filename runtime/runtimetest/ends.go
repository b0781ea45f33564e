package runtimetest

import (
	"context"
	"errors"
	"strings"

	"retain/internal/poll"
	"retain/runtime"
)

func (s *Suite) stopThatOutlastsTheGrace(ctx context.Context) (err error) {
	r, grace, err := s.fixture.Deaf(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close(ctx)) }()
	if err := r.Start(ctx, runtime.StartOptions{}); err != nil {
		return err
	}
	if err := hasLogged(ctx, r); err != nil {
		return err
	}
	exit, err := r.Stop(ctx)
	if err != nil {
		return err
	}
	var w wrong
	w.unless(exit.Killed && !exit.Graceful(), "it is %s, want a kill", exit)
	w.unless(exit.Took >= grace, "it took %s, less than the grace of %s", exit.Took, grace)
	return w.err()
}

// hasLogged waits for the first line of a server's log.
func hasLogged(ctx context.Context, r runtime.Runtime) error {
	return poll.Until(ctx, healthyPoll, func() error {
		log, err := r.Logs(0)
		if err != nil {
			return poll.Stop(err)
		}
		if len(log) == 0 {
			return errors.New("the log is empty")
		}
		return nil
	})
}

func (s *Suite) serverThatEndsByItself(ctx context.Context) (err error) {
	r, reason, err := s.fixture.Failing(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close(ctx)) }()
	if err := r.Start(ctx, runtime.StartOptions{}); err != nil {
		return err
	}
	e, can := r.(runtime.Exiter)
	if !can {
		return nil
	}
	select {
	case <-e.Exited():
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	var w wrong
	exit, ended := e.LastExit()
	w.unless(ended && exit.Code == 1 && !exit.Killed, "LastExit is %+v, %t, want exit code 1", exit, ended)
	w.unless(exit.Took == 0, "it took %s, and nobody asked it to end", exit.Took)
	_, err = r.Stop(ctx)
	w.refused("Stop", err)
	log, err := r.Logs(0)
	w.add(err)
	w.unless(strings.Contains(string(log), reason), "the log does not have the reason, %q: %s", reason, log)
	return w.err()
}

// closeEndsIt also ends a frozen server.
func (s *Suite) closeEndsIt(ctx context.Context) error {
	r, err := s.Up(ctx)
	if err != nil {
		return err
	}
	if p, can := r.(runtime.Pauser); can {
		if err := p.Pause(ctx); err != nil {
			return err
		}
	}
	var w wrong
	w.add(r.Close(ctx))
	w.add(r.Close(ctx))
	s.r = nil
	w.unless(!answers(ctx, r), "a closed server answers")
	w.refused("Start", r.Start(ctx, runtime.StartOptions{}))
	w.notUp(ctx, r)
	if e, can := r.(runtime.Exiter); can {
		w.closed(e.Exited())
	}
	_, err = r.Logs(0)
	w.unless(err == nil || errors.Is(err, runtime.ErrState), "Logs returns %v, want a log or ErrState", err)
	return w.err()
}

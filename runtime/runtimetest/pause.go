package runtimetest

import (
	"context"
	"time"

	"retain/runtime"
)

// frozenFor is how long a frozen server is watched for an answer.
const frozenFor = 300 * time.Millisecond

// pauser is the shared runtime with a server that is up; ok is false if it can't be
// paused.
func (s *Suite) pauser(ctx context.Context) (r runtime.Runtime, p runtime.Pauser, ok bool, err error) {
	r, err = s.Up(ctx)
	if err != nil {
		return nil, nil, false, err
	}
	p, ok = r.(runtime.Pauser)
	return r, p, ok, nil
}

func (s *Suite) pausedServerDoesNotAnswer(ctx context.Context) error {
	r, p, can, err := s.pauser(ctx)
	if err != nil || !can {
		return err
	}
	if err := p.Pause(ctx); err != nil {
		return err
	}
	var w wrong
	impatient, cancel := context.WithTimeout(ctx, frozenFor)
	defer cancel()
	w.unless(!answers(impatient, r), "a frozen server answers")
	w.refused("Start", r.Start(ctx, runtime.StartOptions{}))
	if e, can := r.(runtime.Exiter); can {
		_, ended := e.LastExit()
		w.unless(!ended, "a frozen server has ended, says LastExit")
	}
	w.add(p.Resume(ctx))
	w.add(Healthy(ctx, r))
	return w.err()
}

// turns is how often a server is paused and resumed: faster than a daemon notices.
const turns = 100

func (s *Suite) pauseAndResumeInQuickTurns(ctx context.Context) error {
	r, p, can, err := s.pauser(ctx)
	if err != nil || !can {
		return err
	}
	for range turns {
		if err := p.Pause(ctx); err != nil {
			return err
		}
		if err := p.Resume(ctx); err != nil {
			return err
		}
	}
	return Healthy(ctx, r)
}

func (s *Suite) stopOfAPausedServer(ctx context.Context) error {
	return s.paused(ctx, func(w *wrong, r runtime.Runtime) { w.gracefully(ctx, r) })
}

func (s *Suite) killOfAPausedServer(ctx context.Context) error {
	return s.paused(ctx, func(w *wrong, r runtime.Runtime) {
		began := time.Now()
		w.add(r.Kill(ctx))
		w.killed(r, began)
	})
}

// paused runs a test on a server that is paused.
func (s *Suite) paused(ctx context.Context, test func(*wrong, runtime.Runtime)) error {
	r, p, can, err := s.pauser(ctx)
	if err != nil || !can {
		return err
	}
	if err := p.Pause(ctx); err != nil {
		return err
	}
	var w wrong
	test(&w, r)
	return w.err()
}

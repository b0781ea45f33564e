package runtimetest

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"retain/runtime"
)

func (s *Suite) nothingIsUpBeforeTheFirstStart(ctx context.Context) error {
	r, err := s.fixture.New(ctx)
	if err != nil {
		return err
	}
	var w wrong
	defer func() { _ = r.Close(ctx) }()
	w.notUp(ctx, r)
	log, err := r.Logs(0)
	w.add(err)
	w.unless(len(log) == 0, "there is a log of %d bytes", len(log))
	if e, can := r.(runtime.Exiter); can {
		w.closed(e.Exited())
		_, ended := e.LastExit()
		w.unless(!ended, "LastExit knows an exit of a server that was never started")
	}
	w.add(r.Close(ctx))
	w.refused("Start after Close", r.Start(ctx, runtime.StartOptions{}))
	return w.err()
}

// notUp notes transitions that a server which is down makes.
func (w *wrong) notUp(ctx context.Context, r runtime.Runtime) {
	_, err := r.Stop(ctx)
	w.refused("Stop", err)
	w.refused("Kill", r.Kill(ctx))
	if p, can := r.(runtime.Pauser); can {
		w.refused("Pause", p.Pause(ctx))
		w.refused("Resume", p.Resume(ctx))
	}
}

// closed notes a channel of Exited that is open.
func (w *wrong) closed(c <-chan struct{}) {
	select {
	case <-c:
	default:
		w.unless(false, "the channel of Exited is open")
	}
}

func (s *Suite) startWithAnEndedContext(ctx context.Context) error {
	r, err := s.down(ctx)
	if err != nil {
		return err
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	var w wrong
	w.unless(r.Start(ended, runtime.StartOptions{}) != nil, "Start with an ended context returns no error")
	w.refused("Kill", r.Kill(ctx))
	return w.err()
}

func (s *Suite) startMakesItAnswer(ctx context.Context) error {
	r, err := s.down(ctx)
	if err != nil {
		return err
	}
	if err := r.Start(ctx, runtime.StartOptions{}); err != nil {
		return err
	}
	var w wrong
	w.refused("a second Start", r.Start(ctx, runtime.StartOptions{}))
	w.add(Healthy(ctx, r))
	ep := r.Endpoints()
	w.unless(ep.Ingress != ep.Admin, "ingress and admin API have one address, %s", ep.Admin)
	for _, address := range []string{ep.Ingress, ep.Admin} {
		u, err := url.Parse(address)
		w.add(err)
		w.unless(err == nil && u.Scheme == "http" && u.Path == "", "%q is no base URL", address)
		w.unless(ep.Dial != nil || u.Hostname() == "127.0.0.1", "%s is not on loopback", address)
	}
	if e, can := r.(runtime.Exiter); can {
		_, ended := e.LastExit()
		w.unless(!ended, "LastExit knows an exit of a server that is up")
		select {
		case <-e.Exited():
			w.unless(false, "the channel of Exited is closed, and the server is up")
		default:
		}
	}
	return w.err()
}

func (s *Suite) identityIsStable(ctx context.Context) error {
	r, err := s.Up(ctx)
	if err != nil {
		return err
	}
	var w wrong
	id := r.Identity()
	w.unless(id == r.Identity(), "it changes from %+v to %+v", id, r.Identity())
	w.unless(id.Backend == s.fixture.Backend, "the backend is %q, want %q", id.Backend, s.fixture.Backend)
	for what, text := range map[string]string{"version": id.Version, "node": id.Node, "cluster": id.Cluster, "source": id.Source} {
		w.unless(text != "", "there is no %s", what)
	}
	back, ok := runtime.ParseIdentity(id.String())
	w.unless(ok && back.Version == id.Version && back.Build == id.Build && back.Backend == id.Backend, "%q does not parse back", id)
	return w.err()
}

func (s *Suite) stopIsGraceful(ctx context.Context) error {
	r, err := s.Up(ctx)
	if err != nil {
		return err
	}
	var w wrong
	w.gracefully(ctx, r)
	w.notUp(ctx, r)
	return w.err()
}

// gracefully stops a server and notes an end that is not graceful, or recorded
// wrongly.
func (w *wrong) gracefully(ctx context.Context, r runtime.Runtime) {
	exited := make(<-chan struct{})
	e, can := r.(runtime.Exiter)
	if can {
		exited = e.Exited()
	}
	began := time.Now()
	exit, err := r.Stop(ctx)
	w.add(err)
	if err != nil {
		return
	}
	w.unless(exit.Graceful(), "the stop ends with %s, want exit 0", exit)
	w.unless(exit.Took > 0 && exit.Took <= time.Since(began), "the stop took %s of %s", exit.Took, time.Since(began))
	w.at(exit, began)
	w.unless(!answers(ctx, r), "a server that was stopped answers")
	if can {
		w.closed(exited)
		last, ended := e.LastExit()
		w.unless(ended && last == exit, "LastExit is %+v, %t, and Stop returned %+v", last, ended, exit)
	}
}

// at notes an end outside of the time from began to now.
func (w *wrong) at(exit runtime.Exit, began time.Time) {
	w.unless(!exit.At.Before(began) && !exit.At.After(time.Now()), "the end is at %s, before %s or after %s", exit.At, began, time.Now())
}

func (s *Suite) killIsSIGKILL(ctx context.Context) error {
	r, err := s.Up(ctx)
	if err != nil {
		return err
	}
	var w wrong
	began := time.Now()
	w.add(r.Kill(ctx))
	w.killed(r, began)
	w.unless(!answers(ctx, r), "a server that was killed answers")
	w.notUp(ctx, r)
	return w.err()
}

// killed notes that LastExit is not that of a kill since began.
func (w *wrong) killed(r runtime.Runtime, began time.Time) {
	e, can := r.(runtime.Exiter)
	if !can {
		return
	}
	w.closed(e.Exited())
	exit, ended := e.LastExit()
	w.unless(ended && exit.Killed && exit.Code == -1 && !exit.Graceful(), "LastExit is %+v, %t, want a kill", exit, ended)
	w.at(exit, began)
}

func (s *Suite) dataAndLogOutliveAStop(ctx context.Context) error {
	return s.outlive(ctx, func(r runtime.Runtime) error { _, err := r.Stop(ctx); return err })
}

func (s *Suite) dataAndLogOutliveAKill(ctx context.Context) error {
	return s.outlive(ctx, func(r runtime.Runtime) error { return r.Kill(ctx) })
}

// outlive ends a server and starts it again.
func (s *Suite) outlive(ctx context.Context, end func(runtime.Runtime) error) error {
	r, err := s.Up(ctx)
	if err != nil {
		return err
	}
	has, err := s.fixture.Save(ctx, r)
	if err != nil {
		return fmt.Errorf("save something: %w", err)
	}
	before, err := r.Logs(0)
	if err != nil {
		return err
	}
	if err := end(r); err != nil {
		return err
	}
	if _, err := s.Up(ctx); err != nil {
		return err
	}
	var w wrong
	w.add(has(ctx))
	after, err := r.Logs(0)
	w.add(err)
	w.unless(strings.HasPrefix(string(after), string(before)), "the log does not begin with the log before the restart")
	w.unless(len(after) > len(before), "the log did not grow over the restart")
	return w.err()
}

func (s *Suite) killRightAfterStart(ctx context.Context) error {
	r, err := s.down(ctx)
	if err != nil {
		return err
	}
	var w wrong
	for range 3 {
		began := time.Now()
		if err := r.Start(ctx, runtime.StartOptions{}); err != nil {
			return err
		}
		killed := make(chan error, 1)
		go func() { killed <- r.Kill(ctx) }()
		for answers(ctx, r) { // as a session does meanwhile
			continue
		}
		w.add(<-killed)
		w.killed(r, began)
	}
	_, err = s.Up(ctx)
	w.add(err)
	return w.err()
}

// A server that is not far enough to handle SIGTERM does not end gracefully.
func (s *Suite) stopRightAfterStart(ctx context.Context) error {
	r, err := s.down(ctx)
	if err != nil {
		return err
	}
	var w wrong
	for range 3 {
		if err := r.Start(ctx, runtime.StartOptions{}); err != nil {
			return err
		}
		exit, err := r.Stop(ctx)
		w.add(err)
		w.unless(err != nil || !exit.Killed, "it is %s", exit)
	}
	_, err = s.Up(ctx)
	w.add(err)
	return w.err()
}

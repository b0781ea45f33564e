package harness

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"retain/generators"
	"retain/model"
	"retain/runtime"
	"retain/runtime/versions"
)

// reportedAs is the version that a server reports which plans call by a name.
func (s *System) reportedAs(name string) string {
	if reported := s.reported[name]; reported != "" {
		return reported
	}
	return name
}

// checkSteps refuses a plan that leads over a gap between versions, before it begins: a
// version in between must be started first.
func (s *System) checkSteps(p generators.Plan) error {
	return generators.CheckPath(p, s.Runtime.Identity().Version, s.reportedAs)
}

// mayBeRefused reports whether a start of a plan is a way back to an older version that a
// known refusal may end.
func (s *System) mayBeRefused(p generators.Plan) bool {
	path := append([]string{s.Runtime.Identity().Version}, p.Path()...)
	for i, to := range path {
		for _, from := range path[:i] {
			if _, may := versions.Excuse(s.reportedAs(from), s.reportedAs(to)); may {
				return true
			}
		}
	}
	return false
}

// env is what configures the server, by names in capitals.
func (s *System) env() map[string]string {
	out := map[string]string{}
	for _, env := range []map[string]string{s.Config.Env(), s.Env} {
		for name, value := range env {
			out[strings.ToUpper(name)] = value
		}
	}
	return out
}

// knownRefusals are those that may end a start as another version on data that newer ones
// have written, with the settings that the server has. A start of the version that ran has
// none.
func (r *run) knownRefusals(f generators.Inject) (out []versions.Refusal) {
	to := r.sys.reportedAs(f.Version)
	if f.Version == "" || to == r.server().Version {
		return nil
	}
	env := r.sys.env()
	for _, from := range r.wrote {
		refusal, may := versions.Excuse(from, to)
		if may && isIn(refusal.With, env) {
			out = append(out, refusal)
		}
	}
	return out
}

// isIn reports whether an environment has settings.
func isIn(settings, env map[string]string) bool {
	for name, value := range settings {
		if !strings.EqualFold(env[strings.ToUpper(name)], value) {
			return false
		}
	}
	return true
}

// errExcused ends the wait for a start that was refused as the file of differences says.
type errExcused struct{ refusal versions.Refusal }

// Error implements error.
func (e errExcused) Error() string {
	return fmt.Sprintf("way back refused, excused: %s (%s)", e.refusal, e.refusal.Says)
}

// excusedBy is the refusal that a server's log and its end show; false for none of them. A
// server that ends for another reason, or says it of another pair, is not excused.
func excusedBy(known []versions.Refusal, log string, exit *runtime.Exit) (versions.Refusal, bool) {
	for _, k := range known {
		switch {
		case !k.In(log):
		case exit == nil && k.Exit == nil, exit != nil && k.Exit != nil && !exit.Killed && exit.Code == *k.Exit:
			return k, true
		}
	}
	return versions.Refusal{}, false
}

// watchRefusal ends the wait for a start, which may be refused in known ways, once its log
// shows that it is, or once the server has ended without that. offset is where the log of
// the start begins.
func (r *run) watchRefusal(ctx context.Context, known []versions.Refusal, offset int64, end context.CancelCauseFunc) {
	var exited <-chan struct{}
	exiter, can := r.sys.Runtime.(runtime.Exiter)
	if can {
		exited = exiter.Exited()
	}
	tick := time.NewTicker(logInterval)
	defer tick.Stop()
	for {
		var exit *runtime.Exit
		select {
		case <-ctx.Done():
			return
		case <-exited:
			if how, over := exiter.LastExit(); over {
				exit = &how
			}
		case <-tick.C:
		}
		log, err := r.sys.Runtime.Logs(offset)
		if err != nil && exit == nil {
			continue // there is none yet
		}
		if refusal, is := excusedBy(known, string(log), exit); is {
			end(errExcused{refusal})
			return
		}
		if exit != nil {
			end(unsaid(r.endedByItself(), known, *exit))
			return
		}
	}
}

// errUnsaid ends the wait for a start whose server ended as a known refusal does, without
// its text.
type errUnsaid struct {
	ended error
	known []versions.Refusal
	code  int
}

// Error implements error.
func (e errUnsaid) Error() string { return e.ended.Error() }

// unsaid is an end without the text of a refusal: an [errUnsaid] if the exit code is that
// of a known one.
func unsaid(ended error, known []versions.Refusal, exit runtime.Exit) error {
	if exit.Killed || !slices.ContainsFunc(known, func(k versions.Refusal) bool { return k.Exit != nil && *k.Exit == exit.Code }) {
		return ended
	}
	return errUnsaid{ended, known, exit.Code}
}

// againMax is how long a server has to refuse a second time: the first took as long as
// the program needs to look at its data.
const againMax = 10 * time.Second

// askAgain starts a server once more that ended without saying why, and returns how the
// first start ended: excused if the second one is refused with the text. Restate writes
// its log from a thread of its own, and one that refuses may end before the line is there.
// Whatever else the second start does, the first one is judged.
func (r *run) askAgain(ctx context.Context, first errUnsaid) error {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), min(againMax, r.bounds.Recovery)) // the wait has ended with its context
	defer stop()
	refusal, is := r.refusalOfNextStart(ctx, first.known)
	if !is {
		r.fail(r.notBack(first.ended)) // before anybody sees how the second one ended
		return first.ended
	}
	r.rec.note("the server ended with exit code %d and did not log why; started once more, it did", first.code)
	return errExcused{refusal}
}

// refusalOfNextStart is the known refusal that a start ends in; false for none of them. The
// server is down then.
func (r *run) refusalOfNextStart(ctx context.Context, known []versions.Refusal) (refusal versions.Refusal, is bool) {
	offset := r.logEnd()
	if r.sys.start(ctx) != nil {
		return refusal, false
	}
	exiter := r.sys.Runtime.(runtime.Exiter) // which knew the exit before
	select {
	case <-exiter.Exited():
	case <-ctx.Done():
		_ = r.sys.Runtime.Kill(context.WithoutCancel(ctx)) // the run has failed; its end tells what is left
		return refusal, false
	}
	how, over := exiter.LastExit()
	log, err := r.sys.Runtime.Logs(offset)
	if err != nil || !over {
		return refusal, false
	}
	return excusedBy(known, string(log), &how)
}

// logEnd is the length of the server's log.
func (r *run) logEnd() int64 {
	log, err := r.sys.Runtime.Logs(0)
	if err != nil {
		return 0 // there is none yet
	}
	return int64(len(log))
}

// goForward follows a way back that was refused with an excuse: the server goes forward
// again to the version that it came from, and must have kept everything.
func (r *run) goForward(ctx context.Context, name string) error {
	r.update(func() { r.looked = served{} })
	if err := r.endRefused(ctx); err != nil {
		return err
	}
	r.sys.Version = name
	_, err := r.spawn(ctx, generators.Inject{Fault: model.Start}, func() {}, nil) // no refusal excuses this one
	return err
}

// endRefused ends a server that refused to serve, if it has not ended by itself.
func (r *run) endRefused(ctx context.Context) error {
	defer r.update(func() { r.mayRefuse = false })
	if e, can := r.sys.Runtime.(runtime.Exiter); can {
		if _, over := e.LastExit(); over {
			r.abortStart()
			r.isDown()
			return nil
		}
	}
	return r.end(generators.Inject{Fault: model.Kill}, func() {}, func(*model.FaultEnded) error {
		if err := r.sys.Runtime.Kill(ctx); !errors.Is(err, runtime.ErrState) {
			return err
		}
		return nil // it ended meanwhile
	})
}

// Excused are the starts of a run that were refused as the file of differences says.
func (r *Run) Excused() (out []model.Fault) {
	if r.Outcome == nil || r.Ledger {
		return nil
	}
	for _, f := range r.Outcome.History.Faults {
		if f.Excused != "" {
			out = append(out, f)
		}
	}
	return out
}

// lossesOf is [versions.LossesOf], but for tests.
var lossesOf = versions.LossesOf

// takeLosses takes in what a start as another version may lose by the file of differences,
// with the settings that the server has, and says it. Where keyed objects are concerned,
// nothing is sent again from then on: by design it could run again.
func (r *run) takeLosses(f generators.Inject) {
	to, env := r.sys.reportedAs(f.Version), r.sys.env()
	if f.Version == "" || to == r.server().Version {
		return
	}
	for _, from := range r.wrote {
		for _, loss := range lossesOf(from, to) {
			if len(loss.WayBack.Settings) > 0 && isIn(loss.WayBack.Settings, env) {
				continue // it is averted
			}
			concerns := "keyed objects are not concerned"
			if loss.Objects {
				r.unkept, concerns = true, "what was answered is not sent again any more"
			}
			r.rec.note("step %d, as %s on data of %s, may lose by the file of differences (%s): %s", f.ID, to, from, concerns, loss.Loses)
		}
	}
}

package triage

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"retain/checker"
	"retain/harness"
	"retain/runtime"
	"retain/runtime/resources"
	"retain/runtime/serverlog"
)

// nearby is how far a shortage may be from what it explains.
const nearby = 10 * time.Second

// shortageOf is what ran out between two times, by the server's log of an incarnation and by the
// measured levels.
func shortageOf(sys *harness.System, incarnation int, from, to time.Time, latched bool, others ...resources.Said) resources.Shortage {
	return resources.Rule(append(others, sys.Log.Shortages(incarnation, from, to, latched)...), sys.Worst(from), sys.Need)
}

// shortageAtAdmission is what ran out when the server admitted something.
func shortageAtAdmission(sys *harness.System, a serverlog.Admission) resources.Shortage {
	at := a.At
	if at.IsZero() {
		at = time.Now()
	}
	return shortageOf(sys, a.Life, at.Add(-nearby), at.Add(nearby), resources.Latched(a.Line))
}

// lately is the time from which on a shortage may explain an error, or the server's end:
// a run may go on for a while after that.
func lately(sys *harness.System) time.Time {
	now := time.Now()
	if e, can := sys.Runtime.(runtime.Exiter); can {
		if exit, over := e.LastExit(); over && !exit.At.IsZero() {
			now = exit.At
		}
	}
	return now.Add(-nearby)
}

// shortageAtStall is what ran out while a liveness guarantee broke.
func (o Options) shortageAtStall(l *harness.Liveness, sys *harness.System) resources.Shortage {
	now, since := time.Now(), lately(sys)
	if !l.Ended {
		since = now.Add(-o.Bounds.Recovery - o.Bounds.Completion)
	}
	return shortageOf(sys, sys.Log.Incarnation(), since, now.Add(nearby), !l.Ended)
}

// attribute decides whether a failure that no history shows is the machine's affair: it
// is if each part of it came while something had run out that the server itself had
// not used up. A history without a legal order stays a violation, with the shortage
// beside it. Only the first decision counts.
func (o Options) attribute(r *harness.Run, sys *harness.System) {
	if r.Attributed || r.Verdict != harness.Violation {
		return
	}
	r.Attributed = true
	if r.Check.Verdict == checker.Violation {
		if short := o.during(r, sys); short.Cause != resources.None {
			r.Shortage = &short
		}
		return
	}
	var ours *resources.Shortage
	excused := true
	for _, short := range o.reasons(r, sys) {
		excused = excused && short.Cause == resources.Environment
		if short.Cause != resources.None && (ours == nil || short.Cause != resources.Environment) {
			ours = &short
		}
	}
	r.Shortage = ours
	if excused && ours != nil {
		r.Instead = r.Sentence
		r.Verdict, r.Sentence = harness.Harness, ours.String()
	}
}

// reasons are the shortages behind each part of a failure.
func (o Options) reasons(r *harness.Run, sys *harness.System) (out []resources.Shortage) {
	if r.Outcome != nil && r.Outcome.Liveness != nil {
		l := r.Outcome.Liveness
		if l.Timeless && !l.Ended {
			return []resources.Shortage{{}} // no shortage explains a wrong answer
		}
		out = append(out, o.shortageAtStall(l, sys))
	}
	for _, a := range r.Admissions {
		out = append(out, shortageAtAdmission(sys, a))
	}
	return out
}

// during is what ran out while a run went on.
func (o Options) during(r *harness.Run, sys *harness.System) resources.Shortage {
	from := time.Now().Add(-r.Outcome.Took - nearby)
	return resources.Rule(sys.Log.ShortagesSince(from), sys.Worst(from), sys.Need)
}

// Blame adds a shortage to an error of the harness; sys is nil where no server was had. A
// server that was killed because it had used up the memory itself is a violation.
func (o Options) Blame(r *harness.Run, sys *harness.System, err error) {
	if err == nil || r.Verdict != harness.Harness || r.Shortage != nil {
		return
	}
	short := o.behind(sys, err)
	if short.Cause == resources.None {
		return
	}
	r.Shortage = &short
	if short.Cause == resources.TheServer && errors.Is(err, harness.ErrKilled) && r.Outcome != nil {
		r.Outcome.Liveness = harness.ServerEnded("the system killed the server: " + short.String())
		r.Verdict, r.Sentence = harness.Violation, harness.BrokenSentence(r.Outcome.Liveness)
	}
}

// shortageHypothesis is a shortage as something else that a violation could have been: one that
// the server itself brought about is none.
func shortageHypothesis(r *harness.Run) []harness.Hypothesis {
	if r.Shortage == nil {
		return nil
	}
	out := harness.Hypothesis{What: "environment", Fact: r.Shortage.String()}
	switch {
	case r.Check.Verdict == checker.Violation:
		out.RuledOut, out.Fact = true, "it ran out, and what was acknowledged must be kept all the same"
	case r.Shortage.Cause == resources.TheServer:
		out.RuledOut, out.Fact = true, "the server itself used it up"
	case r.Shortage.Cause == resources.Unexplained:
		out.Fact = "the server names a shortage, and there was plenty"
	}
	return []harness.Hypothesis{out}
}

// placeOf is the place that an error of this process is about: the artifacts', or a
// server's directory.
func (o Options) placeOf(err error) resources.Place {
	artifacts := resources.ArtifactsPlace(o.Dir)
	var at *fs.PathError
	if !errors.As(err, &at) || !filepath.IsAbs(at.Path) {
		return artifacts
	}
	if below, err := filepath.Rel(artifacts.Path, at.Path); err == nil && filepath.IsLocal(below) {
		return artifacts
	}
	return resources.DataPlace(filepath.Dir(at.Path))
}

// behind is the shortage behind an error of the harness: the one that the error names, or
// the one that the server's log and the measured levels show.
func (o Options) behind(sys *harness.System, err error) resources.Shortage {
	if kind, ours := resources.OfError(err); ours {
		return resources.OfThisProcess(kind, o.placeOf(err))
	}
	if sys == nil {
		return resources.Shortage{}
	}
	from, to := lately(sys), time.Now().Add(nearby)
	if errors.Is(err, harness.ErrOutOfMemory) {
		return shortageOf(sys, sys.Log.Incarnation(), from, to, true, resources.Said{Kind: resources.Memory})
	}
	return shortageOf(sys, sys.Log.Incarnation(), from, to, true)
}

// NotUp is the error of a server that did not come up for the first time, with the
// shortage, or else with the last lines of its log.
func NotUp(sys *harness.System, err error) error {
	logs, _ := sys.Runtime.Logs(0)
	sys.Log.ScanAll(logs)
	short := shortageOf(sys, sys.Log.Incarnation(), lately(sys), time.Now().Add(nearby), true)
	if short.Cause == resources.Environment {
		return fmt.Errorf("%w: %s: %s", err, short, short.Remedy())
	}
	return fmt.Errorf("%w%s", err, serverlog.LastLines(logs, 3))
}

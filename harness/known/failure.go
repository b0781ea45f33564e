package known

import (
	"slices"
	"strings"

	"retain/checker"
	"retain/harness"
	"retain/harness/signature"
	"retain/model"
	"retain/runtime/serverlog"
)

// failure is one thing that broke in a run.
type failure struct {
	code   model.GuaranteeCode
	object model.Kind
	// operation is the handler of the call that does not finish, or the kind of the
	// operation that is missing; "" if it is not known.
	operation string
	// line is that in which the server reports it, "" for none.
	line string
	// modes are the ways in which the call fails.
	modes []harness.FailureMode
	// after reports whether a fault of this kind came before the violation.
	after func(model.FaultKind) bool
	// witness is the fingerprint of the smallest history that shows it, "" for none.
	witness func() string
	// lives are those of the server in which it broke: from the first operation of that
	// history to the last, or since the call began that does not finish. Where servers of
	// several versions ran, it is the one that gave the first bad answer: what an older version
	// is known for excuses no loss at the start of a newer one.
	lives func(harness.Lives) harness.Lives
}

// failuresOf lists everything that broke in a run: each object without a legal order, each
// thing that did not happen, and each line in which the server reports a loss.
func failuresOf(r *harness.Run, o checker.Options) (out []failure) {
	h := r.Outcome.History
	for _, b := range r.Check.Objects {
		if b.Verdict != checker.Violation {
			continue
		}
		out = append(out, illegal(h, b, o))
	}
	for _, l := range r.Outcome.Unfinished() {
		out = append(out, unfinished(h, l))
	}
	for _, a := range r.Admissions {
		out = append(out, admitted(r.Outcome, a))
	}
	return out
}

// illegal is an object without a legal order.
func illegal(h *model.History, b checker.ObjectResult, o checker.Options) failure {
	g := b.Guarantee
	fault, came := g.Fault, harness.CameAtOf(h, &b, nil)
	if came != nil && came.Start > 0 {
		fault = endBefore(h, came.Start)
	}
	return failure{
		code: g.Code, object: b.Object.Kind, operation: string(g.Operation),
		after: func(k model.FaultKind) bool { return fault == k },
		witness: func() string {
			w, err := checker.WitnessOf(h, b.Object, o)
			if err != nil {
				return ""
			}
			g.Surfaces = false
			return signature.OfWitness(g, w).Fingerprint()
		},
		lives: func(all harness.Lives) harness.Lives {
			if came != nil {
				at := model.Instant{Seq: came.FirstBad.Seq}
				return all.During(at, at)
			}
			from, to, err := checker.SpanOf(h, b.Object, o)
			if err != nil {
				return nil
			}
			return all.During(from, to)
		},
	}
}

// endBefore is the fault that ended the server before its start number n.
func endBefore(h *model.History, n int) (end model.FaultKind) {
	for _, f := range h.Faults {
		switch {
		case f.Kind.Starts():
			if n--; n == 0 {
				return end
			}
		case f.Ends():
			end = f.Kind
		}
	}
	return ""
}

// unfinished is something that did not happen. Its operation is the one that holds the key.
func unfinished(h *model.History, l *harness.Liveness) failure {
	c := l.Held.Culprit()
	f := failure{code: l.Guarantee.Code, object: c.Kind, operation: c.Handler, modes: c.Ways}
	from := model.Instant{}
	if l.Operation > 0 {
		op := h.Operations[l.Operation-1]
		f.object, from = op.Object.Kind, op.Call
	}
	if l.Held != nil && l.Held.Holder != nil {
		from = model.Instant{} // of an unknown call nobody knows since when
		if n := l.Held.Holder.Operation; n > 0 {
			from = h.Operations[n-1].Call
		}
	}
	f.after = func(k model.FaultKind) bool { return faultSince(h, k, from) }
	f.lives = func(all harness.Lives) harness.Lives {
		if l.Operation == 0 { // the server is not back
			return all[len(all)-1:]
		}
		return all.During(from, model.Forever)
	}
	return f
}

// admitted is a line in which the server reports a loss.
func admitted(o *harness.Outcome, a serverlog.Admission) failure {
	return failure{
		code:  a.Code,
		line:  a.Line,
		after: func(k model.FaultKind) bool { return faultSince(o.History, k, model.Instant{}) },
		lives: func(all harness.Lives) harness.Lives {
			if a.At.IsZero() {
				return all
			}
			return harness.Lives{all.At(int64(a.At.Sub(o.Began())))}
		},
	}
}

// faultSince reports whether a fault of a kind was over, or began, after a moment.
func faultSince(h *model.History, kind model.FaultKind, from model.Instant) bool {
	return slices.ContainsFunc(h.Faults, func(f model.Fault) bool {
		return f.Kind == kind && (f.End.Seq == 0 || f.End.Seq > from.Seq)
	})
}

// server is what a run was executed on.
type server struct {
	lives   harness.Lives
	vqueues bool
}

func serverOf(r *harness.Run) server {
	return server{lives: harness.LivesOf(r.Plan, r.Outcome), vqueues: r.Tally.Coverage.VQueues > 0}
}

// describes reports whether a failure on a server is of the entry's finding: whether, among
// else, it broke while the server ran in a version and a configuration of the entry.
func (e *Entry) describes(f *failure, s server) bool {
	return e.Guarantee == f.code &&
		e.describesCall(f.object, f.operation, f.modes) &&
		(e.Fault == "" || f.after(e.Fault)) &&
		strings.Contains(f.line, e.Report) &&
		(e.fitsAll(s) || e.fitsOneOf(s.lives, s.vqueues) && e.fitsOneOf(f.lives(s.lives), s.vqueues)) &&
		(e.Witness == "" || f.witness != nil && f.witness() == e.Witness)
}

// fits reports whether a life of a server is in a version and a configuration of the entry.
func (e *Entry) fits(l harness.Life, vqueues bool) bool {
	return e.hasVersion(l.Version) && e.Configuration.fits(l.Class, vqueues)
}

func (e *Entry) fitsOneOf(lives harness.Lives, vqueues bool) bool {
	return slices.ContainsFunc(lives, func(l harness.Life) bool { return e.fits(l, vqueues) })
}

func (e *Entry) fitsAll(s server) bool {
	return !slices.ContainsFunc(s.lives, func(l harness.Life) bool { return !e.fits(l, s.vqueues) })
}

// describesCall reports whether an operation on an object of a kind, which fails in some
// ways, is one of the entry's. Of ways that alternate, one is enough.
func (e *Entry) describesCall(object model.Kind, operation string, modes []harness.FailureMode) bool {
	return (e.Object == "" || e.Object == object) && (e.Operation == "" || e.Operation == operation) &&
		(e.Failure == harness.FailureMode{} || slices.ContainsFunc(modes, e.Failure.Covers))
}

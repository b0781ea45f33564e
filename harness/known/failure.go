package known

import (
	"slices"

	"retain/checker"
	"retain/generators"
	"retain/harness"
	"retain/harness/signature"
	"retain/model"
)

// failure is one thing that broke in a run.
type failure struct {
	code   model.GuaranteeCode
	object model.Kind
	// operation is the handler of the call that does not finish, or the kind of the
	// operation that is missing; "" if it is not known.
	operation string
	// modes are the ways in which the call fails.
	modes []harness.FailureMode
	// after reports whether a fault of this kind came before the violation.
	after func(model.FaultKind) bool
	// witness is the fingerprint of the smallest history that shows it, "" for none.
	witness func() string
}

// failuresOf lists everything that broke in a run: each object without a legal order, each
// thing that did not happen, and each line in which the server reports a loss.
func failuresOf(r *harness.Run, o checker.Options) (out []failure) {
	h := r.Outcome.History
	for _, b := range r.Check.Objects {
		if b.Verdict != checker.Violation {
			continue
		}
		g := b.Guarantee
		out = append(out, failure{
			code: g.Code, object: b.Object.Kind, operation: string(g.Operation),
			after: func(k model.FaultKind) bool { return g.Fault == k },
			witness: func() string {
				w, err := checker.WitnessOf(h, b.Object, o)
				if err != nil {
					return ""
				}
				g.Surfaces = false
				return signature.OfWitness(g, w).Fingerprint()
			},
		})
	}
	for _, l := range r.Outcome.Unfinished() {
		out = append(out, unfinished(h, l))
	}
	for _, a := range r.Admissions {
		out = append(out, failure{code: a.Code, after: func(k model.FaultKind) bool { return faultSince(h, k, model.Instant{}) }})
	}
	return out
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
	f.after = func(k model.FaultKind) bool { return faultSince(h, k, from) }
	return f
}

// faultSince reports whether a fault of a kind was over, or began, after a moment.
func faultSince(h *model.History, kind model.FaultKind, from model.Instant) bool {
	return slices.ContainsFunc(h.Faults, func(f model.Fault) bool {
		return f.Kind == kind && (f.End.Seq == 0 || f.End.Seq > from.Seq)
	})
}

// server is what a run was executed on.
type server struct {
	version string
	classes []generators.Class
	vqueues bool
}

func serverOf(r *harness.Run) server {
	return server{
		version: r.Outcome.Server.Version, classes: harness.ClassesOf(r.Plan, r.Outcome.History), vqueues: r.Tally.Coverage.VQueues > 0,
	}
}

// describes reports whether a failure on a server is of the entry's finding.
func (e *Entry) describes(f *failure, s server) bool {
	return e.Guarantee == f.code && e.hasVersion(s.version) &&
		slices.ContainsFunc(s.classes, func(c generators.Class) bool { return e.Configuration.fits(c, s.vqueues) }) &&
		e.describesCall(f.object, f.operation, f.modes) &&
		(e.Fault == "" || f.after(e.Fault)) &&
		(e.Witness == "" || f.witness != nil && f.witness() == e.Witness)
}

// describesCall reports whether an operation on an object of a kind, which fails in some
// ways, is one of the entry's. Of ways that alternate, one is enough.
func (e *Entry) describesCall(object model.Kind, operation string, modes []harness.FailureMode) bool {
	return (e.Object == "" || e.Object == object) && (e.Operation == "" || e.Operation == operation) &&
		(e.Failure == harness.FailureMode{} || slices.ContainsFunc(modes, e.Failure.Covers))
}

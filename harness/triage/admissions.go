package triage

import (
	"context"

	"retain/harness"
)

// Admissions adds what the server has admitted since the last scan to a run: an admission
// is a violation by itself, also if the history is legal.
func (o Options) Admissions(ctx context.Context, r *harness.Run, sys *harness.System, end bool) {
	found, err := sys.Log.Scan(ctx, sys.Runtime, sys.Up(), end)
	if err != nil && r.Verdict == harness.Pass {
		r.Verdict, r.Sentence = harness.Harness, err.Error()
	}
	r.Admissions = append(r.Admissions, found...)
	if len(found) > 0 && r.Verdict != harness.Violation {
		r.Verdict, r.Sentence = harness.Violation, found[0].String()
	}
	o.attribute(r, sys)
	if r.Verdict == harness.Violation && len(found) > 0 && o.OnAdmissions != nil {
		o.OnAdmissions(found)
	}
}

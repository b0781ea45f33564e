package compare

import (
	"bytes"
	"errors"
	"io/fs"
	"path/filepath"

	"retain/checker"
	"retain/generators"
	"retain/harness"
	"retain/harness/regress"
	"retain/harness/triage"
	"retain/model"
)

// Record is the failure that a plan is known for.
type Record struct {
	// Broken is the guarantee.
	Broken model.Guarantee
	// Ledger is false if the failure shows without the reads after one more kill.
	Ledger bool

	matches func(*harness.Run) bool
}

// Counts reports whether a run failed as on record. Without a record each violation counts.
func (r *Record) Counts(run *harness.Run) bool {
	if run.Verdict != harness.Violation {
		return false
	}
	return r == nil || r.matches(run)
}

// Load reads the plan of a file: a plan, one in the folder of a finding, or a stored case.
// The record is that of the finding or the case, nil for a plan without one.
func Load(path string, o checker.Options) (generators.Plan, *Record, error) {
	plan, kept, err := regress.LoadPlan(path)
	if err != nil {
		return plan, nil, err
	}
	if kept != nil {
		return plan, ofCase(kept), nil
	}
	r, err := ofFinding(path, plan, o)
	return plan, r, err
}

// ofCase is the record of a case; nil of one that never failed.
func ofCase(c *regress.Case) *Record {
	if c.Rate.Failures == 0 {
		return nil
	}
	return &Record{Broken: c.Broken, Ledger: true, matches: c.Matches}
}

// ofFinding is the record of a plan in the folder of its finding, nil for another plan.
func ofFinding(path string, plan generators.Plan, o checker.Options) (*Record, error) {
	dir, name := filepath.Split(path)
	if name != triage.PlanFile && name != regress.ReducedFile {
		return nil, nil
	}
	f, run, err := triage.LoadFinding(dir, o)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil // a plan alone
		}
		return nil, err
	}
	if name == regress.ReducedFile {
		if _, best, err := regress.LoadReduced(dir, run, o); err != nil {
			return nil, err
		} else if best != nil {
			run = best
		}
	}
	if f.Verdict != harness.Violation || !bytes.Equal(generators.Encode(plan), generators.Encode(run.Plan)) {
		return nil, nil
	}
	return &Record{Broken: run.Guarantee(), Ledger: f.Ledger, matches: func(r *harness.Run) bool { return regress.SameFailure(r, run) }}, nil
}

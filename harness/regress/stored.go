package regress

import (
	"errors"
	"io/fs"
	"path/filepath"

	"retain/checker"
	"retain/generators"
	"retain/harness"
	"retain/harness/triage"
)

// LoadReduced reads what a finding was reduced to back: the plan, and the run of it that
// failed, nil if there is none. Where its history alone shows nothing, the reduction has
// facts of its own.
func LoadReduced(dir string, of *harness.Run, o checker.Options) (generators.Plan, *harness.Run, error) {
	plan, err := triage.LoadPlan(filepath.Join(dir, ReducedFile))
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return plan, nil, err
	}
	f, err := triage.LoadFacts(filepath.Join(dir, ReducedFactsFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return plan, nil, err
	}
	r, err := triage.LoadRun(f, dir, ReducedFile, ReducedHistoryFile, o)
	if errors.Is(err, fs.ErrNotExist) {
		return plan, nil, nil
	}
	if err != nil {
		return plan, nil, err
	}
	best := *of
	best.Plan, best.Outcome, best.Check, best.Tally = r.Plan, r.Outcome, r.Check, r.Tally
	if broken := of.Check.Broken(); broken != nil {
		best.Check = r.Check.Foremost(broken.Object.Kind)
	}
	best.Resurfaced, best.Lost = false, nil // of the other history
	if best.Check.Broken() != nil {
		best.Lost = triage.LostOf(&best)
	}
	return plan, &best, nil
}

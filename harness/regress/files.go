package regress

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"retain/checker"
	"retain/generators"
	"retain/harness"
	"retain/harness/triage"
	"retain/model"
)

// The files of a reduction, in the finding's folder.
const (
	// ReducedFile is the smallest plan so far that fails.
	ReducedFile = "reduced.json"
	// ReductionFile is where the reduction stands, to go on from.
	ReductionFile = "reduction.json"
	// ReducedHistoryFile is a history of the reduced plan that failed.
	ReducedHistoryFile = "reduced.jsonl"
	// ReducedFactsFile is that run's [Finding], where no order of operations shows it.
	ReducedFactsFile = "reduced-finding.json"
	// ReducedDir is a folder with the artefacts of a failed execution of the reduced
	// plan, as those of a finding, if that failure had its triage.
	ReducedDir = "reduced"
	// WitnessFile is the part of a failed history that is enough to show it.
	WitnessFile = "witness.jsonl"
)

// save stores the state of the reduction. Without a folder there is nothing
// to store it in.
func (s *shrinking) save(r generators.Reduction) error {
	text := generators.Encode(r.Best)
	if s.latest != nil && bytes.Equal(generators.Encode(s.latest.Plan), text) {
		s.best = s.latest
	}
	if s.failed.Dir == "" {
		return nil
	}
	state, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode the reduction: %w", err)
	}
	return errors.Join(s.write(ReducedFile, text), s.write(ReductionFile, state))
}

// write replaces a file at once: one that is cut short is worth nothing.
func (s *shrinking) write(name string, text []byte) error {
	path := filepath.Join(s.failed.Dir, name)
	if err := os.WriteFile(path+".new", text, 0o644); err != nil {
		return fmt.Errorf("save the reduction: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("save the reduction: %w", err)
	}
	return nil
}

// witness finds and stores the part of the failed history that shows it, of the
// reduced plan if that failed.
func (s *shrinking) witness(out *Shrunk) error {
	reported := s.failed
	if out.Run != nil {
		reported = out.Run
	}
	var errs []error
	if reported.Check.Verdict == checker.Violation {
		w, err := checker.WitnessOf(reported.Outcome.History, reported.Check.Broken().Object, s.session.Check)
		if err != nil {
			errs = append(errs, fmt.Errorf("minimise the history: %w", err))
		}
		out.Witness = w
	}
	if s.failed.Dir == "" {
		return errors.Join(errs...)
	}
	for name, h := range map[string]*model.History{WitnessFile: out.Witness, ReducedHistoryFile: historyOf(out.Run)} {
		if h == nil {
			continue
		}
		var text bytes.Buffer
		if err := model.WriteHistory(&text, h); err != nil {
			errs = append(errs, fmt.Errorf("encode %s: %w", name, err))
			continue
		}
		errs = append(errs, s.write(name, text.Bytes()))
	}
	if run := out.Run; run != nil && run.Outcome != nil && run.Outcome.Liveness != nil && run.Check.Broken() == nil {
		text, err := triage.FactsOf(run).Encode()
		if err == nil {
			err = s.write(ReducedFactsFile, text)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func historyOf(r *harness.Run) *model.History {
	if r == nil || r.Outcome == nil {
		return nil
	}
	return r.Outcome.History
}

package campaign

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"retain/checker"
	"retain/generators"
	"retain/harness"
	"retain/model"
)

// leftBehind sees to the violations that a killed sitting did not get to: those
// that were never compared, and those that were being reduced.
func (c *campaign) leftBehind(ctx context.Context) {
	all, err := Read(c.Dir)
	if err != nil {
		return // only this sitting has begun
	}
	found, done := map[int]Found{}, map[int]bool{}
	all.Sittings = all.of(c.Begun.Shard)
	for _, s := range all.Sittings {
		for _, f := range s.Found {
			found[f.Number] = f
		}
		for _, r := range s.Reduced {
			done[r.Number] = true
		}
	}
	for _, s := range all.Sittings {
		for _, j := range s.Plans {
			f, compared := found[j.Number]
			if j.Verdict != harness.Violation || compared && (f.Finding != f.Number || done[j.Number]) {
				continue
			}
			r, goOn, err := c.reload(j)
			switch {
			case err != nil:
				c.note("", fmt.Sprintf("the violation of plan %d can't be reduced any more: %v", j.Number, err))
			case compared:
				c.reduce(ctx, r, goOn)
			default:
				c.found(ctx, r)
			}
		}
	}
}

// reload reads a violation back from its folder, and how far its reduction was.
func (c *campaign) reload(j Judged) (harness.Run, *generators.Reduction, error) {
	r := harness.Run{Number: j.Number, Verdict: j.Verdict, Sentence: j.Sentence, Ledger: j.Ledger, Dir: c.path(j.Dir)}
	if j.Dir == "" {
		return r, nil, errors.New("it was not saved")
	}
	text, err := os.ReadFile(filepath.Join(r.Dir, harness.PlanFile))
	if err != nil {
		return r, nil, err
	}
	if r.Plan, err = generators.Decode(text); err != nil {
		return r, nil, err
	}
	path := filepath.Join(r.Dir, harness.HistoryFile)
	file, err := os.Open(path)
	if err != nil {
		return r, nil, err
	}
	defer file.Close()
	h, err := model.ReadHistory(file)
	if err != nil {
		return r, nil, err
	}
	r.Outcome = &harness.Outcome{ID: j.Run, Plan: r.Plan, History: h, Path: path, Age: j.Age, Took: j.Took}
	r.Check = checker.Check(h, c.Session.Check)
	if r.Check.Verdict != checker.Violation {
		return r, nil, errors.New("its history alone does not show it")
	}
	return r, unfinished(filepath.Join(r.Dir, harness.ReductionFile)), nil
}

// unfinished is a reduction that was cut off, nil for none.
func unfinished(path string) *generators.Reduction {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	out := &generators.Reduction{}
	if json.Unmarshal(text, out) != nil || out.Ending == generators.Minimal {
		return nil
	}
	return out
}

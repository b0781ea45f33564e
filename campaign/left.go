package campaign

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"retain/checker"
	"retain/generators"
	"retain/harness"
	"retain/model"
)

// leftBehind sees to the violations that a killed sitting did not get to: those
// that were never compared, and those that were being reduced. What can't be run
// again is counted all the same.
func (c *campaign) leftBehind(ctx context.Context) {
	all, err := Read(c.Dir)
	if err != nil {
		c.note(harness.Harness, "what earlier sittings left behind can't be read: "+err.Error())
		return
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
			facts, r, err := c.reload(j)
			switch {
			case err == nil && compared:
				c.reduce(ctx, r, unfinished(filepath.Join(r.Dir, harness.ReductionFile)))
			case err == nil:
				c.found(ctx, r)
			case compared || c.count(&r, fingerprint(guaranteeIn(facts)+"\n"), guaranteeIn(facts)):
				c.records.write(Reduced{
					Number: j.Number, At: time.Now().UTC(), Finding: j.Number, Steps: j.Steps, From: j.Steps,
					Problem: "it can't be reduced any more: " + err.Error(),
				})
			}
		}
	}
}

// reload reads a violation back from its folder. Of one that can't be run again,
// the facts are what is known of it: the file's, or the record's where there is none.
func (c *campaign) reload(j Judged) (facts harness.Finding, r harness.Run, err error) {
	facts.Guarantee = j.Sentence
	r = harness.Run{Number: j.Number, Plan: generators.Plan{Number: j.Number}, Verdict: j.Verdict, Sentence: j.Sentence, Ledger: j.Ledger}
	if j.Dir == "" {
		return facts, r, errors.New("it was not saved")
	}
	r.Dir = c.path(j.Dir)
	text, lost := os.ReadFile(filepath.Join(r.Dir, harness.FindingFile))
	if read := (harness.Finding{}); lost == nil && json.Unmarshal(text, &read) == nil && read.Guarantee != "" {
		facts = read
	}
	r.RuledOut, r.Where, r.Admissions = facts.RuledOut, facts.Where, facts.Admissions
	if text, err = os.ReadFile(filepath.Join(r.Dir, harness.PlanFile)); err != nil {
		return facts, r, err
	}
	plan, err := generators.Decode(text)
	if err != nil {
		return facts, r, err
	}
	path := filepath.Join(r.Dir, harness.HistoryFile)
	file, err := os.Open(path)
	if err != nil {
		return facts, r, err
	}
	defer file.Close()
	h, err := model.ReadHistory(file)
	if err != nil {
		return facts, r, err
	}
	r.Plan = plan
	r.Outcome = &harness.Outcome{ID: j.Run, Plan: plan, History: h, Path: path, Age: j.Age, Took: j.Took}
	r.Check = checker.Check(h, c.Session.Check)
	switch {
	case r.Check.Verdict == checker.Violation:
	case facts.Version == 0 || facts.Object != "":
		return facts, r, errors.New("its history alone does not show it")
	case len(r.Admissions) == 0 || facts.Guarantee != guaranteeOf(r):
		r.Outcome.Liveness = livenessIn(facts, h)
	}
	return facts, r, nil
}

// guaranteeIn is the broken guarantee as [guaranteeOf] says it.
func guaranteeIn(f harness.Finding) string {
	if o, err := model.ParseObject(f.Object); err == nil {
		return string(o.Kind) + ": " + f.Guarantee
	}
	return f.Guarantee
}

// livenessIn is what did not happen, as far as its sentence tells: the guarantee,
// then the details, which begin with the operation if it is about one.
func livenessIn(f harness.Finding, h *model.History) *harness.Liveness {
	l := &harness.Liveness{Guarantee: f.Guarantee, Detail: strings.TrimPrefix(f.Sentence, "broken: "+f.Guarantee+": ")}
	var id int
	if n, _ := fmt.Sscanf(l.Detail, "operation %d,", &id); n == 1 && id <= len(h.Operations) {
		l.Operation = id
	}
	return l
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

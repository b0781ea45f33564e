package campaign

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"time"

	"retain/checker"
	"retain/generators"
	"retain/harness"
	"retain/harness/regress"
	"retain/harness/signature"
	"retain/harness/triage"
	"retain/internal/inputfile"
	"retain/model"
)

// recoverViolations sees to the violations that a killed segment did not get to: those
// that were never compared, and those that were being reduced. What can't be run
// again is counted all the same.
func (c *campaign) recoverViolations(ctx context.Context) {
	all, err := Read(c.Dir)
	if err != nil {
		c.note(harness.Harness, "what earlier segments left behind can't be read: "+err.Error())
		return
	}
	found, done := map[int]Violation{}, map[int]bool{}
	all.Segments = all.of(c.Start.Shard)
	for _, s := range all.Segments {
		for _, f := range s.Violations {
			found[f.Number] = f
		}
		for _, r := range s.Reductions {
			done[r.Number] = true
		}
	}
	for _, s := range all.Segments {
		for _, j := range s.Plans {
			f, compared := found[j.Number]
			if j.Verdict != harness.Violation || compared && (f.Finding != f.Number || done[j.Number]) {
				continue
			}
			guarantee, says, r, err := c.reloadViolation(j)
			switch {
			case err == nil && compared:
				c.reduce(ctx, r, unfinished(filepath.Join(r.Dir, regress.ReductionFile)))
			case err == nil:
				c.addViolation(ctx, r)
			case compared || c.countViolation(&r, signatureOfFacts(guarantee, j), says):
				c.records.write(Reduction{
					Number: j.Number, At: time.Now().UTC(), Finding: j.Number, Steps: j.Steps, From: j.Steps,
					Problem: "it can't be reduced any more: " + err.Error(),
				})
			}
		}
	}
}

// reloadViolation reads a violation back from its folder, with its guarantee in a sentence. Of one
// that can't be run again the facts are what is known of it: the file's, or the record's
// where there is none.
func (c *campaign) reloadViolation(j PlanResult) (g model.Guarantee, says string, r harness.Run, err error) {
	g, says = j.Broken, j.Sentence
	r = harness.Run{Number: j.Number, Plan: generators.Plan{Number: j.Number}, Verdict: j.Verdict, Sentence: j.Sentence, Ledger: j.Ledger}
	if j.Dir == "" {
		return g, says, r, errors.New("it was not saved")
	}
	r.Dir = c.path(j.Dir)
	facts, stored, err := triage.LoadFinding(r.Dir, c.Session.Check)
	if !facts.Broken.IsZero() {
		g = facts.Broken
		if o, err := model.ParseObject(facts.Object); err == nil {
			g.Object = o.Kind // version 1 has it beside the sentence
		}
		g.Surfaces = false
		says = g.About()
	}
	if stored == nil {
		r.Hypotheses, r.Where, r.Admissions = facts.RuledOut, facts.Where, facts.Admissions
		return g, says, r, err
	}
	r, broken := *stored, stored.Check.Verdict == checker.Violation
	r.Number, r.Verdict, r.Sentence, r.Ledger = j.Number, j.Verdict, j.Sentence, j.Ledger
	r.Outcome.ID, r.Outcome.Age, r.Outcome.Took = j.Run, j.Age, j.Took
	if !broken && (facts.Version == 0 || facts.Object != "") {
		return g, says, r, errors.New("its history alone does not show it")
	}
	return g, says, r, nil
}

// signatureOfFacts is the signature of a violation of which no more is known than its guarantee.
// One of which not even that is known is alike to no other.
func signatureOfFacts(g model.Guarantee, j PlanResult) signature.Signature {
	if g.IsZero() {
		return signature.OfPlan(j.Number)
	}
	return signature.OfGuarantee(g)
}

// unfinished is a reduction that was cut off, nil for none.
func unfinished(path string) *generators.Reduction {
	text, err := inputfile.Read(path, triage.MaxFile)
	if err != nil {
		return nil
	}
	out := &generators.Reduction{}
	if json.Unmarshal(text, out) != nil || out.Ending == generators.Minimal {
		return nil
	}
	return out
}

package harness

import (
	"encoding/json"
	"fmt"
	"time"

	"retain/checker"
	"retain/generators"
	"retain/model"
	"retain/runtime"
)

// FindingVersion is the version of the format of [FindingFile].
const FindingVersion = 1

// Finding is what [FindingFile] has: the facts of a run that did not pass.
type Finding struct {
	// Version is [FindingVersion].
	Version int `json:"version"`
	// Run is the run's id; its keys begin with it.
	Run     string  `json:"run"`
	Verdict Verdict `json:"verdict"`
	// Guarantee is the broken one in a sentence, "" unless the verdict is
	// violation; Sentence is what the terminal says.
	Guarantee string `json:"guarantee,omitempty"`
	Sentence  string `json:"sentence"`
	// Object is the one that violated, Part the map's entry; "" for none.
	Object string `json:"object,omitempty"`
	Part   string `json:"part,omitempty"`
	// Class is the kind of promise that broke, By who decided that.
	Class checker.Class    `json:"class,omitempty"`
	By    checker.Decision `json:"by,omitempty"`
	// Proof are the numbers of the operations that contradict each other,
	// Contradiction is the one that ended the last order, Lost are those whose
	// effects are missing.
	Proof         []int `json:"proof,omitempty"`
	Contradiction int   `json:"contradiction,omitempty"`
	Lost          []int `json:"lost,omitempty"`
	// RuledOut, Where and Admissions are as in [Run].
	RuledOut   []RuledOut  `json:"ruled_out,omitempty"`
	Where      string      `json:"where,omitempty"`
	Admissions []Admission `json:"admissions,omitempty"`
	// Late are the answers of the second look, by phase ("late" some time after,
	// "later" after one more restart); [LateFile] has them whole.
	Late map[model.Phase][]LateRead `json:"late,omitempty"`
	// Ledger is true if the reads at the session's end showed it.
	Ledger bool `json:"ledger,omitempty"`
	// Seed and Number are the plan's; Age is how many plans the runtime had
	// served before it.
	Seed     uint64           `json:"seed"`
	Number   int              `json:"number"`
	Age      int              `json:"age"`
	Identity runtime.Identity `json:"identity"`
	// Config is the plan's, Settings are the server's, as their key.
	Config   generators.Config `json:"config"`
	Settings string            `json:"settings"`
	// At is when it was saved, TookMs how long the plan took.
	At     time.Time `json:"at"`
	TookMs int64     `json:"took_ms"`
}

// LateRead is one answer of the second look.
type LateRead struct {
	Op     string `json:"op"`
	Answer string `json:"answer"`
	// Ms is when it came, since the second look began.
	Ms int64 `json:"ms"`
}

// finding collects the facts of a run that did not pass.
func (s *session) finding(r *Run, sys *System, q *inquiry, a afterlife) Finding {
	f := Finding{
		Version: FindingVersion, Verdict: r.Verdict, Guarantee: r.Guarantee(), Sentence: r.Sentence,
		RuledOut: r.RuledOut, Where: r.Where, Admissions: r.Admissions, Ledger: r.Ledger,
		Seed: r.Plan.Seed, Number: r.PlanNumber(), Identity: sys.Runtime.Identity(), Config: r.Plan.Config, At: time.Now().UTC(),
	}
	if settings, err := s.settings(r.Plan.Config); err == nil {
		f.Settings = settings.Key()
	}
	if r.Outcome != nil {
		f.Run, f.Age, f.TookMs = r.Outcome.ID, r.Outcome.Age, r.Outcome.Took.Milliseconds()
	}
	if q != nil {
		b := q.broken
		f.Object, f.Part, f.Class, f.By = b.Object.String(), b.Part, b.Class, b.Resolved.By
		f.Proof, f.Contradiction, f.Lost = b.Proof, b.Contradiction, r.Lost
	}
	for phase, reads := range a.reads {
		for _, o := range reads {
			if f.Late == nil {
				f.Late = map[model.Phase][]LateRead{}
			}
			f.Late[phase] = append(f.Late[phase], LateRead{Op: o.Op.String(), Answer: o.Answer.String(), Ms: o.Return.Ns / 1e6})
		}
	}
	return f
}

// PlanNumber is the number under which the plan's seed draws it. In a campaign and
// in a replay the session's own numbers say nothing of that.
func (r *Run) PlanNumber() int {
	if r.Plan.Seed != 0 {
		return r.Plan.Number
	}
	return r.Number
}

// Guarantee is what broke, in a sentence, "" unless the run violated: the same in
// all that tells of it.
func (r *Run) Guarantee() string {
	b := r.Check.Broken()
	switch {
	case r.Verdict != Violation:
		return ""
	case b != nil && r.surfaced:
		return b.Guarantee + surfacesLater
	case b != nil:
		return b.Guarantee
	case r.Outcome != nil && r.Outcome.Liveness != nil:
		return r.Outcome.Liveness.Guarantee
	case len(r.Admissions) > 0:
		return "the server reports " + r.Admissions[0].Class
	}
	return ""
}

// surfacesLater is what an effect does that comes back.
const surfacesLater = ", and surfaces only later"

// encode is the finding's file.
func (f Finding) encode() ([]byte, error) {
	text, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode the finding: %w", err)
	}
	return append(text, '\n'), nil
}

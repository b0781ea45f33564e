package triage

import (
	"encoding/json"
	"fmt"
	"time"

	"retain/checker"
	"retain/generators"
	"retain/harness"
	"retain/harness/signature"
	"retain/model"
	"retain/runtime"
	"retain/runtime/resources"
	"retain/runtime/serverlog"
)

// FindingVersion is the version of the format of [FindingFile].
const FindingVersion = 2

// Finding is what [FindingFile] has: the facts of a run that did not pass.
type Finding struct {
	// Version is [FindingVersion] or, of a file that was read, that of the file.
	Version int `json:"version"`
	// Run is the run's id; its keys begin with it.
	Run     string          `json:"run"`
	Verdict harness.Verdict `json:"verdict"`
	// Broken is the broken guarantee, the zero value unless the verdict is violation.
	// Guarantee is its sentence, for readers; Sentence is what the terminal says.
	Broken    model.Guarantee `json:"broken,omitzero"`
	Guarantee string          `json:"guarantee,omitempty"`
	Sentence  string          `json:"sentence"`
	// Fingerprint is equal for violations whose smallest histories, or whose calls that do not
	// finish, are alike.
	Fingerprint string `json:"fingerprint,omitempty"`
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
	// CameAt is the start after which the violation came, and the versions before and after
	// it; nil for a run of one version.
	CameAt *harness.CameAt `json:"came_at,omitempty"`
	// Liveness is what did not happen, nil for nothing.
	Liveness *harness.Liveness `json:"liveness,omitempty"`
	// RuledOut are the hypotheses; Where and Admissions are as in [harness.Run].
	RuledOut   []harness.Hypothesis  `json:"ruled_out,omitempty"`
	Where      string                `json:"where,omitempty"`
	Admissions []serverlog.Admission `json:"admissions,omitempty"`
	// Known are the known findings that the run shows.
	Known []harness.KnownFinding `json:"known,omitempty"`
	// Shortage and Instead are as in [harness.Run].
	Shortage *resources.Shortage `json:"shortage,omitempty"`
	Instead  string              `json:"instead,omitempty"`
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
	// SDK is that of the handlers, "" if the server's record of them names none.
	SDK string `json:"sdk,omitempty"`
	// Config is the plan's, Settings are the server's, as their key, with secrets
	// left out.
	Config   generators.Config `json:"config"`
	Settings string            `json:"settings"`
	// Altered is in what the run differs from a plain server.
	Altered model.Settings `json:"altered,omitempty"`
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
func (o Options) finding(r *harness.Run, sys *harness.System, d *diagnosis, again recheck) Finding {
	f := FactsOf(r)
	f.Altered = o.Altered
	if now := sys.Runtime.Identity(); r.Outcome == nil || now.Source == f.Identity.Source {
		f.Identity = now // the build may have become known meanwhile
	}
	if r.Verdict == harness.Violation || r.Verdict == harness.Known {
		f.Fingerprint = signature.Of(*r, o.Check).Fingerprint()
	}
	if settings, err := o.Settings(r.Plan.Config); err == nil {
		f.Settings = settings.Public().Key()
	}
	if d != nil {
		b := d.broken
		f.Object, f.Part, f.Class, f.By = b.Object.String(), b.Part, b.Class, b.Resolved.By
		f.Proof, f.Contradiction, f.Lost = b.Proof, b.Contradiction, r.Lost
	}
	for phase, reads := range again.reads {
		for _, read := range reads {
			if f.Late == nil {
				f.Late = map[model.Phase][]LateRead{}
			}
			f.Late[phase] = append(f.Late[phase], LateRead{Op: read.Op.String(), Answer: read.Answer.String(), Ms: read.Return.Ns / 1e6})
		}
	}
	return f
}

// FactsOf are the facts of a run, without those of its server.
func FactsOf(r *harness.Run) Finding {
	f := Finding{
		Version: FindingVersion, Verdict: r.Verdict, Broken: r.Guarantee(), Guarantee: r.Guarantee().String(), Sentence: r.Sentence,
		RuledOut: r.Hypotheses, Where: r.Where, Admissions: r.Admissions, Ledger: r.Ledger, Known: r.Known,
		Shortage: r.Shortage, Instead: r.Instead,
		Seed: r.Plan.Seed, Number: r.PlanNumber(), Config: r.Plan.Config, At: time.Now().UTC(),
	}
	if r.Outcome != nil {
		f.CameAt = r.CameAt()
		f.Liveness, f.Identity, f.SDK = r.Outcome.Liveness, r.Outcome.Server, r.Outcome.SDK
		f.Run, f.Age, f.TookMs = r.Outcome.ID, r.Outcome.Age, r.Outcome.Took.Milliseconds()
	}
	return f
}

// Encode is the finding's file.
func (f Finding) Encode() ([]byte, error) {
	text, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode the finding: %w", err)
	}
	return append(text, '\n'), nil
}

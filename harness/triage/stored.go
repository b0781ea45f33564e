package triage

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"retain/checker"
	"retain/generators"
	"retain/harness"
	"retain/internal/exactjson"
	"retain/internal/inputfile"
	"retain/model"
	"retain/runtime"
)

// MaxFile bounds a file of a finding or of a campaign's records, in bytes: those of a month
// have less.
const MaxFile = 4 << 30

// LoadFinding reads a finding back from its folder: its facts, and the run with its history
// judged again. What could be read is returned beside an error: the facts have the zero
// Version if they could not, and the run is nil without its plan or its history. A process
// that was killed may have left the history alone.
func LoadFinding(dir string, o checker.Options) (Finding, *harness.Run, error) {
	f, lost := LoadFacts(filepath.Join(dir, FindingFile))
	r, err := LoadRun(f, dir, PlanFile, HistoryFile, o)
	return f, r, errors.Join(lost, err)
}

// LoadRun reads the plan and the history of a run, and judges the history.
func LoadRun(f Finding, dir, planFile, historyFile string, o checker.Options) (*harness.Run, error) {
	plan, err := LoadPlan(filepath.Join(dir, planFile))
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, historyFile)
	file, err := inputfile.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the history of a finding: %w", err)
	}
	defer file.Close()
	h, err := model.ReadHistory(file)
	if err != nil {
		return nil, fmt.Errorf("read the history of a finding: %s: %w", path, err)
	}
	r := &harness.Run{
		Number: f.Number, Plan: plan, Verdict: harness.Violation, Sentence: f.Sentence, Dir: dir, Ledger: f.Ledger, Lost: f.Lost,
		Hypotheses: f.RuledOut, Where: f.Where, Admissions: f.Admissions, Shortage: f.Shortage, Instead: f.Instead, Known: f.Known,
		Resurfaced: f.Broken.Surfaces,
	}
	if f.Verdict != "" {
		r.Verdict = f.Verdict
	}
	r.Outcome = &harness.Outcome{ID: h.Run, Server: serverOf(f, h), SDK: f.SDK, Plan: plan, History: h, Path: path, Age: f.Age}
	r.Tally = harness.TallyOf(f.Number, h)
	r.Check = checker.Check(h, o)
	if r.Check.Broken() == nil {
		r.Outcome.Liveness = livenessIn(f.Liveness, h)
	}
	if slices.ContainsFunc(r.Lost, func(id int) bool { return id < 1 || id > len(h.Operations) }) {
		r.Lost = nil // of another history
	}
	return r, nil
}

// serverOf is the server of a finding. Where its facts do not name it, the text of its
// history does.
func serverOf(f Finding, h *model.History) runtime.Identity {
	if f.Identity == (runtime.Identity{}) {
		f.Identity, _ = runtime.ParseIdentity(h.Runtime)
	}
	return f.Identity
}

// livenessIn is a stored liveness in its history: one that names no operation of it is of the
// runtime.
func livenessIn(l *harness.Liveness, h *model.History) *harness.Liveness {
	if l == nil {
		return nil
	}
	out := *l
	if out.Operation < 0 || out.Operation > len(h.Operations) {
		out.Operation = 0
	}
	return &out
}

// LoadFacts reads the facts of a finding, of any version.
func LoadFacts(path string) (f Finding, err error) {
	text, err := inputfile.Read(path, MaxFile)
	if err == nil {
		err = exactjson.Check(text)
	}
	if err == nil {
		f, err = decodeFinding(text)
	}
	if err != nil {
		return Finding{}, fmt.Errorf("read the facts of a finding: %s: %w", path, err)
	}
	return f, nil
}

func decodeFinding(text []byte) (Finding, error) {
	var version struct{ Version int }
	if err := json.Unmarshal(text, &version); err != nil {
		return Finding{}, err
	}
	switch v := version.Version; {
	case v == 1:
		return decodeFinding1(text)
	case v < 1 || v > FindingVersion:
		return Finding{}, fmt.Errorf("the finding has format version %d; this retain reads 1 to %d: use a newer one", v, FindingVersion)
	}
	var f Finding
	if err := json.Unmarshal(text, &f); err != nil {
		return Finding{}, err
	}
	f.Liveness.FillFromText()
	return f, nil
}

// decodeFinding1 reads a finding of version 1, which has sentences only: of the guarantee,
// and of the operation that does not finish.
func decodeFinding1(text []byte) (Finding, error) {
	var f struct {
		Finding
		Operation int              `json:"operation"`
		Waited    int              `json:"waited"`
		HeldBy    *harness.Holding `json:"held_by"`
	}
	if err := json.Unmarshal(text, &f); err != nil {
		return Finding{}, err
	}
	f.Broken = model.ReadVersion1(f.Guarantee)
	for i := range f.Admissions {
		a := &f.Admissions[i]
		a.Code = model.ReadReportVersion1(a.Class)
	}
	if f.Guarantee == "" || f.Object != "" || f.Broken.Code.Reported() {
		return f.Finding, nil // no operation that does not finish, or a runtime that does not
	}
	f.Liveness = &harness.Liveness{
		Guarantee: f.Broken, Detail: strings.TrimPrefix(f.Sentence, "broken: "+f.Guarantee+": "),
		Operation: f.Operation, Waited: f.Waited, Held: f.HeldBy,
	}
	if f.Operation == 0 {
		_, _ = fmt.Sscanf(f.Liveness.Detail, "operation %d,", &f.Liveness.Operation) // 0 where it is not about one
	}
	f.Liveness.FillFromText()
	return f.Finding, nil
}

// LoadPlan reads a plan of a finding.
func LoadPlan(path string) (generators.Plan, error) {
	text, err := inputfile.Read(path, MaxFile)
	if err != nil {
		return generators.Plan{}, fmt.Errorf("read the plan of a finding: %w", err)
	}
	p, err := generators.Decode(text)
	if err != nil {
		return generators.Plan{}, fmt.Errorf("read the plan of a finding: %s: %w", path, err)
	}
	return p, nil
}

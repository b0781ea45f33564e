package report

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"retain/generators"
	"retain/harness"
)

// SummaryVersion is the version of the format of [WriteSummary]. Fields may be
// added within a version; none changes its meaning or goes.
const SummaryVersion = 1

// summary is the JSON form of a session. Times are in seconds.
type summary struct {
	Version    int            `json:"version"`
	Session    string         `json:"session"`
	Verdict    string         `json:"verdict"`
	Reason     string         `json:"reason"`
	Runtime    string         `json:"runtime"`
	Server     string         `json:"server_version"`
	Build      string         `json:"server_build,omitempty"`
	SDK        string         `json:"sdk,omitempty"`
	Seed       uint64         `json:"seed"`
	Seconds    float64        `json:"seconds"`
	Verdicts   map[string]int `json:"verdicts"`
	Plans      int            `json:"plans"`
	Servers    map[string]int `json:"server_configurations"`
	Operations int            `json:"operations"`
	Attempts   int            `json:"attempts"`
	Faults     map[string]int `json:"faults"`
	InFlight   int            `json:"in_flight_at_fault"`
	Cells      map[string]int `json:"cells"`
	Ambiguous  int            `json:"ambiguous"`
	Resolved   int            `json:"resolved"`
	Open       int            `json:"left_open"`
	ReadBack   int            `json:"read_back_after_restart"`
	Swaps      int            `json:"compare_and_sets"`
	Swapped    int            `json:"compare_and_sets_that_set"`
	Ledger     ledgerJSON     `json:"ledger"`
	Recoveries []float64      `json:"recovery_seconds"`
	Available  []spanJSON     `json:"availability"`
	Excludes   float64        `json:"excludes,omitempty"`
	TooSmall   bool           `json:"too_small_to_judge"`
	Missing    []string       `json:"missing,omitempty"`
	Because    string         `json:"because,omitempty"`
	Findings   []finding      `json:"findings"`
}

type ledgerJSON struct {
	Objects int     `json:"objects"`
	Of      int     `json:"of"`
	Reads   int     `json:"reads"`
	Seconds float64 `json:"seconds"`
	Note    string  `json:"note,omitempty"`
}

type spanJSON struct {
	Runtime int     `json:"runtime"`
	From    float64 `json:"from"`
	To      float64 `json:"to"`
	Up      bool    `json:"up"`
}

// finding is a run that did not pass.
type finding struct {
	ID         string              `json:"id,omitempty"`
	Plan       int                 `json:"plan"`
	Verdict    string              `json:"verdict"`
	Reason     string              `json:"reason"`
	Guarantee  string              `json:"guarantee,omitempty"`
	Server     string              `json:"server_configuration,omitempty"`
	Ledger     bool                `json:"by_ledger,omitempty"`
	RuledOut   []harness.RuledOut  `json:"ruled_out,omitempty"`
	Where      string              `json:"where,omitempty"`
	Admissions []harness.Admission `json:"admissions,omitempty"`
	Dir        string              `json:"dir,omitempty"`
	NotSaved   string              `json:"not_saved,omitempty"`
	Reduced    *reducedJSON        `json:"reduced,omitempty"`
}

// reducedJSON is what a violation was reduced to.
type reducedJSON struct {
	Steps      int     `json:"steps"`
	From       int     `json:"from"`
	Executions int     `json:"executions"`
	Seconds    float64 `json:"seconds"`
	Ending     string  `json:"ending"`
	Strikes    int     `json:"strikes"`
	Runs       int     `json:"runs"`
	// Server is the small plan's configuration of the server; "" is the default.
	Server string `json:"server_configuration,omitempty"`
	// Asked is whether the server was asked about a failure of the small plan;
	// otherwise what was ruled out, and where, are of the plan before.
	Asked bool `json:"asked"`
	// Before is the guarantee that the plan before broke, if that is another.
	Before string `json:"guarantee_before,omitempty"`
}

// Summary writes the session as one JSON object to a file, for machines. Its
// fields are described in the README.
func (p *Reporter) Summary(path string, s *harness.Session) error {
	body, err := json.MarshalIndent(p.summary(s), "", "  ")
	if err != nil {
		return fmt.Errorf("make the summary: %w", err)
	}
	if err := os.WriteFile(path, append(body, '\n'), 0o644); err != nil {
		return fmt.Errorf("write the summary: %w", err)
	}
	return nil
}

func (p *Reporter) summary(s *harness.Session) summary {
	t := s.Tally
	_, says := p.session(s).verdict()
	out := summary{
		Version: SummaryVersion, Session: s.ID, Verdict: string(s.Verdict), Reason: says, Runtime: s.Identity.Backend,
		Server: s.Identity.Version, Build: s.Identity.Build, SDK: p.SDK, Seed: p.Seed, Seconds: s.Took.Seconds(),
		Verdicts: map[string]int{}, Plans: t.Plans, Servers: t.Servers, Operations: t.Operations, Attempts: t.Attempts, Faults: t.Faults,
		InFlight: t.InFlight, Cells: map[string]int{}, Ambiguous: t.Ambiguous, Resolved: t.Resolved, Open: t.Open,
		ReadBack: t.ReadBack, Swaps: t.Swaps, Swapped: t.Swapped, Excludes: s.Excludes, TooSmall: t.TooSmall(),
		Missing: s.Missing, Because: s.Because, Findings: []finding{}, Recoveries: []float64{}, Available: []spanJSON{},
		Ledger: ledgerJSON{s.Ledger.Objects, s.Ledger.Of, s.Ledger.Reads, seconds(s.Ledger.Took), s.Ledger.Note},
	}
	if out.Servers == nil {
		out.Servers = map[string]int{}
	}
	if out.Faults == nil {
		out.Faults = map[string]int{}
	}
	for v, n := range s.Counts {
		out.Verdicts[string(v)] = n
	}
	for _, c := range generators.Cells() {
		out.Cells[c.String()] = t.Cells[c]
	}
	for _, r := range t.Recoveries {
		out.Recoveries = append(out.Recoveries, seconds(r.Took()))
	}
	for _, a := range s.Availability {
		out.Available = append(out.Available, spanJSON{a.Runtime, seconds(a.From), seconds(a.To), a.Up})
	}
	for _, r := range s.Failures {
		out.Findings = append(out.Findings, findingOf(r, p.shrunk(r)))
	}
	return out
}

func findingOf(r harness.Run, s *harness.Shrunk) finding {
	shown := shownOf(r, s)
	asked, earlier := askedOf(r, s)
	out := finding{
		Plan: r.Number, Verdict: string(r.Verdict), Reason: oneLine(shown.Sentence), Guarantee: shown.Guarantee(),
		Server: r.Plan.Config.Server, Ledger: r.Ledger, RuledOut: asked.RuledOut, Where: asked.Where, Admissions: asked.Admissions, Dir: r.Dir,
	}
	if s != nil {
		out.Reduced = &reducedJSON{
			Steps: len(s.Best.Steps), From: s.From, Executions: s.Executions, Seconds: seconds(s.Took), Ending: string(s.Ending),
			Strikes: s.Rate.Strikes, Runs: s.Rate.Runs, Server: shown.Plan.Config.Server, Asked: s.Run != nil && !earlier,
		}
		if before := r.Guarantee(); before != out.Guarantee {
			out.Reduced.Before = before
		}
	}
	if r.Dir != "" {
		out.ID = filepath.Base(r.Dir)
	}
	if r.Problem != nil {
		out.NotSaved = oneLine(r.Problem.Error())
	}
	return out
}

// seconds is a duration in seconds, to the microsecond.
func seconds(d time.Duration) float64 { return d.Round(time.Microsecond).Seconds() }

package report

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"retain/generators"
	"retain/harness"
	"retain/harness/regress"
	"retain/harness/session"
	"retain/model"
	"retain/runtime/resources"
	"retain/runtime/serverlog"
)

// SummaryVersion is the version of the format of [WriteSummary]. Fields may be
// added within a version; none changes its meaning or goes.
const SummaryVersion = 1

// summary is the JSON form of a session. Times are in seconds.
type summary struct {
	Version   int            `json:"version"`
	Session   string         `json:"session"`
	Verdict   string         `json:"verdict"`
	Reason    string         `json:"reason"`
	Runtime   string         `json:"runtime"`
	Server    string         `json:"server_version"`
	Build     string         `json:"server_build,omitempty"`
	SDK       string         `json:"sdk,omitempty"`
	Settings  model.Settings `json:"settings"`
	Seed      uint64         `json:"seed"`
	Seconds   float64        `json:"seconds"`
	Verdicts  map[string]int `json:"verdicts"`
	Plans     int            `json:"plans"`
	Servers   map[string]int `json:"server_configurations"`
	TakeOvers int            `json:"take_overs,omitempty"`
	countersJSON
	FaultPoints map[string]int `json:"cells"`
	Coverage    coverageJSON   `json:"coverage"`
	Swaps       int            `json:"compare_and_sets"`
	Swapped     int            `json:"compare_and_sets_that_set"`
	Ledger      ledgerJSON     `json:"ledger"`
	Recoveries  []float64      `json:"recovery_seconds"`
	Available   []spanJSON     `json:"availability"`
	workerTimeJSON
	Excludes float64   `json:"excludes,omitempty"`
	TooSmall bool      `json:"too_small_to_judge"`
	Missing  []string  `json:"missing,omitempty"`
	Because  string    `json:"because,omitempty"`
	Findings []finding `json:"findings"`
	// Known are the known findings that plans showed, and NotSeen those that none did.
	Known   []harness.SeenKnown    `json:"known,omitempty"`
	NotSeen []harness.KnownFinding `json:"known_not_seen,omitempty"`
	// Kept is the file of the regression that the plan was kept as.
	Kept string `json:"kept,omitempty"`
}

// countersJSON are [harness.Counters] under the names that a summary has for them.
type countersJSON struct {
	Operations int                     `json:"operations"`
	Attempts   int                     `json:"attempts"`
	Faults     map[model.FaultKind]int `json:"faults"`
	Managed    map[model.Verb]int      `json:"managed,omitempty"`
	Versions   map[string]int          `json:"versions,omitempty"`
	InFlight   int                     `json:"in_flight_at_fault"`
	Ambiguous  int                     `json:"ambiguous"`
	Resolved   int                     `json:"resolved"`
	Open       int                     `json:"left_open"`
	ReadBack   int                     `json:"read_back_after_restart"`
	Load       harness.LoadCounters    `json:"load,omitzero"`
}

// countersOf never has null for the faults.
func countersOf(c harness.Counters) countersJSON {
	if c.Faults == nil {
		c.Faults = map[model.FaultKind]int{}
	}
	return countersJSON(c)
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
	ID        string          `json:"id,omitempty"`
	Plan      int             `json:"plan"`
	Verdict   string          `json:"verdict"`
	Reason    string          `json:"reason"`
	Guarantee string          `json:"guarantee,omitempty"`
	Broken    model.Guarantee `json:"broken,omitzero"`
	Server    string          `json:"server_configuration,omitempty"`
	configurationJSON
	// Load is the plan's, as it was drawn.
	Load   generators.Load `json:"load,omitzero"`
	Ledger bool            `json:"by_ledger,omitempty"`
	// Known are the known findings that it shows, which do not excuse it.
	Known      []harness.KnownFinding `json:"known,omitempty"`
	RuledOut   []harness.Hypothesis   `json:"ruled_out,omitempty"`
	Where      string                 `json:"where,omitempty"`
	Admissions []serverlog.Admission  `json:"admissions,omitempty"`
	// Attempts are those of the operations that it is about, where one was broken.
	Attempts []attemptJSON `json:"attempts,omitempty"`
	// HeldBy is who holds the key of an object whose operations do not finish.
	HeldBy *harness.Holding `json:"held_by,omitempty"`
	// Shortage is what the machine ran out of.
	Shortage *resources.Shortage `json:"shortage,omitempty"`
	Dir      string              `json:"dir,omitempty"`
	NotSaved string              `json:"not_saved,omitempty"`
	Reduced  *reducedJSON        `json:"reduced,omitempty"`
}

// reducedJSON is what a violation was reduced to.
type reducedJSON struct {
	Steps      int     `json:"steps"`
	From       int     `json:"from"`
	Executions int     `json:"executions"`
	Seconds    float64 `json:"seconds"`
	Ending     string  `json:"ending"`
	Failures   int     `json:"strikes"`
	Runs       int     `json:"runs"`
	// Server is the small plan's configuration of the server; "" is the default.
	Server string `json:"server_configuration,omitempty"`
	configurationJSON
	// Load is the load that the small plan needs to fail.
	Load generators.Load `json:"load,omitzero"`
	// Asked is whether the server was asked about a failure of the small plan;
	// otherwise what was ruled out, and where, are of the plan before.
	Asked bool `json:"asked"`
	// Sign is by which sign executions failed before the whole bound of what is stuck had
	// passed, Whole how often the small plan failed with that bound.
	Sign  string           `json:"early_sign,omitempty"`
	Whole *generators.Rate `json:"whole_bound,omitempty"`
	// Before is the guarantee that the plan before broke, if that is another.
	Before string `json:"guarantee_before,omitempty"`
}

// Summary writes the session as one JSON object to a file, for machines. Its
// fields are described in docs/output.md.
func (p *Reporter) Summary(path string, s *session.Result) error {
	body, err := json.MarshalIndent(p.summary(s), "", "  ")
	if err != nil {
		return fmt.Errorf("make the summary: %w", err)
	}
	if err := os.WriteFile(path, append(body, '\n'), 0o644); err != nil {
		return fmt.Errorf("write the summary: %w", err)
	}
	return nil
}

func (p *Reporter) summary(s *session.Result) summary {
	t := s.Tally
	_, says := p.session(s).verdict()
	out := summary{
		Version: SummaryVersion, Session: s.ID, Verdict: string(s.Verdict), Reason: says, Runtime: s.Identity.Backend,
		Server: s.Identity.Version, Build: s.Identity.Build, SDK: cmp.Or(s.SDK, p.SDK), Settings: orEmpty(p.Altered), Seed: p.Seed, Seconds: s.Took.Seconds(),
		Verdicts: map[string]int{}, Plans: t.Plans, Servers: t.Servers, TakeOvers: t.TakeOvers, countersJSON: countersOf(t.Counters),
		FaultPoints: map[string]int{}, Coverage: coverageOf(t.Coverage, s.Verdict == harness.Pass && s.Excludes > 0), Swaps: t.Swaps, Swapped: t.Swapped, Excludes: s.Excludes, TooSmall: t.TooSmall(),
		Missing: s.Missing, Because: s.Because, Kept: p.Kept, Findings: []finding{}, Recoveries: []float64{}, Available: []spanJSON{},
		workerTimeJSON: workerTimeOf(s.WorkerTime),
		Ledger:         ledgerJSON{s.Ledger.Objects, s.Ledger.Of, s.Ledger.Reads, seconds(s.Ledger.Took), s.Ledger.Note},
	}
	if out.Servers == nil {
		out.Servers = map[string]int{}
	}
	for v, n := range s.Counts {
		out.Verdicts[string(v)] = n
	}
	for _, c := range t.Coverage.Excluded.FaultPoints() {
		out.FaultPoints[c.String()] = t.FaultPoints[c]
	}
	for _, r := range t.Recoveries {
		out.Recoveries = append(out.Recoveries, seconds(r.Took()))
	}
	for _, a := range s.Availability {
		out.Available = append(out.Available, spanJSON{a.Runtime, seconds(a.From), seconds(a.To), a.Up})
	}
	out.Known, out.NotSeen = knownIn(s.Known), s.KnownNotSeen
	for _, r := range s.Failures {
		out.Findings = append(out.Findings, findingOf(r, p.shrunk(r)))
	}
	return out
}

func findingOf(r harness.Run, s *regress.Shrunk) finding {
	shown := shownOf(r, s)
	asked, earlier := askedOf(r, s)
	out := finding{
		Plan: r.Number, Verdict: string(r.Verdict), Reason: oneLine(shown.Sentence), Guarantee: shown.Guarantee().String(), Broken: shown.Guarantee(),
		Server: r.Plan.Config.Server, configurationJSON: configurationOf(r.Plan.Config), Load: r.Plan.Load, Ledger: r.Ledger, Known: r.Known, RuledOut: asked.Hypotheses, Where: asked.Where, Admissions: asked.Admissions, Shortage: asked.Shortage, Dir: r.Dir,
	}
	out.HeldBy, out.Attempts = shown.HeldBy(), attemptsJSON(shown)
	if s != nil {
		out.Reduced = &reducedJSON{
			Steps: len(s.Best.Steps), From: s.From, Executions: s.Executions, Seconds: seconds(s.Took), Ending: string(s.Ending),
			Failures: s.Rate.Failures, Runs: s.Rate.Runs, Server: shown.Plan.Config.Server, configurationJSON: configurationOf(shown.Plan.Config), Load: s.NeedsLoad(), Asked: s.Run != nil && !earlier,
		}
		if e := s.Early; e != nil {
			out.Reduced.Sign, out.Reduced.Whole = e.Sign, &e.Whole
		}
		if before := r.Guarantee(); before != out.Broken {
			out.Reduced.Before = before.String()
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

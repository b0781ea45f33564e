package report

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"retain/generators"
	"retain/harness"
)

// SummaryVersion is the version of the format of [WriteSummary].
const SummaryVersion = 1

// summary is the JSON form of a session. Times are in seconds.
type summary struct {
	Version    int            `json:"version"`
	Verdict    string         `json:"verdict"`
	Reason     string         `json:"reason"`
	Runtime    string         `json:"runtime"`
	Server     string         `json:"server_version"`
	Build      string         `json:"server_build,omitempty"`
	Seed       uint64         `json:"seed"`
	Seconds    float64        `json:"seconds"`
	Verdicts   map[string]int `json:"verdicts"`
	Plans      int            `json:"plans"`
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
	Recoveries []float64      `json:"recovery_seconds"`
	TooSmall   bool           `json:"too_small_to_judge"`
	Missing    []string       `json:"missing,omitempty"`
	Findings   []finding      `json:"findings"`
}

type finding struct {
	Plan    int    `json:"plan"`
	Verdict string `json:"verdict"`
	Reason  string `json:"reason"`
	Dir     string `json:"dir,omitempty"`
}

// WriteSummary writes a session as one JSON object to a file, for machines. Its
// fields are described in the README.
func WriteSummary(path string, s *harness.Session, seed uint64) error {
	t := s.Tally
	out := summary{
		Version: SummaryVersion, Verdict: string(s.Verdict), Reason: headline(s), Runtime: s.Identity.Backend,
		Server: s.Identity.Version, Build: s.Identity.Build, Seed: seed, Seconds: s.Took.Seconds(),
		Verdicts: map[string]int{}, Plans: t.Plans, Operations: t.Operations, Attempts: t.Attempts, Faults: t.Faults,
		InFlight: t.InFlight, Cells: map[string]int{}, Ambiguous: t.Ambiguous, Resolved: t.Resolved, Open: t.Open,
		ReadBack: t.ReadBack, Swaps: t.Swaps, Swapped: t.Swapped, TooSmall: t.TooSmall(), Missing: s.Missing, Findings: []finding{},
		Recoveries: []float64{},
	}
	for v, n := range s.Counts {
		out.Verdicts[string(v)] = n
	}
	for _, c := range generators.Cells() {
		out.Cells[c.String()] = t.Cells[c]
	}
	for _, r := range t.Recoveries {
		out.Recoveries = append(out.Recoveries, r.Took().Round(time.Microsecond).Seconds())
	}
	for _, r := range s.Failures {
		out.Findings = append(out.Findings, finding{r.Number, string(r.Verdict), r.Sentence, r.Dir})
	}
	body, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return fmt.Errorf("make the summary: %w", err)
	}
	if err := os.WriteFile(path, append(body, '\n'), 0o644); err != nil {
		return fmt.Errorf("write the summary: %w", err)
	}
	return nil
}

package report

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"retain/generators"
	"retain/harness"
	"retain/harness/compare"
	"retain/model"
)

// ComparisonVersion is the version of the JSON of a comparison, which
// docs/comparison.schema.json describes.
const ComparisonVersion = 1

// comparisonJSON is the JSON form of a comparison. Times are in seconds.
type comparisonJSON struct {
	Version     int             `json:"version"`
	Verdict     harness.Verdict `json:"verdict"`
	Sentence    string          `json:"sentence"`
	At          time.Time       `json:"at"`
	Seconds     float64         `json:"seconds"`
	Interrupted bool            `json:"interrupted,omitempty"`
	Late        bool            `json:"late,omitempty"`
	Axis        compare.Axis    `json:"axis,omitempty"`
	SDK         string          `json:"sdk,omitempty"`
	// PlanFile and Plan are of the plan that was executed, Record is the guarantee that it is
	// known to break; Seed is of drawn plans.
	PlanFile string          `json:"plan_file,omitempty"`
	Plan     json.RawMessage `json:"plan,omitempty"`
	Record   model.Guarantee `json:"on_record,omitzero"`
	Seed     uint64          `json:"seed,omitempty"`
	Answer   answerJSON      `json:"answer"`
	Versions []versionJSON   `json:"versions"`
}

type answerJSON struct {
	Kind    compare.Kind `json:"kind"`
	Fails   []string     `json:"fails"`
	Not     []string     `json:"not"`
	Untold  []string     `json:"not_told"`
	Skipped []string     `json:"left_out"`
	From    string       `json:"from,omitempty"`
	Level   float64      `json:"level"`
	More    int          `json:"more,omitempty"`
	Pairs   []pairJSON   `json:"pairs"`
}

type pairJSON struct {
	A      string  `json:"a"`
	B      string  `json:"b"`
	P      float64 `json:"p"`
	Apart  bool    `json:"apart"`
	Needed int     `json:"needed,omitempty"`
}

type versionJSON struct {
	Name     string           `json:"name"`
	Runtime  string           `json:"runtime,omitempty"`
	Server   string           `json:"server_version,omitempty"`
	Build    string           `json:"server_build,omitempty"`
	Settings model.Settings   `json:"settings"`
	Failures int              `json:"strikes"`
	Runs     int              `json:"runs"`
	Low      float64          `json:"low"`
	High     float64          `json:"high"`
	Others   int              `json:"other_violations"`
	Errors   int              `json:"harness"`
	Open     int              `json:"undecided"`
	Broken   model.Guarantee  `json:"broken,omitzero"`
	Other    model.Guarantee  `json:"other_broken,omitzero"`
	Refusal  *harness.Refusal `json:"refused,omitempty"`
	Problem  string           `json:"problem,omitempty"`
	Sign     string           `json:"early_sign,omitempty"`
	Whole    int              `json:"whole_bound,omitempty"`
	Seconds  float64          `json:"seconds"`
	Drawn    *drawnJSON       `json:"drawn,omitempty"`
}

type drawnJSON struct {
	Plans      int            `json:"plans"`
	Operations int            `json:"operations"`
	Verdicts   map[string]int `json:"verdicts"`
	Recoveries []float64      `json:"recovery_seconds"`
	// Latencies are quantiles in seconds.
	Latencies map[string]float64 `json:"latency_seconds"`
	Findings  []drawnFindingJSON `json:"findings"`
}

type drawnFindingJSON struct {
	Plan    int             `json:"plan"`
	Verdict harness.Verdict `json:"verdict"`
	Reason  string          `json:"reason"`
	Broken  model.Guarantee `json:"broken,omitzero"`
	Dir     string          `json:"dir,omitempty"`
}

// WriteJSON writes the comparison as one JSON object to a file.
func (c Comparison) WriteJSON(path string) error {
	body, err := json.MarshalIndent(c.json(), "", "  ")
	if err != nil {
		return fmt.Errorf("make the JSON of the comparison: %w", err)
	}
	if err := os.WriteFile(path, append(body, '\n'), 0o644); err != nil {
		return fmt.Errorf("write the JSON of the comparison: %w", err)
	}
	return nil
}

func (c Comparison) json() comparisonJSON {
	a := c.Answer
	list := func(s []string) []string { return append([]string{}, s...) } // [], never null
	out := comparisonJSON{
		Version: ComparisonVersion, Verdict: c.Verdict(), Sentence: a.String(), At: c.At, Seconds: seconds(c.Took), Interrupted: c.Interrupted, Late: c.Late, Axis: a.Axis, SDK: c.sdk(),
		PlanFile: c.PlanFile, Seed: c.Seed, Versions: []versionJSON{},
		Answer: answerJSON{Kind: a.Kind, Fails: list(a.Fails), Not: list(a.Not), Untold: list(a.Untold), Skipped: list(a.Skipped), From: a.From, Level: a.Level, More: a.More(), Pairs: []pairJSON{}},
	}
	if c.PlanFile != "" {
		out.Plan = generators.Encode(c.Plan)
	}
	if c.Record != nil {
		out.Record = c.Record.Broken
	}
	for _, p := range a.Pairs {
		out.Answer.Pairs = append(out.Answer.Pairs, pairJSON(p))
	}
	for _, v := range c.Versions {
		out.Versions = append(out.Versions, versionOf(v))
	}
	return out
}

func versionOf(v compare.Measured) versionJSON {
	out := versionJSON{
		Name: v.Name, Runtime: v.Server.Backend, Server: v.Server.Version, Build: v.Server.Build, Settings: orEmpty(v.Altered),
		Failures: v.Rate.Failures, Runs: v.Rate.Runs, Others: v.Others, Errors: v.Errors, Open: v.Undecided, Broken: v.Broken, Other: v.Other,
		Refusal: v.Refusal, Problem: oneLine(v.Problem), Sign: v.Sign, Whole: v.Whole, Seconds: seconds(v.Took),
	}
	out.Low, out.High = v.Rate.Interval()
	if d := v.Drawn; d != nil {
		out.Drawn = drawnOf(d)
	}
	return out
}

func drawnOf(d *compare.Drawn) *drawnJSON {
	out := &drawnJSON{
		Plans: d.Tally.Plans, Operations: d.Tally.Operations + d.Tally.Load.Operations,
		Verdicts: map[string]int{}, Recoveries: []float64{}, Latencies: map[string]float64{}, Findings: []drawnFindingJSON{},
	}
	for v, n := range d.Counts {
		out.Verdicts[string(v)] = n
	}
	for _, took := range d.Recoveries() {
		out.Recoveries = append(out.Recoveries, seconds(took))
	}
	if d.Latencies.TotalCount() > 0 {
		for _, q := range quantiles {
			out.Latencies[fmt.Sprint(q)] = seconds(time.Duration(d.Latencies.ValueAtQuantile(q)) * time.Microsecond)
		}
	}
	for _, r := range d.Findings {
		out.Findings = append(out.Findings, drawnFindingJSON{r.Number, r.Verdict, oneLine(r.Sentence), r.Guarantee(), r.Dir})
	}
	return out
}

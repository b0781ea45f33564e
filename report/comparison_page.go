package report

import (
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"retain/generators"
	"retain/harness"
	"retain/harness/compare"
	"retain/internal/printable"
)

// The files of a comparison, in its folder.
const (
	ComparisonPageFile = "report.html"
	ComparisonFile     = "comparison.json"
)

//go:embed comparison.html
var comparisonText string

var comparisonTemplate = parsed("comparison", comparisonText)

// comparisonPage is what the template of a comparison's page needs.
type comparisonPage struct {
	Title, Verdict, Says string
	Axis                 string
	Lead                 []string
	Facts                []factGroup
	Versions             []versionRow
	Pairs                []pairRow
	Drawn                []drawnRow
	Findings             []drawnFindingRow
	Plan, Steps          string
}

type versionRow struct {
	Name, Server, Fails, Interval, Apart, Took, Refused string
	// Bar is the interval and, in it, the rate.
	Bar  []part
	Fail bool
}

type pairRow struct {
	A, B, P, Says string
	Apart         bool
}

type drawnRow struct {
	Name, Verdicts, Median, NinetyFive, Slowest string
	Plans, Operations, Restarts                 string
	Quantiles                                   []string
}

type drawnFindingRow struct {
	Version, Verdict, Says, Link string
	Plan                         int
}

// WriteComparison writes the page and the JSON of a comparison into its folder.
func (c Comparison) WriteComparison() error {
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		return fmt.Errorf("make the folder of the comparison: %w", err)
	}
	file, err := os.Create(filepath.Join(c.Dir, ComparisonPageFile))
	if err != nil {
		return fmt.Errorf("write the page of the comparison: %w", err)
	}
	return errors.Join(c.Page(file), file.Close(), c.WriteJSON(filepath.Join(c.Dir, ComparisonFile)))
}

// Page writes the page of the comparison: one file that needs nothing else.
func (c Comparison) Page(w io.Writer) error {
	rows := c.Rows()
	verdict, says := rows.verdict()
	facts := slices.DeleteFunc(slices.Clone(rows[1:]), func(r Row) bool { return r.Label == "" }) // the tables stand below
	p := comparisonPage{
		Title: "comparison: " + verdict + ": " + says, Verdict: verdict, Says: oneLine(c.says()), Axis: c.axis(),
		Lead: c.broken(), Facts: grouped(facts, linker{}), Steps: plural(len(c.Plan.Steps), "step"),
	}
	if c.PlanFile != "" {
		p.Plan = string(generators.Encode(c.Plan))
	}
	for _, v := range c.Versions {
		p.Versions = append(p.Versions, versionRowOf(v))
		if v.Drawn != nil && v.Drawn.Tally.Plans > 0 {
			p.Drawn = append(p.Drawn, drawnRowOf(v))
		}
		p.Findings = append(p.Findings, c.findingRows(v)...)
	}
	for _, t := range c.Answer.Pairs {
		row := pairRow{A: t.A, B: t.B, P: small(t.P), Apart: t.Apart, Says: "not told apart"}
		switch {
		case t.Apart:
			row.Says = "told apart"
		case t.Needed > 0:
			row.Says = fmt.Sprintf("not told apart; %s of each would, with 90 %% probability, if they fail as often as here", plural(t.Needed, "execution"))
		}
		p.Pairs = append(p.Pairs, row)
	}
	if err := execute(w, comparisonTemplate, p); err != nil {
		return fmt.Errorf("make the page of the comparison: %w", err)
	}
	return nil
}

func versionRowOf(v compare.Measured) versionRow {
	row := versionRow{
		Name: printable.Cut(v.Name, maxRuntime), Fails: failsText(v), Interval: intervalText(v.Rate), Apart: apartText(v), Took: span(v.Took), Fail: v.Rate.Failures > 0,
	}
	if v.Server.Version != "" {
		row.Server = v.Server.String()
		if row.Apart != "" {
			row.Server += " ·"
		}
	}
	if v.Refusal != nil {
		row.Refused = oneLine(v.Refusal.String())
	}
	if v.Rate.Runs > 0 {
		low, high := v.Rate.Interval()
		const mark = 1.0 // percent of the bar
		at := 100 * float64(v.Rate.Failures) / float64(v.Rate.Runs)
		row.Bar = []part{
			{100 * low, 100 * (high - low), "health", "95 %: " + row.Interval},
			{min(at, 100-mark), mark, "spawned", row.Fails},
		}
	}
	return row
}

func drawnRowOf(v compare.Measured) drawnRow {
	d := v.Drawn
	r := restartsOf(d)
	row := drawnRow{
		Name: printable.Cut(v.Name, maxRuntime), Verdicts: verdicts(d.Counts), Plans: thousands(d.Tally.Plans),
		Operations: thousands(d.Tally.Operations + d.Tally.Load.Operations), Restarts: thousands(r.count), Median: r.median, Slowest: r.slowest, NinetyFive: "-",
	}
	if all := d.Recoveries(); len(all) > 0 {
		row.NinetyFive = fine(all[min(len(all)-1, len(all)*95/100)])
	}
	for _, q := range []float64{50, 90, 99, 100} {
		row.Quantiles = append(row.Quantiles, latencyText(d, q))
	}
	return row
}

// findingRows are the drawn plans that did not pass on a version. Their folders are linked
// from the comparison's.
func (c Comparison) findingRows(v compare.Measured) (out []drawnFindingRow) {
	if v.Drawn == nil {
		return nil
	}
	for _, r := range v.Drawn.Findings {
		row := drawnFindingRow{Version: v.Name, Verdict: string(r.Verdict), Says: oneLine(r.Sentence), Plan: r.Number}
		if r.Verdict == harness.Violation {
			row.Says = r.Guarantee().About()
		}
		if link, err := filepath.Rel(c.Dir, r.Dir); err == nil && r.Dir != "" && c.Dir != "" {
			row.Link = filepath.ToSlash(link) + "/"
		}
		out = append(out, row)
	}
	return out
}

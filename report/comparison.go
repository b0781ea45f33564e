package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"retain/generators"
	"retain/harness"
	"retain/harness/compare"
	"retain/internal/printable"
	"retain/model"
)

// Comparison is a comparison of versions that has ended.
type Comparison struct {
	*compare.Result
	// PlanFile is the plan's, "" for drawn plans. Plan and Record are of it, Most is how
	// often each version was to execute it.
	PlanFile string
	Plan     generators.Plan
	Record   *compare.Record
	Most     int
	// Seed drew the plans, if they were drawn.
	Seed uint64
	// SDK names the handlers where the versions do not, Flags chose the servers beside the version.
	SDK   string
	Flags []string
	// VersionFlag is the flag that names a version for one session, "" if there is none.
	// Arguments are those of versions that another argument names.
	VersionFlag string
	Arguments   map[string][]string
	// Dir is where its page is.
	Dir string
	At  time.Time
}

// sdk names the handlers that the versions called, each once.
func (c Comparison) sdk() string {
	var out []string
	for _, v := range c.Versions {
		if v.SDK != "" && !slices.Contains(out, v.SDK) {
			out = append(out, v.SDK)
		}
	}
	return cmp.Or(strings.Join(out, ", "), c.SDK)
}

// Verdict is that of the comparison: a violation if any version violated. Only a pass on
// each version is one.
func (c Comparison) Verdict() harness.Verdict {
	judged, undecided := 0, 0
	for _, v := range c.Versions {
		switch {
		case v.Rate.Failures > 0 || v.Others > 0:
			return harness.Violation
		case v.Undecided > 0 || v.Refusal != nil || v.Errors > 0 && v.Rate.Runs > 0:
			undecided++
		case v.Rate.Runs > 0:
			judged++
		}
	}
	switch {
	case c.Interrupted:
		return harness.Interrupted
	case judged == len(c.Versions):
		return harness.Pass
	case judged+undecided > 0:
		return harness.Undecided
	}
	return harness.Harness
}

// Rows say what the comparison came to. The last one is the command to run next.
func (c Comparison) Rows() (out Rows) {
	out.add(string(c.Verdict()), titled(c.says(), c.about()))
	out.add("broken", c.broken()...)
	out.add("", c.table()...)
	out.add("refused", c.refused()...)
	out.add("also", c.also()...)
	out.add("told", c.told()...)
	if more := c.Answer.More(); more > 0 {
		out.add("more", fmt.Sprintf("about %s of each would tell them apart with 90 %% probability, if they fail as often as here (-rapid.checks %d)",
			plural(more, "more execution"), more+c.runs()))
	}
	out.add("judged", c.signs()...)
	if c.PlanFile == "" {
		out.add("", c.drawn()...)
	}
	out.add("build", c.builds()...)
	if c.Dir != "" {
		out.add("files", fmt.Sprintf("%s/  %s  %s", c.Dir, ComparisonPageFile, ComparisonFile))
	}
	out.add("replay", c.next()...)
	return out
}

// says is the answer in a sentence.
func (c Comparison) says() string {
	says := c.Answer.String()
	var never []string
	for _, v := range c.Versions {
		switch {
		case v.Refusal != nil && v.Rate.Runs > 0:
			says += fmt.Sprintf("; %s was not ready after %s", v.Name, plural(v.Rate.Runs, "execution"))
		case v.Refusal != nil:
			never = append(never, v.Name)
		}
	}
	if never != nil {
		says += "; never ready: " + strings.Join(never, ", ")
	}
	switch {
	case c.Answer.Kind != compare.OnNone:
	case c.Record != nil:
		says = "the failure on record " + says
	default:
		says = "a violation " + says
	}
	if c.Interrupted {
		return "after " + span(c.Took) + ", so far: " + says
	}
	return says
}

// about is what was executed.
func (c Comparison) about() []string {
	if c.PlanFile == "" {
		return []string{fmt.Sprintf("seed %d", c.Seed), span(c.Took)}
	}
	return []string{"plan " + c.PlanFile, span(c.Took)}
}

// broken are the guarantees that broke, with their versions.
func (c Comparison) broken() (out []string) {
	say := func(what func(compare.Measured) model.Guarantee, note string) {
		var all []model.Guarantee
		on := map[model.Guarantee][]string{}
		for _, v := range c.Versions {
			g := what(v)
			if g.IsZero() {
				continue
			}
			if on[g] == nil {
				all = append(all, g)
			}
			on[g] = append(on[g], v.Name)
		}
		for _, g := range all {
			out = append(out, fmt.Sprintf("%s%s (%s)", g.About(), note, strings.Join(on[g], ", ")))
		}
	}
	say(func(m compare.Measured) model.Guarantee { return m.Broken }, "")
	say(func(m compare.Measured) model.Guarantee { return m.Other }, ", which the plan is not on record for")
	if out == nil && c.Record != nil {
		out = append(out, "nothing; on record is: "+c.Record.Broken.About())
	}
	return out
}

// columns pads the cells of a table. The first column and the last are left-aligned.
func columns(rows [][]string) (out []string) {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], printable.Columns(cell))
		}
	}
	for _, row := range rows {
		line := ""
		for i, cell := range row {
			pad := strings.Repeat(" ", widths[i]-printable.Columns(cell))
			if i == 0 || i == len(row)-1 {
				line += "   " + cell + pad
			} else {
				line += "   " + pad + cell
			}
		}
		out = append(out, strings.TrimRight("        "+line, " "))
	}
	return out
}

// axis names the first column of the tables.
func (c Comparison) axis() string { return string(cmp.Or(c.Answer.Axis, compare.Versions)) }

// table has a line for each version.
func (c Comparison) table() []string {
	rows := [][]string{{c.axis(), "fails", "95 %", "took", ""}}
	for _, v := range c.Versions {
		rows = append(rows, []string{printable.Cut(v.Name, maxRuntime), failsText(v), intervalText(v.Rate), span(v.Took), apartText(v)})
	}
	return columns(rows)
}

func failsText(v compare.Measured) string {
	if v.Rate.Runs == 0 {
		return "-"
	}
	return fmt.Sprintf("%d of %d", v.Rate.Failures, v.Rate.Runs)
}

func intervalText(r generators.Rate) string {
	if r.Runs == 0 {
		return "-"
	}
	low, high := r.Interval()
	return fmt.Sprintf("%.0f to %.0f %%", 100*low, 100*high)
}

// apartText is what does not count for the rate.
func apartText(v compare.Measured) string {
	var out []string
	for _, apart := range []struct {
		n    int
		what string
	}{{v.Others, "another violation"}, {v.Undecided, "undecided"}, {v.Errors, "harness"}} {
		if apart.n > 0 {
			out = append(out, fmt.Sprintf("%d %s", apart.n, apart.what))
		}
	}
	switch {
	case v.Refusal != nil && v.Rate.Runs > 0:
		out = append(out, "then not ready")
	case v.Refusal != nil:
		out = append(out, "never ready")
	case v.Skipped:
		out = append(out, "left out by bisection")
	case v.Rate.Runs == 0 && len(out) == 0:
		out = append(out, "not executed")
	}
	return strings.Join(out, " · ")
}

// refused says of each version that never got ready why.
func (c Comparison) refused() (out []string) {
	for _, v := range c.Versions {
		if v.Refusal != nil {
			out = append(out, oneLine(v.Name+": "+v.Refusal.String()))
		}
	}
	return out
}

// also has the errors of the harness.
func (c Comparison) also() (out []string) {
	for _, v := range c.Versions {
		if v.Problem != "" {
			out = append(out, oneLine(v.Name+": "+v.Problem))
		}
	}
	return out
}

// runs is how many executions of a plan a version has at most.
func (c Comparison) runs() (n int) {
	for _, v := range c.Versions {
		n = max(n, v.Rate.Runs)
	}
	return n
}

// told says how the versions were told apart: the least clear of the pairs that were, and
// what is not told.
func (c Comparison) told() (out []string) {
	a := c.Answer
	if len(a.Pairs) == 0 {
		return nil
	}
	apart, worst := 0, compare.Pair{}
	for _, p := range a.Pairs {
		if p.Apart {
			apart++
			if p.P >= worst.P {
				worst = p
			}
		}
	}
	line := fmt.Sprintf("%d of %s apart, by Fisher's exact test at %s each: 5 %% for all pairs and looks", apart, plural(len(a.Pairs), "pair"), small(a.Level))
	if apart > 0 {
		line += fmt.Sprintf(" · the least clear: %s and %s, p = %s", worst.A, worst.B, small(worst.P))
	}
	out = append(out, line)
	if len(a.Skipped) > 0 {
		out = append(out, "by bisection, which supposes one change: not executed on "+strings.Join(a.Skipped, ", "))
	}
	if c.Late {
		out = append(out, "the time was over before all executions (-duration)")
	}
	return out
}

// small prints a probability: 0.0022, 3e-07.
func small(p float64) string { return fmt.Sprintf("%.2g", p) }

// signs says how stuck operations were judged.
func (c Comparison) signs() (out []string) {
	for _, v := range c.Versions {
		if v.Sign != "" {
			out = append(out, fmt.Sprintf("%s: stuck for its whole bound in %d of %s, then by a sign of the same call: %s", v.Name, v.Whole, plural(v.Rate.Failures, "failure"), oneLine(v.Sign)))
		}
	}
	return out
}

// drawn has what drawn plans came to, side by side.
func (c Comparison) drawn() []string {
	rows := [][]string{{c.axis(), "plans", "operations", "restarts", "median", "slowest", "latency 50 %", "99 %", "slowest", "verdicts"}}
	for _, v := range c.Versions {
		d := v.Drawn
		if d == nil || d.Tally.Plans == 0 {
			continue
		}
		r := restartsOf(d)
		rows = append(rows, []string{
			printable.Cut(v.Name, maxRuntime), thousands(d.Tally.Plans), thousands(d.Tally.Operations + d.Tally.Load.Operations), thousands(r.count), r.median, r.slowest,
			latencyText(d, 50), latencyText(d, 99), latencyText(d, 100), verdicts(d.Counts),
		})
	}
	if len(rows) == 1 {
		return nil
	}
	return columns(rows)
}

// restartTimes are the restarts of a version in words.
type restartTimes struct {
	count           int
	median, slowest string
}

func restartsOf(d *compare.Drawn) restartTimes {
	all := d.Recoveries()
	if len(all) == 0 {
		return restartTimes{0, "-", "-"}
	}
	return restartTimes{len(all), fine(all[len(all)/2]), fine(all[len(all)-1])}
}

func latencyText(d *compare.Drawn, quantile float64) string {
	if d.Latencies.TotalCount() == 0 {
		return "-"
	}
	return fine(time.Duration(d.Latencies.ValueAtQuantile(quantile)) * time.Microsecond)
}

// builds are the servers that were compared, with what differs from plain ones.
func (c Comparison) builds() (out []string) {
	var servers []string
	var altered model.Settings
	for _, v := range c.Versions {
		if v.Server.Version != "" {
			servers = append(servers, v.Name+" is "+v.Server.String())
		}
		for _, s := range v.Altered {
			if !slices.Contains(altered, s) {
				altered = append(altered, s)
			}
		}
	}
	out = append(out, wrapped(servers, " · ")...)
	last := "1 node"
	if sdk := c.sdk(); sdk != "" {
		last += " · " + printable.Line(sdk)
	}
	if c.PlanFile != "" {
		last += " · " + plural(len(c.Plan.Steps), "step")
		if config := c.Plan.Config.Configuration(); config != "" {
			last += " · " + config
		}
		if load := c.Plan.Load.String(); load != "" {
			last += " · load of " + load
		}
	}
	return append(out, with(last, altered)...)
}

// next are the commands that show a failure with all its facts, one for each version it was
// seen on, or that compare a drawn plan that failed.
func (c Comparison) next() (out []string) {
	for _, v := range c.Versions {
		if v.Rate.Failures+v.Others == 0 || c.VersionFlag == "" {
			continue
		}
		plan := c.PlanFile
		if v.Drawn != nil {
			i := slices.IndexFunc(v.Drawn.Findings, func(r harness.Run) bool { return r.Verdict == harness.Violation && r.Dir != "" })
			if i < 0 {
				continue
			}
			plan = v.Drawn.Findings[i].Dir + "/plan.json"
		}
		named, others := c.Arguments[v.Name]
		if !others {
			named = []string{fmt.Sprintf("-%s=%s", c.VersionFlag, v.Name)}
		}
		out = append(out, "go test -run Replay -plan "+words(slices.Concat([]string{plan}, named, c.Flags)...))
	}
	return out
}

package report

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/campaign"
	"retain/generators"
	"retain/harness"
	"retain/harness/triage"
)

// readTwo are two shards of so many plans each, read together.
func readTwo(t *testing.T, plans int) *campaign.Campaign {
	t.Helper()
	dir := t.TempDir()
	twoShards(t, dir, plans)
	c, err := campaign.Read(dir)
	require.NoError(t, err)
	return c
}

func writtenCampaign(t *testing.T, c *campaign.Campaign) string {
	t.Helper()
	path, err := WriteCampaignPage(c)
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(c.Dir, triage.PageFile), path)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}

// contains and lacks leave the whole page out of a failure.
func contains(t *testing.T, page, part string, about ...any) {
	t.Helper()
	assert.True(t, strings.Contains(page, part), "the page lacks %q %v", part, about)
}

func lacks(t *testing.T, page, part string) {
	t.Helper()
	assert.False(t, strings.Contains(page, part), "the page has %q", part)
}

// Two shards make one report, whose totals are the sums of theirs.
func TestTotalsOfShardsAddUp(t *testing.T) {
	both := readTwo(t, 60)
	require.Len(t, both.Segments, 3, "one was killed and went on")
	sum := campaign.NewTotals()
	for _, name := range []string{"shard-0", "shard-1"} {
		one, err := campaign.Read(filepath.Join(both.Dir, name))
		require.NoError(t, err)
		part := one.Totals()
		assert.Equal(t, 60, part.Plans, name)
		sum.Plans += part.Plans
		sum.Operations += part.Operations
		sum.Restarts += part.Restarts
		for k, n := range part.Faults {
			sum.Faults[k] += n
		}
		for s, n := range part.Situations {
			sum.Situations[s] += n
		}
		sum.Took += part.Took
	}
	all := both.Totals()
	assert.Equal(t, 120, all.Plans)
	assert.Equal(t, sum.Operations, all.Operations)
	assert.Equal(t, sum.Restarts, all.Restarts)
	assert.Equal(t, sum.Faults, all.Faults)
	assert.Equal(t, sum.Situations, all.Situations)
	assert.Equal(t, sum.Took, all.Took)
	assert.Equal(t, map[harness.Verdict]int{harness.Pass: 116, harness.Violation: 2, harness.Undecided: 2}, all.Verdicts)

	w := workAxisOf(both)
	buckets, err := w.buckets(bucketWidth(w.total))
	require.NoError(t, err)
	answered, load := 0, harness.LoadCounters{}
	for _, b := range buckets {
		answered += b.answered
		load.Add(b.load)
		load.Operations -= b.loadAnswered
	}
	assert.Equal(t, all.Operations, answered, "every answer of a program is in the chart of the rate")
	assert.Zero(t, load.Operations, "every answer of a load is in the chart of the load")
	assert.Equal(t, all.Load.Strikes, load.Strikes, "every stop and kill is in the chart of those in flight")
	latencies, err := w.latencies()
	require.NoError(t, err)
	assert.EqualValues(t, all.Operations, latencies[0].times.TotalCount(), "every answer is in the quantiles")
	parts := 0
	for _, l := range latencies[1:] {
		parts += int(l.times.TotalCount())
	}
	assert.Equal(t, all.Operations, parts, "each has one configuration")
	loads, mixed, err := w.loads()
	require.NoError(t, err)
	assert.Zero(t, mixed)
	assert.EqualValues(t, all.Load.Operations, loads[0].Count(), "every answer of a load is in its quantiles")
	parts = 0
	for _, l := range loads[1:] {
		parts += l.Operations
	}
	assert.Equal(t, all.Load.Operations, parts, "each has one configuration")

	inCells := 0
	for _, class := range matrixOf(both).Classes {
		for _, row := range class.Rows {
			for _, cell := range row.Cells {
				inCells += cell.Plans
			}
		}
	}
	listed := 0
	for i := range both.Segments {
		for _, j := range both.Segments[i].Plans {
			listed += len(j.Situations)
		}
	}
	assert.Equal(t, listed, inCells, "every situation has its cell in the matrix of its class")
}

// What a shard does while another does, or after a break, is at its own time.
func TestCampaignTimeExcludesTheTimeBetweenSegments(t *testing.T) {
	c := readTwo(t, 60)
	w := workAxisOf(c)
	first, second := c.Segments[0].Took(), time.Duration(0)
	for i := range c.Segments {
		if c.Segments[i].Shard.Index == 0 && i > 0 {
			second = c.Segments[i].Took()
			assert.Equal(t, first, w.offsets[i], "it goes on where the killed one ended")
		}
	}
	assert.Equal(t, []time.Duration{first}, w.resumes)
	assert.Less(t, w.total, first+second+time.Minute, "neither the hour's break nor the 3 hours between the shards are on the axis")
}

// The fingerprints are equal.
func TestPageCountsAFindingOfTwoShardsOnce(t *testing.T) {
	c := readTwo(t, 20)
	found := findings(c)
	require.Len(t, found, 1)
	f := found[0]
	assert.Equal(t, 2, f.Times)
	assert.Equal(t, "10, 11", f.Plans)
	assert.Equal(t, 2, f.Shards)
	assert.Empty(t, f.Note)
	assert.NotNil(t, f.Drawing)
	assert.Equal(t, "shard-0/findings/7f2c-10/", f.Dir)
	assert.Contains(t, f.Rows.String(), "<- add(2) was acknowledged at 20 ms", "the table of the terminal")
	assert.Contains(t, row(f.Rows, "rate"), "reproduces 19 of 20 (95 %: 76 to 99 %) · 5 steps, from 57 · 38 executions, 51 s")
	assert.Contains(t, row(f.Rows, "replay"), filepath.Join(c.Dir, "shard-0", "findings", "7f2c-10", "reduced.json")+" -runtime=process")

	text := writtenCampaign(t, c)
	for _, link := range []string{"report.html", "picture.html", "plan.json"} {
		contains(t, text, `href="shard-0/findings/7f2c-10/`+link+`"`)
		assert.FileExists(t, filepath.Join(c.Dir, "shard-0/findings/7f2c-10/", link))
	}

	for i := range c.Segments {
		for k := range c.Segments[i].Reductions {
			r := &c.Segments[i].Reductions[k]
			r.Executions, r.Steps, r.Problem = 0, 0, "the time for reductions is spent"
		}
	}
	f = findings(c)[0]
	assert.Empty(t, row(f.Rows, "rate"), "nothing is said of a reduction that was not tried")
	assert.Equal(t, "the time for reductions is spent", f.Note)

	require.NoError(t, os.RemoveAll(filepath.Join(c.Dir, "shard-0", "findings")))
	f = findings(c)[0]
	assert.Contains(t, f.Note, "the time for reductions is spent · its folder ")
	assert.Contains(t, f.Note, "the records are all that is known")
	assert.Nil(t, f.Drawing)
	assert.Contains(t, f.Rows.String(), "an acknowledged add is missing after a kill")
}

// What differs is not one finding, and the terminal counts as the page does.
func TestDifferentFindingsStayApart(t *testing.T) {
	c := readTwo(t, 20)
	for i := range c.Segments {
		if c.Segments[i].Shard.Index == 1 {
			c.Segments[i].Reductions = nil
		}
	}
	assert.Len(t, findings(c), 2)
	assert.Len(t, c.Totals().Findings, 2)
	_, says := Campaign(c, "").verdict()
	assert.Equal(t, "2 findings, in 2 plans", says)
}

// A page opens from the disk: no script, nothing from elsewhere.
func TestCampaignPageLoadsNothing(t *testing.T) {
	text := writtenCampaign(t, readTwo(t, 20))
	lacks(t, text, "<script")
	lacks(t, text, "<link")
	lacks(t, text, "@import")
	for _, address := range regexp.MustCompile(`(?:src|href|url)\s*[=(]\s*"?([a-z]+:[^"\s]*)`).FindAllStringSubmatch(text, -1) {
		assert.Fail(t, "the page takes something from elsewhere", address[1])
	}
	lacks(t, text, "<?xml")
	assert.Equal(t, 11, strings.Count(text, `<svg role="img" aria-label="`), "a chart each")
	assert.Equal(t, strings.Count(text, "<svg "), strings.Count(text, "</svg>"))
}

// The page says what the terminal says, and has a place for everything.
func TestCampaignPageContainsTheTerminalsLines(t *testing.T) {
	c := readTwo(t, 60)
	text := writtenCampaign(t, c)
	rows := Campaign(c, "report.html")
	verdict, says := rows.verdict()
	assert.Equal(t, "violation", verdict)
	assert.Equal(t, "1 finding, in 2 plans", says)
	oneScreen(t, harness.Violation, rows.String())
	for _, r := range rows[1 : len(rows)-1] {
		for _, line := range r.Lines {
			contains(t, text, strings.NewReplacer("&", "&amp;", "<", "&lt;", "+", "&#43;", "'", "&#39;").Replace(line), r.Label)
		}
	}
	contains(t, text, "porcupine stopped at 20 s", "an undecided plan has its reason")
	contains(t, text, "is cut off after 11 bytes", "a torn line is reported")
	contains(t, text, "no end on record: under way, or killed")
	contains(t, text, "lost-write, simulated")
	contains(t, text, `class="empty"`)
	contains(t, text, `class="no"`)
	for _, f := range []string{"kill", "stop", "closing kill"} {
		for _, m := range milestones {
			contains(t, text, "<td>"+f+"</td><td>"+m.Name+"</td>")
		}
	}
	assert.LessOrEqual(t, len(text), 2<<20, "it opens at once")
}

// Every situation that there is has a cell, and only those.
func TestMatrixHasEverySituation(t *testing.T) {
	c := readTwo(t, 60)
	m := matrixOf(c)
	all := generators.Situations()
	cells, impossible := 0, 0
	for _, r := range m.Rows {
		assert.Len(t, r.Cells, len(m.Columns), r.Operation)
		for _, cell := range r.Cells {
			if cell.No {
				impossible++
			} else {
				cells++
			}
		}
	}
	assert.Equal(t, len(all), len(m.Classes)*cells)
	assert.Positive(t, impossible)
	for i, r := range m.Rows {
		for k := range r.Cells {
			least, sum := 0, 0
			for _, class := range m.Classes {
				of := class.Rows[i].Cells[k].Plans
				least, sum = max(least, of), sum+of
			}
			assert.GreaterOrEqual(t, r.Cells[k].Plans, least, "%s, %s", r.Operation, m.Columns[k])
			assert.LessOrEqual(t, r.Cells[k].Plans, sum, "a plan that tested it in two classes counts once")
		}
	}
	assert.Equal(t, m.All, m.Tested+len(m.Empty))
	assert.Len(t, c.Totals().Situations, m.Tested)
}

// New situations are counted for the last hour of work, of all
// shards: a campaign that finds nothing new can end.
func TestReportCountsNewSituationsOfTheLastHour(t *testing.T) {
	all := generators.Situations()
	names := func(from, to int) (out []string) {
		for _, s := range all[from:to] {
			out = append(out, s.String())
		}
		return out
	}
	began := time.Date(2026, 11, 24, 2, 0, 0, 0, time.UTC)
	plan := func(after time.Duration, situations []string) campaign.PlanResult {
		return campaign.PlanResult{At: began.Add(after), Verdict: harness.Pass, Situations: situations}
	}
	c := &campaign.Campaign{Segments: []campaign.Segment{
		{Start: campaign.Start{At: began}, Last: began.Add(3 * time.Hour), Plans: []campaign.PlanResult{
			plan(0, names(0, 8)), plan(2*time.Hour-time.Second, names(0, 9)), plan(2*time.Hour+time.Minute, names(0, 12)), plan(3*time.Hour, names(10, 13)),
		}},
		{Start: campaign.Start{At: began, Shard: campaign.Shard{Index: 1, Of: 2}}, Last: began.Add(3 * time.Hour), Plans: []campaign.PlanResult{
			plan(time.Hour, names(11, 12)),
		}},
	}}
	assert.Equal(t, fmt.Sprintf("13 of %d tested (operation x fault x where it stood x class), 3 new in the last hour", len(all)), row(Campaign(c, ""), "situations"))
	chart, err := workAxisOf(c).newSituationsChart()
	require.NoError(t, err)
	assert.Equal(t, "13 situations in 180 min 0 s, 3 new in the last hour, of all shards together.", chart.Says)

	for i := range c.Segments {
		c.Segments[i].Last = began.Add(40 * time.Minute)
	}
	assert.Contains(t, row(Campaign(c, ""), "situations"), ", 13 new since it began, 40 min 0 s of work")
	c.Segments[0].Last = began.Add(time.Hour)
	assert.Contains(t, row(Campaign(c, ""), "situations"), ", 13 new in the last hour", "all of it")
}

func TestPassesOfNPlansExcludeThreeOverN(t *testing.T) {
	assert.Equal(t, "excludes failures in more than 3 %", boundText(100))
	assert.Contains(t, boundText(3), "too few")
	c := readTwo(t, 60)
	assert.Equal(t, "nothing: 2 failed", powers(c)[0].Bound)
	for i := range c.Segments {
		for k := range c.Segments[i].Plans {
			c.Segments[i].Plans[k].Verdict = harness.Pass
		}
	}
	assert.Equal(t, "excludes failures in more than 2.5 %", powers(c)[0].Bound)
	assert.Equal(t, "failures in more than 2.5 % of such plans (95 %: none in 120 plans)", row(Campaign(c, ""), "excludes"))
}

// A campaign of nothing, or of a moment, still has a page, which says so.
func TestCampaignPageWithoutPlans(t *testing.T) {
	dir := t.TempDir()
	newShard(t, dir, campaign.Shard{}, time.Now()).save(0)
	c, err := campaign.Read(dir)
	require.NoError(t, err)
	text := writtenCampaign(t, c)
	contains(t, text, "No plan has run.")
	contains(t, text, "No restart was seen to its end.")
	contains(t, text, "this campaign could not have found anything")

	w := newShard(t, dir, campaign.Shard{}, time.Now())
	w.plan(0, nil)
	w.hold()
	w.save(0)
	c, err = campaign.Read(dir)
	require.NoError(t, err)
	contains(t, writtenCampaign(t, c), `id="chart-rate"`)
}

// The page has a figure for memory that grows after the first minutes.
func TestCampaignPageShowsGrowingMemory(t *testing.T) {
	c := readTwo(t, 300)
	figures := flat(c)
	require.NotEmpty(t, figures)
	assert.Equal(t, "resident memory", figures[0].What)
	for i := range c.Segments {
		for k := range c.Segments[i].Samples {
			s := &c.Segments[i].Samples[k]
			s.Resident, s.Descriptors = int64(s.At.Sub(c.Segments[i].At).Hours()*(600<<20)), 40
		}
	}
	for i := range c.Segments {
		s := &c.Segments[i]
		s.Samples = append(s.Samples, campaign.Sample{At: s.Last.Add(time.Minute), Descriptors: 1}) // its servers are closed
	}
	figures = flat(c)
	assert.Equal(t, "+600.0 MiB per hour", figures[0].Trend)
	assert.Equal(t, "+0.0 per hour", figures[2].Trend)
}

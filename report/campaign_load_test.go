package report

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/campaign"
	"retain/harness"
)

// eachPlan changes all plans of a campaign.
func eachPlan(c *campaign.Campaign, change func(*campaign.PlanResult)) {
	for i := range c.Segments {
		for k := range c.Segments[i].Plans {
			change(&c.Segments[i].Plans[k])
		}
	}
}

func TestCampaignPageShowsTheLoadApart(t *testing.T) {
	c := readTwo(t, 20)
	text := writtenCampaign(t, c)
	contains(t, text, `<a href="#load">load</a>`)
	for _, id := range []string{"load-rate", "load-flight", "load-latency"} {
		contains(t, text, `id="chart-`+id+`"`)
	}
	loads, _, err := workAxisOf(c).loads()
	require.NoError(t, err)
	all := c.Totals().Load
	assert.Equal(t, "all", loads[0].Name)
	assert.Equal(t, all, loads[0].LoadCounters)
	contains(t, text, `<tr><td>all</td><td class="n">`+thousands(all.Plans)+`</td>`)
	contains(t, text, `<td class="n">`+loads[0].Total()+`</td><td class="n">`+loads[0].PerSecond()+`</td><td class="n">`+loads[0].AtFaults()+`</td>`)
	contains(t, text, `<td>all loads</td>`)
	lacks(t, text, "among those of the programs;")

	latencies, err := workAxisOf(c).allLatencies(loads)
	require.NoError(t, err)
	assert.Less(t, latencies[0].times.ValueAtQuantile(50), int64(6_000), "those of the programs")
	assert.Greater(t, latencies[1].times.ValueAtQuantile(50), int64(25_000), "those of the loads")
}

func TestCampaignPageWithoutLoads(t *testing.T) {
	c := readTwo(t, 20)
	eachPlan(c, func(j *campaign.PlanResult) {
		j.Load, j.Latencies, j.LoadLatencies = harness.LoadCounters{}, "", ""
		for i := range j.Seconds {
			j.Seconds[i].Load = 0
		}
	})
	text := writtenCampaign(t, c)
	contains(t, text, "<h2 id=\"load\">Load</h2>\n<p>No load was recorded.</p>")
	lacks(t, text, `id="chart-load`)
	lacks(t, text, "all loads")
	contains(t, text, `id="chart-rate"`)
}

// The first records of plans with a load have its counters only.
func TestCampaignPageOfRecordsThatMixLoadsAndPrograms(t *testing.T) {
	c := readTwo(t, 20)
	eachPlan(c, func(j *campaign.PlanResult) {
		j.LoadLatencies = ""
		for i := range j.Seconds {
			j.Seconds[i].Load = 0
		}
	})
	text := writtenCampaign(t, c)
	contains(t, text, "The records of "+plural(c.Totals().Load.Plans, "plan")+" have the answers and latencies of their loads among those of the programs;")
	contains(t, text, "The latencies of the load were not recorded apart.")
	contains(t, text, `id="chart-load-rate"`)
	contains(t, text, "on a ready server")
	loads, _, err := workAxisOf(c).loads()
	require.NoError(t, err)
	assert.Equal(t, "-", loads[0].Median())
	assert.Equal(t, c.Totals().Load, loads[0].LoadCounters)
}

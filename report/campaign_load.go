package report

import (
	"cmp"
	"fmt"
	"slices"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"retain/harness"
)

// configuredLoad is what is known of the loads on one configuration of the server; Name is
// "all" for all loads.
type configuredLoad struct {
	Name string
	harness.LoadCounters
	spread // of the latencies
}

// MeanClients is how many clients a load had, in the mean.
func (l configuredLoad) MeanClients() string {
	return fmt.Sprintf("%.0f", float64(l.Clients)/float64(max(1, l.Plans)))
}

// PerSecond is the rate while the server was ready.
func (l configuredLoad) PerSecond() string {
	if l.UpNs == 0 {
		return "-"
	}
	return thousands(int(l.Rate()))
}

// AtFaults is how many operations were in flight at a stop or a kill, in the mean.
func (l configuredLoad) AtFaults() string {
	if l.Strikes == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f", l.MeanInFlight())
}

// Total is how many operations the clients called.
func (l configuredLoad) Total() string { return thousands(l.Operations) }

// loads are those of all plans, and by configuration, that with the most operations first;
// nil without any. mixed is how many plans do not have their latencies apart.
func (w workAxis) loads() (out []configuredLoad, mixed int, err error) {
	all := configuredLoad{Name: "all", spread: spread{times: harness.NewLatencies()}}
	of := map[string]*configuredLoad{}
	for i := range w.c.Segments {
		for _, j := range w.c.Segments[i].Plans {
			if j.Load.Plans == 0 {
				continue
			}
			h, err := j.LoadHistogram()
			if err != nil {
				return nil, 0, err
			}
			if !j.LoadApart() {
				mixed++
			}
			name := configurationName(j)
			if of[name] == nil {
				of[name] = &configuredLoad{Name: name, spread: spread{times: harness.NewLatencies()}}
			}
			for _, l := range []*configuredLoad{&all, of[name]} {
				l.Add(j.Load)
				l.times.Merge(h)
			}
		}
	}
	if all.Plans == 0 {
		return nil, 0, nil
	}
	for _, l := range of {
		out = append(out, *l)
	}
	slices.SortFunc(out, func(a, b configuredLoad) int {
		return cmp.Or(cmp.Compare(b.Operations, a.Operations), cmp.Compare(a.Name, b.Name))
	})
	return append([]configuredLoad{all}, out...), mixed, nil
}

// mixedText says that some latencies of loads are with those of the programs, "" for none.
func mixedText(plans int) string {
	if plans == 0 {
		return ""
	}
	return fmt.Sprintf("The records of %s have the answers and latencies of their loads among those of the programs; the rate while the server was ready and the operations in flight are the loads' own.", plural(plans, "plan"))
}

// loadCharts are the pictures of the loads.
func (w workAxis) loadCharts(buckets []bucket, bands []shade) (out []chart, err error) {
	for _, draw := range []func([]bucket, []shade) (chart, error){w.loadRateChart, w.loadFlightChart, w.loadLatencyChart} {
		c, err := draw(buckets, bands)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

func (w workAxis) loadRateChart(buckets []bucket, bands []shade) (chart, error) {
	width := bucketWidth(w.total)
	apart := slices.ContainsFunc(buckets, func(b bucket) bool { return b.loadAnswered > 0 })
	out := chart{
		ID: "load-rate", Title: "Load: operations per second", Key: faultKey(bands),
		Says: fmt.Sprintf("On a ready server: operations per second of readiness, of the plans whose middle is in a point's %s. Answered: those that returned in that time, of all shards together.", span(width)),
	}
	return w.overTime(out, "per second", bands, "No load was recorded.", fromZero,
		seriesOf("on a ready server", loadColour, buckets, width, func(b bucket) (float64, bool) { return b.load.Rate(), b.load.UpNs > 0 }),
		seriesOf("answered", rateColour, buckets, width, func(b bucket) (float64, bool) {
			return b.perSecond(b.loadAnswered), apart && b.workers > 0
		}))
}

func (w workAxis) loadFlightChart(buckets []bucket, bands []shade) (chart, error) {
	width := bucketWidth(w.total)
	out := chart{
		ID: "load-flight", Title: "Load: operations in flight at a stop or kill", Key: faultKey(bands),
		Says: fmt.Sprintf("Of the plans whose middle is in a point's %s. Operations on one key wait for each other.", span(width)),
	}
	return w.overTime(out, "in flight", bands, "No stop or kill came while a load ran.", fromZero,
		seriesOf("in the mean", rateColour, buckets, width, func(b bucket) (float64, bool) { return b.load.MeanInFlight(), b.load.Strikes > 0 }),
		seriesOf("most on one key", loadColour, buckets, width, func(b bucket) (float64, bool) { return float64(b.load.OnOneKey), b.load.Strikes > 0 }))
}

func (w workAxis) loadLatencyChart(buckets []bucket, bands []shade) (chart, error) {
	return w.latencyOverTime("load-latency", "Load: latency over time", "The latencies of the load were not recorded apart.", buckets, bands,
		func(b bucket) *hdr.Histogram { return b.loadLatencies })
}

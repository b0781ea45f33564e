package campaign

import (
	"maps"
	"path/filepath"
	"slices"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"retain/generators"
	"retain/harness"
	"retain/harness/signature"
	"retain/model"
)

// resultOf is the record of a run. Its number is the plan's. first is the name of the version
// that it began with, "" for the server's own.
func resultOf(r harness.Run, dir, first string) PlanResult {
	j := PlanResult{
		Number: r.Plan.Number, Runtime: r.Runtime, Config: r.Plan.Config.Server, Start: r.Plan.Config.Start,
		At: time.Now().UTC(), Verdict: r.Verdict, Sentence: r.Sentence, Broken: signature.GuaranteeOf(r), Ledger: r.Ledger, Known: r.Known, Dir: below(dir, r.Dir),
		Steps: len(r.Plan.Steps), Counters: r.Tally.Counters,
	}
	if r.Outcome == nil {
		return j
	}
	j.SDK = r.Outcome.SDK
	j.Run, j.Age, j.At, j.Took = r.Outcome.ID, r.Outcome.Age, r.Outcome.Began().UTC(), r.Outcome.Took
	h := r.Outcome.History
	if h == nil {
		return j
	}
	j.Identity = h.Runtime
	all, load := harness.NewLatencies(), harness.NewLatencies()
	j.Seconds = seconds(h, all, load)
	if all.TotalCount() > 0 {
		j.Latencies, _ = encodeLatencies(all) // its own buffer takes everything
	}
	if r.Plan.Load.Clients > 0 {
		j.LoadLatencies, _ = encodeLatencies(load)
	}
	j.Bands, j.Recoveries = bands(h, j.Took), recoveries(h)
	j.cover(r.Tally.Coverage)
	j.Switches = harness.SwitchesOf(h, first)
	j.Broke, j.While = brokeAfter(r, j.Switches)
	return j
}

// cover records what the plan tested.
func (j *PlanResult) cover(c harness.Coverage) {
	for _, s := range generators.Situations() {
		if c.Situations[s] > 0 {
			j.Situations = append(j.Situations, s.String())
		}
	}
	for class := range c.Plans { // the one that it began in
		j.Class = &class
	}
	for n := range c.Partitions {
		j.Partitions = n
	}
	j.VQueues, j.Writes = c.VQueues > 0, c.Writes
}

// coverage is what the plan tested. A situation of a newer version is none of ours.
func (j PlanResult) coverage() harness.Coverage {
	c := harness.NewCoverage()
	for _, text := range j.Situations {
		var s generators.Situation
		if s.UnmarshalText([]byte(text)) == nil {
			c.Situations[s] = 1
		}
	}
	if j.Class != nil {
		c.Plans[*j.Class] = 1
	}
	if j.Partitions > 0 {
		c.Partitions[j.Partitions] = 1
	}
	if j.VQueues {
		c.VQueues = 1
	}
	maps.Copy(c.Writes, j.Writes)
	return c
}

// classify gives a record of before version 4 the class of its configuration, which the
// plan kept, and its situations with it.
func (j *PlanResult) classify() {
	config := generators.Config{Server: j.Config}
	class := config.Class()
	j.Class, j.Partitions = &class, config.Provisioned().Partitions
	for i, text := range j.Situations {
		var s generators.Situation
		if s.UnmarshalText([]byte(text)) == nil {
			s.Class = class
			j.Situations[i] = s.String()
		}
	}
}

// Configuration says what configured the plan's server at its beginning, "" for the
// server's defaults.
func (j PlanResult) Configuration() string {
	if j.Config != "" {
		return j.Config
	}
	return generators.Config{Partitions: j.Partitions, VQueues: j.VQueues, Start: j.Start}.Configuration()
}

// below is a path in a directory, relative to it.
func below(dir, path string) string {
	if path == "" {
		return ""
	}
	short, err := filepath.Rel(dir, path)
	if err != nil {
		return path
	}
	return filepath.ToSlash(short)
}

// seconds counts the answers second by second, and adds their latencies to all, those on
// objects of the load to load too.
func seconds(h *model.History, all, load *hdr.Histogram) []Second {
	var out []Second
	ofLoad := harness.OfLoad(h)
	for _, o := range h.Operations {
		if o.Return == model.Forever || o.Outcome != model.OK || o.Phase == model.Ledger {
			continue
		}
		for o.Return.Ns/int64(time.Second) >= int64(len(out)) {
			out = append(out, Second{From: time.Duration(len(out)) * time.Second})
		}
		second := &out[o.Return.Ns/int64(time.Second)]
		second.Answered++
		harness.RecordLatency(all, o)
		if ofLoad(o.Object) {
			second.Load++
			harness.RecordLatency(load, o)
		}
	}
	return out
}

// bands are the faults that end or freeze the server, each until calls were
// answered again.
func bands(h *model.History, took time.Duration) []Band {
	var out []Band
	faults := harness.MeetingFaults(h)
	for i, f := range faults {
		next := model.Forever
		if i+1 < len(faults) {
			next = faults[i+1].Begin
		}
		b := Band{Kind: f.Kind, From: time.Duration(f.Begin.Ns), To: max(took, time.Duration(f.Begin.Ns))}
		if back := harness.ComebackAfter(h, f, next); back.Ready > 0 {
			b.To = time.Duration(back.Ready)
		} else if next != model.Forever {
			b.To = time.Duration(next.Ns)
		}
		out = append(out, b)
	}
	return out
}

// recoveries are the restarts, each after the stop or kill before it.
func recoveries(h *model.History) []Recovery {
	var out []Recovery
	for _, r := range h.Recoveries {
		var f *model.Fault
		for i := range h.Faults {
			if h.Faults[i].Ends() && h.Faults[i].Begin.Ns <= r.Spawned {
				f = &h.Faults[i]
			}
		}
		if f == nil {
			continue // the first start of all
		}
		since := func(at int64) time.Duration {
			if at == 0 {
				return 0
			}
			return time.Duration(at - f.Begin.Ns)
		}
		takeOver := harness.TakesOver(h, *f)
		out = append(out, Recovery{
			Kind: f.Kind, Down: since(r.Down), Spawned: since(r.Spawned), Port: since(r.Port),
			Health: since(r.Health), Probe: since(r.Probe), Closing: f.Step == 0 && !takeOver, TakeOver: takeOver,
		})
	}
	return slices.Clip(out)
}

package campaign

import (
	"path/filepath"
	"slices"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"retain/harness"
	"retain/model"
)

// judgedOf is the record of a run. Its number is the plan's.
func judgedOf(r harness.Run, dir string) Judged {
	j := Judged{
		Number: r.Plan.Number, Runtime: r.Runtime, Config: r.Plan.Config.Server,
		At: time.Now().UTC(), Verdict: r.Verdict, Sentence: r.Sentence, Ledger: r.Ledger, Dir: below(dir, r.Dir),
		Steps: len(r.Plan.Steps), Operations: r.Tally.Operations, Attempts: r.Tally.Attempts,
		Faults: r.Tally.Faults, InFlight: r.Tally.InFlight, Ambiguous: r.Tally.Ambiguous,
		Resolved: r.Tally.Resolved, Open: r.Tally.Open, ReadBack: r.Tally.ReadBack,
	}
	if r.Outcome == nil {
		return j
	}
	j.Run, j.Age, j.At, j.Took = r.Outcome.ID, r.Outcome.Age, r.Outcome.Began().UTC(), r.Outcome.Took
	h := r.Outcome.History
	if h == nil {
		return j
	}
	j.Identity = h.Runtime
	all := NewLatencies()
	j.Seconds = seconds(h, all)
	j.Latencies, _ = encodeLatencies(all) // its own buffer takes everything
	j.Bands, j.Recoveries = bands(h, j.Took), recoveries(h)
	for _, s := range situations(h) {
		j.Situations = append(j.Situations, s.String())
	}
	return j
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

// seconds counts the answers second by second, and adds their latencies to all.
func seconds(h *model.History, all *hdr.Histogram) []Second {
	var out []Second
	for _, o := range h.Operations {
		if o.Return == model.Forever || o.Outcome != model.OK || o.Phase == model.Ledger {
			continue
		}
		for o.Return.Ns/int64(time.Second) >= int64(len(out)) {
			out = append(out, Second{From: time.Duration(len(out)) * time.Second})
		}
		out[o.Return.Ns/int64(time.Second)].Answered++
		_ = all.RecordValue(min(max(1, (o.Return.Ns-o.Call.Ns)/1000), int64(mostMicroseconds))) // it is in range
	}
	return out
}

// bands are the faults that end or freeze the server, each until calls were
// answered again.
func bands(h *model.History, took time.Duration) []Band {
	var out []Band
	faults := meeting(h)
	for i, f := range faults {
		next := model.Forever
		if i+1 < len(faults) {
			next = faults[i+1].Begin
		}
		b := Band{Kind: f.Kind, From: time.Duration(f.Begin.Ns), To: max(took, time.Duration(f.Begin.Ns))}
		if back := returnOf(h, f, next); back.ready > 0 {
			b.To = time.Duration(back.ready)
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
		out = append(out, Recovery{
			Kind: f.Kind, Down: since(r.Down), Spawned: since(r.Spawned), Port: since(r.Port),
			Health: since(r.Health), Canary: since(r.Canary), Closing: f.Step == 0,
		})
	}
	return slices.Clip(out)
}

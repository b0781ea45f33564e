package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
	"github.com/stretchr/testify/require"

	"retain/campaign"
	"retain/checker"
	"retain/generators"
	"retain/harness"
	"retain/harness/regress"
	"retain/harness/triage"
	"retain/model"
)

// recordNames are the "r" fields of records, as their format says.
func recordName(t *testing.T, r campaign.Record) string {
	switch r.(type) {
	case campaign.Start:
		return "begin"
	case campaign.PlanResult:
		return "plan"
	case campaign.PlanDrawn:
		return "drawn"
	case campaign.Violation:
		return "found"
	case campaign.Reduction:
		return "reduced"
	case campaign.Sample:
		return "sample"
	case campaign.Canary:
		return "canary"
	case campaign.Note:
		return "note"
	case campaign.End:
		return "end"
	}
	t.Fatalf("%T has no name", r)
	return ""
}

// shardWriter makes the records of a shard up, as its machine would write them.
type shardWriter struct {
	t     *testing.T
	r     *rand.Rand
	begun campaign.Start
	file  bytes.Buffer
	dir   string // of the shard
	now   time.Time
}

func newShard(t *testing.T, dir string, shard campaign.Shard, at time.Time) *shardWriter {
	w := &shardWriter{t: t, r: rand.New(rand.NewPCG(7, uint64(shard.Index))), dir: dir, now: at}
	w.begun = campaign.Start{
		Version: campaign.Version, Segment: fmt.Sprintf("sit%d-%d", shard.Index, at.Unix()%1000), At: at, Seed: 8123, Shard: shard, Duration: time.Hour, Workers: 2,
		Flags: []string{"-runtime=process"}, Runtime: "process", SDK: "sdk go 1.2.0", Go: "go1.26", Platform: "linux/amd64 2 cpus", RapidSteps: 30,
	}
	w.write(w.begun)
	return w
}

func (w *shardWriter) write(r campaign.Record) {
	body, err := json.Marshal(r)
	require.NoError(w.t, err)
	fmt.Fprintf(&w.file, `{"r":%q,%s`+"\n", recordName(w.t, r), body[1:])
}

// save writes the file; cut leaves so many bytes of a last line there.
func (w *shardWriter) save(cut int) {
	text := w.file.Bytes()
	if cut > 0 {
		text = append(text, `{"r":"plan","n":99999999999999`[:cut]...)
	}
	path := filepath.Join(w.dir, campaign.RecordsDir, w.begun.Segment+".jsonl")
	require.NoError(w.t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(w.t, os.WriteFile(path, text, 0o644))
}

func (w *shardWriter) milliseconds(low, high int) time.Duration {
	return time.Duration(low+w.r.IntN(high-low)) * time.Millisecond
}

// plan writes a plan of some seconds with faults, and moves the time on.
func (w *shardWriter) plan(n int, change func(*campaign.PlanResult)) {
	w.write(campaign.PlanDrawn{Number: n, At: w.now})
	took := w.milliseconds(2500, 5000)
	j := campaign.PlanResult{
		Number: n, Run: fmt.Sprintf("run-%d", n), Runtime: 1 + n/40, Age: n % 40, At: w.now, Took: took, Verdict: harness.Pass,
		Identity: "restate-server 1.7.12 (577e032), process", Config: []string{"plain-4", "plain-24", "suspend-50ms"}[n/10%3], Steps: 20 + n%9,
		Counters: harness.Counters{Faults: map[model.FaultKind]int{}, InFlight: 3, Ambiguous: 2, Resolved: 1, Open: 1, ReadBack: 9},
	}
	h := harness.NewLatencies()
	for at := w.milliseconds(300, 600); at < took-time.Second; at += w.milliseconds(900, 1500) {
		kind := []model.FaultKind{"kill", "stop", "kill", "pause"}[w.r.IntN(4)]
		to := min(at+w.milliseconds(300, 900), took)
		j.Bands = append(j.Bands, campaign.Band{Kind: kind, From: at, To: to})
		j.Faults[kind]++
		if kind != "pause" {
			down := w.milliseconds(2, 40)
			if kind == "stop" {
				down += 80 * time.Millisecond
			}
			port := down + w.milliseconds(60, 120)
			j.Recoveries = append(j.Recoveries, campaign.Recovery{
				Kind: kind, Down: down, Spawned: down + 20*time.Millisecond, Port: port, Health: port + w.milliseconds(10, 300),
				Probe: port + w.milliseconds(320, 900), Closing: kind == "kill" && w.r.IntN(3) == 0,
			})
		}
	}
	for from := time.Duration(0); from < took; from += time.Second {
		s := campaign.Second{From: from, Answered: 8 + w.r.IntN(30)}
		for i := range s.Answered {
			us := int64(w.r.ExpFloat64()*4000) + 900
			if n%5 == 0 && from == 0 && i == 0 {
				us = 2_900_000 // it waited for a restart longer than any of the load
			}
			require.NoError(w.t, h.RecordValue(min(us, 3_000_000)))
		}
		j.Seconds = append(j.Seconds, s)
		j.Operations += s.Answered
	}
	j.Attempts = j.Operations + 4
	if n%3 > 0 {
		w.load(&j, h)
	}
	j.Latencies = w.encoded(h)
	all := generators.Situations()
	for range 14 {
		k := int(float64(len(all)) * w.r.Float64() * w.r.Float64()) // the later ones are rare
		if text := all[k].String(); !slices.Contains(j.Situations, text) {
			j.Situations = append(j.Situations, text)
		}
	}
	if change != nil {
		change(&j)
	}
	w.write(j)
	w.now = w.now.Add(took/2 + 200*time.Millisecond) // two workers
}

func (w *shardWriter) encoded(h *hdr.Histogram) string {
	text, err := h.Encode(hdr.V2CompressedEncodingCookieBase)
	require.NoError(w.t, err)
	return string(text)
}

// load gives a plan a load, whose latencies are added to all of the plan's.
func (w *shardWriter) load(j *campaign.PlanResult, all *hdr.Histogram) {
	j.Load = harness.LoadCounters{Plans: 1, Clients: 8 << w.r.IntN(4), UpNs: int64(j.Took) * 6 / 10}
	times := harness.NewLatencies()
	for i := range j.Seconds {
		n := 60 + w.r.IntN(90)
		j.Seconds[i].Load = n
		j.Seconds[i].Answered += n
		j.Load.Operations += n
		for range n {
			require.NoError(w.t, times.RecordValue(min(int64(w.r.ExpFloat64()*40_000)+5_000, 3_000_000)))
		}
	}
	for range j.Faults["kill"] + j.Faults["stop"] {
		inFlight := 1 + w.r.IntN(j.Load.Clients)
		j.Load.Strikes++
		j.Load.InFlight += inFlight
		j.Load.OnOneKey = max(j.Load.OnOneKey, inFlight/2)
	}
	all.Merge(times)
	j.LoadLatencies = w.encoded(times)
}

// hold samples the process.
func (w *shardWriter) hold() {
	at := w.now.Sub(w.begun.At)
	grown := min(at.Seconds()/120, 1)
	w.write(campaign.Sample{
		At: w.now, Resident: int64(90e6 + 40e6*grown + 2e6*w.r.Float64()), Heap: int64(25e6 + 12e6*grown + 6e6*w.r.Float64()),
		Descriptors: 41 + w.r.IntN(6), Goroutines: 60 + w.r.IntN(30),
	})
}

// keepFinding makes the folder of a violation, as a session leaves it.
func keepFinding(t *testing.T, dir string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(dir, 0o755))
	h := lostAdd()
	for i := range h.Operations { // written from the events' times
		o := &h.Operations[i]
		o.Attempts[0].Start = model.Instant{Seq: 2*o.Call.Seq + 1, Ns: o.Call.Ns}
		o.Attempts[0].End = model.Instant{Seq: 2*o.Return.Seq - 1, Ns: o.Return.Ns}
		o.Call.Seq, o.Return.Seq = 2*o.Call.Seq, 2*o.Return.Seq
	}
	for i := range h.Faults {
		h.Faults[i].Begin.Seq, h.Faults[i].End.Seq = 2*h.Faults[i].Begin.Seq, 2*h.Faults[i].End.Seq
	}
	broken := checker.Check(h, checker.Options{}).Broken()
	facts, err := json.Marshal(triage.Finding{
		Version: triage.FindingVersion, Run: h.Run, Verdict: harness.Violation, Broken: broken.Guarantee, Guarantee: broken.Guarantee.String(), Sentence: broken.Guarantee.String(),
		Object: broken.Object.String(), Proof: broken.Proof, Contradiction: broken.Contradiction, Age: 4,
		RuledOut: []harness.Hypothesis{{What: "not sent", Fact: "1 attempt, handler ran once, 200", RuledOut: true}},
	})
	require.NoError(t, err)
	var history bytes.Buffer
	require.NoError(t, model.WriteHistory(&history, h))
	for name, text := range map[string][]byte{
		triage.FindingFile: facts, triage.HistoryFile: history.Bytes(), regress.ReducedHistoryFile: history.Bytes(),
		triage.PlanFile: generators.Encode(generators.StartAndStop(model.Kill)), regress.ReducedFile: generators.Encode(generators.StartAndStop(model.Kill)),
		triage.PageFile: []byte("<p>page</p>"), triage.PictureFile: []byte("<p>picture</p>"),
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), text, 0o644))
	}
}

// twoShards makes the records of two machines up, in a directory each: the first
// was killed once and went on, both found the same, one was undecided.
func twoShards(t *testing.T, dir string, plans int) {
	t.Helper()
	began := time.Date(2026, 11, 24, 2, 0, 0, 0, time.UTC)
	for index := range 2 {
		of := campaign.Shard{Index: index, Of: 2}
		at := filepath.Join(dir, fmt.Sprintf("shard-%d", index))
		w := newShard(t, at, of, began.Add(time.Duration(index)*3*time.Hour))
		w.write(campaign.Canary{At: w.now, Took: 4 * time.Second, Caught: true, Bug: "lost-write, simulated", Plans: 3})
		for k := range plans {
			if k%4 == 0 {
				w.hold()
			}
			if index == 0 && k == plans/2 {
				w.save(11) // killed
				w = newShard(t, at, of, w.now.Add(time.Hour))
				w.write(campaign.Canary{At: w.now, Took: 5 * time.Second, Caught: true, Bug: "lost-write, simulated", Plans: 3})
			}
			n := 2*k + index
			switch k {
			case 5:
				w.plan(n, func(j *campaign.PlanResult) {
					j.Verdict, j.Sentence, j.Dir = harness.Violation, "an acknowledged add is missing after a kill", fmt.Sprintf("findings/7f2c-%d", n)
				})
				w.found(n)
			case 6 + index:
				w.plan(n, func(j *campaign.PlanResult) { j.Verdict, j.Sentence = harness.Undecided, "porcupine stopped at 20 s" })
			default:
				w.plan(n, nil)
			}
		}
		w.write(campaign.Note{At: w.now, Text: "a remark"})
		w.write(campaign.End{At: w.now, Why: "the time is over", Plans: plans, Inside: 0.9})
		w.save(0)
	}
}

func (w *shardWriter) found(n int) {
	dir := fmt.Sprintf("findings/7f2c-%d", n)
	keepFinding(w.t, filepath.Join(w.dir, dir))
	w.write(campaign.Violation{Number: n, At: w.now, Dir: dir, Fingerprint: fmt.Sprintf("shape-%d", n), Finding: n, Guarantee: "an acknowledged add is missing after a kill"})
	w.write(campaign.Reduction{
		Number: n, At: w.now, Fingerprint: "small-shape", Finding: n, Steps: 5, From: 57, Executions: 38, Took: 51 * time.Second,
		Ending: string(generators.Minimal), Rate: generators.Rate{Failures: 19, Runs: 20}, Case: "regressions/lost-add.json",
	})
}

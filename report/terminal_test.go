package report

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/checker"
	"retain/generators"
	"retain/harness"
	"retain/model"
	"retain/runtime"
)

var update = flag.Bool("update", false, "write the golden texts instead of comparing")

func golden(t *testing.T, name, got string) {
	path := filepath.Join("testdata", name+".txt")
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
}

// lostWrite is a history in which an acknowledged write is gone after a kill.
func lostWrite() *model.History {
	register := model.Object{Kind: model.Register}
	at := func(seq int64) model.Instant { return model.Instant{Seq: seq, Ns: seq * 10e6} }
	return &model.History{
		Header: model.Header{Version: 1, Run: "r", Runtime: "restate-server 1.7.12 (577e032), process"},
		Operations: []model.Invoked{
			{ID: 1, Process: "0", Step: 1, Phase: model.Program, Object: register, Op: model.RegisterWrite{Value: "v1"},
				Call: at(1), Return: at(2), Outcome: model.OK, Answer: model.Done{}},
			{ID: 2, Process: "1", Step: 2, Phase: model.Program, Object: register, Op: model.RegisterRead{},
				Call: at(5), Return: at(6), Outcome: model.OK, Answer: model.Text("")},
		},
		Faults: []model.Fault{{Step: 3, Kind: "kill", Begin: at(3), End: at(4)}},
	}
}

func TestAViolation(t *testing.T) {
	h := lostWrite()
	result := checker.Check(h, checker.Options{})
	var b bytes.Buffer
	Failure(&b, harness.Run{Number: 3, Verdict: harness.Violation, Sentence: result.Reason, Check: result,
		Outcome: &harness.Outcome{History: h, Age: 4}, Dir: "testdata/findings/f"}, []string{"-runtime=process"})
	golden(t, "violation", b.String())
}

func TestUndecidedAndHarness(t *testing.T) {
	var b bytes.Buffer
	Failure(&b, harness.Run{Number: 31, Verdict: harness.Undecided, Sentence: "map-2: porcupine stopped at 20 s", Dir: "testdata/undecided/31"}, nil)
	golden(t, "undecided", b.String())
	b.Reset()
	Failure(&b, harness.Run{Number: 12, Verdict: harness.Harness, Sentence: "start the runtime: port is already allocated", Dir: "testdata/harness/12"}, nil)
	golden(t, "harness", b.String())
}

func session(plans int) *harness.Session {
	t := harness.Tally{Plans: plans, Operations: 5210, Faults: map[string]int{"kill": 71, "stop": 64, "start": 135}, InFlight: 1204,
		Ambiguous: 611, Resolved: 600, Open: 11, ReadBack: 2977, Cells: map[generators.Cell]int{}}
	for i, c := range generators.Cells() {
		t.Cells[c] = 10 + i
	}
	for i := range plans {
		t.Recoveries = append(t.Recoveries, harness.Recovered{Plan: i, Recovery: model.Recovery{Down: 1e9, Spawned: 1.1e9, Port: 1.2e9, Health: 1.3e9, Canary: 1.7e9 + int64(i)*1e6}})
	}
	return &harness.Session{Verdict: harness.Pass, Tally: t, Took: 58 * time.Second, Counts: map[harness.Verdict]int{harness.Pass: plans},
		Identity: runtime.Identity{Backend: "process", Version: "1.7.12", Build: "577e032"}}
}

func TestSummaries(t *testing.T) {
	var b bytes.Buffer
	Summary(&b, session(94), 8123)
	golden(t, "pass", b.String())

	b.Reset()
	Summary(&b, session(3), 8123)
	golden(t, "small", b.String())

	b.Reset()
	vacuous := session(94)
	vacuous.Verdict, vacuous.Tally.InFlight = harness.Vacuous, 3
	vacuous.Missing = vacuous.Tally.Missing()
	Summary(&b, vacuous, 8123)
	golden(t, "vacuous", b.String())
}

func TestTheSummaryFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.json")
	require.NoError(t, WriteSummary(path, session(94), 8123))
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var got map[string]any
	require.NoError(t, json.Unmarshal(text, &got))
	assert.Equal(t, float64(SummaryVersion), got["version"])
	assert.Equal(t, "pass", got["verdict"])
	assert.Equal(t, float64(1204), got["in_flight_at_fault"])
	assert.Equal(t, map[string]any{"before stop": 10.0, "after stop": 11.0, "before kill": 12.0, "after kill": 13.0}, got["cells"])
	assert.Len(t, got["recovery_seconds"], 94)
}

func TestReached(t *testing.T) {
	o := model.Invoked{ID: 1, Return: model.Instant{Seq: 100}}
	sent := []model.Attempt{{N: 1, Wrote: true}}
	for want, c := range map[string]struct {
		attempts []model.Attempt
		readings []string
	}{
		"never reached the server":            {[]model.Attempt{{N: 1}}, nil},
		"reached the server, not the handler": {sent, nil},
		"entered":                             {sent, []string{"entered"}},
		"effect journaled":                    {sent, []string{"entered", "effect"}},
		"finished, answer lost":               {sent, []string{"entered", "effect", "finished", "broken"}},
	} {
		h := &model.History{}
		for i, r := range c.readings {
			h.Evidence = append(h.Evidence, model.Observation{ID: 1, Reading: r, At: model.Instant{Seq: int64(i)}})
		}
		o.Attempts = c.attempts
		assert.Equal(t, want, Reached(h, o))
	}
}

func TestWhatASessionLacks(t *testing.T) {
	s := session(94)
	assert.Empty(t, s.Tally.Missing())
	s.Tally.Cells[generators.Cell{Fault: generators.Kill}] = 0
	s.Tally.ReadBack = 93
	assert.Equal(t, []string{"values read back after a restart: 93 of 94 needed", "operations in flight, before kill: 0 of 1 needed"}, s.Tally.Missing())
}

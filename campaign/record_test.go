package campaign

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/generators"
	"retain/harness"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// begunAt opens the records of a test.
func begunAt(at time.Time, sitting string) Begun {
	return Begun{Version: Version, Sitting: sitting, At: at, Seed: 9, Shard: Shard{Of: 1}, Duration: time.Hour, Workers: 2}
}

// onDisk writes records into a campaign's directory, and gives their file.
func onDisk(t *testing.T, dir string, b Begun, records ...Record) string {
	w, err := newWriter(dir, b)
	require.NoError(t, err)
	for _, r := range records {
		w.write(r)
	}
	require.NoError(t, w.close())
	return w.file.Name()
}

func TestRecordsReadBack(t *testing.T) {
	aim := generators.Situations()[7]
	all := []Record{
		begunAt(noon, "a"), Drawn{Number: 3, At: noon, Aim: &aim}, Drawn{Number: 4, At: noon},
		Judged{
			Number: 3, Run: "x-3", At: noon, Took: time.Second, Verdict: harness.Pass, Faults: map[string]int{"kill": 2},
			Seconds: []Second{{Answered: 4}}, Bands: []Band{{Kind: "kill", From: 1, To: 2}},
			Recoveries: []Recovery{{Kind: "kill", Down: 1, Canary: 2, Closing: true}}, Situations: []string{aim.String()},
		},
		Found{Number: 5, At: noon, Fingerprint: "f", Finding: 3, Guarantee: "g"},
		Reduced{Number: 3, At: noon, Rate: generators.Rate{Strikes: 1, Runs: 2}},
		Sampled{At: noon, Resident: 1, Heap: 2, Descriptors: 3, Goroutines: 4},
		Canary{At: noon, Caught: true, Bug: "b", Plans: 1}, Noted{At: noon, Verdict: harness.Harness, Text: "t"},
		Ended{At: noon, Why: "the time is over", Plans: 1, Inside: 0.5},
	}
	for _, r := range all {
		line, err := encode(r)
		require.NoError(t, err)
		require.Equal(t, 1, bytes.Count(line, []byte("\n")))
		back, err := decode(bytes.TrimSpace(line))
		require.NoError(t, err)
		assert.Equal(t, r, back)
	}
	assert.Len(t, decoders, len(all)-1, "all kinds of records are in this test")
}

// TestATornLineIsTolerated at its end alone, wherever it is cut.
func TestATornLineIsTolerated(t *testing.T) {
	dir := t.TempDir()
	file := onDisk(t, dir, begunAt(noon, "a"), Drawn{Number: 0, At: noon}, Judged{Number: 0, At: noon, Took: time.Second, Verdict: harness.Pass},
		Drawn{Number: 1, At: noon}, Judged{Number: 1, At: noon, Took: time.Second, Verdict: harness.Pass})
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	whole := bytes.LastIndexByte(text[:len(text)-1], '\n') + 1
	for cut := whole + 1; cut < len(text); cut += 7 {
		require.NoError(t, os.WriteFile(file, text[:cut], 0o600))
		c, err := Read(dir)
		require.NoError(t, err)
		assert.Regexp(t, `^line 5 is cut off after \d+ bytes$`, c.Sittings[0].Damage)
		assert.Len(t, c.Sittings[0].Plans, 1)
		assert.Contains(t, c.Sittings[0].Under, 1, "its plan is drawn again")
	}
	broken := bytes.Replace(text, []byte(`"r":"plan"`), []byte(`"r":"plum"`), 1)
	require.NoError(t, os.WriteFile(file, broken, 0o600))
	_, err = Read(dir)
	assert.ErrorContains(t, err, file+`:3: no record is called "plum"`)

	first := bytes.IndexByte(text, '\n')
	require.NoError(t, os.WriteFile(file, text[:first/2], 0o600))
	_, err = Read(dir)
	assert.ErrorContains(t, err, "no records in", "a file without a whole line says nothing")
}

// TestShardsAndSittingsAreMerged: totals are those of all files below a directory.
func TestShardsAndSittingsAreMerged(t *testing.T) {
	dir := t.TempDir()
	plan := func(n int, v harness.Verdict) Judged {
		return Judged{
			Number: n, Run: "r", At: noon, Took: time.Minute, Verdict: v, Operations: 10, Faults: map[string]int{"kill": 1},
			Recoveries: []Recovery{{Kind: "kill", Canary: 1}}, Situations: []string{"s"},
		}
	}
	half := func(at time.Time, sitting string, index int) Begun {
		b := begunAt(at, sitting)
		b.Shard = Shard{Index: index, Of: 2}
		return b
	}
	onDisk(t, filepath.Join(dir, "0"), half(noon, "a", 0), plan(0, harness.Pass), plan(2, harness.Violation), Canary{At: noon, Caught: true},
		Found{Number: 2, At: noon, Finding: 2}, Ended{At: noon.Add(2 * time.Minute)})
	ledger := plan(4, harness.Violation)
	ledger.Ledger = true
	onDisk(t, filepath.Join(dir, "0"), half(noon.Add(time.Hour), "b", 0), plan(4, harness.Pass), ledger, Found{Number: 4, At: noon, Finding: 4},
		Reduced{Number: 4, At: noon, Finding: 2}, Ended{At: noon.Add(time.Hour + time.Minute)})
	onDisk(t, filepath.Join(dir, "1"), half(noon, "c", 1), plan(1, harness.Pass), Canary{At: noon})
	c, err := Read(dir)
	require.NoError(t, err)
	require.Len(t, c.Sittings, 3)
	totals := c.Totals()
	assert.Equal(t, 4, totals.Plans, "what the ledger showed is no plan more")
	assert.Equal(t, map[harness.Verdict]int{harness.Pass: 2, harness.Violation: 2}, totals.Verdicts)
	assert.Equal(t, 40, totals.Operations)
	assert.Equal(t, 4, totals.Restarts)
	assert.Equal(t, map[string]int{"kill": 4}, totals.Faults)
	assert.Equal(t, map[int]int{2: 2}, totals.Findings, "two that turned out to be one")
	assert.Equal(t, 2*(2*time.Minute+time.Minute+time.Minute), totals.Took)
	verdict, why := c.Verdict()
	assert.Equal(t, harness.Violation, verdict)
	assert.Equal(t, []string{CouldNotFind + ": 1 of 2 canaries were caught"}, why)
	assert.Len(t, c.of(Shard{Of: 2}), 2)
}

// TestAFindingOfTwoShardsIsOne where its fingerprint is.
func TestAFindingOfTwoShardsIsOne(t *testing.T) {
	c := &Campaign{Sittings: []Sitting{
		{Found: []Found{{Number: 4, Finding: 4, Fingerprint: "a"}, {Number: 6, Finding: 4, Fingerprint: "a"}, {Number: 8, Finding: 8, Fingerprint: "b"}}},
		{Found: []Found{{Number: 3, Finding: 3, Fingerprint: "a"}, {Number: 5, Finding: 5, Fingerprint: "c"}}, Reduced: []Reduced{{Number: 5, Finding: 5, Fingerprint: "z"}}},
		{Reduced: []Reduced{{Number: 8, Finding: 8, Fingerprint: "z"}}},
	}}
	assert.Equal(t, map[int]int{3: 3, 4: 3, 6: 3, 5: 5, 8: 5}, c.Firsts())
}

// TestManyPlansThatProveTooLittle are no green campaign.
func TestManyPlansThatProveTooLittle(t *testing.T) {
	c := &Campaign{Sittings: []Sitting{{Canary: []Canary{{Caught: true}}}}}
	verdict, why := c.Verdict()
	assert.Equal(t, harness.Vacuous, verdict, "no plan at all")
	assert.NotEmpty(t, why)
	all := []string{}
	for _, s := range generators.Situations() {
		all = append(all, s.String())
	}
	for n := range 30 {
		c.Sittings[0].Plans = append(c.Sittings[0].Plans, Judged{
			Number: n, Verdict: harness.Pass, Recoveries: []Recovery{{Canary: 1}}, InFlight: 1, ReadBack: 1, Situations: all,
		})
	}
	verdict, why = c.Verdict()
	assert.Equal(t, harness.Pass, verdict, why)
	c.Sittings[0].Plans[0].ReadBack = 0
	verdict, why = c.Verdict()
	assert.Equal(t, harness.Vacuous, verdict)
	assert.Equal(t, []string{"values read back after a restart: 29 of 30 needed"}, why)
	c.Sittings[0].Notes = []Noted{{Verdict: harness.Harness, Text: "no disk"}}
	verdict, why = c.Verdict()
	assert.Equal(t, harness.Harness, verdict)
	assert.Equal(t, []string{"no disk"}, why)
}

func TestLatenciesReadBack(t *testing.T) {
	h := NewLatencies()
	for us := range int64(1000) {
		require.NoError(t, h.RecordValue(us+1))
	}
	text, err := encodeLatencies(h)
	require.NoError(t, err)
	back, err := Judged{Latencies: text}.LatencyHistogram()
	require.NoError(t, err)
	assert.Equal(t, int64(1000), back.TotalCount())
	assert.InEpsilon(t, 990, back.ValueAtQuantile(99), 0.02)
	_, err = Judged{Number: 8, Latencies: "?"}.LatencyHistogram()
	assert.ErrorContains(t, err, "the latencies of plan 8")
	empty, err := Judged{}.LatencyHistogram()
	require.NoError(t, err)
	assert.Zero(t, empty.TotalCount())
}

package report

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/harness"
	"retain/harness/session"
)

var divided = harness.WorkerTime{Workers: 2, Spent: map[harness.Part]time.Duration{
	harness.PartStarting: 30 * time.Second, harness.PartReady: 60 * time.Second, harness.PartChecks: 300 * time.Millisecond,
	harness.PartWaiting: 29700 * time.Millisecond,
}}

func TestTimeRowIsPrintedWithVerboseOnly(t *testing.T) {
	s := &session.Result{Verdict: harness.Pass, Tally: harness.NewTally(), Counts: map[harness.Verdict]int{}, WorkerTime: divided}
	var quiet, verbose bytes.Buffer
	(&Reporter{Out: &quiet}).End(s)
	(&Reporter{Out: &verbose, Verbose: true}).End(s)
	const row = "time       2 workers x 1 min 0 s: until port open 25 % · until ready 50 % · waiting 25 %\n"
	assert.NotContains(t, quiet.String(), "time  ")
	assert.Contains(t, verbose.String(), row)
}

func TestSummaryHasEveryPartOfTheWorkersTime(t *testing.T) {
	s := &session.Result{Tally: harness.NewTally(), Counts: map[harness.Verdict]int{}, WorkerTime: divided}
	body, err := json.Marshal((&Reporter{}).summary(s))
	require.NoError(t, err)
	var read struct {
		Workers int                `json:"workers"`
		Time    map[string]float64 `json:"worker_time"`
	}
	require.NoError(t, json.Unmarshal(body, &read))
	assert.Equal(t, 2, read.Workers)
	assert.Len(t, read.Time, len(harness.Parts()))
	sum := 0.0
	for _, seconds := range read.Time {
		sum += seconds
	}
	assert.InDelta(t, 120, sum, 0.001)
	assert.InDelta(t, 60, read.Time["ready"], 0.001)
}

func TestEveryPartHasALabelOfItsOwn(t *testing.T) {
	labels := map[string]bool{}
	for _, p := range harness.Parts() {
		labels[p.Label()] = true
	}
	assert.Len(t, labels, len(harness.Parts()))
}

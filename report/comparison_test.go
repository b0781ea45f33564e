package report

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/generators"
	"retain/harness"
	"retain/harness/compare"
	"retain/model"
	"retain/runtime"
)

// measured is a version with a rate.
func measured(name string, failures, runs int) compare.Measured {
	m := compare.Measured{
		Name: name, Rate: generators.Rate{Failures: failures, Runs: runs}, Took: 12 * time.Second,
		Server: runtime.Identity{Backend: "process", Version: name, Build: "abc"},
	}
	if failures > 0 {
		m.Broken = model.Guarantee{Code: model.OperationFinishes, Object: model.Map}
	}
	return m
}

// comparing is a comparison of these versions, of a plan that is on record.
func comparing(all ...compare.Measured) Comparison {
	return Comparison{
		Result:   &compare.Result{Versions: all, Took: 72 * time.Second, Answer: compare.AnswerOf(all, true, 0.0028)},
		PlanFile: "plan.json", Plan: generators.StartAndStop(model.Kill), Record: &compare.Record{Broken: model.Guarantee{Code: model.OperationFinishes}},
		SDK: "sdk go 1.2.0", Flags: []string{"-runtime=process"}, VersionFlag: "restate.version", At: time.Now(), Most: 20,
	}
}

// refusing is a version that never got ready.
func refusing() compare.Measured {
	return compare.Measured{Name: "1.6.2", Refusal: &harness.Refusal{Reason: harness.RefusedByError, Line: "Sync writes has to enable WAL", Times: 15, SpanMs: 4300, AfterMs: 7000}}
}

func TestComparisonNamesTheVersionsThatFail(t *testing.T) {
	c := comparing(measured("1.5.3", 6, 6), measured("1.6.1", 6, 6), measured("1.6.2", 0, 6), measured("1.7.12", 0, 6))
	text := c.Rows().String()
	lines := strings.Split(text, "\n")
	assert.Equal(t, "violation  1.5.3 and 1.6.1, not from 1.6.2 on       plan plan.json · 1 min 12 s", lines[0])
	assert.Equal(t, "broken     map: an accepted operation finishes (1.5.3, 1.6.1)", lines[1])
	assert.Contains(t, text, "1.5.3     6 of 6   61 to 100 %")
	assert.Contains(t, text, "4 of 6 pairs apart, by Fisher's exact test at 0.0028 each")
	assert.Contains(t, text, "replay     go test -run Replay -plan plan.json -restate.version=1.5.3 -runtime=process")
	assert.NotContains(t, text, "more       ")
}

func TestComparisonTellsARefusalInTheServersWords(t *testing.T) {
	c := comparing(refusing(), measured("1.7.2", 5, 5), measured("1.7.12", 5, 5))
	text := c.Rows().String()
	assert.Contains(t, text, "violation  on both 1.7.2 and 1.7.12; never ready: 1.6.2")
	assert.Contains(t, text, "refused    1.6.2: not ready after 7.0 s, and logged the same error 15 times in 4.3 s: Sync writes has to enable WAL")
}

func TestComparisonSaysWhatWouldTell(t *testing.T) {
	text := comparing(measured("1.7.2", 3, 20), measured("1.7.12", 0, 20)).Rows().String()
	assert.Contains(t, text, "not told apart: 3 of 20 (1.7.2) and 0 of 20 (1.7.12)")
	assert.Regexp(t, `more       about \d+ more executions of each would tell them apart .*\(-rapid.checks \d+\)`, text)
}

// Only a pass on each version is one.
func TestComparisonIsGreenIfEachVersionPassed(t *testing.T) {
	other := measured("1.7.2", 0, 19)
	other.Others = 1
	undecided := compare.Measured{Name: "1.7.2", Undecided: 3}
	partly, failing, flaky := measured("1.7.2", 0, 1), measured("1.7.2", 0, 17), measured("1.7.2", 0, 3)
	partly.Undecided, failing.Errors, flaky.Refusal = 19, 3, refusing().Refusal
	assert.Contains(t, comparing(flaky, measured("2", 0, 20)).Rows().String(), "; 1.7.2 was not ready after 3 executions")
	broken := compare.Measured{Name: "1.7.2", Errors: 3, Problem: "no disk"}
	for want, versions := range map[harness.Verdict][][]compare.Measured{
		harness.Pass:      {{measured("1", 0, 20), measured("2", 0, 20)}},
		harness.Violation: {{measured("1", 1, 20), measured("2", 0, 20)}, {other, measured("2", 0, 20)}, {refusing(), measured("2", 1, 1)}},
		harness.Undecided: {{refusing(), measured("2", 0, 20)}, {undecided, measured("2", 0, 20)}, {broken, measured("2", 0, 20)}, {refusing(), undecided},
			{partly, measured("2", 0, 20)}, {failing, measured("2", 0, 20)}, {flaky, measured("2", 0, 20)}},
		harness.Harness: {{broken, broken}},
	} {
		for _, all := range versions {
			c := comparing(all...)
			assert.Equal(t, want, c.Verdict(), c.Rows().String())
			assert.True(t, strings.HasPrefix(c.Rows().String(), string(want)+" "))
		}
	}
	c := comparing(measured("1", 0, 3), measured("2", 0, 3))
	c.Interrupted = true
	assert.Equal(t, harness.Interrupted, c.Verdict())
}

// drawnOn is a version with drawn plans.
func drawnOn(name string, failures int) compare.Measured {
	m := measured(name, failures, 10)
	m.Drawn = &compare.Drawn{Tally: harness.NewTally(), Counts: map[harness.Verdict]int{harness.Pass: 10 - failures, harness.Violation: failures}, Latencies: harness.NewLatencies()}
	m.Drawn.Tally.Plans = 10
	_ = m.Drawn.Latencies.RecordValue(12_000)
	for n := range failures {
		m.Drawn.Findings = append(m.Drawn.Findings, harness.Run{Number: n, Verdict: harness.Violation, Sentence: "x", Dir: "testdata/findings/f-1"})
	}
	return m
}

func TestComparisonFitsItsSchema(t *testing.T) {
	schema, err := jsonschema.NewCompiler().Compile(filepath.Join("..", "docs", "comparison.schema.json"))
	require.NoError(t, err)
	drawn := comparing(drawnOn("1.7.2", 2), drawnOn("1.7.12", 0))
	drawn.PlanFile, drawn.Record, drawn.Seed = "", nil, 7
	for name, c := range map[string]Comparison{
		"a plan": comparing(refusing(), measured("1.7.2", 5, 5), measured("1.7.12", 1, 20)), "drawn plans": drawn, "nothing": comparing(refusing(), refusing()),
	} {
		path := filepath.Join(t.TempDir(), "comparison.json")
		require.NoError(t, c.WriteJSON(path))
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		require.NoError(t, err)
		assert.NoError(t, schema.Validate(value), "%s: %s", name, text)
		value.(map[string]any)["verdict"] = "green"
		assert.Error(t, schema.Validate(value))
	}
}

func TestComparisonPageHasEachVersionAndTest(t *testing.T) {
	c := comparing(refusing(), drawnOn("1.7.2", 2), drawnOn("1.7.12<script>", 0))
	c.PlanFile, c.Record, c.Dir = "", nil, filepath.Join(t.TempDir(), "comparisons", "x")
	require.NoError(t, c.WriteComparison())
	text, err := os.ReadFile(filepath.Join(c.Dir, ComparisonPageFile))
	require.NoError(t, err)
	page := string(text)
	for _, want := range []string{"Sync writes has to enable WAL", "1.7.12&lt;script&gt;", `style="left:`, "Recovery and latency", "12 ms", "Plans that did not pass", "Tests", "not told apart"} {
		assert.Contains(t, page, want)
	}
	assert.NotContains(t, page, "<script>")
	assert.FileExists(t, filepath.Join(c.Dir, ComparisonFile))
}

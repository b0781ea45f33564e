package report

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/generators"
	"retain/harness"
)

// row finds the lines of a row.
func row(rows Rows, label string) string {
	for _, r := range rows {
		if r.Label == label {
			return strings.Join(r.Lines, "\n")
		}
	}
	return ""
}

// A violation that was reduced says how often it comes back and what that cost,
// and offers the reduced plan.
func TestAReducedViolationSaysHowOftenItComesBack(t *testing.T) {
	r := lost(t, found)
	small := r
	c := told
	c.Shrunk = &harness.Shrunk{Run: &small, Rate: generators.Rate{Strikes: 19, Runs: 20},
		Reduction: generators.Reduction{Best: generators.StartAndStop(generators.Kill), From: 57, Executions: 38, Took: 51 * time.Second, Ending: generators.Minimal}}
	rows := Finding(r, c)
	assert.Equal(t, "reproduces 19 of 20 (95 %: 76 to 99 %) · 5 steps, from 57 · 38 executions, 51 s", row(rows, "rate"))
	assert.Contains(t, row(rows, "replay"), harness.ReducedFile)
	assert.Contains(t, row(rows, "keep it"), "-promote NAME")

	c.Shrunk.Ending, c.Shrunk.Rate = generators.OutOfTime, generators.Rate{}
	assert.Equal(t, "5 steps, from 57 · 38 executions, 51 s · ended early: out of time", row(Finding(r, c), "rate"))

	c.Shrunk = &harness.Shrunk{Reduction: generators.Reduction{Executions: 20, Ending: generators.NotReproduced}}
	rows = Finding(r, c)
	assert.Contains(t, row(rows, "rate"), "did not come back in 20 executions on fresh runtimes")
	assert.Contains(t, row(rows, "replay"), harness.PlanFile)
	assert.NotContains(t, row(Finding(r, told), "rate"), "reproduces", "nothing is said of a rate that nobody measured")
}

// The page draws the table to time: a lane for each column, the operation that
// can't be explained marked, the time without a server behind.
func TestThePageDrawsTheOperationsToTime(t *testing.T) {
	r := lost(t, found)
	d := draw(r)
	require.NotNil(t, d)
	ids, marked := shown(r)
	bars, unexplained := 0, 0
	for _, l := range d.Lanes {
		for _, b := range l.Bars {
			bars++
			if b.Marked {
				unexplained++
				assert.Contains(t, b.Says, r.Outcome.History.Operations[marked-1].Op.String())
			}
			assert.GreaterOrEqual(t, b.Left, 0.0)
			assert.LessOrEqual(t, b.Left+b.Width, 100.001)
		}
	}
	assert.Equal(t, len(ids), bars)
	assert.Equal(t, 1, unexplained)
	require.Len(t, d.Away, 1)
	assert.Contains(t, d.Away[0].Says, "kill")
	assert.Greater(t, d.Away[0].Width, 0.0)
	assert.Contains(t, pageOf(t, r), `id="drawing"`)
}

package report

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"retain/harness"
	"retain/model"
)

func TestStripDrawsTheShareOfUpTime(t *testing.T) {
	s := time.Second
	for _, c := range []struct {
		name  string
		spans []harness.Span
		want  string
		up    float64
	}{
		{"nobody asked", nil, "", 0},
		{"always up", []harness.Span{{To: 8 * s, Up: true}}, "████████", 1},
		{"up in many pieces", pieces(1000, 8*s), "████████", 1},
		{"always down", []harness.Span{{To: 8 * s}}, "▁▁▁▁▁▁▁▁", 0},
		{"an outage", []harness.Span{{To: 4 * s, Up: true}, {From: 4 * s, To: 6 * s}, {From: 6 * s, To: 8 * s, Up: true}}, "████▁▁██", 0.75},
		{"half a block", []harness.Span{{To: 15 * s / 2, Up: true}, {From: 15 * s / 2, To: 8 * s}}, "███████▄", 7.5 / 8},
		{"one of two runtimes", []harness.Span{{Runtime: 1, To: 8 * s, Up: true}, {Runtime: 2, From: 4 * s, To: 8 * s}}, "████▄▄▄▄", 8.0 / 12},
		{"nobody asked in between", []harness.Span{{To: 2 * s, Up: true}, {From: 6 * s, To: 8 * s}}, "██    ▁▁", 0.5},
	} {
		t.Run(c.name, func(t *testing.T) {
			row, up := Strip(c.spans, 8)
			assert.Equal(t, c.want, row)
			assert.InDelta(t, c.up, up, 1e-9)
		})
	}
}

// pieces are spans that together are up for the whole time.
func pieces(n int, whole time.Duration) (out []harness.Span) {
	for i := range n {
		out = append(out, harness.Span{From: whole * time.Duration(i) / time.Duration(n), To: whole * time.Duration(i+1) / time.Duration(n), Up: true})
	}
	return out
}

func TestSparklineDrawsARestart(t *testing.T) {
	r := harness.Recovered{Recovery: model.Recovery{Down: 1e9, Spawned: 1.5e9, Port: 2e9, Health: 2.5e9, Probe: 3e9}}
	assert.Equal(t, "______░░░░░░▒▒▒▒▒▒▓▓▓▓▓▓█", restart(r))
	assert.Empty(t, restart(harness.Recovered{}))

	s := time.Second
	r.Spans = []harness.Span{{To: 2 * s}, {From: 2 * s, To: 5 * s / 2, Up: true}}
	assert.Equal(t, "______░░░░░░▒▒▒▒▒▒▓▓▓▓▓▓███████", restart(r), "and what came after it")
	r.Spans = append(r.Spans, harness.Span{From: 5 * s / 2, To: 3 * s}, harness.Span{From: 3 * s, To: time.Hour, Up: true})
	assert.Equal(t, "______░░░░░░▒▒▒▒▒▒▓▓▓▓▓▓███████     █████████████", restart(r), "but not for ever")
}

// A history of before probes were asked all along tells by its restarts.
func TestAvailabilityIsDerivedForOldHistories(t *testing.T) {
	h := lostAdd()
	want := h.Availability
	assert.Equal(t, want, available(h))
	h.Availability = nil
	assert.Equal(t, []model.Span{{From: 0, To: 40e6, Up: true}, {From: 40e6, To: 70e6}, {From: 70e6, To: 90e6, Up: true}}, available(h))
}

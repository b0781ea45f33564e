package report

import (
	"fmt"
	"time"

	"retain/harness"
)

// workerTime is how the workers' time divides, nil if it was not measured. Parts below
// half a percent are left out.
func workerTime(t harness.WorkerTime) []string {
	all := t.Total()
	if all == 0 {
		return nil
	}
	var parts []string
	for _, p := range harness.Parts() {
		if share := 100 * t.Spent[p].Seconds() / all.Seconds(); share >= 0.5 {
			parts = append(parts, fmt.Sprintf("%s %.0f %%", p.Label(), share))
		}
	}
	lines := wrapped(parts, " · ")
	lines[0] = fmt.Sprintf("%s x %s: %s", plural(t.Workers, "worker"), span(all/time.Duration(max(1, t.Workers))), lines[0])
	return lines
}

// workerTimeJSON is [harness.WorkerTime] in a summary, in seconds.
type workerTimeJSON struct {
	Workers int                      `json:"workers,omitempty"`
	Time    map[harness.Part]float64 `json:"worker_time,omitempty"`
}

// workerTimeOf has every part, 0 for one without time.
func workerTimeOf(t harness.WorkerTime) workerTimeJSON {
	if t.Total() == 0 {
		return workerTimeJSON{}
	}
	out := workerTimeJSON{Workers: t.Workers, Time: map[harness.Part]float64{}}
	for _, p := range harness.Parts() {
		out.Time[p] = seconds(t.Spent[p])
	}
	return out
}

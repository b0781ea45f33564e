package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"retain/harness"
	"retain/harness/session"
)

// stripCells is how many blocks a strip has on the terminal.
const stripCells = 48

// rounding keeps what was answered throughout from missing a little of itself.
const rounding = 1e-6

// blocks are how much of a block's time was answered, from none to all of it.
var blocks = []rune("▁▂▃▄▅▆▇█")

// Strip draws spans as a row of blocks over the time from 0 to the end of the
// last: the higher, the larger the part in which probes were answered; a space
// where nobody asked. up is that part of the whole.
func Strip(spans []harness.Span, cells int) (row string, up float64) {
	end := time.Duration(0)
	for _, s := range spans {
		end = max(end, s.To)
	}
	if end <= 0 || cells <= 0 {
		return "", 0
	}
	answered, asked := make([]float64, cells), make([]float64, cells)
	var allUp, all float64
	width := float64(end) / float64(cells)
	for _, s := range spans {
		for i := range cells {
			from, to := max(float64(i)*width, float64(s.From)), min(float64(i+1)*width, float64(s.To))
			if to <= from {
				continue
			}
			asked[i] += to - from
			all += to - from
			if s.Up {
				answered[i] += to - from
				allUp += to - from
			}
		}
	}
	var b strings.Builder
	for i := range cells {
		if asked[i] == 0 {
			b.WriteByte(' ')
			continue
		}
		b.WriteRune(blocks[int(answered[i]/asked[i]*float64(len(blocks)-1)+rounding)])
	}
	if all == 0 {
		return "", 0
	}
	return b.String(), allUp / all
}

// availability is a session's strip, in one line; nil if nobody asked.
func availability(s *session.Result) []string {
	row, up := Strip(s.Availability, stripCells)
	if row == "" {
		return nil
	}
	end := slices.MaxFunc(s.Availability, func(a, b harness.Span) int { return int(a.To - b.To) }).To
	return []string{fmt.Sprintf("%s %.0f %% of the time that plans ran · a block is %s", row, up*100, span(end/stripCells))}
}

// restartKey says what the blocks of a restart mean.
const restartKey = "_ gone ░ started ▒ port open ▓ health says 200 █ calls go through"

// restart draws a restart as a row of blocks, the further the darker: gone,
// started, its port open, healthy by its own word, answering. What came after it
// takes at most as much room again.
func restart(r harness.Recovered) string {
	const length = 24
	took := r.Took()
	if took <= 0 {
		return ""
	}
	end := took
	for _, s := range r.Spans {
		end = max(end, min(s.To, 2*took))
	}
	cells := int(length * float64(end) / float64(took))
	var b strings.Builder
	for i := range cells + 1 {
		b.WriteRune(stage(r, time.Duration(float64(took)*float64(i)/length)))
	}
	return strings.TrimRight(b.String(), " ")
}

// stage is how far a restart was, this long after the server's end.
func stage(r harness.Recovered, at time.Duration) rune {
	for _, s := range r.Spans {
		if at >= s.From && at <= s.To && s.Up {
			return '█'
		}
	}
	switch {
	case at == r.Took():
		return '█'
	case at > r.Took():
		return ' ' // nobody asked, or nobody was answered
	}
	reached := '_'
	for i, moment := range []int64{r.Spawned, r.Port, r.Health} {
		if moment > 0 && at >= r.After(moment) {
			reached = []rune("░▒▓")[i]
		}
	}
	return reached
}

// recovery says how long restarts took.
func recovery(t harness.Tally) []string {
	if len(t.Recoveries) == 0 {
		return []string{"no restart was seen to its end"}
	}
	all := slices.Clone(t.Recoveries)
	slices.SortStableFunc(all, func(a, b harness.Recovered) int { return int(a.Took() - b.Took()) })
	slowest := all[len(all)-1]
	s := func(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }
	return []string{
		fmt.Sprintf("median %s · slowest %s (plan %d: started at %s, port open at %s, health said 200 at %s)",
			s(all[len(all)/2].Took()), s(slowest.Took()), slowest.Plan,
			s(slowest.After(slowest.Spawned)), s(slowest.After(slowest.Port)), s(slowest.After(slowest.Health))),
		"slowest " + restart(slowest) + "   " + restartKey,
	}
}

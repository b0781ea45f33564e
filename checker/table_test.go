package checker

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	goruntime "runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"retain/model"
)

var tableFlag = flag.String("table", "", "write the table of docs/checker.md into this file, between its markers (half an hour)")

// The markers between which the table stands.
const (
	tableBegins = "<!-- table begins -->\n"
	tableEnds   = "<!-- table ends -->\n"
)

// TestTableOfRatiosIsWritten measures the fast decisions and porcupine on the same histories in
// the same process, and writes the table of ratios.
func TestTableOfRatiosIsWritten(t *testing.T) {
	if *tableFlag == "" {
		t.Skip("half an hour: ask for it with -table FILE")
	}
	page, err := os.ReadFile(*tableFlag)
	require.NoError(t, err)
	before, rest, found := strings.Cut(string(page), tableBegins)
	require.True(t, found, "no line %q", tableBegins)
	_, after, found := strings.Cut(rest, tableEnds)
	require.True(t, found, "no line %q", tableEnds)
	out := before + tableBegins + table(t) + tableEnds + after
	require.NoError(t, os.WriteFile(*tableFlag, []byte(out), 0o600))
}

func table(t *testing.T) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s/%s, %d processors, porcupine stopped at %s or %d GiB.\n\n", goruntime.Version(),
		goruntime.GOOS, goruntime.GOARCH, goruntime.GOMAXPROCS(0), *porcupineMax, int64(porcupineMemory)>>30)
	b.WriteString("| object | keys | clients | ambiguous | history | 1,000 | 10,000 | 100,000 | 1,000,000 |\n")
	b.WriteString("|---|---|---|---|---|---|---|---|---|\n")
	rows := map[load][]string{}
	var order []load
	lost := map[load]time.Duration{}
	for _, l := range loads() {
		same := l
		same.operations = 0
		if rows[same] == nil {
			order = append(order, same)
		}
		cell := measure(t, l, lost, same)
		t.Logf("%s: %s", l, cell)
		rows[same] = append(rows[same], cell)
	}
	for _, l := range order {
		history := "legal"
		if l.stale {
			history = "one stale read"
		}
		fmt.Fprintf(&b, "| %s | %d | %d | %g %% | %s | %s |\n", l.kind, l.keys, l.clients, 100*l.ambiguous, history, strings.Join(rows[l], " | "))
	}
	return b.String()
}

// measure is one cell: nanoseconds per operation of the fast decision, and how
// many times that porcupine takes.
func measure(t *testing.T, l load, lost map[load]time.Duration, same load) string {
	h := l.history(1)
	fast := fastTime(t, h)
	cell := fmt.Sprintf("%.0f ns", float64(fast.Nanoseconds())/float64(l.operations))
	if took, gone := lost[same]; gone {
		return fmt.Sprintf("%s, > %s×", cell, round(float64(took)/float64(fast)))
	}
	start := time.Now()
	v := porcupineAlone(h, *porcupineMax)
	took := time.Since(start)
	goruntime.GC()
	if v == Undecided {
		lost[same] = took
		return fmt.Sprintf("%s, **> %s×**", cell, round(float64(took)/float64(fast)))
	}
	return fmt.Sprintf("%s, %s×", cell, round(float64(took)/float64(fast)))
}

// fastTime is the median of five decisions.
func fastTime(t *testing.T, h *model.History) time.Duration {
	kind := h.Operations[0].Object.Kind
	records := objectsOf(h)[0].records
	return median(5, func() { require.NotEqual(t, Undecided, decideAll(kind, records).Verdict) })
}

// median is the median time of so many runs.
func median(runs int, f func()) time.Duration {
	times := make([]time.Duration, runs)
	for i := range times {
		start := time.Now()
		f()
		times[i] = time.Since(start)
	}
	return middle(times)
}

// middle is the median of some numbers.
func middle[T cmp.Ordered](numbers []T) T {
	sorted := slices.Sorted(slices.Values(numbers))
	return sorted[len(sorted)/2]
}

// round is a number with two digits that count.
func round(x float64) string {
	switch {
	case x < 10:
		return fmt.Sprintf("%.1f", x)
	case x < 100:
		return fmt.Sprintf("%.0f", x)
	}
	unit := 1.0
	for x/unit >= 100 {
		unit *= 10
	}
	digits := fmt.Sprintf("%.0f", float64(int64(x/unit))*unit)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

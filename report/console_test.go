package report

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
)

// screen is what a terminal shows of an output that uses \r and \n only. A line that is
// longer than the terminal is wide goes on in the next one.
func screen(output string, columns int) []string {
	lines, at := [][]rune{{}}, 0
	for _, r := range output {
		switch r {
		case '\r':
			at = 0
			continue
		case '\n':
			lines, at = append(lines, []rune{}), 0
			continue
		}
		if at == columns {
			lines, at = append(lines, []rune{}), 0
		}
		last := &lines[len(lines)-1]
		if at == len(*last) {
			*last = append(*last, r)
		} else {
			(*last)[at] = r
		}
		at++
	}
	var out []string
	for _, l := range lines {
		out = append(out, strings.TrimRight(string(l), " "))
	}
	return out
}

// watching is a console that watches, whose clock and ticks are the test's.
func watching(columns *int, status func() Status) (c *Console, out *bytes.Buffer, after func(time.Duration), w *watch) {
	out = &bytes.Buffer{}
	now := time.Unix(0, 0)
	c = NewConsole(out, func() int { return *columns })
	c.now = func() time.Time { return now }
	w = &watch{status: status}
	c.watched, c.printed = []*watch{w}, now
	return c, out, func(d time.Duration) {
		now = now.Add(d)
		c.look(w)
	}, w
}

func TestStatusOverwritesItsLineOnATerminal(t *testing.T) {
	columns, plans := 80, 1000000
	c, out, after, w := watching(&columns, func() Status {
		return Status{Parts: []string{"0 findings", fmt.Sprintf("%d plans", plans)}, Done: 0.5}
	})
	after(time.Second)
	assert.Equal(t, []string{"[##########..........] 0 findings · 1000000 plans"}, screen(out.String(), columns))
	plans = 1
	after(time.Second)
	assert.Equal(t, []string{"[##########..........] 0 findings · 1 plans"}, screen(out.String(), columns), "what was longer is wiped")
	fmt.Fprintln(c, "violation  of what")
	fmt.Fprintln(c, "build      such")
	assert.Equal(t, []string{"violation  of what", "build      such", ""}, screen(out.String(), columns), "what is printed stands alone")
	after(time.Second)
	assert.Equal(t, "[##########..........] 0 findings · 1 plans", screen(out.String(), columns)[2])
	fmt.Fprint(c, "half a line")
	after(time.Second)
	assert.Equal(t, "half a line", screen(out.String(), columns)[2], "it is not drawn over")
	fmt.Fprintln(c, " and the rest")
	after(time.Second)
	c.forget(w)
	assert.Equal(t, []string{"violation  of what", "build      such", "half a line and the rest", ""}, screen(out.String(), columns))
	before := out.Len()
	after(time.Minute)
	assert.Equal(t, before, out.Len(), "nothing is drawn after the end")
}

func TestStatusIsALineAfterHalfAMinuteWithoutATerminal(t *testing.T) {
	columns := 0
	c, out, after, _ := watching(&columns, func() Status { return Status{Parts: []string{"0 findings", "3 plans"}, Done: 0.5} })
	for range 29 {
		after(time.Second)
	}
	assert.Empty(t, out.String())
	after(time.Second)
	assert.Equal(t, "progress   0 findings · 3 plans\n", out.String())
	after(20 * time.Second)
	fmt.Fprintln(c, "plan 4")
	after(20 * time.Second)
	assert.NotContains(t, out.String(), "plan 4\nprogress", "something was printed meanwhile")
	after(10 * time.Second)
	assert.Equal(t, 2, strings.Count(out.String(), "progress "))
}

func TestStatusShowsTheInnermostWatch(t *testing.T) {
	columns := 80
	c, out, after, w := watching(&columns, func() Status { return Status{Parts: []string{"outer"}, Done: -1} })
	inner := &watch{status: func() Status { return Status{Parts: []string{"inner"}, Done: -1} }}
	c.watched = append(c.watched, inner)
	after(time.Second)
	assert.Empty(t, out.String())
	c.look(inner)
	assert.Equal(t, []string{"inner"}, screen(out.String(), columns))
	c.forget(inner)
	c.look(w)
	assert.Equal(t, []string{"outer"}, screen(out.String(), columns))
}

// A line that is too long loses whole parts from its end. No line is as wide as the
// terminal.
func TestStatusLineKeepsTheFindingsWhenCut(t *testing.T) {
	s := Status{Parts: []string{"12 findings", "left 59m0s", "1000 plans", "5210 operations"}, Done: 0.1}
	for columns := 12; columns < 200; columns++ {
		width := columns
		_, out, after, _ := watching(&width, func() Status { return s })
		after(time.Second)
		shown := screen(out.String(), columns)
		assert.Len(t, shown, 1, "%d columns", columns)
		assert.Contains(t, shown[0], "12 findings", "%d columns", columns)
		assert.Less(t, utf8.RuneCountInString(shown[0]), columns)
	}
	assert.Equal(t, "12 findings", s.line(19), "a terminal of 20 columns")
	assert.Equal(t, "12 findings · left 59m0s · 1000 plans", s.line(45))
	assert.Equal(t, "[##..................] 12 findings · left 59m0s · 1000 plans · 5210 operations", s.line(200))
	assert.Equal(t, "12 f…", s.line(5))
}

func TestStatusWatchEndsWhenStopped(t *testing.T) {
	var out bytes.Buffer
	looked := make(chan struct{}, 100)
	c := NewConsole(&out, func() int { return 80 })
	stop := c.Watch(func() Status {
		looked <- struct{}{}
		return Status{Parts: []string{"working"}, Done: -1}
	})
	<-looked
	stop()
	stop()
	assert.Equal(t, []string{""}, screen(out.String(), 80))
}

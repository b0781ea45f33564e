package report

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"retain/internal/printable"
)

const (
	// quietElsewhere is how long nothing may be printed where there is no terminal
	// until a line says how far the work is.
	quietElsewhere = 30 * time.Second
	// redraw is the time between two looks at the progress. In a terminal each draws
	// the line again.
	redraw = time.Second
	// statusBar is the width of the bar that is drawn where there is room.
	statusBar = 20
)

// Status is how far the work is, at one moment.
type Status struct {
	// Parts are the texts, the most important first: a narrow terminal shows the first
	// ones.
	Parts []string
	// Done is the share of the work that is done, from 0 to 1, for a bar; negative
	// for none.
	Done float64
}

// line is the status on one line of a terminal of so many columns. What does not fit
// is left out from the end; the first part is never left out, only cut.
func (s Status) line(columns int) string {
	all := printable.Line(strings.Join(s.Parts, " · "))
	if s.Done >= 0 {
		full := min(statusBar, int(s.Done*statusBar))
		bar := "[" + strings.Repeat("#", full) + strings.Repeat(".", statusBar-full) + "] "
		if printable.Columns(bar+all) <= columns {
			return bar + all
		}
	}
	out := ""
	for i, part := range s.Parts {
		if i > 0 {
			part = out + " · " + part
		}
		if i > 0 && printable.Columns(printable.Line(part)) > columns {
			break
		}
		out = part
	}
	return printable.Cut(out, columns)
}

// Console writes output and shows the status of the innermost watch. In a terminal the
// status is one line that is redrawn and never mixes with other lines. Elsewhere it is a
// new line after half a minute without output. Safe for concurrent use.
type Console struct {
	out     io.Writer
	columns func() int // of the terminal as it is now; 0 for none
	now     func() time.Time

	mu      sync.Mutex
	watched []*watch // the last one is shown
	drawn   int      // columns of the line that stands there
	midline bool     // the last byte written did not end a line
	printed time.Time
}

// watch is one thing that is watched.
type watch struct{ status func() Status }

// NewConsole prints to a writer that is a terminal of so many columns, as they are
// when they are asked for; 0 is for what is no terminal.
func NewConsole(out io.Writer, columns func() int) *Console {
	return &Console{out: out, columns: columns, now: time.Now}
}

// Write writes text where the progress is not.
func (c *Console) Write(text []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wipe()
	c.printed = c.now()
	if len(text) > 0 {
		c.midline = text[len(text)-1] != '\n'
	}
	return c.out.Write(text)
}

// Watch shows a progress until stop is called, which removes its line from the terminal.
// status is called from another goroutine, without a lock. Of several progresses the
// newest is shown.
func (c *Console) Watch(status func() Status) (stop func()) {
	w := &watch{status: status}
	c.mu.Lock()
	c.watched = append(c.watched, w)
	c.printed = c.now()
	c.mu.Unlock()
	done := make(chan struct{})
	var ended sync.WaitGroup
	ended.Go(func() {
		tick := time.NewTicker(redraw)
		defer tick.Stop()
		for {
			c.look(w)
			select {
			case <-tick.C:
			case <-done:
				return
			}
		}
	})
	return sync.OnceFunc(func() {
		close(done)
		ended.Wait()
		c.forget(w)
	})
}

func (c *Console) forget(w *watch) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.watched {
		if c.watched[i] == w {
			c.watched = append(c.watched[:i], c.watched[i+1:]...)
			break
		}
	}
	c.wipe()
}

// look shows the progress of a watch, if it is the newest.
func (c *Console) look(w *watch) {
	status := w.status()
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.watched) == 0 || c.watched[len(c.watched)-1] != w || c.midline {
		return
	}
	if columns := c.columns(); columns > 0 {
		c.draw(status.line(columns-1), columns-1) // a full line would begin the next one
		return
	}
	if c.now().Sub(c.printed) >= quietElsewhere {
		c.printed = c.now()
		fmt.Fprintln(c.out, "progress  ", printable.Line(strings.Join(status.Parts, " · ")))
	}
}

// draw puts a line over the one that stands there.
func (c *Console) draw(line string, most int) {
	length := printable.Columns(line)
	fmt.Fprintf(c.out, "\r%s%s", line, strings.Repeat(" ", min(max(0, c.drawn-length), most-length)))
	c.drawn = length
}

func (c *Console) wipe() {
	if c.drawn > 0 {
		fmt.Fprintf(c.out, "\r%s\r", strings.Repeat(" ", c.drawn))
		c.drawn = 0
	}
}

package retain_test

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"retain/campaign"
)

// isTerminal reports whether a file is a terminal, which a bar can be drawn in.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
}

// display shows a campaign's progress: a bar that is drawn over itself in a
// terminal, a plain line a minute elsewhere.
type display struct {
	out      io.Writer
	terminal bool

	mu   sync.Mutex
	last time.Time // of a plain line
	bar  int       // width of the bar that stands there
}

func (d *display) progress(p campaign.Progress) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.terminal {
		bar := p.Bar()
		fmt.Fprintf(d.out, "\r%s%s", bar, strings.Repeat(" ", max(0, d.bar-len(bar))))
		d.bar = len(bar)
		return
	}
	if time.Since(d.last) >= time.Minute {
		d.last = time.Now()
		fmt.Fprintln(d.out, "progress  ", p)
	}
}

// print prints what is more than a line of progress.
func (d *display) print(text string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.wipe()
	fmt.Fprint(d.out, text)
}

// end leaves the terminal as it should be.
func (d *display) end() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.wipe()
}

func (d *display) wipe() {
	if d.bar > 0 {
		fmt.Fprintf(d.out, "\r%s\r", strings.Repeat(" ", d.bar))
		d.bar = 0
	}
}

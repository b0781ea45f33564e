package retain_test

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"retain/campaign"
)

// columns is the width of a terminal, which a bar can be drawn in; 0 for what is
// none.
func columns(f *os.File) int {
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil || os.Getenv("TERM") == "dumb" {
		return 0
	}
	return width
}

// display shows a campaign's progress: a bar that is drawn over itself in a
// terminal, a plain line a minute elsewhere.
type display struct {
	out     io.Writer
	columns func() int // of the terminal as it is now, 0 for none

	mu   sync.Mutex
	last time.Time // of a plain line
	bar  int       // columns of the bar that stands there
}

func (d *display) progress(p campaign.Progress) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if columns := d.columns(); columns > 0 {
		bar := []rune(p.Bar())
		bar = bar[:min(len(bar), columns-1)] // what is longer begins a new line, which \r does not return from
		fmt.Fprintf(d.out, "\r%s%s", string(bar), strings.Repeat(" ", min(max(0, d.bar-len(bar)), columns-1-len(bar))))
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

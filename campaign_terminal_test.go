package retain_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/campaign"
)

// TestProgressInATerminalAndElsewhere: one line that is drawn over itself, or a line
// a minute.
func TestProgressInATerminalAndElsewhere(t *testing.T) {
	p := campaign.Progress{Gone: time.Minute, Of: time.Hour, Plans: 1000000}
	var out bytes.Buffer
	width := 300
	d := &display{out: &out, columns: func() int { return width }}
	d.progress(p)
	wide := out.Len()
	p.Plans = 1
	d.progress(p)
	d.print("found\n")
	d.progress(p)
	d.end()
	parts := strings.Split(out.String(), "\r")
	require.Len(t, parts, 8, "%q", out.String())
	assert.Len(t, parts[2], wide-1, "what was longer is wiped")
	assert.Equal(t, "found\n", parts[4])
	assert.Empty(t, parts[7])

	out.Reset()
	width = 40
	d.progress(p)
	d.progress(p)
	assert.Equal(t, 2*39, utf8.RuneCountInString(strings.ReplaceAll(out.String(), "\r", "")), "a line of a narrow terminal is not left: %q", out.String())

	out.Reset()
	d = &display{out: &out, columns: func() int { return 0 }}
	d.progress(p)
	d.progress(p)
	assert.Equal(t, 1, strings.Count(out.String(), "\n"), out.String())
	d.last = d.last.Add(-time.Minute)
	d.progress(p)
	assert.Equal(t, 2, strings.Count(out.String(), "progress   left 59m0s · 1 plans"), out.String())

	file, err := os.Create(filepath.Join(t.TempDir(), "log"))
	require.NoError(t, err)
	defer file.Close()
	assert.Zero(t, columns(file))
}

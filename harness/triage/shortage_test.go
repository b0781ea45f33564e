package triage

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/harness"
	"retain/model"
	"retain/runtime/resources"
	"retain/runtime/simulated"
)

// diskOf is what a server sees of its disk.
func diskOf(used, free uint64) []resources.Level {
	return []resources.Level{{Kind: resources.Space, Of: "the data directory's file system (/x)", Used: used, Free: free, Size: 4 << 20, Set: "TMPDIR"}}
}

const gib = 1 << 30

// watched is a system whose resources are measured by a function, nil for not at all.
func watched(t *testing.T, look func() []resources.Level) *harness.System {
	sys := &harness.System{Runtime: simulated.New(simulated.Options{}), Look: look, Need: resources.NeedOf("1.7.12", 4)}
	sys.WatchResources()
	t.Cleanup(func() { require.NoError(t, sys.Shutdown(context.Background())) })
	return sys
}

// measured is a system whose resources are always at these levels, nil for not measured.
func measured(t *testing.T, levels []resources.Level) *harness.System {
	if levels == nil {
		return watched(t, nil)
	}
	return watched(t, func() []resources.Level { return levels })
}

// Whose affair the server's own end is, and what never came.
func TestLivenessDuringAShortageIsAHarnessError(t *testing.T) {
	ended := harness.ServerEnded("it ended")
	stuck := &harness.Liveness{Guarantee: model.Guarantee{Code: model.OperationFinishes}}
	wrong := &harness.Liveness{Guarantee: model.Guarantee{Code: model.AnswerIsOwn}, Timeless: true}
	for name, c := range map[string]struct {
		liveness *harness.Liveness
		levels   []resources.Level
		verdict  harness.Verdict
	}{
		"an end on a full disk":        {ended, diskOf(4<<20, 0), harness.Harness},
		"an end with plenty":           {ended, diskOf(4<<20, 8*gib), harness.Violation},
		"an end on a disk it filled":   {ended, diskOf(8*gib, 0), harness.Violation},
		"stuck on a full disk":         {stuck, diskOf(4<<20, 0), harness.Harness},
		"stuck with plenty":            {stuck, diskOf(4<<20, 8*gib), harness.Violation},
		"a wrong answer, a full disk":  {wrong, diskOf(4<<20, 0), harness.Violation},
		"an end where nothing is seen": {ended, nil, harness.Violation},
	} {
		sys := measured(t, c.levels)
		o := Options{Bounds: harness.DefaultBounds}
		r := &harness.Run{Verdict: harness.Violation, Sentence: "broken: x", Outcome: &harness.Outcome{Liveness: c.liveness}}
		o.attribute(r, sys)
		assert.Equal(t, c.verdict, r.Verdict, name)
	}
}

// A server that was killed for the memory that it used up itself is a violation; one
// that was killed for others' is not.
func TestKillForMemoryIsAttributedByTheServersOwnUse(t *testing.T) {
	for used, verdict := range map[uint64]harness.Verdict{200 << 20: harness.Harness, 4 * gib: harness.Violation} {
		killed := atomic.Uint64{}
		sys := watched(t, func() []resources.Level {
			return []resources.Level{{Kind: resources.Memory, Of: "the memory cgroup", Used: used, Size: 4 * gib, Free: gib, Refused: killed.Load()}}
		})
		killed.Store(1)
		r := &harness.Run{Verdict: harness.Harness, Sentence: harness.ErrKilled.Error(), Outcome: &harness.Outcome{}}
		Options{}.Blame(r, sys, harness.ErrKilled)
		assert.Equal(t, verdict, r.Verdict)
		require.NotNil(t, r.Shortage)
		assert.Contains(t, r.Shortage.String(), "the kernel killed a process for it once")
	}
}

// An error of this process is about the artifacts or about a server's directory.
func TestErrorOfThisProcessNamesItsDirectory(t *testing.T) {
	dir := t.TempDir()
	o := Options{Dir: dir}
	at := func(path string) error {
		return fmt.Errorf("open it: %w", &fs.PathError{Op: "open", Path: path, Err: syscall.EROFS})
	}
	assert.Equal(t, "the data directory", o.placeOf(at("/x/retain-1/server.log")).Role)
	assert.Equal(t, "/x/retain-1", o.placeOf(at("/x/retain-1/server.log")).Path)
	assert.Equal(t, "the artifacts' directory", o.placeOf(at(filepath.Join(dir, "running", "h.jsonl"))).Role)
	assert.Equal(t, "the artifacts' directory", o.placeOf(at("testdata/h.jsonl")).Role)
	assert.Equal(t, "the artifacts' directory", o.placeOf(syscall.ENOSPC).Role)
	assert.Equal(t, "the data directory's file system (/x/retain-1) is read-only", o.behind(&harness.System{}, at("/x/retain-1/server.log")).String())
}

// A container's server that was killed for want of memory is the machine's affair, unless
// it had more than it needs; the cgroup's counters are gone with the container.
func TestOOMKilledContainerIsAttributedByItsUse(t *testing.T) {
	limit := func(used uint64) []resources.Level {
		return []resources.Level{{Kind: resources.Memory, Of: "the memory cgroup", Used: used, Size: used + 20<<20, Free: 20 << 20}}
	}
	for name, c := range map[string]struct {
		levels  []resources.Level
		verdict harness.Verdict
		cause   resources.Cause
	}{
		"a limit below the need":     {limit(150 << 20), harness.Harness, resources.Environment},
		"a server that had too much": {limit(2 * gib), harness.Violation, resources.TheServer},
		"nothing can be looked at":   {nil, harness.Harness, resources.Environment},
	} {
		err := harness.ErrOutOfMemory
		sys := measured(t, c.levels)
		r := &harness.Run{Verdict: harness.Harness, Sentence: err.Error(), Outcome: &harness.Outcome{}}
		Options{}.Blame(r, sys, err)
		assert.Equal(t, c.verdict, r.Verdict, name)
		require.NotNil(t, r.Shortage, name)
		assert.Equal(t, c.cause, r.Shortage.Cause, name)
	}
}

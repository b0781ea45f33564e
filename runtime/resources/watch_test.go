package resources

import (
	"os"
	"os/exec"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A shortage counts while it lasts, not long after.
func TestWatchKeepsTheWorstLevelOfAPeriod(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var free, killed atomic.Uint64
		free.Store(gib)
		killed.Store(7) // before
		w := StartWatch(func() []Level {
			return []Level{{Kind: Memory, Of: "m", Free: free.Load(), Size: gib, Refused: killed.Load()}}
		})
		defer w.Stop()
		time.Sleep(time.Second)
		free.Store(0)
		killed.Store(8)
		time.Sleep(time.Second)
		free.Store(gib)
		time.Sleep(time.Second)
		worst := w.Worst(time.Now().Add(-10 * time.Second))
		require.Len(t, worst, 1)
		assert.Zero(t, worst[0].Free)
		assert.Equal(t, uint64(1), worst[0].Refused)
		time.Sleep(20 * time.Second)
		worst = w.Worst(time.Now().Add(-10 * time.Second))
		assert.Equal(t, uint64(gib), worst[0].Free)
		assert.Zero(t, worst[0].Refused)
	})
}

func TestLevelsOfAFileSystemAreMeasured(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(dir+"/f", make([]byte, 1<<20), 0o644))
	used := useOf(dir)
	assert.GreaterOrEqual(t, used.Bytes, uint64(1<<20))
	assert.Equal(t, uint64(2), used.Files)
	levels := DataPlace(dir).levels(used)
	require.NotEmpty(t, levels)
	assert.Equal(t, Space, levels[0].Kind)
	assert.NotZero(t, levels[0].Size)
	assert.Equal(t, []Level{{Kind: Gone, Of: "the data directory (" + dir + "/no)", Set: "TMPDIR"}}, DataPlace(dir+"/no").levels(use{}))
}

// A child may have a lower limit. A server that is down has the limits that it would
// inherit.
func TestLimitsAreReadFromTheProcess(t *testing.T) {
	if _, err := os.Stat("/proc/self/limits"); err != nil {
		t.Skip("needs Linux's /proc")
	}
	child := exec.Command("sh", "-c", "ulimit -n 77; echo; read line")
	in, err := child.StdinPipe()
	require.NoError(t, err)
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	defer func() { _ = in.Close(); _ = child.Wait() }()
	_, err = out.Read(make([]byte, 1))
	require.NoError(t, err)
	of := func(pids ...int) (limit uint64) {
		for _, l := range processLevels(pids, new(groups), true) {
			if l.Kind == Descriptors && !l.Ours && !l.Shared {
				limit = l.Size
			}
		}
		return limit
	}
	assert.Equal(t, uint64(77), of(child.Process.Pid))
	assert.Greater(t, of(), uint64(77))
}

// A directory made anew where a mount is gone is not the server's.
func TestReplacedDirectoryCountsAsGone(t *testing.T) {
	dir := t.TempDir() + "/data"
	s := &Server{Data: DataPlace(dir), Processes: func() []int { return nil }, Need: NeedOf("", 1)}
	gone := func() (of []string) {
		for _, l := range s.Look() {
			if l.Kind == Gone {
				of = append(of, l.String())
			}
		}
		return of
	}
	require.NoError(t, os.Mkdir(dir, 0o755))
	assert.Empty(t, gone())
	require.NoError(t, os.Rename(dir, dir+"-away"))
	assert.Equal(t, []string{"the data directory (" + dir + ") is not there"}, gone())
	require.NoError(t, os.Mkdir(dir, 0o755))
	assert.Equal(t, []string{"the data directory (" + dir + ") of the first start is not there"}, gone())
}

// A server that has too little ends soon after its start.
func TestWatchSamplesMoreOftenAfterAStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var up atomic.Bool
		var looks atomic.Int32
		w := StartWatch(func() []Level {
			looks.Add(1)
			if up.Load() {
				return []Level{{Kind: Descriptors, Of: theServer, Free: 1, Size: 2}}
			}
			return nil
		})
		defer w.Stop()
		during := func(d time.Duration) int32 {
			from := looks.Load()
			time.Sleep(d)
			return looks.Load() - from
		}
		assert.Greater(t, during(startTime/2), int32(12))
		time.Sleep(downTime)
		assert.LessOrEqual(t, during(time.Second), int32(6))
		up.Store(true)
		time.Sleep(lookInterval)
		assert.Greater(t, during(startTime/2), int32(12))
		time.Sleep(downTime)
		assert.LessOrEqual(t, during(time.Second), int32(6))
	})
}

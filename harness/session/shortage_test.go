package session_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/harness"
	"retain/harness/internal/harnesstest"
	"retain/harness/internal/sessiontest"
	"retain/harness/session"
	"retain/runtime"
	"retain/runtime/resources"
	"retain/runtime/simulated"
)

const fullDisk = "ERROR restate_log_server: Cannot write to log-server database: IO error: No space left on device: While appending to file"

// noSpace names a shortage and is no admission by itself.
const noSpace = " WARN restate_rocksdb: IO error: No space left on device: While appending to file"

// logLine is a line that is logged now, or some time ago.
func logLine(ago time.Duration, text string) string {
	return time.Now().Add(-ago).UTC().Format("2006-01-02T15:04:05.000000Z") + " " + text
}

// diskOf is what a server sees of its disk.
func diskOf(used, free uint64) []resources.Level {
	return []resources.Level{{Kind: resources.Space, Of: "the data directory's file system (/x)", Used: used, Free: free, Size: 4 << 20, Set: "TMPDIR"}}
}

const gib = 1 << 30

// short conducts a session on a server that says lines at its second kill, on a
// machine that looks like levels from then on.
func short(t *testing.T, levels []resources.Level, lines ...string) *session.Result {
	o := session.Options{Plans: 3, Draw: sessiontest.PlainPlan, Dir: t.TempDir(), Bounds: sessiontest.Quick, Late: -1}
	o.Open = func(_ context.Context, s runtime.Settings) (*harness.System, error) {
		w := &talkative{Wired: &harnesstest.Wired{Runtime: simulated.New(simulated.Options{Settings: s, Nonce: "n"})}}
		w.say(logLine(time.Minute, "INFO restate_server: Starting Restate Server 1.7.12 (577e032)"))
		kills, out := 0, atomic.Bool{}
		w.Killing = func() {
			if kills++; kills == 2 {
				out.Store(true)
				for _, line := range lines {
					w.say(line)
				}
			}
		}
		look := func() []resources.Level {
			if out.Load() {
				return append([]resources.Level(nil), levels...)
			}
			return diskOf(0, gib)
		}
		sys := &harness.System{Runtime: w, Control: w, Nonce: "n", Contract: simulated.Contract(), Need: resources.NeedOf("1.7.12", 4)}
		if levels != nil {
			sys.Look = look
		}
		return sys, nil
	}
	result, err := session.Conduct(t.Context(), o)
	require.NoError(t, err)
	return result
}

const panicked = "ERROR tracing_panic: A panic occurred panic.payload=\"no entry found for key\""

// What a server admits while the machine is short of something is the machine's, and
// anything else is the server's.
func TestAdmissionDuringAShortageIsAHarnessError(t *testing.T) {
	for name, c := range map[string]struct {
		levels  []resources.Level
		lines   []string
		verdict harness.Verdict
		cause   resources.Cause
	}{
		"a full disk":                    {diskOf(4<<20, 0), []string{logLine(0, fullDisk)}, harness.Harness, resources.Environment},
		"a panic on a full disk":         {diskOf(4<<20, 0), []string{logLine(0, panicked)}, harness.Harness, resources.Environment},
		"a panic on one that is named":   {nil, []string{logLine(time.Second, noSpace), logLine(0, panicked)}, harness.Harness, resources.Environment},
		"a panic with plenty":            {diskOf(4<<20, gib), []string{logLine(0, panicked)}, harness.Violation, resources.None},
		"a full disk is named in vain":   {diskOf(4<<20, 8*gib), []string{logLine(0, fullDisk)}, harness.Violation, resources.Unexplained},
		"a disk that the server filled":  {diskOf(8*gib, 0), []string{logLine(0, fullDisk)}, harness.Violation, resources.TheServer},
		"a panic long after a full disk": {diskOf(0, 8*gib), []string{logLine(time.Minute, noSpace), logLine(0, panicked)}, harness.Violation, resources.None},
		"a panic of another life": {diskOf(0, 8*gib), []string{logLine(time.Second, noSpace),
			logLine(time.Second, "INFO restate_server: Starting Restate Server 1.7.12 (577e032)"), logLine(0, panicked)}, harness.Violation, resources.None},
		"a store that failed before": {nil, []string{logLine(50*time.Second, "ERROR x: IO error: No space left on device"),
			logLine(0, `ERROR restate_rocksdb: RocksDB background error: "IO error: Writer has previous error."`)}, harness.Harness, resources.Environment},
		"a handler's text of two lines": {nil, []string{
			logLine(0, " WARN restate_invoker_impl: Invocation error: it failed"), "No space left on device (os error 28)", logLine(0, panicked)}, harness.Violation, resources.None},
		"an abort after a handler's text": {nil, []string{
			logLine(0, " WARN restate_invoker_impl: Invocation error: it failed"), "memory allocation of 7200720 bytes failed", logLine(0, panicked)}, harness.Harness, resources.Environment},
		"a handler that has no space": {diskOf(4<<20, 8*gib), []string{
			logLine(0, " WARN restate_invoker_impl: Invocation error: No space left on device (os error 28)"), logLine(0, panicked)}, harness.Violation, resources.None},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			result := short(t, c.levels, c.lines...)
			require.Equal(t, c.verdict, result.Verdict)
			r := result.Failures[0]
			if c.cause == resources.None {
				assert.Nil(t, r.Shortage)
				return
			}
			require.NotNil(t, r.Shortage)
			assert.Equal(t, c.cause, r.Shortage.Cause)
			if c.verdict == harness.Harness {
				assert.Contains(t, r.Instead, "the server reports ")
				assert.Equal(t, r.Shortage.String(), r.Sentence)
				assert.Empty(t, result.Admissions)
				assert.Equal(t, r.Shortage, sessiontest.ReadFinding(t, r).Shortage)
			}
		})
	}
}

// unclosable is a runtime that meets an error of this process while it ends.
type unclosable struct {
	*simulated.Runtime
	err error
}

func (u unclosable) Close(ctx context.Context) error {
	return errors.Join(u.Runtime.Close(ctx), u.err)
}

// The error of a server that can't be closed, or not be opened, names the resource that
// this process lacks.
func TestShortageOutsideOfAPlanIsNamed(t *testing.T) {
	out := fmt.Errorf("remove the server's directory: %w", syscall.EMFILE)
	first := true
	for name, open := range map[string]harness.Open{
		"at the end": func(_ context.Context, s runtime.Settings) (*harness.System, error) {
			r := unclosable{simulated.New(simulated.Options{Settings: s, Nonce: "n"}), out}
			return &harness.System{Runtime: r, Control: r, Nonce: "n", Contract: simulated.Contract()}, nil
		},
		"at a later start": func(_ context.Context, s runtime.Settings) (*harness.System, error) {
			if !first {
				return nil, out
			}
			first = false
			r := simulated.New(simulated.Options{Settings: s, Nonce: "n"})
			return &harness.System{Runtime: r, Control: r, Nonce: "n", Contract: simulated.Contract()}, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			result, err := session.Conduct(t.Context(), session.Options{Plans: 2, Fresh: true, Draw: sessiontest.PlainPlan, Dir: t.TempDir(),
				Bounds: sessiontest.Quick, Late: -1, Open: open})
			require.NoError(t, err)
			require.Len(t, result.Failures, 1)
			r := result.Failures[0]
			assert.Equal(t, harness.Harness, r.Verdict)
			assert.Contains(t, r.Sentence, "remove the server's directory: too many open files")
			require.NotNil(t, r.Shortage)
			assert.Contains(t, r.Shortage.String(), "this process is limited to ")
		})
	}
}

// A lost write stays a violation on a full disk, with the shortage beside it.
func TestLostWriteOnAFullDiskIsAViolation(t *testing.T) {
	o := session.Options{Plans: 20, Draw: sessiontest.PlainPlan, Dir: t.TempDir(), Bounds: sessiontest.Quick, Late: -1}
	o.Open = func(_ context.Context, s runtime.Settings) (*harness.System, error) {
		r := simulated.New(simulated.Options{Settings: s, Nonce: "n", Bugs: []simulated.Bug{simulated.LostWrite}, Rate: 1, Seed: 1})
		return &harness.System{Runtime: r, Control: r, Nonce: "n", Contract: simulated.Contract(),
			Look: func() []resources.Level { return diskOf(4<<20, 0) }, Need: resources.NeedOf("1.7.12", 4)}, nil
	}
	result, err := session.Conduct(t.Context(), o)
	require.NoError(t, err)
	require.Equal(t, harness.Violation, result.Verdict)
	r := result.Failures[0]
	require.NotNil(t, r.Shortage)
	assert.Equal(t, resources.Space, r.Shortage.Kind)
	assert.Contains(t, r.Hypotheses, harness.Hypothesis{What: "environment", Fact: "it ran out, and what was acknowledged must be kept all the same", RuledOut: true})
}

// There is room for a session's workers before its first plan, or it does not begin;
// later servers take the room of those that wait for a plan.
func TestSpaceIsCheckedBeforeTheFirstPlan(t *testing.T) {
	lack := errors.New("too little")
	var asked []int
	o := session.Options{Plans: 3, Workers: 2, Draw: sessiontest.PlainPlan, Dir: t.TempDir(), Bounds: sessiontest.Quick, Late: -1,
		Open: func(context.Context, runtime.Settings) (*harness.System, error) { t.Error("opened"); return nil, lack },
		Room: func(_ string, _ runtime.Settings, servers int) error { asked = append(asked, servers); return lack }}
	_, err := session.Conduct(t.Context(), o)
	require.ErrorIs(t, err, lack)
	assert.Equal(t, []int{2}, asked)
}

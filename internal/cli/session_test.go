package cli

import (
	"encoding/json"
	"os"
	goruntime "runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/model"
)

// observed is a test whose failure a test can look at.
type observed struct {
	*testing.T
	failed bool
}

func (o *observed) Errorf(format string, args ...any) { o.failed = true; o.Logf(format, args...) }
func (o *observed) Fail()                             { o.failed = true }
func (o *observed) FailNow()                          { o.failed = true; goruntime.Goexit() }

// onSimulated sets the flags of a session on the simulated runtime, in a new directory.
func onSimulated(t *testing.T) {
	t.Chdir(t.TempDir())
	with(t, runtimeFlag, "simulated")
	with(t, summaryFlag, "summary.json")
	with(t, shrinkFlag, 0)
	with(t, &redSummary, false)
	with(t, &ended, ended)
}

// verdict is that of the summary.
func verdict(t *testing.T) string {
	text, err := os.ReadFile(*summaryFlag)
	require.NoError(t, err)
	var summary struct{ Verdict string }
	require.NoError(t, json.Unmarshal(text, &summary))
	return summary.Verdict
}

// observe runs an entry point and reports whether it failed.
func observe(t *testing.T, entry func(T)) bool {
	o := &observed{T: t}
	var all sync.WaitGroup
	all.Go(func() { entry(o) }) // FailNow ends the goroutine
	all.Wait()
	return o.failed
}

func TestSessionThatPassesIsGreen(t *testing.T) {
	onSimulated(t)
	failed := observe(t, func(t T) { StartAndStop(t, model.Kill) })
	assert.False(t, failed)
	assert.Equal(t, "pass", verdict(t))
	assert.False(t, ended.red)
}

func TestSessionWithMissingBinaryIsRed(t *testing.T) {
	onSimulated(t)
	with(t, runtimeFlag, "process")
	with(t, &binaryFlag, builds{plain: "/nonexistent/server"})
	failed := observe(t, func(t T) { StartAndStop(t, model.Kill) })
	assert.True(t, failed)
	assert.Equal(t, "harness", verdict(t))
	assert.True(t, ended.red)
}

func TestReplayOfMissingPlanIsRed(t *testing.T) {
	onSimulated(t)
	with(t, planFlag, "none.json")
	assert.True(t, observe(t, Replay))
	assert.True(t, ended.red)
}

package harness

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/generators"
	"retain/harness/internal/harnesstest"
	"retain/model"
	"retain/runtime"
	"retain/runtime/simulated"
)

// restartAs are a kill, and a start as a version, "" for the one that ran; an addition then.
func restartAs(id int, version string) []generators.Step {
	return []generators.Step{
		harnesstest.Inject(id, model.Kill, generators.InPlace{}),
		generators.Inject{ID: id + 1, Fault: model.Start, When: generators.InPlace{}, Version: version},
		harnesstest.Operate(id+2, 0, counter, model.CounterAdd{Delta: 1}),
	}
}

// startedAs are the versions of the starts that a runtime got.
func startedAs(w *harnesstest.Wired) (out []string) {
	for _, o := range w.Started() {
		out = append(out, o.Version)
	}
	return out
}

func TestVersionOfAStartHoldsUntilAnotherStartNamesOne(t *testing.T) {
	s, w := starts(t, generators.StartConfig{})
	steps := restartAs(1, "")
	steps = append(steps, restartAs(4, "1.6.2")...)
	steps = append(steps, restartAs(7, "")...)
	steps = append(steps, restartAs(10, "mine")...)
	steps = append(steps, harnesstest.Inject(13, model.Kill, generators.InPlace{})) // the heal starts it
	out := play(t, s, generators.Config{}, steps...)
	require.Nil(t, out.Liveness)
	assert.Equal(t, []string{"", "", "1.6.2", "1.6.2", "mine", "mine", "mine"}, startedAs(w), "boot, steps, heal, closing start")

	var asked, reported []string
	for _, f := range out.History.Faults {
		if f.Kind.Starts() {
			asked, reported = append(asked, f.Version), append(reported, f.Reported)
		}
	}
	assert.Equal(t, []string{"", "1.6.2", "1.6.2", "mine", "mine", "mine"}, asked)
	assert.Equal(t, []string{runtime.DefaultVersion, "1.6.2", "1.6.2", "mine", "mine", "mine"}, reported)
	assert.Equal(t, 4, out.History.Version, "a way back may be refused")
	assert.Equal(t, map[string]int{runtime.DefaultVersion: 1, "1.6.2": 2, "mine": 3}, TallyOf(0, out.History).Versions)
	assert.Equal(t, runtime.DefaultVersion, out.Server.Version, "the one that the plan began with")
	assert.Contains(t, s.Retired, "mine", "no other plan begins with these data")

	i, err := Continue(s, out, quick)
	require.NoError(t, err)
	require.NoError(t, i.Watched(t.Context(), i.Restart))
	h, err := i.Close()
	require.NoError(t, err)
	assert.Equal(t, "mine", h.Faults[len(h.Faults)-1].Version, "the ledger's start has the last version")
}

func TestServerThatAPlanLeftWithAnotherVersionIsRefused(t *testing.T) {
	s, _ := starts(t, generators.StartConfig{})
	play(t, s, generators.Config{}, restartAs(1, "1.6.2")...)
	out, err := Execute(t.Context(), s, generators.Plan{}, Execution{ID: "next", Path: filepath.Join(t.TempDir(), "h.jsonl"), Bounds: quick})
	assert.Nil(t, out)
	assert.EqualError(t, err, "an earlier plan started the server as 1.6.2: take a server that was not")
}

// The way back does not make the data those of the own version.
func TestServerThatWasAnotherVersionIsRetiredAfterTheWayBack(t *testing.T) {
	s, _ := starts(t, generators.StartConfig{})
	play(t, s, generators.Config{}, append(restartAs(1, "1.6.2"), restartAs(4, runtime.DefaultVersion)...)...)
	assert.NotEmpty(t, s.Retired)
}

func TestPlanThatNamesTheOwnVersionLeavesTheServerToOthers(t *testing.T) {
	s, _ := starts(t, generators.StartConfig{})
	out := play(t, s, generators.Config{}, restartAs(1, runtime.DefaultVersion)...)
	assert.Equal(t, 3, out.History.Version)
	assert.Empty(t, s.Retired)
	play(t, s, generators.Config{}, harnesstest.Operate(1, 0, counter, model.CounterAdd{Delta: 1}))
}

func TestHistoryOfAPlanWithoutVersionsHasTheOldFormat(t *testing.T) {
	s, _ := starts(t, generators.StartConfig{})
	out := play(t, s, generators.Config{}, restartAs(1, "")...)
	assert.Equal(t, 1, out.History.Version)
	text, err := os.ReadFile(out.Path)
	require.NoError(t, err)
	assert.NotContains(t, string(text), runtime.DefaultVersion+`","build`)
	for _, f := range out.History.Faults {
		assert.Empty(t, f.Version+f.Reported+f.Build)
	}
}

// What a plan needs is provided before its first fault, and before a history begins.
func TestVersionThatIsNotThereEndsNothing(t *testing.T) {
	for _, c := range []struct {
		version, says string
		config        generators.Config
	}{
		{"no version", "the plan starts version no version: ", generators.Config{}},
		{"1.6.2", "the plan starts version 1.6.2: the plan's server has vqueues, and 1.6.2 has none", generators.Config{VQueues: true}},
	} {
		s, w := WiredSystem(t, simulated.Options{})
		path := filepath.Join(t.TempDir(), "h.jsonl")
		out, err := Execute(t.Context(), s, generators.Plan{Config: c.config, Steps: restartAs(1, c.version)}, Execution{ID: "run", Path: path, Bounds: quick})
		assert.Nil(t, out)
		require.ErrorContains(t, err, c.says)
		assert.NoFileExists(t, path)
		_, ended := w.LastExit()
		assert.False(t, ended, "the server is up")
		assert.Empty(t, s.Retired)
	}
	s, _ := WiredSystem(t, simulated.Options{})
	require.ErrorIs(t, s.Provide(t.Context(), generators.Plan{Steps: restartAs(1, "no version")}), errors.ErrUnsupported)
}

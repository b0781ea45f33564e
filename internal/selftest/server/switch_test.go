package server_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/generators"
	"retain/harness"
	"retain/internal/selftest"
	"retain/model"
	"retain/runtime/binary"
)

// changed are an operation that changes an object of each kind.
func changed(id int) []generators.Step {
	counter, list := model.Object{Kind: model.Counter}, model.Object{Kind: model.List}
	register, entries := model.Object{Kind: model.Register}, model.Object{Kind: model.Map}
	value := fmt.Sprintf("v%d", id)
	return []generators.Step{
		generators.Operate{ID: id, Object: counter, Op: model.CounterAdd{Delta: 1}},
		generators.Operate{ID: id + 1, Client: 1, Object: register, Op: model.RegisterWrite{Value: value}},
		generators.Operate{ID: id + 2, Client: 2, Object: list, Op: model.ListAppend{Value: value}},
		generators.Operate{ID: id + 3, Client: 3, Object: entries, Op: model.MapSet{Key: "a", Value: value}},
	}
}

// through leads a server as versions, by a stop and a kill in turns, and sends what was
// answered again: the starts are the steps 6, 12, 18 and so on.
func through(versions ...string) generators.Plan {
	plan := generators.Plan{Config: generators.Config{Partitions: 4, ResendAnswered: true}}
	for i, v := range versions {
		end := []model.FaultKind{model.Stop, model.Kill}[i%2]
		plan.Steps = slices.Concat(plan.Steps, changed(6*i+1), restart(6*i+5, end, generators.InPlace{}, v))
	}
	return plan
}

func TestRealServersKeepWhatTheyAnsweredOnAWayUpAndBack(t *testing.T) {
	selftest.Long(t, "30 s")
	t.Parallel()
	r := led(t, "1.6.2", nil, through("1.7.12", "1.6.2", "1.7.12"))
	require.Equal(t, harness.Pass, r.Verdict, r.Sentence)
	repeats := 0
	for _, o := range r.Outcome.History.Operations {
		repeats += len(o.Repeats)
	}
	assert.Equal(t, 4*3+4*2+4, repeats, "4 operations before each switch")
}

// Both the version that refuses and the way forward are real.
func TestRealWayBackThatIsRefusedIsExcused(t *testing.T) {
	selftest.Long(t, "30 s")
	t.Parallel()
	r := led(t, "1.7.12", nil, through("1.5.3", "1.7.12"))
	require.Equal(t, harness.Pass, r.Verdict, r.Sentence)
	require.Len(t, r.Excused(), 1)
	assert.Equal(t, "from 1.7.0 on, to versions before 1.6.0", r.Excused()[0].Excused)
}

// A second version drops the state of an object before it serves: found, and attributed to
// its step, 10 of 10.
func TestObjectDroppedByASecondVersionIsAttributedToItsStep(t *testing.T) {
	selftest.Nightly(t, "5 min")
	builds := map[string]string{"dropping": spoiling(t, "1.7.12", "drop an object")}
	for n := range 10 {
		r := led(t, "1.6.2", builds, through("1.7.2", "dropping", "1.7.12"))
		require.Equal(t, harness.Violation, r.Verdict, "of %d", n)
		c := r.CameAt()
		require.NotNil(t, c)
		t.Log(c, r.Sentence)
		assert.Equal(t, []any{12, "1.7.12", "1.7.2", "1.7.12"}, []any{c.Step, c.Version, c.LastGood.Version, c.FirstBad.Version})
		assert.Equal(t, model.Register, r.Guarantee().Object)
	}
}

func TestAnswersForgottenOnAWayBackAreFoundByTheReSends(t *testing.T) {
	selftest.Nightly(t, "1 min")
	builds := map[string]string{"forgetful": spoiling(t, "1.6.2", "forget answers"), "mindful": spoiling(t, "1.6.2", "keep it as it is")}
	r := led(t, "1.6.2", builds, through("1.7.12", "forgetful", "1.7.12"))
	require.Equal(t, harness.Violation, r.Verdict)
	t.Log(r.Guarantee(), r.CameAt())
	assert.Contains(t, []model.GuaranteeCode{model.AnswerNotKept, model.TwoEffectsOfKey, model.TwoEffectsOfAppend}, r.Guarantee().Code)
	assert.Equal(t, 12, r.CameAt().Step)
	plan := through("1.7.12", "forgetful", "1.7.12")
	plan.Config.ResendAnswered = false
	r = led(t, "1.6.2", builds, plan)
	assert.Equal(t, harness.Pass, r.Verdict, "nothing else shows it: %s", r.Sentence)
	r = led(t, "1.6.2", builds, through("1.7.12", "mindful", "1.7.12"))
	assert.Equal(t, harness.Pass, r.Verdict, "the wrapper itself does no harm: %s", r.Sentence)
}

// It has the exit code of a refusal, and the text of one of another pair.
func TestServerThatEndsAfterAnUpgradeIsAViolationNotARefusal(t *testing.T) {
	selftest.Long(t, "30 s")
	t.Parallel()
	server, err := binary.Find(t.Context(), binary.Request{Version: "1.7.12"})
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "ending")
	script := "#!/bin/sh\n[ $# -gt 0 ] && exec '" + server.Path + "' \"$@\"\n" +
		"echo 'error: is forward incompatible with data directory. Requiring Restate version >= 1.8.0' >&2\nexit 1\n"
	require.NoError(t, os.WriteFile(path, []byte(script), 0o755))
	r := led(t, "1.6.2", map[string]string{"ending": path}, through("ending"))
	require.Equal(t, harness.Violation, r.Verdict)
	assert.Equal(t, model.RuntimeRuns, r.Guarantee().Code)
	assert.Empty(t, r.Excused())
	assert.Equal(t, []any{6, "1.7.12", "1.6.2"}, []any{r.CameAt().Step, r.CameAt().Version, r.CameAt().LastGood.Version})
}

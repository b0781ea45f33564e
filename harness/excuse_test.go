package harness

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/checker"
	"retain/generators"
	"retain/harness/internal/harnesstest"
	"retain/model"
	"retain/runtime"
	"retain/runtime/simulated"
	"retain/runtime/versions"
)

// What servers log that do not serve the data of newer ones.
const (
	incompatible = "is forward incompatible with data directory. Requiring Restate version >= 1.6.0"
	blocked      = "partition is blocked; requires an upgrade to restate-server version 1.7.0"
)

// stepping is a system of a version whose starts as other versions do some damage.
func stepping(t *testing.T, first string, env map[string]string, step func(from, to string) simulated.Damage) *System {
	r := simulated.New(simulated.Options{Nonce: "n", Settings: runtime.Settings{Version: first}, Step: step})
	w := &harnesstest.Wired{Runtime: r}
	s := &System{Runtime: w, Control: w, Nonce: "n", Contract: simulated.Contract(), Env: env}
	require.NoError(t, s.Boot(t.Context()))
	t.Cleanup(func() { require.NoError(t, s.Shutdown(context.Background())) })
	return s
}

// refusing lets a version refuse what others left.
func refusing(version string, how simulated.Refusing) func(from, to string) simulated.Damage {
	return func(_, to string) simulated.Damage {
		if to == version {
			return simulated.Damage{Refuses: &how}
		}
		return simulated.Damage{}
	}
}

// startingAs are restarts as versions, with additions between.
func startingAs(versions ...string) (out []generators.Step) {
	for i, v := range versions {
		out = append(out, restartAs(3*i+1, v)...)
	}
	return append([]generators.Step{harnesstest.Operate(100, 0, counter, model.CounterAdd{Delta: 1})}, out...)
}

func TestAWayBackThatIsKnownToBeRefusedIsExcusedAndLeadsForwardAgain(t *testing.T) {
	vqueues := map[string]string{"RESTATE_EXPERIMENTAL_ENABLE_VQUEUES": "true"}
	for _, c := range []struct {
		name, first, to string
		env             map[string]string
		how             simulated.Refusing
		entry           string
	}{
		{"it ends", "1.7.12", "1.5.3", nil, simulated.Refusing{Says: incompatible, Ends: true, Code: 1}, "from 1.7.0 on, to versions before 1.6.0"},
		{"it is never ready", "1.7.12", "1.6.2", vqueues, simulated.Refusing{Says: blocked}, "from 1.7.0 on, to versions from 1.6.0 on, before 1.7.0 with RESTATE_EXPERIMENTAL_ENABLE_VQUEUES=true"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := stepping(t, c.first, c.env, refusing(c.to, c.how))
			out := play(t, s, generators.Config{ResendAnswered: true}, startingAs(c.to, "")...)
			require.Nil(t, out.Liveness)
			assert.Equal(t, 4, out.History.Version)
			refused := startOf(out.History, 2)
			assert.Equal(t, c.entry, refused.Excused)
			assert.Contains(t, strings.Join(out.History.Notes, "\n"), "way back refused, excused: "+c.entry)
			assert.Equal(t, checker.Pass, checker.Check(out.History, checker.Options{}).Verdict)
			var as []string
			for _, f := range out.History.Faults {
				if f.Kind.Starts() {
					as = append(as, f.Reported)
				}
			}
			assert.Equal(t, []string{c.to, c.first, c.first, c.first}, as, "forward again, a later step, the closing start")
			assert.NotEmpty(t, out.step(100).Repeats, "what was answered is sent again after the way forward")
			assert.Equal(t, c.first, s.Runtime.Identity().Version)
		})
	}
}

// Restate 1.5.3 ends at times before the line is in its log that says why.
func TestARefusalThatIsNotLoggedIsAskedForOnceMore(t *testing.T) {
	for name, c := range map[string]struct {
		says    []string // of each start as 1.5.3; it serves after the last of them
		excused bool
	}{
		"it is logged then":     {[]string{"", incompatible}, true},
		"it is not logged then": {[]string{"", "", incompatible}, false},
		"it serves then":        {[]string{""}, false},
	} {
		t.Run(name, func(t *testing.T) {
			starts := 0
			s := stepping(t, "1.7.12", nil, func(_, to string) simulated.Damage {
				if to != "1.5.3" {
					return simulated.Damage{}
				}
				if starts++; starts > len(c.says) {
					return simulated.Damage{}
				}
				return simulated.Damage{Refuses: &simulated.Refusing{Says: c.says[starts-1], Ends: true, Code: 1}}
			})
			plan := generators.Plan{Config: generators.Config{ResendAnswered: true}, Steps: startingAs("1.5.3")}
			out, err := Execute(t.Context(), s, plan, Execution{ID: "run", Path: filepath.Join(t.TempDir(), "h.jsonl"), Bounds: Bounds{Recovery: 2 * time.Second, Completion: time.Second}})
			require.NoError(t, err)
			assert.Equal(t, 2, starts)
			assert.Equal(t, c.excused, startOf(out.History, 2).Excused != "")
			if !c.excused {
				require.NotNil(t, out.Liveness)
				assert.Equal(t, model.RuntimeRuns, out.Liveness.Guarantee.Code)
				assert.Contains(t, out.Liveness.Detail, "exit code 1")
				assert.Zero(t, recoveryOf(out.History, 2).Probe, "it did not come back")
				return
			}
			require.Nil(t, out.Liveness)
			assert.Contains(t, strings.Join(out.History.Notes, "\n"), "the server ended with exit code 1 and did not log why; started once more, it did")
			assert.Equal(t, checker.Pass, checker.Check(out.History, checker.Options{}).Verdict)
		})
	}
}

// recoveryOf is the recovery of a step.
func recoveryOf(h *model.History, step int) (out model.Recovery) {
	for _, r := range h.Recoveries {
		if r.Step == step {
			out = r
		}
	}
	return out
}

// A version that refuses the data and spoils them is no refusal.
func TestWhatIsLostOnTheWayForwardIsAViolation(t *testing.T) {
	how := simulated.Refusing{Says: incompatible, Ends: true, Code: 1}
	s := stepping(t, "1.7.12", nil, func(_, to string) simulated.Damage {
		if to != "1.5.3" {
			return simulated.Damage{}
		}
		return simulated.Damage{Refuses: &how, DropsObject: true}
	})
	out := play(t, s, generators.Config{ResendAnswered: true}, startingAs("1.5.3")...)
	assert.NotEmpty(t, startOf(out.History, 2).Excused)
	found := checker.Check(out.History, checker.Options{})
	require.Equal(t, checker.Violation, found.Verdict)
	assert.Equal(t, model.AcknowledgedMissing, found.Broken().Guarantee.Code)
}

// Each is a refusal but for one thing.
func TestAStartThatNothingExcusesIsAViolation(t *testing.T) {
	ends := func(says string, code int) simulated.Refusing {
		return simulated.Refusing{Says: says, Ends: true, Code: code}
	}
	for _, c := range []struct {
		name, first, to string
		how             simulated.Refusing
		code            model.GuaranteeCode
	}{
		{"upward", "1.6.2", "1.7.12", ends(incompatible, 1), model.RuntimeRuns},
		{"another text", "1.7.12", "1.5.3", ends("error: the data can't be read", 1), model.RuntimeRuns},
		{"the text of another pair", "1.7.12", "1.5.3", ends(blocked, 1), model.RuntimeRuns},
		{"another exit code", "1.7.12", "1.5.3", ends(incompatible, 101), model.RuntimeRuns},
		{"a pair that is not listed", "1.7.12", "1.7.2", ends(incompatible, 1), model.RuntimeRuns},
		{"without the settings", "1.7.12", "1.6.2", simulated.Refusing{Says: blocked}, model.RuntimeComesBack},
		{"it runs where it should end", "1.7.12", "1.5.3", simulated.Refusing{Says: incompatible}, model.RuntimeComesBack},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := stepping(t, c.first, nil, refusing(c.to, c.how))
			out := play(t, s, generators.Config{ResendAnswered: true}, startingAs(c.to)...)
			require.NotNil(t, out.Liveness)
			assert.Equal(t, c.code, out.Liveness.Guarantee.Code, out.Liveness.Detail)
			assert.Empty(t, startOf(out.History, 2).Excused)
		})
	}
}

// A version between must be started first.
func TestAStepOverAGapIsRefusedBeforeThePlanBegins(t *testing.T) {
	s := stepping(t, "1.5.3", nil, nil)
	path := filepath.Join(t.TempDir(), "h.jsonl")
	out, err := Execute(t.Context(), s, generators.Plan{Steps: startingAs("1.7.12")}, Execution{ID: "run", Path: path, Bounds: quick})
	assert.Nil(t, out)
	require.EqualError(t, err, "step 3 (id 2): 1.7.12 does not start on the data of 1.5.3: start a version from 1.6.0 on, before 1.7.0 between them")
	assert.NoFileExists(t, path)
	play(t, s, generators.Config{}, startingAs("1.6.2", "1.7.12")...)
}

// What a way back loses by the file is said, and weakens what is promised only where keyed
// objects are concerned, and only without the setting that keeps it.
func TestLossesOfAWayBackWeakenWhatIsPromised(t *testing.T) {
	setting := map[string]string{"RESTATE_KEEP": "true"}
	for _, c := range []struct {
		name    string
		objects bool
		env     map[string]string
		resends bool
		says    string
	}{
		{"objects", true, nil, false, "step 2, as 1.6.2 on data of 1.7.12, may lose by the file of differences (what was answered is not sent again any more): All."},
		{"other services", false, nil, true, "(keyed objects are not concerned): All."},
		{"averted by a setting", true, setting, true, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			lossesOf = func(from, to string) []versions.Loss {
				if from == "1.7.12" && to == "1.6.2" {
					return []versions.Loss{{Loses: "All.", Objects: c.objects, WayBack: versions.WayBack{Settings: setting}}}
				}
				return nil
			}
			defer func() { lossesOf = versions.LossesOf }()
			s := stepping(t, "1.7.12", c.env, nil)
			out := play(t, s, generators.Config{ResendAnswered: true}, startingAs("1.6.2")...)
			assert.Equal(t, c.resends, len(out.step(100).Repeats) > 0)
			notes := strings.Join(out.History.Notes, "\n")
			assert.Contains(t, notes, c.says)
			assert.Equal(t, c.says != "", strings.Contains(notes, "may lose"))
		})
	}
}

package upgrade

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/harness"
	"retain/model"
)

func sw(from, to string, fault model.FaultKind, open int) harness.Switch {
	return harness.Switch{From: from, To: to, Fault: fault, Open: open, Queued: open / 2, Outage: time.Duration(open) * time.Millisecond, Kinds: model.Kinds()}
}

// whole goes up, back and up again.
func whole(first, second model.FaultKind, open int) []harness.Switch {
	return []harness.Switch{sw("1", "2", first, open), sw("2", "1", second, open), sw("1", "2", first, open)}
}

func find(t *testing.T, all []Step, from string, fault model.FaultKind) Step {
	for _, s := range all {
		if s.From == from && s.Fault == fault {
			return s
		}
	}
	require.Fail(t, "no such step")
	return Step{}
}

func TestSwitchesOfAStepAreCountedTogether(t *testing.T) {
	paths := []Path{{"1", "2"}}
	steps := Steps(paths, []Judged{
		{Number: 0, Verdict: harness.Pass, Switches: whole(model.Stop, model.Kill, 40)},
		{Number: 1, Verdict: harness.Pass, Switches: whole(model.Stop, model.Kill, 50)},
		{Number: 2, Verdict: harness.Known, Switches: whole(model.Stop, model.Kill, 90)},
		{Number: 3, Verdict: harness.Harness, Switches: whole(model.Stop, model.Kill, 90)},
	})
	require.Len(t, steps, 4, "up and back, each by stop and by kill")
	up := find(t, steps, "1", model.Stop)
	assert.Len(t, up.Switches, 4)
	assert.Equal(t, Spread[int]{40, 40, 50}, up.Open())
	assert.Equal(t, Spread[int]{20, 20, 25}, up.Queued())
	assert.Equal(t, 50*time.Millisecond, up.Outages().Most)
	assert.Empty(t, up.Broke)
	assert.Empty(t, find(t, steps, "1", model.Kill).Switches)
}

func TestMedianOfTwoIsTheLesser(t *testing.T) {
	assert.Equal(t, Spread[int]{1, 1, 9}, SpreadOf([]int{9, 1}))
	assert.Equal(t, Spread[int]{1, 2, 9}, SpreadOf([]int{9, 1, 2}))
	assert.Equal(t, Spread[int]{7, 7, 7}, SpreadOf([]int{7}))
}

func TestABrokenPlanCountsUpToTheStepThatBroke(t *testing.T) {
	steps := Steps([]Path{{"1", "2"}}, []Judged{{Number: 7, Verdict: harness.Violation, Switches: whole(model.Stop, model.Kill, 40), Broke: 2}})
	assert.Len(t, find(t, steps, "1", model.Stop).Switches, 1, "not the one behind it")
	assert.Empty(t, find(t, steps, "1", model.Stop).Broke)
	assert.Equal(t, []int{7}, find(t, steps, "2", model.Kill).Broke)
	none := Steps([]Path{{"1", "2"}}, []Judged{{Number: 7, Verdict: harness.Violation, Switches: whole(model.Stop, model.Kill, 40)}})
	assert.Empty(t, find(t, none, "1", model.Stop).Switches, "it broke before the first one")
}

func TestStepsExcludeByTheirNumberUnlessOneBroke(t *testing.T) {
	s := Step{}
	for range harness.Judgeable {
		s.Switches = append(s.Switches, sw("1", "2", model.Kill, 40))
	}
	assert.InDelta(t, 3.0/harness.Judgeable, s.Excludes(), 1e-9)
	s.Broke = []int{1}
	assert.Zero(t, s.Excludes())
	assert.Zero(t, Step{Switches: s.Switches[1:]}.Excludes())
}

func TestEachStepNeedsAStopAKillOperationsInFlightAndAllKinds(t *testing.T) {
	paths := []Path{{"1", "2"}}
	missing := func(plans ...[]harness.Switch) string {
		var all []Judged
		for i, p := range plans {
			all = append(all, Judged{Number: i, Verdict: harness.Pass, Switches: p})
		}
		return strings.Join(Missing(paths, Steps(paths, all), nil), "\n")
	}
	assert.Empty(t, missing(whole(model.Stop, model.Kill, 40), whole(model.Kill, model.Stop, 40)))
	assert.Equal(t, "1 -> 2 by kill: no plan came to it\n2 -> 1 by stop: no plan came to it", missing(whole(model.Stop, model.Kill, 40)))
	assert.Contains(t, missing(whole(model.Stop, model.Kill, 40), whole(model.Kill, model.Stop, 29)), "1 -> 2 by kill: at most 29 operations in flight or queued, 30 needed")
	few := whole(model.Kill, model.Stop, 40)
	few[1].Kinds = []model.Kind{model.Map}
	assert.Contains(t, missing(whole(model.Stop, model.Kill, 40), few), "2 -> 1 by stop: no value from before it was read after it of [")
}

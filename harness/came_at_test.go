package harness

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/checker"
	"retain/generators"
	"retain/internal/selftest"
	"retain/model"
	"retain/runtime/simulated"
)

// judgedRun is a run of a plan on a server that begins as a version.
func judgedRun(t *testing.T, first string, step func(from, to string) simulated.Damage, plan generators.Plan) *Run {
	s := stepping(t, first, nil, step)
	r := &Run{Plan: plan, Outcome: playPlan(t, s, plan)}
	r.Judge(nil, checker.Options{})
	return r
}

// damageAt does some damage at one step between versions only.
func damageAt(from, to string, d simulated.Damage) func(from, to string) simulated.Damage {
	return func(f, t string) simulated.Damage {
		if f == from && t == to {
			return d
		}
		return simulated.Damage{}
	}
}

func TestAnObjectThatAVersionDropsIsFoundAndAttributedToItsStep(t *testing.T) {
	plan := switching("1.7.2", "1.6.2", "1.7.12", "1.6.2")
	// A clear or an overwrite that is in flight could explain the loss.
	plan.Load.Operations = []string{"counter add", "counter get", "list append", "list get"}
	for range selftest.Seeds(t, 3) {
		r := judgedRun(t, "1.6.2", damageAt("1.6.2", "1.7.12", simulated.Damage{DropsObject: true}), plan)
		require.Equal(t, Violation, r.Verdict)
		c := r.CameAt()
		require.NotNil(t, c)
		assert.Equal(t, 12, c.Step)
		assert.Equal(t, "1.7.12", c.Version)
		assert.Equal(t, "1.6.2", c.LastGood.Version)
		assert.Equal(t, "1.7.12", c.FirstBad.Version)
		assert.Contains(t, c.String(), "after step 12, start 3, as 1.7.12: last good "+c.LastGood.Says+" -> "+c.LastGood.Answer+" by 1.6.2 at ")
		assert.Contains(t, c.String(), ", first bad "+c.FirstBad.Says+" -> "+c.FirstBad.Answer+" by 1.7.12 at ")
	}
}

// What was added after the start and is there does not show that the rest was there then.
func TestAnAcknowledgementAfterTheStartIsNoLastGoodAnswerOfWhatWasLost(t *testing.T) {
	list := model.Object{Kind: model.List}
	at := func(n int64) model.Instant { return model.Instant{Seq: n, Ns: n * 1e6} }
	op := func(id int, call int64, op model.Operation, answer model.Answer) model.Invoked {
		return model.Invoked{ID: id, Process: "0", Phase: model.Program, Object: list, Op: op,
			Call: at(call), Return: at(call + 1), Outcome: model.OK, Answer: answer}
	}
	h := &model.History{
		Header: model.Header{Version: 1, Run: "r", Runtime: "restate-server 1.6.2"},
		Operations: []model.Invoked{
			op(1, 1, model.ListAppend{Value: "a"}, model.Done{}),
			op(2, 5, model.ListAppend{Value: "b"}, model.Done{}),
			op(3, 7, model.ListGet{}, model.Texts{"b"}),
		},
		Faults: []model.Fault{{Step: 2, Kind: model.Start, Version: "1.7.12", Begin: at(3), End: at(4)}},
		Ended:  true,
	}
	c := CameAtOf(h, checker.Check(h, checker.Options{}).Broken(), nil)
	require.NotNil(t, c)
	assert.Equal(t, "after step 2, start 1, as 1.7.12: last good list-0 append(\"a\") -> ok by the first version at 2 ms, "+
		"first bad list-0 get() -> [\"b\"] by 1.7.12 at 8 ms", c.String())
}

func TestKeysThatAWayBackForgetsAreFoundByTheReSends(t *testing.T) {
	plan := switching("1.7.12", "1.6.2", "1.7.12")
	// A second effect of anything else shows as a loss, or as an answer that went back.
	plan.Load.Operations = []string{"counter add", "counter get", "list append", "list get"}
	plan.Steps = slices.DeleteFunc(plan.Steps, func(s generators.Step) bool {
		o, is := s.(generators.Operate)
		return is && o.Object.Kind == model.Register
	})
	r := judgedRun(t, "1.6.2", damageAt("1.7.12", "1.6.2", simulated.Damage{ForgetsKeys: true}), plan)
	require.Equal(t, Violation, r.Verdict)
	assert.Contains(t, []model.GuaranteeCode{model.AnswerNotKept, model.TwoEffectsOfKey, model.TwoEffectsOfAppend}, r.Guarantee().Code)
	c := r.CameAt()
	require.NotNil(t, c)
	assert.Equal(t, []any{8, "1.6.2", "1.7.12", "1.6.2"}, []any{c.Step, c.Version, c.LastGood.Version, c.FirstBad.Version})

	for _, resends := range []bool{true, false} {
		plan = generators.Plan{Config: generators.Config{ResendAnswered: resends}, Steps: startingAs("1.7.12", "1.6.2")}
		r = judgedRun(t, "1.6.2", damageAt("1.7.12", "1.6.2", simulated.Damage{ForgetsKeys: true}), plan)
		assert.Equal(t, map[bool]Verdict{true: Violation, false: Pass}[resends], r.Verdict, "nothing else shows it")
	}
}

func TestAServerThatEndsAtEachStartAfterAnUpgradeIsAViolationOfItsStep(t *testing.T) {
	r := judgedRun(t, "1.6.2", refusing("1.7.12", simulated.Refusing{Says: "thread main panicked", Ends: true, Code: 1}), switching("1.7.12", "1.6.2"))
	require.Equal(t, Violation, r.Verdict)
	assert.Equal(t, model.RuntimeRuns, r.Guarantee().Code)
	c := r.CameAt()
	require.NotNil(t, c)
	assert.Equal(t, 4, c.Step)
	assert.Equal(t, "1.6.2", c.LastGood.Version)
	assert.Equal(t, "1.7.12", c.FirstBad.Version)
	assert.Empty(t, c.FirstBad.Answer)
}

// A server that answered after its start did not end at the switch.
func TestAServerThatEndsLaterBrokeAtNoSwitch(t *testing.T) {
	at := func(n int64) model.Instant { return model.Instant{Seq: n, Ns: n * 1e6} }
	h := &model.History{
		Operations: []model.Invoked{
			{ID: 1, Object: model.Object{Kind: model.List}, Op: model.ListGet{}, Call: at(1), Return: at(2), Outcome: model.OK, Answer: model.Texts{}},
			{ID: 2, Object: model.Object{Kind: model.List}, Op: model.ListGet{}, Call: at(5), Return: at(6), Outcome: model.OK, Answer: model.Texts{}},
		},
		Faults: []model.Fault{{Step: 2, Kind: model.Start, Version: "1.7.12", Begin: at(3), End: at(4)}},
	}
	c := CameAtOf(h, nil, &Liveness{Ended: true})
	assert.Equal(t, "in 1.7.12, without a start in between: last good list-0 get() -> [] by 1.7.12 at 6 ms", c.String())
	h.Operations = h.Operations[:1]
	assert.Equal(t, 2, CameAtOf(h, nil, &Liveness{Ended: true}).Step)
}

func TestARunOfOneVersionIsAttributedToNone(t *testing.T) {
	r := judgedRun(t, "1.6.2", nil, switching("", ""))
	assert.Nil(t, r.CameAt())
	r.Verdict, r.Outcome.Liveness = Violation, &Liveness{}
	assert.Nil(t, r.CameAt())
}

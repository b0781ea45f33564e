package harness

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/checker"
	"retain/generators"
	"retain/harness/internal/harnesstest"
	"retain/model"
	"retain/runtime/simulated"
)

var mailbox = model.Object{Kind: model.Mailbox}

func send(id int, value string, delay int64) generators.Step {
	return harnesstest.Operate(id, 0, mailbox, model.MailboxSend{Value: value, DelayMs: delay})
}

func TestRunWaitsForWhatWasSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := system(t)
		out := play(t, s, generators.Config{}, send(1, "a", 0), send(2, "b", 3000),
			harnesstest.Operate(3, 1, mailbox, model.MailboxRelay{Value: "c", DelayMs: 500}),
			harnesstest.Inject(4, model.Kill, generators.InPlace{}), harnesstest.Inject(5, model.Start, generators.InPlace{}))
		require.Nil(t, out.Liveness)
		assert.Equal(t, 5, out.History.Version)
		for id, wants := range map[int]struct {
			delay   time.Duration
			pending bool
		}{1: {}, 2: {3 * time.Second, true}, 3: {500 * time.Millisecond, true}} {
			o := out.step(id)
			assert.Equal(t, wants.pending, o.Deferred.Pending, id)
			if wants.pending {
				assert.GreaterOrEqual(t, o.Deferred.Due, o.Call.Ns+int64(wants.delay), id)
				assert.NotEqual(t, model.Forever, o.Deferred.Ran, id)
				assert.GreaterOrEqual(t, o.Deferred.Ran.Ns, o.Deferred.Due-int64(time.Millisecond), id)
			}
		}
		last := out.History.Operations[len(out.History.Operations)-1]
		assert.Equal(t, `["a","c","b"]`, last.Answer.String())
		assert.Equal(t, checker.Pass, checker.Check(out.History, checker.Options{}).Verdict)
		assert.Empty(t, s.Retired)
		late := TallyOf(0, out.History).Late
		require.Equal(t, int64(1), late.TotalCount(), "one of the sends has a delay")
		assert.Less(t, late.Max(), time.Second.Microseconds())
	})
}

func TestWhatIsScheduledAfterEveryRunIsCancelledAndMustNotHaveRun(t *testing.T) {
	const year = 365 * 24 * 60 * 60 * 1000
	synctest.Test(t, func(t *testing.T) {
		s := system(t)
		out := play(t, s, generators.Config{}, send(1, "a", year))
		require.Nil(t, out.Liveness)
		assert.Equal(t, model.Forever, out.step(1).Deferred.Ran)
		assert.Contains(t, out.History.Notes[len(out.History.Notes)-1], "is cancelled")
		assert.Equal(t, checker.Pass, checker.Check(out.History, checker.Options{}).Verdict)
	})
	synctest.Test(t, func(t *testing.T) {
		out := play(t, system(t, simulated.EarlyTimer), generators.Config{}, send(1, "a", year))
		r := checker.Check(out.History, checker.Options{})
		assert.Equal(t, checker.Violation, r.Verdict)
		assert.Equal(t, model.RanEarly, r.Objects[0].Guarantee.Code)
	})
}

func TestSendThatIsDroppedIsMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := play(t, system(t, simulated.DroppedSend), generators.Config{}, send(1, "a", 3000))
		r := checker.Check(out.History, checker.Options{})
		assert.Equal(t, checker.Violation, r.Verdict)
		assert.Equal(t, "an acknowledged send is missing after a kill", r.Objects[0].Guarantee.String())
		assert.Contains(t, out.History.Notes[len(out.History.Notes)-1], "the runtime does not know what it sent")
	})
}

// A fault is to meet a send where its handler stands, not when it is accepted.
func TestFaultMeetsASendAtItsGate(t *testing.T) {
	for _, after := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			plan := generators.Plan{Steps: []generators.Step{
				send(1, "a", 0), harnesstest.Inject(2, model.Kill, generators.AtGate{Step: 1, After: after}), harnesstest.Inject(3, model.Start, generators.InPlace{}),
			}}
			out := playPlan(t, system(t), plan)
			want := generators.BeforeEffect
			if after {
				want = generators.AfterEffect
			}
			assert.Equal(t, map[generators.FaultPoint]int{{Fault: model.Kill, After: after}: 1}, TallyOf(0, out.History).FaultPoints)
			met := Situations(plan, out.History)
			assert.Contains(t, met, generators.Situation{Operation: "mailbox send", Fault: model.Kill, Moment: want})
			assert.Contains(t, met, generators.Situation{Operation: "mailbox send", Fault: model.Kill, Moment: generators.Acknowledged})
			assert.Equal(t, checker.Pass, checker.Check(out.History, checker.Options{}).Verdict)
		})
	}
}

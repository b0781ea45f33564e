package session_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/generators"
	"retain/harness"
	"retain/harness/internal/harnesstest"
	"retain/harness/internal/sessiontest"
	"retain/harness/known"
	"retain/harness/session"
	"retain/harness/triage"
	"retain/model"
	"retain/runtime"
	"retain/runtime/simulated"
)

const report = "https://github.com/restatedev/restate/issues/4396"

// listing is a list with one entry: a clearAll that fails for ever as [simulated.StuckRetry]
// makes it, with more fields.
func listing(t *testing.T, more string) known.List {
	t.Helper()
	text := fmt.Sprintf(`{"version":1,"known":[{"guarantee":"operation-finishes","object":"map","operation":"clearAll",
		"failure":{"code":"RT0016","status":"[590]"},"versions":[%q],"link":%q%s}]}`, runtime.DefaultVersion, report, more)
	l, err := known.Decode("known.json", []byte(text))
	require.NoError(t, err)
	return l
}

// cleared is a plan whose clearAll a kill interrupts: the planted bug strikes it.
func cleared() generators.Plan { return generators.Plan{Steps: harnesstest.ClearedAtAKill} }

// withKnown conducts so many plans, of which those with these numbers are given.
func withKnown(t *testing.T, l known.List, plans int, given map[int]generators.Plan, bugs ...simulated.Bug) *session.Result {
	t.Helper()
	result, err := session.Conduct(t.Context(), session.Options{
		Open: sessiontest.Open(simulated.Options{Bugs: bugs, Rate: 1}), Plans: plans, Dir: t.TempDir(), Late: -1, Known: l,
		Bounds: harness.Bounds{Recovery: 20 * time.Second, Completion: 30 * time.Second},
		Draw: func(n int) generators.Plan {
			if p, is := given[n]; is {
				return p
			}
			return sessiontest.WriteAndRead([]model.FaultKind{model.Stop, model.Start}, 1)
		},
	})
	require.NoError(t, err)
	return result
}

// The plans before and after a known finding count, on a server before it and on one after
// it; what the broken server holds of other plans is read again.
func TestSessionGoesOnAfterAKnownFinding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		s := withKnown(t, listing(t, ""), 5, map[int]generators.Plan{2: cleared()}, simulated.StuckRetry)
		require.Equal(t, harness.Pass, s.Verdict, fmt.Sprint(s.Failures))
		assert.Equal(t, map[harness.Verdict]int{harness.Pass: 4, harness.Known: 1}, s.Counts)
		assert.Equal(t, 4, s.Tally.Plans, "it does not count")
		require.Len(t, s.Known, 1)
		r := s.Known[0]
		assert.Equal(t, []harness.KnownFinding{{Link: report}}, r.Known)
		assert.Equal(t, model.OperationFinishes, r.Guarantee().Code)
		assert.Equal(t, "clearAll()", r.HeldBy().Holder.Op)
		assert.Contains(t, r.Dir, "/known/")
		assert.Equal(t, harness.Known, sessiontest.ReadFinding(t, r).Verdict)
		assert.FileExists(t, r.Dir+"/"+triage.HistoryFile)
		assert.Empty(t, s.KnownNotSeen)
		assert.Equal(t, 4, s.Ledger.Objects, "of two servers: %+v", s.Ledger)
		assert.Less(t, time.Since(began), 45*time.Second, "the program waits for its whole bound, the reads behind it do not")
	})
}

func TestExpiredEntryMakesItsFindingRed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := withKnown(t, listing(t, `,"expires":"1999-12-31"`), 1, map[int]generators.Plan{0: cleared()}, simulated.StuckRetry)
		require.Equal(t, harness.Violation, s.Verdict)
		assert.Equal(t, []harness.KnownFinding{{Link: report, Expires: "1999-12-31", Expired: true}}, s.Failures[0].Known)
		s = withKnown(t, listing(t, `,"expires":"2000-01-01"`), 2, map[int]generators.Plan{0: cleared()}, simulated.StuckRetry)
		assert.Equal(t, 1, s.Counts[harness.Known], "the last day counts: this test begins on it")
	})
}

func TestWithoutAnEntryEachFindingIsRed(t *testing.T) {
	for what, l := range map[string]known.List{
		"no list":             nil,
		"another operation":   replaced(t, `"clearAll"`, `"set"`),
		"another object":      replaced(t, `"object":"map","operation":"clearAll"`, `"object":"list","operation":"clear"`),
		"another failure":     replaced(t, `[590]`, `[591]`),
		"another version":     replaced(t, runtime.DefaultVersion, "1.6.1"),
		"another guarantee":   replaced(t, "operation-finishes", "operation-gets-turn"),
		"another fault":       listing(t, `,"fault":"stop"`),
		"other configuration": listing(t, `,"configuration":{"state":"lazy"}`),
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := withKnown(t, l, 1, map[int]generators.Plan{0: cleared()}, simulated.StuckRetry)
				assert.Equal(t, harness.Violation, s.Verdict)
				assert.Empty(t, s.Failures[0].Known)
			})
		})
	}
}

// replaced is [listing] with another text in place of one of its own.
func replaced(t *testing.T, old, with string) known.List {
	t.Helper()
	text := fmt.Sprintf(`{"version":1,"known":[{"guarantee":"operation-finishes","object":"map","operation":"clearAll",
		"failure":{"code":"RT0016","status":"[590]"},"versions":[%q],"link":%q}]}`, runtime.DefaultVersion, report)
	require.Contains(t, text, old)
	l, err := known.Decode("known.json", []byte(strings.Replace(text, old, with, 1)))
	require.NoError(t, err)
	return l
}

// An entry that names less matches more, and one that names more of the same matches too.
func TestEntryMatchesWithMoreAndWithLess(t *testing.T) {
	for what, l := range map[string]known.List{
		"a fault and a configuration": listing(t, `,"fault":"kill","configuration":{"state":"eager","suspending":false,"vqueues":false}`),
		"no failure":                  replaced(t, `"failure":{"code":"RT0016","status":"[590]"},`, ``),
		"no operation":                replaced(t, `"object":"map","operation":"clearAll",`, ``),
		"a part of the version":       replaced(t, `"`+runtime.DefaultVersion+`"`, `"1.*"`),
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := withKnown(t, l, 2, map[int]generators.Plan{0: cleared()}, simulated.StuckRetry)
				assert.Equal(t, harness.Pass, s.Verdict, fmt.Sprint(s.Failures))
			})
		})
	}
}

// Another plan loses a write beside the known finding: the session is red for that.
func TestLostWriteBesideAKnownFindingIsRed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lost := sessiontest.WriteAndRead([]model.FaultKind{model.Kill, model.Start}, 1)
		s := withKnown(t, listing(t, ""), 10, map[int]generators.Plan{0: {Steps: harnesstest.ClearedAtAKill[1:]}, 1: lost, 2: lost, 3: lost}, simulated.StuckRetry, simulated.LostWrite)
		require.Equal(t, harness.Violation, s.Verdict)
		assert.Equal(t, 1, s.Counts[harness.Known])
		assert.Equal(t, model.AcknowledgedMissing, s.Failures[0].Guarantee().Code)
		assert.Empty(t, s.Failures[0].Known)
	})
}

// The same plan loses a write of another object: the known finding does not excuse it.
func TestSecondBrokenObjectInThePlanIsRed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		register := model.Object{Kind: model.Register}
		plan := generators.Plan{Steps: append([]generators.Step{harnesstest.Operate(6, 0, register, model.RegisterWrite{Value: "v1"})}, harnesstest.ClearedAtAKill[1:]...)}
		s := withKnown(t, listing(t, ""), 1, map[int]generators.Plan{0: plan}, simulated.StuckRetry, simulated.LostWrite)
		require.Equal(t, harness.Violation, s.Verdict)
		assert.Equal(t, model.AcknowledgedMissing, s.Failures[0].Guarantee().Code)
		assert.Equal(t, []harness.KnownFinding{{Link: report, InPart: true}}, s.Failures[0].Known)
	})
}

// stuckTwice is a plan with two calls that do not finish, a clearAll and another.
func stuckTwice(o model.Object, op model.Operation) generators.Plan {
	return generators.Plan{Steps: []generators.Step{
		harnesstest.Operate(2, 1, harnesstest.Map, model.MapClearAll{}),
		harnesstest.Inject(3, model.Kill, generators.AtGate{Step: 2}),
		harnesstest.Inject(4, model.Start, generators.InPlace{}),
		harnesstest.Operate(6, 2, o, op),
		harnesstest.Inject(7, model.Kill, generators.AtGate{Step: 6}),
		harnesstest.Inject(8, model.Start, generators.InPlace{}),
	}}
}

// A second object that is stuck is news if no entry describes it, whichever is seen first.
func TestSecondStuckObjectIsRedUnlessItIsKnownToo(t *testing.T) {
	for what, c := range map[string]struct {
		plan generators.Plan
		want harness.Verdict
	}{
		"another operation": {stuckTwice(model.Object{Kind: model.Register}, model.RegisterWrite{Value: "v1"}), harness.Violation},
		"the same":          {stuckTwice(model.Object{Kind: model.Map, N: 1}, model.MapClearAll{}), harness.Known},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := withKnown(t, listing(t, ""), 1, map[int]generators.Plan{0: c.plan}, simulated.StuckRetry)
				require.Equal(t, 1, s.Counts[c.want], "%v", s.Counts)
				runs := append(s.Failures, s.Known...)
				require.Len(t, runs, 1)
				assert.Len(t, runs[0].Outcome.Unfinished(), 2)
				if c.want == harness.Violation {
					assert.Equal(t, "write(\"v1\")", runs[0].HeldBy().Holder.Op, "what is new is reported")
				}
			})
		})
	}
}

func TestSessionIsVacuousIfMostPlansAreLostToKnownFindings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		three := map[int]generators.Plan{0: cleared(), 1: cleared(), 2: cleared()}
		s := withKnown(t, listing(t, ""), 5, three, simulated.StuckRetry)
		assert.Equal(t, harness.Vacuous, s.Verdict)
		assert.Equal(t, []string{"plans without a known finding: 2 of 5, half of them needed"}, s.Missing)
		s = withKnown(t, listing(t, ""), 6, three, simulated.StuckRetry)
		assert.Equal(t, harness.Pass, s.Verdict)
	})
}

// A known finding that was not seen is named where its version and configuration were
// tested, and only there.
func TestKnownFindingThatIsNotSeenIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		assert.Equal(t, []harness.KnownFinding{{Link: report}}, withKnown(t, listing(t, ""), 1, nil).KnownNotSeen)
		assert.Empty(t, withKnown(t, listing(t, `,"configuration":{"state":"lazy"}`), 1, nil).KnownNotSeen)
		assert.Empty(t, withKnown(t, replaced(t, runtime.DefaultVersion, "1.6.1"), 1, nil).KnownNotSeen)
	})
}

// A replay answers whether the plan fails: a known failure is one, and is named.
func TestReplayNamesAKnownFindingAndFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := session.Options{
			Open: sessiontest.Open(simulated.Options{Bugs: []simulated.Bug{simulated.StuckRetry}, Rate: 1}), Dir: t.TempDir(), Late: -1,
			Known: listing(t, ""), Bounds: sessiontest.Quick,
		}
		s, err := session.Rerun(t.Context(), o, cleared(), session.RerunOptions{})
		require.NoError(t, err)
		require.Equal(t, harness.Violation, s.Verdict)
		assert.Equal(t, []harness.KnownFinding{{Link: report}}, s.Failures[0].Known)
	})
}

// A server that lost a write in a known way serves no other plan.
func TestServerOfAKnownFindingIsNotUsedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, err := known.Decode("known.json", []byte(`{"version":1,"known":[{"guarantee":"acknowledged-missing","object":"register","versions":["1.*"],"link":"https://example.com/1"}]}`))
		require.NoError(t, err)
		runtimes := map[int]int{}
		s, err := session.Conduct(t.Context(), session.Options{
			Open: sessiontest.Open(simulated.Options{Bugs: []simulated.Bug{simulated.LostWrite}, Rate: 1}), Plans: 4, Dir: t.TempDir(), Late: -1, Known: l,
			Bounds: sessiontest.Quick, OnRun: func(r harness.Run) { runtimes[r.Number] = r.Runtime },
			Draw: func(n int) generators.Plan {
				fault := model.Stop
				if n == 1 {
					fault = model.Kill
				}
				p := sessiontest.WriteAndRead([]model.FaultKind{fault, model.Start}, 1)
				p.Config.NoClosingKill = true
				return p
			},
		})
		require.NoError(t, err)
		require.Len(t, s.Known, 1, "%v %v", s.Counts, s.Failures)
		assert.Equal(t, runtimes[0], runtimes[1])
		assert.NotEqual(t, runtimes[1], runtimes[2])
		assert.Equal(t, runtimes[2], runtimes[3])
	})
}

package compare

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/checker"
	"retain/generators"
	"retain/harness"
	"retain/harness/backend"
	"retain/harness/internal/sessiontest"
	"retain/harness/session"
	"retain/internal/selftest"
	"retain/model"
	"retain/runtime"
	"retain/runtime/simulated"
)

// version is a simulated one with planted bugs that strike at a rate.
func version(t *testing.T, name string, rate float64, bugs ...simulated.Bug) Version {
	open, _, err := backend.Choose(t.Context(), runtime.Settings{}, backend.Options{Name: backend.Simulated, Bugs: bugs, Rate: rate, Seed: 7})
	require.NoError(t, err)
	return onto(t, name, open)
}

func onto(t *testing.T, name string, open harness.Open) Version {
	return Version{Name: name, Session: session.Options{Open: open, Dir: t.TempDir(), Bounds: sessiontest.Quick, Late: -1}}
}

// stored is the path of a stored case.
func stored(name string) string {
	return filepath.Join("..", "..", "testdata", "regressions", name+".json")
}

// lost compares versions by the plan of the planted bug that loses writes.
func lost(t *testing.T, versions ...Version) *Result {
	plan, record, err := Load(stored("lost-write"), checker.Options{})
	require.NoError(t, err)
	require.NotNil(t, record)
	return Conduct(t.Context(), Options{Versions: versions, Ordered: true, Plan: plan, Record: record, Time: time.Minute, Most: 20})
}

func TestPlantedBugIsToldApartByVersions(t *testing.T) {
	r := lost(t, version(t, "1", 1, simulated.LostWrite), version(t, "2", 1, simulated.LostWrite), version(t, "3", 1), version(t, "4", 1))
	assert.Equal(t, "1 and 2, not from 3 on", r.Answer.String())
	at, _ := looks(4, 20)
	for _, v := range r.Versions {
		assert.Equal(t, at[0], v.Rate.Runs, "%s: no more than needed", v.Name)
		assert.Equal(t, "1.7.12", v.Server.Version)
	}
	assert.Equal(t, model.AcknowledgedMissing, r.Versions[0].Broken.Code)
	assert.False(t, r.Late)
}

// A bug that strikes rarely takes all executions, and the answer says how many more.
func TestRareBugIsNotToldApart(t *testing.T) {
	r := lost(t, version(t, "1", 0.1, simulated.LostWrite), version(t, "2", 1))
	require.Equal(t, 20, r.Versions[0].Rate.Runs)
	require.Equal(t, rate(0, 20), r.Versions[1].Rate)
	if failures := r.Versions[0].Rate.Failures; assert.Less(t, failures, 6) && failures > 0 {
		assert.Equal(t, NotTold, r.Answer.Kind)
		assert.Positive(t, r.Answer.More())
	}
}

// A version goes on that is told apart from one and not from another that is not like it.
func TestVersionIsSettledOnceItIsToldApartFromEachUnlikeIt(t *testing.T) {
	always, rare, never := &measuring{Measured: of("1", 20, 20)}, &measuring{Measured: of("2", 3, 20)}, &measuring{Measured: of("3", 0, 20)}
	c := &comparison{all: []*measuring{always, rare, never}}
	_, c.level = looks(3, 20)
	assert.True(t, c.settled(always))
	assert.False(t, c.settled(rare))
	assert.False(t, c.settled(never))
	c.all = []*measuring{always, never, {Measured: of("4", 0, 20)}}
	assert.True(t, c.settled(never), "the others do not fail either, or always")
	c.all = []*measuring{never, {Measured: of("4", 0, 20)}}
	assert.False(t, c.settled(never), "nothing shows yet that it differs")
}

// What else a version breaks is news of it, and does not count for the plan.
func TestAnotherViolationIsCountedApart(t *testing.T) {
	plan, record, err := Load(stored("lost-write"), checker.Options{})
	require.NoError(t, err)
	c := &comparison{Options: Options{Plan: plan, Record: record}}
	v := &measuring{}
	other := harness.Run{Verdict: harness.Violation, Outcome: &harness.Outcome{Liveness: &harness.Liveness{Guarantee: model.Guarantee{Code: model.RuntimeComesBack}}}}
	c.take(t.Context(), v, &session.Result{Failures: []harness.Run{other}})
	assert.Equal(t, 1, v.Others)
	assert.Equal(t, model.RuntimeComesBack, v.Other.Code)
	assert.Zero(t, v.Rate.Runs)
	c.take(t.Context(), v, &session.Result{Failures: []harness.Run{{Verdict: harness.Undecided}}})
	c.take(t.Context(), v, &session.Result{Failures: []harness.Run{{Verdict: harness.Harness, Sentence: "no disk"}}})
	c.take(t.Context(), v, &session.Result{Counts: map[harness.Verdict]int{harness.Pass: 1}})
	assert.Equal(t, [3]int{1, 1, 1}, [3]int{v.Others, v.Undecided, v.Errors})
	assert.Equal(t, rate(0, 1), v.Rate)
	c.Record = nil
	c.take(t.Context(), v, &session.Result{Failures: []harness.Run{other}})
	assert.Equal(t, rate(1, 2), v.Rate, "without a record each violation counts")
}

// An execution without one of the plan's faults does not count as one that the plan passed.
func TestAnExecutionWhoseFaultCouldNotBeDoneDoesNotCount(t *testing.T) {
	v := &measuring{}
	(&comparison{}).take(t.Context(), v, &session.Result{Counts: map[harness.Verdict]int{harness.Pass: 1}, Undone: []model.FaultKind{model.Crash}})
	assert.Zero(t, v.Rate.Runs)
	assert.Equal(t, 1, v.Errors)
	assert.Equal(t, "crash: not done to these handlers", v.Problem)
}

// never opens servers that log an error again and again and are never ready.
func never(_ context.Context, s runtime.Settings) (*harness.System, error) {
	r := complaining{simulated.New(simulated.Options{Settings: s, Nonce: "n"}), time.Now()}
	return &harness.System{Runtime: r, Control: r, Nonce: "another", Contract: simulated.Contract(), Deploy: func(ctx context.Context, _ runtime.Endpoints) (harness.Deployed, error) {
		<-ctx.Done()
		return harness.Deployed{}, ctx.Err()
	}}, nil
}

type complaining struct {
	*simulated.Runtime
	since time.Time
}

func (c complaining) Logs(offset int64) ([]byte, error) {
	var log strings.Builder
	for n := range int(time.Since(c.since) / (100 * time.Millisecond)) {
		fmt.Fprintf(&log, "2026-11-29T15:11:17.%06dZ ERROR log_server: Sync writes has to enable WAL.\n", n)
	}
	return []byte(log.String())[min(offset, int64(log.Len())):], nil
}

func TestVersionThatIsNeverReadyIsToldWithinSeconds(t *testing.T) {
	began := time.Now()
	r := lost(t, onto(t, "1", never), version(t, "2", 1, simulated.LostWrite), version(t, "3", 1))
	assert.Less(t, time.Since(began), 10*time.Second)
	refusal := r.Versions[0].Refusal
	require.NotNil(t, refusal)
	assert.Contains(t, refusal.String(), "Sync writes has to enable WAL.")
	assert.Zero(t, r.Versions[0].Executions())
	assert.Equal(t, "only 2, not from 3 on", r.Answer.String())
}

func TestVersionThatCantBeExecutedIsLeft(t *testing.T) {
	broken := onto(t, "1", func(context.Context, runtime.Settings) (*harness.System, error) { return nil, assert.AnError })
	r := lost(t, broken, version(t, "2", 1, simulated.LostWrite), version(t, "3", 1))
	assert.Equal(t, mostErrors, r.Versions[0].Errors)
	assert.Contains(t, r.Versions[0].Problem, assert.AnError.Error())
	assert.Equal(t, "only 2, not from 3 on", r.Answer.String())
}

// ordinals counts the executions of each version as they end.
type ordinals struct {
	mu    sync.Mutex
	order []string
}

func (o *ordinals) on(of Version) Version {
	open := of.Session.Open
	of.Session.Open = func(ctx context.Context, s runtime.Settings) (*harness.System, error) {
		o.mu.Lock()
		o.order = append(o.order, of.Name)
		o.mu.Unlock()
		return open(ctx, s)
	}
	return of
}

func TestVersionsAreExecutedInTurns(t *testing.T) {
	var o ordinals
	lost(t, o.on(version(t, "1", 1, simulated.LostWrite)), o.on(version(t, "2", 1)), o.on(version(t, "3", 1)))
	for i := 0; i+3 <= len(o.order); i += 3 {
		assert.ElementsMatch(t, []string{"1", "2", "3"}, o.order[i:i+3], "%v", o.order)
	}
}

// Ten versions, and a bug that ends with the seventh: four of them are executed.
func TestBisectionLeavesVersionsOut(t *testing.T) {
	var versions []Version
	for n := range 10 {
		var bugs []simulated.Bug
		if n < 6 {
			bugs = []simulated.Bug{simulated.LostWrite}
		}
		versions = append(versions, version(t, fmt.Sprintf("1.0.%d", n), 1, bugs...))
	}
	r := lost(t, versions...)
	assert.Equal(t, "1.0.6", r.Answer.From, r.Answer.String())
	assert.GreaterOrEqual(t, len(r.Answer.Skipped), 4, "%v", r.Answer.Skipped)
	assert.NotContains(t, r.Answer.Skipped, "1.0.5")
	assert.NotContains(t, r.Answer.Skipped, "1.0.6")
}

// A bug of a version in between is not looked for by bisection where the ends are alike.
func TestAllVersionsAreExecutedWhereTheEndsAreAlike(t *testing.T) {
	var versions []Version
	for n := range 5 {
		var bugs []simulated.Bug
		if n == 1 {
			bugs = []simulated.Bug{simulated.LostWrite}
		}
		versions = append(versions, version(t, fmt.Sprintf("1.0.%d", n), 1, bugs...))
	}
	r := lost(t, versions...)
	assert.Empty(t, r.Answer.Skipped)
	assert.Equal(t, "only 1.0.1, not 1.0.0, 1.0.2, 1.0.3 and 1.0.4", r.Answer.String())
}

// The first execution waits for the whole bound; meanwhile the others go on, and later
// executions end by the sign of the first.
func TestStuckPlanDoesNotHoldUpOtherVersions(t *testing.T) {
	selftest.Long(t, "15 s")
	plan, record, err := Load(stored("stuck-key"), checker.Options{})
	require.NoError(t, err)
	stuck, sound := version(t, "1", 1, simulated.StuckKey), version(t, "2", 1)
	const bound = 6 * time.Second
	for _, v := range []*Version{&stuck, &sound} {
		v.Session.Bounds.Completion = bound
	}
	var done []Measured // of the sound one, when the stuck one had none
	began := time.Now()
	r := Conduct(t.Context(), Options{Versions: []Version{stuck, sound}, Ordered: true, Plan: plan, Record: record, Time: 2 * time.Minute, Most: 20,
		OnExecution: func(m []Measured) {
			if m[0].Executions() == 0 {
				done = m
			}
		}})
	require.Equal(t, "only 1, not from 2 on", r.Answer.String(), "%+v", r.Versions)
	require.NotEmpty(t, done)
	assert.Greater(t, done[1].Rate.Runs, 1, "it had its turn again while the first execution of the stuck one waited")
	assert.Equal(t, 1, r.Versions[0].Whole)
	assert.NotEmpty(t, r.Versions[0].Sign)
	assert.Less(t, time.Since(began), time.Duration(r.Versions[0].Rate.Runs)*bound)
}

func TestComparisonEndsWithItsTime(t *testing.T) {
	plan, record, err := Load(stored("lost-write"), checker.Options{})
	require.NoError(t, err)
	r := Conduct(t.Context(), Options{Versions: []Version{version(t, "1", 1), version(t, "2", 1)}, Plan: plan, Record: record, Time: time.Millisecond, Most: 20})
	assert.True(t, r.Late)
	assert.False(t, r.Interrupted)
	assert.Equal(t, NotJudged, r.Answer.Kind)
}

func TestDrawnPlansAreTheSameOnEachVersion(t *testing.T) {
	var mu sync.Mutex
	drawn := map[string][]int{}
	plans := func(n int) generators.Plan { return generators.Draw(3, n, generators.Options{}) }
	r := ConductDrawn(t.Context(), DrawnOptions{
		Versions: []Version{version(t, "1", 1, simulated.LostWrite), version(t, "2", 1)}, Ordered: true, Draw: plans, Plans: 6,
		OnRun: func(v string, r harness.Run) {
			mu.Lock()
			defer mu.Unlock()
			if !r.Ledger {
				drawn[v] = append(drawn[v], r.Number)
			}
			assert.Equal(t, generators.Encode(plans(r.Number)), generators.Encode(r.Plan))
		},
	})
	for _, v := range r.Versions {
		assert.Len(t, drawn[v.Name], 6, "%s goes on after a violation", v.Name)
		assert.NotEmpty(t, v.Drawn.Recoveries())
		assert.Positive(t, v.Drawn.Latencies.TotalCount())
	}
	assert.Equal(t, rate(0, 6), r.Versions[1].Rate)
	assert.Greater(t, r.Versions[0].Rate.Failures, 1)
	assert.Equal(t, 6, r.Versions[0].Rate.Runs)
	assert.NotEmpty(t, r.Versions[0].Drawn.Findings)
}

func TestPlanWithoutAFindingHasNoRecord(t *testing.T) {
	_, record, err := Load(stored("start-and-kill"), checker.Options{})
	require.NoError(t, err)
	assert.Nil(t, record, "a case that never failed")
	_, _, err = Load(filepath.Join("..", "..", "go.mod"), checker.Options{})
	assert.Error(t, err)
}

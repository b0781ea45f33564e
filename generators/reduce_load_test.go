package generators

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/internal/selftest"
	"retain/model"
)

// loadToy is a bug that a plan with a load meets with some probability. Witness is what a
// checker's proof would show of it, if it is about the load's objects.
type loadToy struct {
	name string
	// clients, objects and steps are those that a reduced plan has.
	clients, objects, steps int
	chance                  func(Plan) float64
	witness                 func(Plan) []LoadOperation
}

func kills(p Plan) int { return len(p.ids(func(s Step) bool { return injects(model.Kill)(s) })) }

// certain is the chance of a bug that always strikes.
func certain(meets func(Plan) bool) func(Plan) float64 {
	return func(p Plan) float64 {
		if meets(p) {
			return 1
		}
		return 0
	}
}

// onMap is the witness of a clearAll that is lost by a kill.
func onMap(p Plan) []LoadOperation {
	o := model.Object{Kind: model.Map, N: FirstLoadObject + 3}
	kill := p.ids(injects(model.Kill))[0]
	return []LoadOperation{
		{Object: o, Op: model.MapSet{Key: "a", Value: "w3.7"}, Call: 10, Return: 20},
		{Object: o, Op: model.MapClearAll{}, Call: 30, Return: 40},
		{Object: o, Op: model.MapGet{Key: "a"}, Call: 90, Return: 95, After: kill},
	}
}

func clearAllIsLost(p Plan) bool {
	return chain(p, func(s []Step) bool { return sameObject(s[0], s[1]) && sameObject(s[1], s[3]) }, sets, does[model.MapClearAll], injects(model.Kill), mapReads)
}

var loadToys = []loadToy{
	{"twelve clients and a kill", 12, 1, 1, certain(func(p Plan) bool { return p.Load.Clients >= 12 && kills(p) > 0 }), nil},
	{"nine clients on one key and a kill", 9, 1, 1, certain(func(p Plan) bool {
		return p.Load.Clients >= 9 && p.Load.Clients/max(1, p.Load.Objects) >= 9 && kills(p) > 0
	}), nil},
	{"five objects and a kill in flight", 5, 5, 1, certain(func(p Plan) bool {
		return p.Load.Objects >= 5 && slices.ContainsFunc(p.Steps, func(s Step) bool {
			f, is := s.(Inject)
			_, waits := f.When.(InFlight)
			return is && waits && f.Fault == model.Kill
		})
	}), nil},
	{"a clearAll that a kill loses, seen under the load", 0, 0, 4, certain(func(p Plan) bool {
		return p.Load.Clients > 0 && kills(p) > 0 || clearAllIsLost(p)
	}), onMap},
}

// meetingLoad draws a plan with a load that meets the bug with some chance.
func meetingLoad(t *testing.T, bug loadToy, seed uint64) Plan {
	for n := range 2000 {
		if p := Draw(seed, n, Options{Loads: Loads{Share: 1}}); bug.chance(p) > 0.5 {
			return p
		}
	}
	require.Fail(t, "no plan meets the bug", "%s, seed %d", bug.name, seed)
	return Plan{}
}

func chanceStrikes(bug loadToy, seed uint64) Fails {
	rng := rand.New(rand.NewPCG(seed, 9))
	return func(_ context.Context, p Plan) (bool, error) { return rng.Float64() < bug.chance(p), nil }
}

func (b loadToy) hint(p Plan) []LoadOperation {
	if b.witness == nil {
		return nil
	}
	return b.witness(p)
}

func loadSeeds() uint64 {
	if selftest.Race || testing.Short() {
		return 5
	}
	return 20
}

func TestLoadsAreReducedToWhatTheyNeed(t *testing.T) {
	for _, bug := range loadToys {
		var executions []int
		for seed := range loadSeeds() {
			from := meetingLoad(t, bug, seed)
			r, err := Reduce(t.Context(), from, ReduceOptions{Fails: chanceStrikes(bug, seed), LoadHint: bug.hint(from)})
			require.NoError(t, err)
			require.Equal(t, Minimal, r.Ending)
			require.NoError(t, Validate(r.Best))
			needs := r.NeedsLoad()
			require.Equal(t, []int{bug.clients, bug.objects, bug.steps}, []int{needs.Clients, needs.Objects, len(r.Best.Steps)}, "%s\n%s", bug.name, Encode(r.Best))
			require.LessOrEqual(t, needs.Between, 10)
			executions = append(executions, r.Executions)
		}
		t.Logf("%s: %d executions in the median, %d at most", bug.name, median(executions), slices.Max(executions))
		assert.LessOrEqual(t, median(executions), 40, bug.name)
	}
}

// What fails by the program alone loses its load, and is then as small as ever.
func TestAProgramThatFailsAloneLosesItsLoad(t *testing.T) {
	for _, bug := range toys {
		var executions []int
		for seed := range loadSeeds() {
			of := loadToy{name: bug.name, chance: certain(bug.meets)}
			r, err := Reduce(t.Context(), meetingLoad(t, of, seed), ReduceOptions{Fails: chanceStrikes(of, seed)})
			require.NoError(t, err)
			require.Equal(t, Minimal, r.Ending)
			require.Zero(t, r.NeedsLoad())
			require.Len(t, r.Best.Steps, bug.steps, "%s\n%s", bug.name, Encode(r.Best))
			executions = append(executions, r.Executions)
		}
		t.Logf("%s: %d executions in the median", bug.name, median(executions))
		assert.LessOrEqual(t, median(executions), 40, bug.name)
	}
}

// A bug that hits one operation of the load in 900 keeps as much load as fails in half of
// the executions.
func TestABugOfChanceKeepsALoadThatFailsInHalf(t *testing.T) {
	bug := loadToy{chance: func(p Plan) float64 {
		if p.Load.Clients == 0 {
			return 0
		}
		return 1 - math.Pow(1-1.0/900, float64(p.Load.Between*(1+kills(p))))
	}}
	var executions, operations, clients []int
	tooRare, all := 0, 0
	for seed := range uint64(100) { // some are too rare by chance
		from := meetingLoad(t, bug, seed)
		r, err := Reduce(t.Context(), from, ReduceOptions{Fails: chanceStrikes(bug, seed)})
		require.NoError(t, err)
		require.Equal(t, Minimal, r.Ending)
		clients = append(clients, r.NeedsLoad().Clients)
		if all++; bug.chance(r.Best) < 0.4 {
			tooRare++
		}
		executions, operations = append(executions, r.Executions), append(operations, r.Best.Load.Between*(1+kills(r.Best)))
	}
	assert.LessOrEqual(t, median(clients), 2)
	t.Logf("%d executions, %d operations of the load in the median; %d of %d fail in less than 40 %%", median(executions), median(operations), tooRare, all)
	assert.LessOrEqual(t, tooRare, all/8)
	assert.LessOrEqual(t, median(executions), 80)
	assert.LessOrEqual(t, median(operations), 2000)
}

// One that fails rarely is given more operations, until it fails in half.
func TestARareFailureIsGivenMoreLoad(t *testing.T) {
	bug := loadToy{chance: func(p Plan) float64 {
		return 1 - math.Pow(1-1.0/1500, float64(p.Load.Between*p.Load.Clients/64))
	}}
	from := Plan{Load: Load{Clients: 64, Objects: 64, Between: 500}, Steps: []Step{Inject{ID: 1, Fault: model.Kill, When: InPlace{}}}}
	var chances []int
	for seed := range uint64(20) {
		r, err := Reduce(t.Context(), from, ReduceOptions{Fails: chanceStrikes(bug, seed)})
		require.NoError(t, err)
		chances = append(chances, int(100*bug.chance(r.Best)))
	}
	before := int(100 * bug.chance(from))
	t.Logf("it fails in %d %% of the executions, reduced in %d %% in the median, %v", before, median(chances), chances)
	assert.GreaterOrEqual(t, median(chances), 40)
	slices.Sort(chances)
	assert.GreaterOrEqual(t, chances[len(chances)/5], before)
}

// The program has what followed one another as one client's, and a fault that an
// operation was open at waits for it.
func TestAWitnessBecomesAProgram(t *testing.T) {
	counter := model.Object{Kind: model.Counter, N: FirstLoadObject}
	at := func(seq int64) model.Instant { return model.Instant{Seq: seq, Ns: seq} }
	add := func(call, ret int64) model.Invoked {
		return model.Invoked{Phase: model.Load, Object: counter, Op: model.CounterAdd{Delta: 1}, Call: at(call), Return: at(ret)}
	}
	open := add(7, 0)
	open.Return = model.Forever
	read := add(50, 51)
	read.Phase = model.Program
	faults := []model.Fault{{Step: 3, Kind: model.Kill, Begin: at(10)}, {Step: 4, Kind: model.Start, Begin: at(12)}, {Kind: model.Kill, Begin: at(60)}}
	hint := LoadOperations([]model.Invoked{add(20, 21), open, add(1, 2), read, add(5, 6)}, faults)
	require.Len(t, hint, 4)
	p := Plan{
		Load: Load{Clients: 40, Objects: 1},
		Steps: []Step{
			Operate{ID: 2, Object: model.Object{Kind: model.Counter}, Op: model.CounterGet{}},
			Inject{ID: 3, Fault: model.Kill, When: InFlight{Operations: 30}},
			Inject{ID: 4, Fault: model.Start, When: InPlace{}},
		},
	}
	zero := model.Object{Kind: model.Counter}
	one := model.CounterAdd{Delta: 1}
	got := p.program(hint)
	require.NoError(t, Validate(got))
	assert.Equal(t, Plan{Steps: []Step{
		Operate{ID: 5, Object: zero, Op: one},
		Operate{ID: 6, Object: zero, Op: one},
		Operate{ID: 7, Object: zero, Op: one},
		Inject{ID: 3, Fault: model.Kill, When: WhileOpen{Step: 7}},
		Inject{ID: 4, Fault: model.Start, When: InPlace{}},
		Operate{ID: 8, Client: 1, Object: zero, Op: one},
	}}, got)
}

// A small load is a program: its clients in turns, as many operations before each fault.
func TestASmallLoadIsUnrolled(t *testing.T) {
	p := Plan{
		Load: Load{Clients: 2, Objects: 2, Seed: 3, Operations: []string{"register write", "register compareAndSet", "list append", "list clear"}, Between: 10},
		Steps: []Step{
			Operate{ID: 2, Object: model.Object{Kind: model.Counter}, Op: model.CounterGet{}},
			Inject{ID: 3, Fault: model.Kill, When: InFlight{Operations: 2}},
			Inject{ID: 4, Fault: model.Start, When: InPlace{}},
		},
	}
	got, small := p.unrolled()
	require.True(t, small)
	require.NoError(t, Validate(got))
	require.Zero(t, got.Load)
	require.Len(t, got.Steps, 22)
	require.Equal(t, Inject{ID: 3, Fault: model.Kill, When: InPlace{}}, got.Steps[10])
	want := p.Load.Client(1)
	for i := 1; i < 10; i += 2 {
		_, op := want.Next()
		require.Equal(t, op, got.Steps[i].(Operate).Op)
		require.Equal(t, 1, got.Steps[i].(Operate).Client)
	}
	p.Load.Between = 500
	_, small = p.unrolled()
	require.False(t, small)
}

// What failed once by chance fails again under a larger load of the same kind.
func TestAFailureOfChanceIsSoughtUnderMoreLoad(t *testing.T) {
	bug := loadToy{chance: func(p Plan) float64 {
		if len(p.Load.Operations) == 0 || !slices.Contains(p.Load.Operations, "register write") {
			return 0
		}
		return 1 - math.Pow(1-1.0/300, float64(p.Load.Between))
	}}
	register := model.Object{Kind: model.Register}
	from := Plan{Load: Load{Clients: 8, Objects: 8, Operations: []string{"counter add"}, Between: 30}, Steps: []Step{
		Operate{ID: 1, Object: register, Op: model.RegisterWrite{Value: "v1"}},
		Operate{ID: 2, Object: register, Op: model.RegisterRead{}},
	}}
	r, err := Reduce(t.Context(), from, ReduceOptions{Fails: chanceStrikes(bug, 1), Hint: []int{1, 2}})
	require.NoError(t, err)
	require.Equal(t, Minimal, r.Ending)
	require.Contains(t, r.Best.Load.Operations, "register write")
	require.Greater(t, bug.chance(r.Best), 0.4)
}

// Fewer clients than a fault waits for would have it come at once.
func TestAFaultWaitsForTheClientsThatAreLeft(t *testing.T) {
	p := Plan{Load: Load{Clients: 40, Objects: 1}, Steps: []Step{Inject{ID: 3, Fault: model.Kill, When: InFlight{Operations: 30}}}}
	assert.Equal(t, InFlight{Operations: 12}, p.withLoad(Load{Clients: 12, Objects: 1}).Steps[0].(Inject).When)
	assert.Equal(t, InPlace{}, p.withLoad(Load{}).Steps[0].(Inject).When)
	assert.Equal(t, InFlight{Operations: 30}, p.Steps[0].(Inject).When)
}

func TestAReductionWithALoadResumes(t *testing.T) {
	bug := loadToys[0]
	for seed := range uint64(5) {
		from := meetingLoad(t, bug, seed)
		var saved []byte
		o := ReduceOptions{Fails: chanceStrikes(bug, seed), Executions: 12, Save: func(r Reduction) (err error) { saved, err = json.Marshal(r); return err }}
		r, err := Reduce(t.Context(), from, o)
		require.NoError(t, err)
		require.Equal(t, OutOfExecutions, r.Ending)
		require.Zero(t, r.NeedsLoad(), "nobody knows yet")
		var stored Reduction
		require.NoError(t, json.Unmarshal(saved, &stored))
		o.GoOn, o.Executions = &stored, 0
		r, err = Reduce(t.Context(), from, o)
		require.NoError(t, err)
		require.Equal(t, 12, r.NeedsLoad().Clients)
		require.LessOrEqual(t, r.Executions, 60)
	}
}

// The bug strikes one operation in 40 while 12 clients have one in flight. The reduced load
// keeps 12 clients, and few more.
func TestABugOfACrowdKeepsTheCrowd(t *testing.T) {
	bug := loadToy{chance: func(p Plan) float64 {
		if p.Load.Clients < 12 {
			return 0
		}
		return 1 - math.Pow(1-1.0/40, float64(max(p.Load.Between, p.Load.Clients)*(1+kills(p))))
	}}
	var executions, clients []int
	for seed := range uint64(100) {
		r, err := Reduce(t.Context(), meetingLoad(t, bug, seed), ReduceOptions{Fails: chanceStrikes(bug, seed)})
		require.NoError(t, err)
		require.Equal(t, Minimal, r.Ending)
		clients, executions = append(clients, r.NeedsLoad().Clients), append(executions, r.Executions)
	}
	t.Logf("%d executions, %d clients in the median", median(executions), median(clients))
	assert.LessOrEqual(t, median(executions), 40)
	assert.GreaterOrEqual(t, slices.Min(clients), 12)
	assert.LessOrEqual(t, median(clients), 16)
}

// A reduction that runs out of time tells the load that its plan does not fail without.
func TestAnUnfinishedReductionTellsTheLoadThatItNeeds(t *testing.T) {
	bug := loadToys[0]
	from := meetingLoad(t, bug, 1)
	for executions := 1; ; executions++ {
		r, err := Reduce(t.Context(), from, ReduceOptions{Fails: chanceStrikes(bug, 1), Executions: executions})
		require.NoError(t, err)
		needs, without := r.NeedsLoad(), r.tried[keyOf(r.Best.withLoad(Load{}))]
		if r.Ending == Minimal {
			require.Equal(t, r.Best.Load, needs)
			return
		}
		if known := len(r.Best.Steps) == 0 || without.Runs > 0; known {
			require.Equal(t, r.Best.Load, needs, "after %d executions", executions)
		} else {
			require.Zero(t, needs, "after %d executions", executions)
		}
	}
}

// A crowd stays a load, though as many clients of a program make the same crowd.
func TestACrowdIsNotUnrolled(t *testing.T) {
	bug := loadToy{name: "a crowd of twelve", chance: certain(func(p Plan) bool {
		return p.Load.Clients >= 12 || len(p.Clients()) >= 12
	})}
	r, err := Reduce(t.Context(), meetingLoad(t, bug, 1), ReduceOptions{Fails: chanceStrikes(bug, 1)})
	require.NoError(t, err)
	require.Equal(t, Minimal, r.Ending)
	require.Equal(t, 12, r.NeedsLoad().Clients, "%s", Encode(r.Best))
	require.Empty(t, r.Best.Steps)
}

// What fails rarely in a program is reduced under a load of its kind, to that load alone.
func TestARareFailureIsReducedUnderALoadOfItsKind(t *testing.T) {
	bug := loadToy{chance: func(p Plan) float64 {
		switch {
		case p.Load.Clients == 0:
			return 0
		case slices.Contains(p.Load.Operations, "register write"):
			return 1 - math.Pow(1-1.0/100, float64(p.Load.Between))
		}
		return 0.12
	}}
	from := Plan{Load: Load{Clients: 24, Objects: 6, Operations: []string{"counter add"}, Between: 30}}
	for id := 1; id <= 20; id += 2 {
		register := model.Object{Kind: model.Register, N: id % 3}
		from.Steps = append(from.Steps, Operate{ID: id, Object: register, Op: model.RegisterWrite{Value: fmt.Sprint("v", id)}},
			Operate{ID: id + 1, Object: register, Op: model.RegisterRead{}})
	}
	var executions, steps []int
	for seed := range uint64(20) {
		r, err := Reduce(t.Context(), from, ReduceOptions{Fails: chanceStrikes(bug, seed), Hint: []int{1, 2}})
		require.NoError(t, err)
		if r.Ending == NotReproduced {
			continue
		}
		executions, steps = append(executions, r.Executions), append(steps, len(r.Best.Steps))
	}
	t.Logf("%d executions, %d steps in the median, %v", median(executions), median(steps), steps)
	assert.LessOrEqual(t, median(executions), 60)
	assert.Zero(t, slices.Max(steps))
}

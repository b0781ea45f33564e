package generators

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"retain/internal/selftest"
	"retain/model"
)

// measured are the options without the kinds and faults that bounds of tests were not
// measured with: those that come later draw too, and shift the shares.
func measured(o Options) Options {
	o.Exclude = slices.Concat(o.Exclude, noOtherKinds(measuredKinds...), noOtherFaults(model.Stop, model.Kill, model.Pause), noManaging())
	return o
}

// noManaging excludes operations on invocations.
func noManaging() (out Exclusions) {
	for _, name := range model.ManageNames() {
		out = append(out, Exclusion{ExcludedOperation, name, "this test draws others"})
	}
	return out
}

// measuredKinds are the kinds of objects that bounds of tests were measured with.
var measuredKinds = []model.Kind{model.Counter, model.Register, model.List, model.Map}

// noOtherKinds excludes all kinds of objects but some.
func noOtherKinds(but ...model.Kind) (out Exclusions) {
	for _, k := range model.Kinds() {
		if !slices.Contains(but, k) {
			out = append(out, Exclusion{ExcludedObject, string(k), "this test draws others"})
		}
	}
	return out
}

// noOtherFaults excludes all faults but some, and what undoes them.
func noOtherFaults(but ...model.FaultKind) (out Exclusions) {
	for _, k := range excludableFaults() {
		if !slices.Contains(but, k) {
			out = append(out, Exclusion{ExcludedFault, string(k), "this test draws others"})
		}
	}
	return out
}

// fewer is n, or a fifth of it with -short: under the race detector, which finds nothing
// in a draw, it takes five times as long.
func fewer(n int) int {
	if testing.Short() {
		return n / 5
	}
	return n
}

// sample draws plans 0 to n-1 of a seed, with 30 actions in the mean.
func sample(t *testing.T, seed uint64, n int, o Options) []Plan {
	t.Helper()
	steps := "30"
	if testing.Short() {
		steps = "60"
	}
	setFlag(t, "rapid.steps", steps)
	out := make([]Plan, n)
	for i := range out {
		out[i] = Draw(seed, i, measured(o))
	}
	return out
}

// share is the share of the plans for which the condition holds.
func share(plans []Plan, holds func(Plan) bool) float64 {
	n := 0
	for _, p := range plans {
		if holds(p) {
			n++
		}
	}
	return float64(n) / float64(len(plans))
}

func TestEveryPlanDrawnIsValid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Plans(Options{}).Draw(t, "plan")
		if err := Validate(p); err != nil {
			t.Fatalf("%v\n%s", err, Encode(p))
		}
		for i, s := range p.Steps {
			if s.StepID() != i+1 {
				t.Fatalf("step %d has id %d", i+1, s.StepID())
			}
		}
	})
}

func TestDrawGivesTheSamePlanForTheSameSeed(t *testing.T) {
	want := sample(t, 8123, 20, Options{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i, p := range want {
				assert.Equal(t, p, Draw(8123, i, measured(Options{})))
			}
		})
	}
	wg.Wait()
	assert.Equal(t, uint64(8123), want[3].Seed)
	assert.Equal(t, 3, want[3].Number)
	assert.Equal(t, 30, want[3].RapidSteps)

	distinct := map[string]bool{}
	for _, p := range append(want, sample(t, 8124, 20, Options{})...) {
		p.Seed, p.Number = 0, 0
		distinct[string(Encode(p))] = true
	}
	assert.Len(t, distinct, 40, "neither two numbers nor two seeds give one plan")
}

func TestMeanLengthFollowsRapidSteps(t *testing.T) {
	steps := 0
	plans := sample(t, 1, 2000, Options{})
	for _, p := range plans {
		steps += len(p.Steps)
	}
	assert.InDelta(t, 31, float64(steps)/float64(len(plans)), 4, "steps in the mean")

	setFlag(t, "rapid.steps", "10")
	p := Draw(1, 1, Options{})
	assert.Less(t, p.RapidSteps, 30)
	assert.NotEqual(t, plans[1], p)
}

// Fewer than 1 of 1,000 sessions of 20 plans misses a fault point of
// {before, after} x {stop, kill}.
func TestSessionsOf20PlansCoverEveryFaultPoint(t *testing.T) {
	const sessions, size = 1000, 20
	if selftest.Race {
		t.Skip("20,000 plans take too long under the race detector, which they have nothing for")
	}
	missed, gated := 0, 0
	for s := range uint64(sessions) {
		points := map[FaultPoint]bool{}
		for _, p := range sample(t, s, size, Options{}) {
			found := p.FaultPoints()
			for _, c := range found {
				points[c] = true
			}
			if len(found) > 0 {
				gated++
			}
		}
		if len(points) < len(FaultPoints()) {
			missed++
		}
	}
	assert.LessOrEqual(t, missed, 1, "sessions of %d that miss a fault point", sessions)
	assert.Greater(t, float64(gated)/sessions/size, 0.6, "plans with a gate")
}

// Without the focus that Draw sets, a plan draws its own.
func TestPlansDrawTheirOwnFocus(t *testing.T) {
	plans, g := map[FaultPoint]int{}, Plans(Options{})
	for i := range 400 {
		for _, c := range g.Example(i).FaultPoints() {
			plans[c]++
		}
	}
	for _, c := range FaultPoints() {
		assert.Greater(t, plans[c], 60, "gates %s in 400 plans", c)
	}
}

func TestEveryKindOfStepIsDrawn(t *testing.T) {
	plans := sample(t, 2, 2000, Options{})
	operations, faults := map[string]int{}, map[model.FaultKind]int{}
	triggers := map[string]int{}
	for _, p := range plans {
		for _, s := range p.Steps {
			switch s := s.(type) {
			case Operate:
				operations[string(s.Object.Kind)+" "+s.Op.Handler()]++
			case Inject:
				faults[s.Fault]++
				if s.Fault == model.Stop || s.Fault == model.Kill {
					triggers[triggerName(s.When)]++
				}
			}
		}
	}
	for _, name := range []string{
		"counter add", "counter addThenFail", "counter get", "counter reset",
		"register read", "register readExclusive", "register write", "register compareAndSet", "register clear",
		"list append", "list get", "list clear", "map set", "map get", "map clearAll",
	} {
		assert.Greater(t, operations[name], 200, name)
	}
	strikes := faults[model.Stop] + faults[model.Kill]
	assert.InDelta(t, 1.8, float64(strikes)/float64(len(plans)), 0.4, "stops and kills a plan")
	assert.InDelta(t, 0.5, float64(faults[model.Kill])/float64(strikes), 0.1, "kills among them")
	assert.Greater(t, faults[model.Start], strikes*9/10)
	assert.InDelta(t, 0.05, share(plans, hasFault(model.Pause)), 0.03, "plans with a pause")
	assert.InDelta(t, float64(faults[model.Pause]), float64(faults[model.Resume]), float64(faults[model.Pause])/2)
	for name, least := range map[string]float64{
		"in place": 0.08, "while open": 0.08, "before gate": 0.25, "after gate": 0.25, "starting": 0.03,
	} {
		assert.GreaterOrEqual(t, float64(triggers[name])/float64(strikes), least, "%s: %v", name, triggers)
	}
}

func hasFault(kind model.FaultKind) func(Plan) bool { return sequence(injects(kind)) }

func triggerName(t Trigger) string {
	switch t := t.(type) {
	case WhileOpen:
		return "while open"
	case Starting:
		return "starting"
	case AtGate:
		if t.After {
			return "after gate"
		}
		return "before gate"
	}
	return "in place"
}

func TestEveryConfigurationIsDrawn(t *testing.T) {
	plans := sample(t, 3, 2000, Options{})
	for _, c := range []struct {
		name       string
		want, with float64 // the share wanted, give or take
		holds      func(Plan) bool
	}{
		{"1 partition", 0.33, 0.1, func(p Plan) bool { return p.Config.Provisioned().Partitions == 1 }},
		{"4 partitions", 0.44, 0.1, func(p Plan) bool { return p.Config.Provisioned().Partitions == 4 }},
		{"24 partitions", 0.22, 0.1, func(p Plan) bool { return p.Config.Provisioned().Partitions == 24 }},
		{"unkeyed", 0.15, 0.05, func(p Plan) bool { return p.Config.Unkeyed }},
		{"push on", 0.5, 0.05, func(p Plan) bool { return p.Config.PushOn }},
		{"retry", 0.3, 0.05, func(p Plan) bool { return p.Config.Retry }},
		{"look up", 0.2, 0.05, func(p Plan) bool { return p.Config.Resolve == LookUp }},
		{"leave open", 0.1, 0.05, func(p Plan) bool { return p.Config.Resolve == LeaveOpen }},
		{"no closing kill", 0.2, 0.05, func(p Plan) bool { return p.Config.NoClosingKill }},
		{"more than one client", 0.75, 0.15, func(p Plan) bool { return len(p.Clients()) > 1 }},
		{"six clients", 0.08, 0.06, func(p Plan) bool { return len(p.Clients()) == 6 }},
		{"four objects", 0.19, 0.1, func(p Plan) bool { return len(p.Objects()) == 4 }},
	} {
		assert.InDelta(t, c.want, share(plans, c.holds), c.with, c.name)
	}
	for _, p := range plans {
		assert.LessOrEqual(t, len(p.Clients()), 6)
		assert.LessOrEqual(t, len(p.Objects()), 4)
		kinds := map[model.Kind]bool{}
		for _, o := range p.Objects() {
			kinds[o.Kind] = true
		}
		assert.LessOrEqual(t, len(kinds), 3)
		assert.False(t, p.Config.Unkeyed && p.Config.Retry, "an operation without a key is not sent again")
	}
}

// Each plan leaves something out.
func TestEachPlanLeavesSomethingOut(t *testing.T) {
	plans := sample(t, 4, 1000, Options{})
	long := func(p Plan) bool { return len(p.Steps) >= 30 }
	lacks := func(has func(Plan) bool) func(Plan) bool {
		return func(p Plan) bool { return long(p) && !has(p) }
	}
	all := share(plans, long)
	for name, has := range map[string]func(Plan) bool{
		"stop":       hasFault(model.Stop),
		"kill":       hasFault(model.Kill),
		"counter":    func(p Plan) bool { return uses(p, model.Counter) },
		"map":        func(p Plan) bool { return uses(p, model.Map) },
		"while open": func(p Plan) bool { return triggeredBy(p, "while open") },
		"starting":   func(p Plan) bool { return triggeredBy(p, "starting") },
	} {
		assert.Greater(t, share(plans, lacks(has))/all, 0.1, "long plans without %s", name)
	}
}

func uses(p Plan, k model.Kind) bool {
	for _, o := range p.Objects() {
		if o.Kind == k {
			return true
		}
	}
	return false
}

func triggeredBy(p Plan, name string) bool {
	return sequence(func(s Step) bool {
		f, ok := s.(Inject)
		return ok && triggerName(f.When) == name
	})(p)
}

// Plans that leave operations open have a kill that finds every client waiting at
// one object: otherwise hardly any operation would be open, for most take a
// millisecond or two.
func TestUnresolvedPlansKillWhileAllClientsWait(t *testing.T) {
	for _, p := range sample(t, 5, 200, Options{Unresolved: true}) {
		assert.GreaterOrEqual(t, crowd(p), 8)
	}
}

// crowd is the largest number of clients that a kill at a gate finds at its
// object.
func crowd(p Plan) int {
	most := 0
	for i, s := range p.Steps {
		f, ok := s.(Inject)
		at, gated := f.When.(AtGate)
		if !ok || !gated || f.Fault != model.Kill {
			continue
		}
		held, clients := p.Steps[at.Step-1].(Operate), map[int]bool{}
		for _, s := range p.Steps[at.Step-1 : i] {
			if o, ok := s.(Operate); ok && o.Object == held.Object && !o.Op.ReadOnly() {
				clients[o.Client] = true
			}
		}
		most = max(most, len(clients))
	}
	return most
}

func TestOptionsRestrictPlans(t *testing.T) {
	for _, p := range sample(t, 5, 100, Options{Unresolved: true}) {
		assert.Equal(t, LeaveOpen, p.Config.Resolve)
		assert.False(t, p.Config.Retry)
	}
	for _, p := range sample(t, 5, 100, Options{Exclude: noOtherKinds(model.List), Partitions: []int{4}}) {
		assert.Equal(t, 4, p.Config.Provisioned().Partitions)
		for _, o := range p.Objects() {
			assert.Equal(t, model.List, o.Kind)
		}
	}
	longest := 0
	for _, p := range sample(t, 5, 200, Options{MaxSteps: 12}) {
		longest = max(longest, len(p.Steps))
	}
	assert.GreaterOrEqual(t, longest, 12)
	assert.LessOrEqual(t, longest, 12+7, "a plan without a fault gets its last steps beyond the bound")
	focus := FaultPoint{Fault: model.Kill, After: true}
	assert.Greater(t, share(sample(t, 5, 200, Options{Focus: focus}), func(p Plan) bool {
		points := p.FaultPoints()
		return len(points) > 0 && points[0] == focus
	}), 0.6)
}

// carryOut applies a plan's operations to the model and counts its
// compare-and-sets. Between two faults any client may be ahead of the others:
// choose picks one of the n operations that wait, all clients' together.
func carryOut(p Plan, choose func(n int) int) (succeeded, tried int) {
	states := map[model.Object]model.State{}
	var waiting []Operate
	apply := func(o Operate) {
		if states[o.Object] == nil {
			states[o.Object] = o.Object.Kind.Initial()
		}
		next, answer := o.Op.Apply(states[o.Object])
		states[o.Object] = next
		if c, ok := o.Op.(model.RegisterCompareAndSet); ok {
			tried++
			if answer.Equal(model.Text(c.Expect)) {
				succeeded++
			}
		}
	}
	for i, s := range p.Steps {
		if o, ok := s.(Operate); ok {
			waiting = append(waiting, o)
			if i < len(p.Steps)-1 {
				continue
			}
		}
		for len(waiting) > 0 {
			client := waiting[choose(len(waiting))].Client
			first := slices.IndexFunc(waiting, func(o Operate) bool { return o.Client == client })
			apply(waiting[first])
			waiting = slices.Delete(waiting, first, first+1)
		}
	}
	return succeeded, tried
}

func TestCompareAndSetsOftenSucceed(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var ordered, concurrent, tried int
	for _, p := range sample(t, 6, 1000, Options{}) {
		ok, n := carryOut(p, func(int) int { return 0 })
		ordered, tried = ordered+ok, tried+n
		ok, _ = carryOut(p, r.IntN)
		concurrent += ok
	}
	require.Greater(t, tried, 500)
	inOrder, shuffled := float64(ordered)/float64(tried), float64(concurrent)/float64(tried)
	t.Logf("%d compare-and-sets: %.0f %% succeed in order, %.0f %% shuffled", tried, 100*inOrder, 100*shuffled)
	assert.Greater(t, inOrder, 0.5)
	assert.Less(t, inOrder, 0.95, "some expect a value that is not there")
	assert.Greater(t, shuffled, 0.3)
}

package generators

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"retain/internal/selftest"
	"retain/model"
)

var twoThirds = Options{Loads: Loads{Share: 2.0 / 3}}

func hasLoad(p Plan) bool { return p.Load.Clients > 0 }

func TestEveryPlanWithALoadIsValidAndRoundTrips(t *testing.T) {
	for _, loads := range []Loads{{Share: 1}, {Share: 0.5}, {Share: 1, Clients: 1}, {Share: 1, Clients: 200}} {
		rapid.Check(t, func(t *rapid.T) {
			p := Plans(Options{Loads: loads}).Draw(t, "plan")
			if err := Validate(p); err != nil {
				t.Fatalf("%v\n%s", err, Encode(p))
			}
			requireRoundTrip(t, p)
			for c := range p.Load.Clients {
				client := p.Load.Client(c)
				client.Next() // every client has something to do
			}
		})
	}
}

func TestTwoThirdsOfThePlansHaveALoad(t *testing.T) {
	for seed := range uint64(5) {
		plans := sample(t, seed, 60, twoThirds)
		loaded := share(plans, hasLoad)
		assert.InDelta(t, 2.0/3, loaded, 0.03)
		for i := range plans[:57] {
			assert.GreaterOrEqual(t, share(plans[i:i+3], hasLoad), 0.6, "of any three plans in a row two have one")
		}
	}
	assert.Zero(t, share(sample(t, 1, 50, Options{}), hasLoad))
	for _, p := range sample(t, 1, 50, Options{Loads: Loads{Share: 1, Clients: 13}}) {
		assert.Equal(t, 13, p.Load.Clients)
	}
}

func TestLoadsOfEveryShapeAreDrawn(t *testing.T) {
	plans := sample(t, 9, 1000, Options{Loads: Loads{Share: 1}})
	for _, c := range []struct {
		name  string
		least float64
		holds func(Plan) bool
	}{
		{"30 clients and more on one key", 0.1, func(p Plan) bool { return p.Load.Clients >= 30 && p.Load.Objects == 1 }},
		{"a key each", 0.2, func(p Plan) bool { return p.Load.Clients == p.Load.Objects }},
		{"shared in groups", 0.25, func(p Plan) bool { return p.Load.Objects > 1 && p.Load.Objects < p.Load.Clients }},
		{"64 clients", 0.08, func(p Plan) bool { return p.Load.Clients == 64 }},
		{"8 clients", 0.08, func(p Plan) bool { return p.Load.Clients == 8 }},
		{"2,000 between faults", 0.02, func(p Plan) bool { return p.Load.Between == 2000 }},
		{"several kinds", 0.2, func(p Plan) bool {
			kinds := map[model.Kind]bool{}
			for _, o := range p.LoadObjects() {
				kinds[o.Kind] = true
			}
			return len(kinds) > 1
		}},
		{"a fault while some are in flight", 0.4, func(p Plan) bool {
			return sequence(func(s Step) bool {
				f, is := s.(Inject)
				at, waits := f.When.(InFlight)
				return is && waits && at.Operations >= 8 && at.Operations <= p.Load.Clients
			})(p)
		}},
	} {
		assert.GreaterOrEqual(t, share(plans, c.holds), c.least, c.name)
	}
	operations, faults, inFlight, drawn := 0, 0, 0, map[string]int{}
	for _, p := range plans {
		ends := 0
		for _, s := range p.Steps {
			if f, is := s.(Inject); is && f.Fault.Ends() {
				ends++
				if _, waits := f.When.(InFlight); waits {
					inFlight++
				}
			}
		}
		faults += ends
		operations += ends * p.Load.Between
		for _, name := range p.Load.Operations {
			drawn[name]++
		}
	}
	for _, name := range noOtherKinds(measuredKinds...).Names() {
		assert.Greater(t, drawn[name], 50, name)
	}
	assert.Greater(t, float64(inFlight)/float64(faults), 0.3, "faults that wait for the load")
	t.Logf("%d of the faults wait for the load", inFlight*100/faults)
	t.Logf("%d operations of the load a plan, %.1f faults", operations/len(plans), float64(faults)/float64(len(plans)))
	// A load also runs while its faults wait for the program: it has half as many again.
	assert.InDelta(t, 750, operations/len(plans), 100)
}

// A list that is appended to is also cleared, and what only a search decides is not
// named where many share.
func TestDrawnLoadsKeepAnswersShort(t *testing.T) {
	for _, p := range sample(t, 10, 300, Options{Loads: Loads{Share: 1}}) {
		named := map[string]bool{}
		for _, name := range p.Load.Operations {
			require.False(t, named[name], "%s twice", name)
			named[name] = true
		}
		require.True(t, !named["list append"] || named["list clear"], "%+v", p.Load)
		require.True(t, p.Load.Clients <= 4*p.Load.Objects || !named["counter reset"] && !named["map clearAll"], "%+v", p.Load)
	}
}

func TestSlowLoadsAndPlansOfManyFaultsHaveFewerOperationsBetweenFaults(t *testing.T) {
	kill := func(id int) Step { return Inject{ID: id, Fault: model.Kill} }
	load := func(objects, between int) Load {
		return Load{Clients: 8, Objects: objects, Between: between, Operations: []string{"counter add", "counter get"}}
	}
	awaiting := load(8, 600)
	awaiting.Operations = []string{"awakeable await", "awakeable resolve", "awakeable get"}
	start := func(c StartConfig) Step { return Inject{ID: 3, Fault: model.Start, Start: c} }
	lazy := StartConfig{State: LazyState}
	two := []Step{kill(1), kill(2)}
	for _, c := range []struct {
		name string
		plan Plan
		want int
	}{
		{"quick", Plan{Steps: two, Load: load(8, 60)}, 60},
		{"suspending", Plan{Steps: two, Config: Config{Start: StartConfig{Suspension: SuspendSoon}}, Load: load(8, 1000)}, 1000},
		{"one key", Plan{Steps: two, Load: load(1, 1000)}, 125},
		{"four keys", Plan{Steps: two, Load: load(4, 1000)}, 500},
		{"lazy", Plan{Steps: two, Config: Config{Start: lazy}, Load: load(8, 1000)}, 666},
		{"lazy later", Plan{Steps: append(two, start(lazy)), Load: load(8, 1000)}, 666},
		{"at least", Plan{Steps: two, Load: load(1, 60)}, leastBetween},
		{"one fault", Plan{Steps: two[:1], Load: load(8, 500)}, 1000},
		{"at most", Plan{Steps: two[:1], Load: load(8, mostBetween)}, mostBetween},
		{"four faults", Plan{Steps: append(two, two...), Load: load(8, 1000)}, 500},
		{"awakeables", Plan{Steps: two, Load: awaiting}, 200},
		{"no load", Plan{Steps: two}, 0},
	} {
		assert.Equal(t, c.want, c.plan.between(), c.name)
	}
}

func TestLongerLoadsAreOtherwiseTheSame(t *testing.T) {
	once, longer := sample(t, 12, 200, twoThirds), sample(t, 12, 200, Options{Loads: Loads{Share: twoThirds.Loads.Share, Times: 2}})
	more, most := 0, 0
	for i, p := range longer {
		was := once[i].Load.Between
		switch {
		case p.Load.Between >= 2*was-1 && was > leastBetween && p.Load.Between < mostBetween:
			more++
		case p.Load.Between == mostBetween:
			most++
		}
		p.Load.Between = was
		require.Equal(t, once[i], p)
	}
	assert.Greater(t, more, 60)
	assert.Less(t, most, 40)
}

// Of the plans without a load nothing changes: what a load adds is drawn last.
func TestOtherPlansAreWhatTheyAreWithoutLoads(t *testing.T) {
	with, without := sample(t, 12, 100, twoThirds), sample(t, 12, 100, Options{})
	for i, p := range with {
		if !hasLoad(p) {
			require.Equal(t, without[i], p)
		}
	}
}

// Of 20 plans with loads as without, some gate an operation before and after a stop and a
// kill.
func TestSessionsWithLoadsCoverEveryFaultPoint(t *testing.T) {
	sessions, missed := 500, 0
	if testing.Short() || selftest.Race {
		sessions = 50
	}
	for s := range uint64(sessions) {
		points := map[FaultPoint]bool{}
		for _, p := range sample(t, s, 20, twoThirds) {
			for _, c := range p.FaultPoints() {
				points[c] = true
			}
		}
		if len(points) < len(FaultPoints()) {
			missed++
		}
	}
	assert.LessOrEqual(t, missed, 1, "sessions that miss a fault point")
}

// Sessions of different seeds ask about as much of the server.
func TestSessionsOfAllSeedsHaveAboutAsManyOperationsOfLoads(t *testing.T) {
	var all []float64
	for seed := range uint64(40) {
		operations := 0
		for _, p := range sample(t, seed, 20, twoThirds) {
			operations += p.Load.Between * ends(p)
		}
		all = append(all, float64(operations))
	}
	mean, deviation := stats(all)
	t.Logf("%.0f operations in the mean, a deviation of %.0f, %.0f at least", mean, deviation, slices.Min(all))
	assert.Less(t, deviation/mean, 0.35)
	assert.Greater(t, slices.Min(all)/mean, 0.5)
}

// stats are the mean and the standard deviation.
func stats(all []float64) (mean, deviation float64) {
	for _, n := range all {
		mean += n / float64(len(all))
	}
	for _, n := range all {
		deviation += (n - mean) * (n - mean) / float64(len(all))
	}
	return mean, math.Sqrt(deviation)
}

// ends counts the faults of a plan that end the server.
func ends(p Plan) (n int) {
	for _, s := range p.Steps {
		if f, is := s.(Inject); is && f.Fault.Ends() {
			n++
		}
	}
	return n
}

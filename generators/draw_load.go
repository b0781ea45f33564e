package generators

import (
	"math"
	"slices"

	"pgregory.net/rapid"

	"retain/model"
)

// Loads says which of the plans that are drawn have a load. The zero value is none.
type Loads struct {
	// Share is the share of plans with a load, 0 to 1.
	Share float64 `json:"share"`
	// Clients is how many clients each load has, 0 for 8 to 64.
	Clients int `json:"clients,omitempty"`
	// Times is how many times as many operations a load has between two faults as drawn,
	// within the bounds; 0 for once.
	Times int `json:"times,omitempty"`

	place *loadPlace // the place of the plan's load in its seed's row; nil for none
}

// loadPlace is the place of one load among those of a seed, a point of the unit square: the
// share of each list's values that come before the load's own.
type loadPlace struct{ between, sharing float64 }

// loadPlaceOf is that of load number n of a seed: a row of them covers the square evenly,
// so that sessions of different seeds have about as many operations. It is the additive
// recurrence by the powers of the plastic number (Roberts, "The unreasonable effectiveness
// of quasirandom sequences", 2018) from a point that the seed gives.
func loadPlaceOf(seed uint64, n int) *loadPlace {
	const plastic = 1.324717957244746
	at := func(stream uint64, step float64) float64 {
		begin := float64(mix(seed, stream)>>11) / (1 << 53)
		_, frac := math.Modf(begin + float64(n)*step)
		return frac
	}
	return &loadPlace{between: at(loadStream, 1/plastic), sharing: at(loadStream+1, 1/plastic/plastic)}
}

// loadStream keeps the numbers that begin a row of loads apart from those of plans.
const loadStream = 1 << 40

// pickAt is the value that stands at a share of a list.
func pickAt[V any](values []V, at float64) V { return values[int(at*float64(len(values)))] }

// of is for plan number n of a seed: all or none. In a row of plans as many have a load
// as the share says.
func (l Loads) of(seed uint64, number int) Loads {
	before := func(n int) int { return int(math.Floor(l.Share*float64(n) + 1e-9)) }
	at := number + int(seed%16)
	if before(at+1) == before(at) {
		return Loads{}
	}
	l.Share, l.place = 1, loadPlaceOf(seed, before(at))
	return l
}

// loadSeed is the seed of the load of plan number n of a seed: short enough to be read.
func loadSeed(seed uint64, number int) uint64 { return 1 + mix(^seed, uint64(number))%999_999 }

// What loads are drawn from, the simplest first.
var (
	loadClients = []int{8, 12, 16, 24, 32, 48, 64, 64}
	loadReads   = []int{30, 10, 20, 50, 80}
	// loadBetween is for a plan of usualFaults. It makes about 820 operations a plan, which
	// has fewer than quickKeys objects or lazy state more often than not.
	loadBetween = slices.Concat(times(1, 30), times(1, 60), times(1, 120), times(2, 250), times(3, 500), times(5, 1000), times(5, mostBetween))
)

// leastBetween and mostBetween bound what a load has between two faults.
const leastBetween, mostBetween = 30, 2000

// usualFaults is how many faults a plan with a load has that end the server.
const usualFaults = 2

// loadKinds bounds the kinds of objects of a load.
const loadKinds = 3

// drawLoad draws the load, if the plan has one, and lets faults strike it.
func (use *swarm) drawLoad(t *rapid.T, o Options) {
	if o.Loads.Share <= 0 || o.Loads.Share < 1 && pick(t, "load", upTo(100)...) >= int(100*o.Loads.Share) {
		return
	}
	clients := o.Loads.Clients
	if clients == 0 {
		clients = pick(t, "clients of the load", loadClients...)
	}
	sharing := []int{clients, 1, 4, 2, 8, clients, 1, clients}
	together := pick(t, "clients that share an object", sharing...)
	l := Load{
		Clients: clients,
		Seed:    uint64(rapid.Uint32Range(1, 999_999).Draw(t, "seed of the load")),
		Reads:   pick(t, "reads of the load", loadReads...),
		Between: pick(t, "between", loadBetween...),
	}
	if at := o.Loads.place; at != nil {
		together, l.Between = pickAt(sharing, at.sharing), pickAt(loadBetween, at.between)
	}
	l.Between *= max(1, o.Loads.Times)
	l.Objects = max(1, clients/together)
	l.Operations = l.drawOperations(t, o.Exclude)
	if len(l.Operations) == 0 {
		return // what loads can do is excluded
	}
	use.load = l
	use.triggers = append(use.triggers, times(4*len(use.triggers), whileInFlight)...)
}

// drawOperations draws the operations of a load: of a few kinds, at most one for each
// object. Each plan leaves some out, but not those that keep answers short.
func (l Load) drawOperations(t *rapid.T, exclude Exclusions) []string {
	among := exclude.loadKinds()
	if len(among) == 0 {
		return nil
	}
	most := min(loadKinds, l.Objects)
	kinds := subset(t, "kind of the load", among...)
	if skip := pick(t, "first kind", upTo(len(kinds))...); len(kinds) > most {
		kinds = slices.Concat(kinds[skip:], kinds[:skip])[:most]
	}
	var out []string
	for _, k := range kinds {
		writing, reading := exclude.loadWriting(k), exclude.reading(k)
		writes := subset(t, "writing of the load", writing...)
		for _, o := range append(withWrite(writes, writing[0]), subset(t, "reading of the load", reading...)...) {
			if !o.joins || l.Clients <= fewSharing*l.Objects {
				out = append(out, o.nameOf(k))
			}
			if ending := slices.IndexFunc(writing, operation.ends); o.opens && ending >= 0 && !slices.ContainsFunc(writes, operation.ends) {
				out = append(out, writing[ending].nameOf(k))
			}
			if !o.grows {
				continue
			}
			if clears := clearing(writing).nameOf(k); !slices.ContainsFunc(writes, func(w operation) bool { return w.clears }) && !slices.Contains(out, clears) {
				out = append(out, clears)
			}
		}
	}
	return out
}

// loadKinds lists the kinds of objects that loads have.
func (x Exclusions) loadKinds() []model.Kind {
	return slices.DeleteFunc(x.Kinds(), func(k model.Kind) bool {
		return !slices.ContainsFunc(x.loadWriting(k), func(o operation) bool { return !o.clears })
	})
}

// loadWriting lists the operations of loads that have an effect on a kind of objects: none
// that makes answers longer without one that clears.
func (x Exclusions) loadWriting(k model.Kind) []operation {
	all := x.writing(k)
	if slices.ContainsFunc(all, func(o operation) bool { return o.clears }) {
		return all
	}
	return slices.DeleteFunc(all, func(o operation) bool { return o.grows })
}

// clearing is the operation that clears, of those that there are of a kind.
func clearing(all []operation) operation {
	return all[slices.IndexFunc(all, func(o operation) bool { return o.clears })]
}

// lastFault returns the fault of a plan that met none, and its trigger.
func (d *drawing) lastFault() (model.FaultKind, Trigger) {
	if d.use.load.Clients > 0 && rare(d.t, "strike the load", 2) {
		return d.use.focus.Fault, d.trigger(whileInFlight)
	}
	return d.focused()
}

// inFlight lists how many operations in flight a fault may wait for.
func (l Load) inFlight() []int {
	return []int{min(8, l.Clients), max(1, l.Clients/2), max(1, 3*l.Clients/4), l.Clients}
}

// quickKeys is how many objects a load needs for its full rate: each serves one exclusive
// call at a time.
const quickKeys = 8

// costOfOpening is how many times as long an operation takes whose handler calls, sleeps and waits
// to be ended.
const costOfOpening = 3

// opens reports whether the load has operations that leave something open.
func (l Load) opens() bool {
	for _, o := range l.objects() {
		if slices.ContainsFunc(l.drawn(o.Kind), func(o operation) bool { return o.opens }) {
			return true
		}
	}
	return false
}

// between is the number of operations of the load between two faults: fewer where the
// load has few keys, where the server's state is lazy, where its operations leave
// something open, and where a plan has many faults.
// Whether the server suspends invocations makes no difference to the rate of a load.
func (p Plan) between() int {
	n := p.Load.Between
	if n == 0 {
		return 0
	}
	lazy, ends := p.Config.Class().Lazy, 0
	for _, s := range p.Steps {
		if f, is := s.(Inject); is {
			lazy = lazy || f.Start.Class().Lazy
			if f.Fault.Ends() {
				ends++
			}
		}
	}
	n = n * usualFaults / max(1, ends) * min(p.Load.Objects, quickKeys) / quickKeys
	if lazy {
		n = n * 2 / 3
	}
	if p.Load.opens() {
		n /= costOfOpening
	}
	return max(leastBetween, min(n, mostBetween))
}

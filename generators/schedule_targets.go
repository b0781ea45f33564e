package generators

import (
	"cmp"
	"math/rand/v2"
	"slices"

	"retain/model"
)

// acknowledgedAtOnce bounds the targets of a plan that are acknowledged before the same
// fault. Each has an object of its own, which the plan reads to the end.
const acknowledgedAtOnce = 8

// ClassOf is the class in which plan number n of a seed begins.
func ClassOf(seed uint64, number int, o Options) Class {
	switch {
	case o.Server != "":
		return Config{Server: o.Server}.Class()
	case o.StartConfigs && o.Start != (StartConfig{}):
		return o.Start.Class()
	case o.StartConfigs:
		return scheduledClass(seed, number, o)
	}
	return Config{Server: serverOf(seed, number, o)}.Class()
}

// turnOf is how many plans of a seed before number n begin in the same class.
func turnOf(seed uint64, number int, o Options) int {
	switch {
	case o.Server != "" || o.StartConfigs && o.Start != (StartConfig{}):
		return number
	case o.StartConfigs:
		_, _, turn := classTurn(number, len(o.classes()))
		return turn
	}
	class, turn := ClassOf(seed, number, o), 0
	for n := range number {
		if ClassOf(seed, n, o) == class {
			turn++
		}
	}
	return turn
}

// scheduledTargets are the [Changes] that plan number n of a seed ends with: a fixed
// schedule, so that a seed draws the same session again. Of the plans that begin in one
// class, in their order, each has one operation in flight at a stop or a kill, in turn,
// and a part of all operations acknowledged before it; every plan has a part acknowledged
// before a kill. Three plans have all of these, six those before a stop.
func scheduledTargets(seed uint64, number int, o Options) []Situation {
	class := ClassOf(seed, number, o)
	changes := slices.DeleteFunc(Changes(), func(s Situation) bool { return s.Class != class || !o.Exclude.Draws(s.Operation) })
	first := class == ClassOf(seed, 0, o)
	return targetsOf(changes, o.Exclude.ends(), first, turnOf(seed, number, o), func(round int) *rand.Rand {
		return rand.New(rand.NewPCG(mix(seed, uint64(slices.Index(Classes(), class))), uint64(round)))
	})
}

// targetsOf are the targets of a class's plan number turn, among the changes of the class.
// The first class of a seed begins with an operation before its effect at each fault: the
// later ones come after their effect, and a session needs both.
func targetsOf(changes []Situation, strikes []model.FaultKind, first bool, turn int, chance func(round int) *rand.Rand) (out []Situation) {
	part := func(turn, size int, among func(Situation) bool) {
		out = append(out, partOf(slices.DeleteFunc(slices.Clone(changes), func(s Situation) bool { return !among(s) }), turn, size, chance)...)
	}
	fault, turnOfFault := strikes[turn%len(strikes)], turn/len(strikes)
	acknowledged := func(f model.FaultKind) func(Situation) bool {
		return func(s Situation) bool { return s.Fault == f && s.Moment == Acknowledged }
	}
	held := func(s Situation) bool { return s.Fault == fault && s.Moment != Acknowledged }
	before := func(s Situation) bool { return s.Fault == fault && s.Moment == BeforeEffect }
	switch {
	case first && turnOfFault == 0:
		part(0, 1, before)
	case first:
		part(turnOfFault-1, 1, held)
	default:
		part(turnOfFault, 1, held)
	}
	if fault != model.Kill {
		part(turnOfFault, acknowledgedAtOnce, acknowledged(fault))
	}
	if slices.Contains(strikes, model.Kill) {
		part(turn, acknowledgedAtOnce, acknowledged(model.Kill))
	}
	return out
}

// partOf divides situations into parts of at most size, and returns the one whose turn it
// is: first those that the plans' random parts meet rarely, which draw operations by
// weight and hold most of them before their effect, in a new order each round.
func partOf(all []Situation, turn, size int, chance func(round int) *rand.Rand) []Situation {
	parts := (len(all) + size - 1) / size
	if parts == 0 {
		return nil
	}
	chance(turn/parts).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	slices.SortStableFunc(all, func(a, b Situation) int {
		first, _ := operationNamed(a.Operation)
		second, _ := operationNamed(b.Operation)
		return cmp.Or(first.weight-second.weight, slices.Index(rarestFirst, a.Moment)-slices.Index(rarestFirst, b.Moment))
	})
	i := turn % parts
	return all[i*len(all)/parts : (i+1)*len(all)/parts]
}

var rarestFirst = []Moment{AfterEffect, BeforeEffect, Acknowledged}

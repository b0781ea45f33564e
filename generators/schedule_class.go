package generators

import "math/rand/v2"

// How many plans in a row begin in the same class: in the first round as many as have each
// operation acknowledged before a kill, so that a session on a slow machine has that in
// every class; then more, since a change of class costs each server a restart.
const (
	firstClassRun = 3
	classRun      = 5
)

// scheduledClass is the class in which plan number n of a seed begins where the
// configurations of starts follow a schedule: each class for a run of plans, in an order
// that the seed gives, a new one for each round.
func scheduledClass(seed uint64, number int, o Options) Class {
	classes := o.classes()
	round, turn, _ := classTurn(number, len(classes))
	order := rand.New(rand.NewPCG(seed, uint64(round))).Perm(len(classes))
	return classes[order[turn]]
}

// classTurn is the place of plan number n in the schedule of so many classes: the round, which of
// the round's classes has its turn, and how many plans before begin in the same class.
func classTurn(number, classes int) (round, turn, before int) {
	if first := firstClassRun * classes; number >= first {
		number -= first
		round = 1 + number/(classRun*classes)
		return round, number % (classRun * classes) / classRun, firstClassRun + (round-1)*classRun + number%classRun
	}
	return 0, number / firstClassRun, number % firstClassRun
}

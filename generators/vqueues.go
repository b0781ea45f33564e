package generators

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"retain/runtime/versions"
)

// HasVQueues reports whether a server of a version such as "1.7.12" has virtual queues. It
// is false for a version that can't be read.
func HasVQueues(version string) bool {
	_, known := versions.Parse(version)
	return known && versions.Has(version, versions.VQueues)
}

// allHaveVQueues is [HasVQueues] of each of some versions.
func allHaveVQueues(versions []string) bool {
	return !slices.ContainsFunc(versions, func(v string) bool { return !HasVQueues(v) })
}

// check returns an error for data that a server of a version can't have. A version
// that can't be read may have any.
func (p Provision) check(version string) error {
	if p.VQueues && !versions.Has(version, versions.VQueues) {
		return fmt.Errorf("the plan's server has vqueues, and %s has none: choose version %s or later, "+
			"or take vqueues out of the plan", version, versions.Of(versions.VQueues).Since)
	}
	return nil
}

// One in groupsPerVQueues groups of plans has vqueues.
const groupsPerVQueues = 3

// vqueuesAt reports whether the group of plan number n of a seed has vqueues, where groups
// rotate through so many numbers of partitions. Of each three groups in a row one has, by
// a random stream that nothing else of the plan reads.
func vqueuesAt(seed uint64, number, partitions int) bool {
	round, turn := groupTurn(number, partitions)
	group := round*partitions + turn
	chance := rand.New(rand.NewPCG(mix(seed, vqueuesStream), uint64(group/groupsPerVQueues)))
	return chance.IntN(groupsPerVQueues) == group%groupsPerVQueues
}

// vqueuesStream tells the random stream of vqueues from others of a seed.
const vqueuesStream = 0x7671

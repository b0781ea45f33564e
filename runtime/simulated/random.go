package simulated

import "time"

// random draws numbers from a seed. Each draw follows from the seed and
// from what it is drawn for, never from the draws before it.
type random uint64

// of is a number from 0 to 1, 1 excluded.
func (c random) of(what string, numbers ...uint64) float64 {
	h := mix(uint64(c))
	for i := range len(what) {
		h = mix(h ^ uint64(what[i]))
	}
	for _, n := range numbers {
		h = mix(h ^ n)
	}
	return float64(h>>11) / (1 << 53)
}

// time is a duration from 0 to longest.
func (c random) time(longest time.Duration, what string, numbers ...uint64) time.Duration {
	return time.Duration(c.of(what, numbers...) * float64(longest))
}

// mix is the step of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
func mix(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// site counts the opportunities of bugs at one place: an object or a partition.
type site struct {
	name   string
	number uint64
	seen   map[Bug]uint64
}

// planted are the bugs of a runtime. It is guarded by the store's lock.
type planted struct {
	random random
	rate   float64
	on     map[Bug]bool
	struck map[Bug]int
}

// strikes draws whether the bug takes one opportunity. The caller has checked that the
// condition of the bug holds and that the bug would change something.
func (p *planted) strikes(b Bug, at *site) bool {
	if !p.on[b] {
		return false
	}
	if at.seen == nil {
		at.seen = map[Bug]uint64{}
	}
	at.seen[b]++
	if p.random.of(string(b)+"@"+at.name, at.number, at.seen[b]) >= p.rate {
		return false
	}
	p.struck[b]++
	return true
}

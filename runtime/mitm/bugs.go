package mitm

import (
	"math/rand/v2"
	"time"
)

// Bug is the name of a bug.
type Bug string

// The bugs, in the order of [Bugs].
const (
	// LostUpdate breaks the mutual exclusion of an object's exclusive handlers:
	// two of them read the same state, and what the one writes is written over
	// by the other. Both calls are acknowledged.
	LostUpdate Bug = "lost-update"
	// MixedKeys breaks the table of idempotency keys when it is read back at a
	// start: a new key finds an old one's answer, and its call is not executed.
	MixedKeys Bug = "mixed-keys"
	// DroppedWrite acknowledges a write that is not executed. It takes no blind writes: one
	// that is overwritten unread may be lost.
	DroppedWrite Bug = "dropped-write"
	// OtherKey answers a read with what another object of the service answers.
	OtherKey Bug = "other-key"
)

// Description says what a bug does and when it can.
type Description struct {
	Bug Bug
	// Does is what goes wrong, When the condition under which it can.
	Does, When string
}

// Bugs describes every bug.
func Bugs() []Description {
	return []Description{
		{
			LostUpdate, "a write runs on the state before another one, which then overwrites it; both are acknowledged",
			"while another call of the same handler of the same object is unanswered, where the handler writes what it read (add, append, compareAndSet)",
		},
		{
			MixedKeys, "a call is not executed and gets the answer of an earlier one",
			"after a restart, if the call has an idempotency key and the same handler of the same object answered another key before it",
		},
		{
			DroppedWrite, "a write is acknowledged and not executed",
			"at any time, where the handler writes what it read (add, append, compareAndSet)",
		},
		{
			OtherKey, "a read gets the answer of another object of its service",
			"at any time, once another object of the service was called",
		},
	}
}

// DefaultRate is the probability with which a bug strikes.
const DefaultRate = 0.2

// Options of [New]. The zero value changes nothing.
type Options struct {
	// Bugs are those that are committed.
	Bugs []Bug
	// Rate is the probability, from 0 to 1, that a bug strikes at an
	// opportunity; 0 is [DefaultRate].
	Rate float64
	// InFlight is how many calls are in flight where a bug can strike, the call that it
	// strikes included; 0 is any number.
	InFlight int
	// Seed decides which opportunities a bug takes, by their number.
	Seed uint64
}

// committed are the bugs of a runtime, with one sequence of draws each. It is
// guarded by the interceptor's lock.
type committed struct {
	rate          float64
	inFlight      int                // calls that were not answered yet
	leastInFlight int                // a bug can strike from so many on
	draws         map[Bug]*rand.Rand // of those that are on
	struck        map[Bug]int
}

func commit(o Options) committed {
	c := committed{rate: o.Rate, leastInFlight: o.InFlight, draws: map[Bug]*rand.Rand{}, struck: map[Bug]int{}}
	if c.rate == 0 {
		c.rate = DefaultRate
	}
	for i, d := range Bugs() {
		for _, on := range o.Bugs {
			if on == d.Bug {
				c.draws[on] = rand.New(rand.NewPCG(o.Seed, uint64(i)))
			}
		}
	}
	return c
}

func (c *committed) on(b Bug) bool { return c.draws[b] != nil }

// takes decides about one opportunity.
func (c *committed) takes(b Bug) bool {
	return c.on(b) && c.inFlight >= c.leastInFlight && c.draws[b].Float64() < c.rate
}

// stamp begins a line of the log.
func stamp() string { return time.Now().UTC().Format("2006-01-02T15:04:05.000000Z ") }

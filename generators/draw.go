package generators

import (
	"flag"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"retain/model"
)

// Options narrow the plans that are drawn. The zero value draws everything.
type Options struct {
	// Unresolved leaves every ambiguous operation open: no plan re-sends.
	Unresolved bool
	// Kinds of objects to draw from; nil for all.
	Kinds []model.Kind
	// Partitions to draw from; nil for 1, 4 and 24.
	Partitions []int
	// Server is the configuration of the server that every plan names, one of
	// [Servers]; "" for none in particular: [Draw] goes through those with one of
	// Partitions, group by group, and [Plans] draws plans that name none.
	Server string
	// MaxSteps bounds the steps of a plan but for the last few, 0 for [MaxSteps].
	MaxSteps int
	// Focus is the cell that a plan's first fault mostly aims at, so that none
	// stays empty; the zero value draws it. [Draw] goes round them.
	Focus Cell
	// Aim is a situation that every plan ends with, one of [Situations]: plans that
	// lean towards what was tested rarely. The zero value is none.
	Aim Situation
}

// MaxSteps bounds plans unless the options say otherwise: lengths are geometric,
// and one plan in a hundred would be longer.
const MaxSteps = 150

// Plans draws plans, for rapid.Check and Example. Lengths are those of
// [rapid.T.Repeat]: -rapid.steps in the mean (30), half of that with -short.
//
// A plan uses a random part of what there is: kinds of objects and of
// operations, faults, triggers. Its steps stand in the list in the order in
// which they were drawn and have their ids from that; no step is drawn together
// with another, so that shrinking can take out any of them.
func Plans(o Options) *rapid.Generator[Plan] {
	return rapid.Custom(func(t *rapid.T) Plan {
		use := drawSwarm(t, o)
		d := newDrawing(t, use)
		t.Repeat(map[string]func(*rapid.T){"step": func(t *rapid.T) {
			d.t = t
			d.step()
		}})
		d.t = t
		d.finish()
		return Plan{Config: use.config, Steps: d.steps}
	})
}

// Draw is plan number n of a session's seed: always the same one for the same
// arguments, -rapid.steps and -short.
func Draw(seed uint64, number int, o Options) Plan {
	if o.Focus == (Cell{}) {
		cells := Cells()
		o.Focus = cells[(seed+uint64(number))%uint64(len(cells))]
	}
	if o.Server == "" {
		o.Server = serverOf(seed, number, o.Partitions)
	}
	p := Plans(o).Example(int(mix(seed, uint64(number))))
	p.Seed, p.Number, p.RapidSteps = seed, number, rapidSteps()
	return p
}

// mix makes one seed of two: the finaliser of SplitMix64 (Steele, Lea and Flood,
// OOPSLA 2014) over the seed's place in a sequence of that number.
func mix(seed, number uint64) uint64 {
	z := seed*0xd1342543de82ef95 + (number+1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// rapidSteps is the mean number of actions that rapid repeats, by its flags.
func rapidSteps() int {
	f := flag.Lookup("rapid.steps")
	if f == nil {
		return 0
	}
	n, err := strconv.Atoi(f.Value.String())
	if err != nil {
		return 0
	}
	if testing.Short() {
		n /= 2
	}
	return n
}

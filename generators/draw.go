package generators

import (
	"flag"
	"math/rand/v2"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"retain/model"
)

// Options narrow the plans that are drawn. The zero value draws everything.
type Options struct {
	// Unresolved leaves every ambiguous operation open: no plan re-sends.
	Unresolved bool
	// Exclude is what plans are not drawn with. It leaves something: see
	// [Exclusions.Check].
	Exclude Exclusions
	// Rare are operations, by their names, that one plan of four is drawn with: known findings
	// take what they are in.
	Rare []string
	// Partitions to draw from; nil for 1, 4 and 24.
	Partitions []int
	// Server is the configuration of the server that every plan names, one of
	// [Servers]; "" for none in particular: [Draw] goes through those with one of
	// Partitions, group by group, and [Plans] draws plans that name none.
	Server string
	// StartConfigs draws both axes of a configuration instead of names: partitions, what
	// the server is started with, and start steps that change it. A Server pins both.
	StartConfigs bool
	// VQueues lets [Draw] give vqueues to the servers of a third of the groups of plans, if
	// StartConfigs is set and no Server: see [HasVQueues]. All else of a plan stays the same.
	VQueues bool
	// Start is what every plan starts the server with, if StartConfigs is set; the zero
	// value draws it. [Draw] gives each class a run of plans in turn.
	Start StartConfig
	// MaxSteps bounds the steps of a plan but for the last few, 0 for [MaxSteps].
	MaxSteps int
	// Focus is the fault point of a plan's first fault in most cases, so that a session
	// covers each; the zero value draws it. [Draw] takes them in turn.
	Focus FaultPoint
	// Situation is the target situation that every plan ends with, one of [Situations]:
	// a campaign biases its plans towards rarely tested ones. The zero value is none.
	Situation Situation
	// Loads says which plans have a load. The zero value is none, and draws nothing.
	Loads Loads
	// ServiceFaults is the share of plans, 0 to 1, to which [Draw] adds one or two faults of
	// the service. All else of a plan stays the same.
	ServiceFaults float64
	// Versions lets [Draw] start the server as other versions of the list, at least once in
	// each plan, at any of its starts: a plan begins with the first one. All else of a plan
	// stays the same, but for vqueues, which all of the versions must have. Nil for plans of
	// one version.
	Versions []string
	// Scheduled lets [Draw] end plans with changes at faults, so that a session has all of
	// them early: see [Changes]. Which ones follows from the seed and the plan's number.
	Scheduled bool

	targets []Situation  // those of the plan's number
	verbs   []model.Verb // of operations on invocations that the plan has, nil to draw them
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
		p := Plan{Config: use.config, Load: use.load, Steps: d.steps}
		p.Load.Between = p.between()
		return p
	})
}

// Draw is plan number n of a session's seed: always the same one for the same
// arguments, -rapid.steps and -short.
func Draw(seed uint64, number int, o Options) Plan {
	o.verbs = o.rareVerbs(number)
	o.Exclude = o.Exclude.For(o.Rare, number)
	if o.Scheduled {
		o.targets = scheduledTargets(seed, number, o)
	}
	if o.Focus == (FaultPoint{}) {
		points := o.Exclude.FaultPoints()
		o.Focus = points[(seed+uint64(number))%uint64(len(points))]
	}
	vqueues := false
	switch {
	case o.Server != "":
	case o.StartConfigs:
		vqueues = o.VQueues && vqueuesAt(seed, number, len(o.partitions())) && allHaveVQueues(o.Versions)
		o = o.schedule(seed, number)
	default:
		o.Server = serverOf(seed, number, o)
	}
	o.Loads = o.Loads.of(seed, number)
	p := Plans(o).Example(int(mix(seed, uint64(number))))
	p.Config.VQueues = vqueues && !o.Exclude.vqueuesIn(p)
	if p.Load.Clients > 0 {
		p.Load.Seed = loadSeed(seed, number)
	}
	if len(o.Versions) > 1 {
		p = p.switching(o.Versions, o.Exclude.ends(), rand.New(rand.NewPCG(mix(seed, versionsStream), uint64(number))))
	}
	if r := rand.New(rand.NewPCG(mix(seed, serviceStream), uint64(number))); r.Float64() < o.ServiceFaults {
		p = p.disturbing(o.Exclude.faultsIn(disturbs), r)
	}
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

package generators

import (
	"math/rand/v2"

	"pgregory.net/rapid"

	"retain/model"
)

// startConfigs are the configurations of a class to draw from, by weight.
func (c Class) startConfigs() []StartConfig {
	out := []StartConfig{{State: EagerState, Suspension: SuspendNever}}
	if c.Suspending { // what waits in a plan mostly waits for less than SuspendSoon
		out = []StartConfig{{State: EagerState, Suspension: SuspendAtOnce}, {State: EagerState, Suspension: SuspendAtOnce}, {State: EagerState, Suspension: SuspendSoon}}
	}
	if c.Lazy {
		for i := range out {
			out[i].State = LazyState
		}
	}
	return out
}

// startConfigChanges are what a start step may change.
var startConfigChanges = []StartConfig{
	{State: EagerState}, {State: LazyState}, {Suspension: SuspendNever}, {Suspension: SuspendAtOnce}, {Suspension: SuspendSoon},
}

// schedule fixes the configuration of plan number n of a seed, if the options draw both
// axes: a group of plans has one number of partitions, and shares servers; the class
// follows [scheduledClass].
func (o Options) schedule(seed uint64, number int) Options {
	partitions := o.partitions()
	o.Partitions = []int{partitions[groupOf(seed, number, len(partitions))]}
	if o.Start == (StartConfig{}) {
		of := scheduledClass(seed, number).startConfigs()
		round, _, _ := classTurn(number)
		o.Start = of[rand.New(rand.NewPCG(seed, uint64(round))).IntN(len(of))]
	}
	return o
}

// drawStartConfig draws what the server is started with, and how it is taken over.
func drawStartConfig(t *rapid.T, c *Config, o Options) {
	if c.Start = o.Start; c.Start == (StartConfig{}) {
		c.Start = pick(t, "start config", pick(t, "class", Classes()...).startConfigs()...)
	}
	c.TakeOver = pick(t, "take over", "", "", model.Stop)
}

// restore brings the configuration back that the plan began with, for good: the class of
// the plan's targets is that of its beginning.
func (d *drawing) restore() {
	d.use.reconfigures = false
	began := d.use.config.Started()
	if d.config == began {
		return
	}
	if d.runtime != model.Down {
		d.inject(Inject{Fault: model.Kill, When: InPlace{}})
	}
	d.inject(Inject{Fault: model.Start, When: InPlace{}, Start: began})
	d.config = began
}

// reconfigured is the configuration that the next start step names: another one now and
// then, in some plans.
func (d *drawing) reconfigured() StartConfig {
	if !d.use.configures {
		return StartConfig{}
	}
	// Both are drawn in any case, so that later steps find their own bits again.
	another, to := rapid.Bool().Draw(d.t, "another configuration"), pick(d.t, "to", startConfigChanges...)
	changed := d.config.With(to)
	if !d.use.reconfigures || !another || changed == d.config {
		return StartConfig{}
	}
	d.config = changed
	return to
}

package generators

import (
	"math/rand/v2"
	"slices"

	"pgregory.net/rapid"

	"retain/model"
)

// startConfigs are the configurations of a class to draw from, by weight. That of timers is
// for plans that may have some.
func (c Class) startConfigs(timers bool) []StartConfig {
	plain := StartConfig{State: EagerState, Suspension: SuspendNever}
	out := []StartConfig{plain}
	if timers {
		out = append(out, plain, StartConfig{State: EagerState, Suspension: SuspendNever, OneTimer: true})
	}
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
	on := partitions[groupOf(seed, number, len(partitions))]
	if o.Start == (StartConfig{}) {
		class := []Class{scheduledClass(seed, number, o)}
		if len(o.startConfigs(class, on)) == 0 { // it is excluded with this number of partitions, and not with another one
			on = partitions[slices.IndexFunc(partitions, func(n int) bool { return len(o.startConfigs(class, n)) > 0 })]
		}
		of := o.startConfigs(class, on)
		round, _, _ := classTurn(number, len(o.classes()))
		o.Start = of[rand.New(rand.NewPCG(seed, uint64(round))).IntN(len(of))]
	}
	o.Partitions = []int{on}
	return o
}

// classes lists the classes that plans begin in, if they draw what the server is started
// with.
func (o Options) classes() []Class { return o.Exclude.classesWith(o.partitions()) }

// startConfigs are what a server with so many partitions is started with, in some classes.
func (o Options) startConfigs(of []Class, partitions int) (out []StartConfig) {
	if o.Start != (StartConfig{}) {
		if !o.Exclude.excludesConfig(Provision{Partitions: partitions}, o.Start) {
			out = append(out, o.Start)
		}
		return out
	}
	for _, c := range of {
		out = append(out, o.Exclude.startConfigs(c, partitions)...)
	}
	return out
}

// drawStartConfig draws what the server is started with, and how it is taken over.
func drawStartConfig(t *rapid.T, c *Config, o Options) {
	if c.Start = o.Start; c.Start == (StartConfig{}) {
		class := pick(t, "class", o.Exclude.classesWith([]int{c.Partitions})...)
		c.Start = pick(t, "start config", o.Exclude.startConfigs(class, c.Partitions)...)
	}
	switch c.TakeOver = pick(t, "take over", "", "", model.Stop); {
	case o.Exclude.ExcludesFault(model.Kill):
		c.TakeOver = model.Stop
	case o.Exclude.ExcludesFault(model.Stop):
		c.TakeOver = ""
	}
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
		d.inject(Inject{Fault: d.use.exclude.End(), When: InPlace{}})
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
	if !d.use.reconfigures || !another || changed == d.config || d.use.exclude.excludesConfig(d.use.config.Provisioned(), changed) {
		return StartConfig{}
	}
	d.config = changed
	return to
}

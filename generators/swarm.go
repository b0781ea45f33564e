package generators

import (
	"slices"

	"pgregory.net/rapid"

	"retain/model"
)

// swarm is the part of everything that one plan uses. Leaving things out reaches
// what a plan of everything hardly does: a list that nobody clears grows long,
// a runtime that is only ever killed is never drained. The idea is that of
// Groce, Zhang, Eide, Chen and Regehr, "Swarm Testing" (ISSTA 2012).
type swarm struct {
	exclude   Exclusions
	config    Config
	clients   []int
	objects   []model.Object
	keys      []string // of map entries
	writes    map[model.Kind][]operation
	reads     map[model.Kind][]operation
	faults    []model.FaultKind        // that end the server, the focus first
	asides    []model.FaultKind        // that come beside them, in some plans
	hasAside  map[model.FaultKind]bool // ... and in this one
	triggers  []triggerKind
	focus     FaultPoint
	starting  bool // faults strike while the runtime starts
	crowds    bool // all clients call what a kill finds at a gate
	maxSteps  int
	maxFaults int
	situation Situation   // the target that the plan ends with; the zero value is none
	targets   []Situation // the changes at faults that the plan ends with
	// configures: the plan says what the server is started with, and reconfigures: start
	// steps change it.
	configures, reconfigures bool
	// verbs are those of operations on invocations, none in most plans; managesKey is true for
	// a plan that is to have them on a call with a key.
	verbs      []model.Verb
	managesKey bool

	load Load
}

func drawSwarm(t *rapid.T, o Options) swarm {
	clients := []int{1, 2, 3, 4, 5, 6}
	if o.Unresolved {
		clients = []int{8, 9, 10}
	}
	use := swarm{
		exclude:   o.Exclude,
		config:    drawConfig(t, o),
		clients:   upTo(pick(t, "clients", clients...)),
		objects:   drawObjects(t, o.Exclude.Kinds()),
		keys:      entryKeys[:pick(t, "keys", 1, 2, 3)],
		writes:    map[model.Kind][]operation{},
		reads:     map[model.Kind][]operation{},
		focus:     o.Focus,
		maxSteps:  o.MaxSteps,
		maxFaults: maxFaults,
		crowds:    o.Unresolved,
		targets:   o.targets,
	}
	if use.targets != nil {
		use.maxFaults = pick(t, "faults before targets", faultsBeforeTargets...)
	}
	if use.maxSteps == 0 {
		use.maxSteps = MaxSteps
	}
	use.allow(o.Situation)
	use.drawVerbs(t, o)
	if use.config.Start.OneTimer && o.Exclude.draws(model.Mailbox) {
		use.allowKind(model.Mailbox) // else there are no timers
	}
	for _, object := range use.objects {
		if k := object.Kind; use.writes[k] == nil {
			writing, reading := o.Exclude.writing(k), o.Exclude.reading(k)
			use.writes[k] = weighted(withWrite(subset(t, "writing", writing...), writing[0]))
			use.reads[k] = weighted(subset(t, "reading", reading...))
		}
	}
	use.drawFaults(t)
	use.drawLoad(t, o)
	if use.configures = o.drawsStarts(); use.configures {
		start := use.config.Start
		use.reconfigures = rare(t, "reconfigures", 2) && start.State != "" && start.Suspension != "" // else nothing restores it
		if use.reconfigures {
			use.maxFaults = maxFaults // it takes starts
		}
	}
	return use
}

func drawConfig(t *rapid.T, o Options) Config {
	c := Config{
		Partitions:    pick(t, "partitions", o.partitions()...),
		Unkeyed:       rare(t, "unkeyed", 3),
		PushOn:        rapid.Bool().Draw(t, "push on"),
		NoClosingKill: pick(t, "no closing kill", false, false, false, false, true),
	}
	if c.Server = o.Server; c.Server != "" {
		c.Partitions = 0 // the server's configuration says how many
	}
	if o.drawsStarts() {
		drawStartConfig(t, &c, o)
	}
	if o.Exclude.ExcludesFault(model.Kill) {
		c.NoClosingKill = true
	}
	if o.Unresolved {
		c.Resolve = LeaveOpen
		return c
	}
	if !c.Unkeyed { // what has no key is never sent again
		c.Retry = pick(t, "retry", false, false, true)
		c.Resolve = pick(t, "resolve", Resend, Resend, Resend, Resend, Resend, LookUp, LookUp, LeaveOpen)
	}
	return c
}

// drawnPartitions are the numbers of partitions to draw from, unless the options say
// otherwise.
func drawnPartitions() []int { return []int{1, 4, 24} }

// partitions are the numbers of partitions to draw from.
func (o Options) partitions() []int {
	out := o.Partitions
	if len(out) == 0 {
		out = drawnPartitions()
	}
	if len(o.Exclude) == 0 || !o.drawsStarts() {
		return out
	}
	return slices.DeleteFunc(slices.Clone(out), func(n int) bool { return len(o.startConfigs(o.Exclude.classesWith([]int{n}), n)) == 0 })
}

// drawsStarts reports whether plans say what the server is started with.
func (o Options) drawsStarts() bool { return o.StartConfigs && o.Server == "" }

// drawObjects draws one to four objects of at most three kinds; one to five of at most four
// where there are more kinds than that.
func drawObjects(t *rapid.T, kinds []model.Kind) []model.Object {
	var out []model.Object
	used, n := []model.Kind{}, map[model.Kind]int{}
	var among []model.Kind
	for _, k := range kinds {
		among = append(among, times(max(1, kindParts[k].weight), k)...)
	}
	most, counts := 3, []int{1, 2, 3, 4}
	if len(kinds) > 4 {
		most, counts = 4, append(counts, 5)
	}
	for range pick(t, "objects", counts...) {
		k := pick(t, "kind", among...)
		if !slices.Contains(used, k) {
			if len(used) == most {
				k = used[0]
			} else {
				used = append(used, k)
			}
		}
		out = append(out, model.Object{Kind: k, N: n[k]})
		n[k]++
	}
	return out
}

func (use *swarm) drawFaults(t *rapid.T) {
	strikes := use.exclude.ends()
	if use.focus == (FaultPoint{}) {
		use.focus = pick(t, "focus", faultPointsOf(strikes)...)
	}
	use.faults = times(2, use.focus.Fault)
	if common(t, "other fault", 2) {
		for _, k := range strikes {
			if k != use.focus.Fault {
				use.faults = append(use.faults, k)
			}
		}
	}
	use.triggers = []triggerKind{inPlace}
	if common(t, "while open", 2) {
		use.triggers = append(use.triggers, times(5, whileOpen)...)
	}
	if use.focus.After || common(t, "after gates", 2) {
		use.triggers = append(use.triggers, afterGate, afterGate)
	}
	if !use.focus.After || common(t, "before gates", 2) {
		use.triggers = append(use.triggers, beforeGate, beforeGate)
	}
	use.starting = common(t, "faults while starting", 1)
	use.asides, use.hasAside = use.exclude.faultsIn(aside), map[model.FaultKind]bool{}
	for _, k := range use.asides {
		if rare(t, string(k)+"s", 4) {
			use.hasAside[k] = true
		}
	}
}

// withWrite adds an operation that writes to those that only clear.
func withWrite(drawn []operation, write operation) []operation {
	if slices.ContainsFunc(drawn, func(o operation) bool { return !o.clears }) {
		return drawn
	}
	return append([]operation{write}, drawn...)
}

// weighted lists each operation as often as its weight says.
func weighted(all []operation) []operation {
	var out []operation
	for _, o := range all {
		out = append(out, times(o.weight, o)...)
	}
	return out
}

// upTo lists 0 to n-1.
func upTo(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

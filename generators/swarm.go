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
	config   Config
	clients  []int
	objects  []model.Object
	keys     []string // of map entries
	writes   map[model.Kind][]operation
	reads    map[model.Kind][]operation
	faults   []FaultKind // stop and kill, the focus first
	triggers []aim
	focus    Cell
	starting bool // faults strike while the runtime starts
	pauses   bool
	crowds   bool // all clients call what a kill finds at a gate
	maxSteps int
	aim      Situation // the zero value is none
}

func drawSwarm(t *rapid.T, o Options) swarm {
	clients := []int{1, 2, 3, 4, 5, 6}
	if o.Unresolved {
		clients = []int{8, 9, 10}
	}
	use := swarm{
		config:   drawConfig(t, o),
		clients:  upTo(pick(t, "clients", clients...)),
		objects:  drawObjects(t, o.Kinds),
		keys:     []string{"a", "b", "c"}[:pick(t, "keys", 1, 2, 3)],
		writes:   map[model.Kind][]operation{},
		reads:    map[model.Kind][]operation{},
		focus:    o.Focus,
		maxSteps: o.MaxSteps,
		crowds:   o.Unresolved,
	}
	if use.maxSteps == 0 {
		use.maxSteps = MaxSteps
	}
	use.aimAt(o.Aim)
	for _, object := range use.objects {
		if k := object.Kind; use.writes[k] == nil {
			use.writes[k] = weighted(withWrite(subset(t, "writing", writing[k]...), writing[k][0]))
			use.reads[k] = weighted(subset(t, "reading", reading[k]...))
		}
	}
	use.drawFaults(t)
	return use
}

func drawConfig(t *rapid.T, o Options) Config {
	partitions := o.Partitions
	if len(partitions) == 0 {
		partitions = []int{1, 4, 24}
	}
	c := Config{
		Partitions:    pick(t, "partitions", partitions...),
		Unkeyed:       rare(t, "unkeyed", 3),
		PushOn:        rapid.Bool().Draw(t, "push on"),
		NoClosingKill: pick(t, "no closing kill", false, false, false, false, true),
	}
	if c.Server = o.Server; c.Server != "" {
		c.Partitions = 0 // the server's configuration says how many
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

// drawObjects draws one to four objects of at most three kinds.
func drawObjects(t *rapid.T, kinds []model.Kind) []model.Object {
	if len(kinds) == 0 {
		kinds = model.Kinds()
	}
	var out []model.Object
	used, n := []model.Kind{}, map[model.Kind]int{}
	for range pick(t, "objects", 1, 2, 3, 4) {
		k := pick(t, "kind", kinds...)
		if !slices.Contains(used, k) {
			if len(used) == 3 {
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
	if use.focus == (Cell{}) {
		use.focus = pick(t, "focus", Cells()...)
	}
	use.faults = times(2, use.focus.Fault)
	if common(t, "other fault", 2) {
		use.faults = append(use.faults, other(use.focus.Fault))
	}
	use.triggers = []aim{inPlace}
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
	use.pauses = rare(t, "pauses", 4)
}

func other(f FaultKind) FaultKind {
	if f == Stop {
		return Kill
	}
	return Stop
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

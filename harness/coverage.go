package harness

import (
	"slices"
	"strconv"
	"strings"

	"retain/generators"
	"retain/model"
	"retain/runtime"
)

// Coverage is what runs tested, by class of the server's configuration.
type Coverage struct {
	// Situations counts the runs that tested each.
	Situations map[generators.Situation]int
	// Plans counts the runs by the class in which they began, Partitions by the number of
	// the server's partitions where the plan says it.
	Plans      map[generators.Class]int
	Partitions map[int]int
	// VQueues counts the runs on servers with vqueues.
	VQueues int
	// Writes counts the acknowledged writes that were read after a restart that followed
	// them: an answer showed each. The class is that of the server which acknowledged it.
	Writes map[generators.Class]int
	// Excluded is what the plans are not drawn with: it counts among nothing that there is.
	Excluded generators.Exclusions
}

// NewCoverage is the coverage of no run.
func NewCoverage() Coverage {
	return Coverage{
		Situations: map[generators.Situation]int{}, Plans: map[generators.Class]int{}, Partitions: map[int]int{}, Writes: map[generators.Class]int{},
	}
}

// CoverageOf is what the run of a plan tested.
func CoverageOf(p generators.Plan, h *model.History) Coverage {
	c := NewCoverage()
	for _, s := range Situations(p, h) {
		c.Situations[s] = 1
	}
	over, classes, provisioned := givenOver(h), classesOf(p, h), p.Config.Provisioned()
	c.Plans[classes[0].class] = 1
	if n, given := over[runtime.EnvPartitions]; given {
		provisioned.Partitions, _ = strconv.Atoi(n) // what is no number is not counted
	}
	if on, given := over[runtime.EnvVQueues]; given {
		provisioned.VQueues = on == "true"
	}
	if provisioned.Partitions > 0 {
		c.Partitions[provisioned.Partitions] = 1
	}
	if provisioned.VQueues {
		c.VQueues = 1
	}
	c.Writes = writesReadBack(h, classes)
	return c
}

// givenOver are the variables that a person gave the server of a run, by name: they go
// over what the plan says, at every start.
func givenOver(h *model.History) map[string]string {
	out := map[string]string{}
	for _, s := range h.Altered {
		if s.Kind == model.VariableSetting {
			out[strings.ToUpper(s.Name)] = s.Value
		}
	}
	return out
}

// Add adds the coverage of other runs.
func (c *Coverage) Add(d Coverage) {
	addCounts(c.Situations, d.Situations)
	addCounts(c.Plans, d.Plans)
	addCounts(c.Partitions, d.Partitions)
	c.VQueues += d.VQueues
	addCounts(c.Writes, d.Writes)
}

// Changes is how many of [generators.Changes] were tested, and how many there are.
func (c Coverage) Changes() (tested, of int) {
	return c.changes(func(generators.Situation) bool { return true })
}

// ChangesIn is the same for one class.
func (c Coverage) ChangesIn(class generators.Class) (tested, of int) {
	return c.changes(func(s generators.Situation) bool { return s.Class == class })
}

func (c Coverage) changes(among func(generators.Situation) bool) (tested, of int) {
	for _, s := range c.Excluded.Changes() {
		if !among(s) {
			continue
		}
		of++
		if c.Situations[s] > 0 {
			tested++
		}
	}
	return tested, of
}

// Meets reports whether a fault met an operation on an object of a kind.
func (c Coverage) Meets(k model.Kind) bool {
	for s := range c.Situations {
		if s.Kind() == k {
			return true
		}
	}
	return false
}

// Classes lists the classes in which plans began.
func (c Coverage) Classes() []generators.Class {
	return slices.DeleteFunc(generators.Classes(), func(class generators.Class) bool { return c.Plans[class] == 0 })
}

// AllWrites sums Writes.
func (c Coverage) AllWrites() int {
	n := 0
	for _, of := range c.Writes {
		n += of
	}
	return n
}

// acknowledgedBeforeKill counts the operations of which a write was acknowledged before
// a kill in a class.
func (c Coverage) acknowledgedBeforeKill(class generators.Class) int {
	tested, _ := c.changes(func(s generators.Situation) bool {
		return s.Class == class && s.Fault == model.Kill && s.Moment == generators.Acknowledged
	})
	return tested
}

// writesReadBack counts, by class, the acknowledged writes that the first reads of their
// object after a restart show. A write that another one replaced or cleared before that
// was not read, and a clear is shown by no answer: neither counts.
func writesReadBack(h *model.History, in classes) map[generators.Class]int {
	ends := endsOf(h)
	reads := firstReads(h, ends)
	out := map[generators.Class]int{}
	for i := range h.Operations {
		w := &h.Operations[i]
		mark := model.Mark(*w)
		if mark == "" {
			continue
		}
		restarts := 1 // before a read that shows it
		for restarts <= len(ends) && ends[restarts-1].Begin.Seq < w.Return.Seq {
			restarts++
		}
		of := reads[w.Object]
		next := slices.IndexFunc(of, func(r readsAfter) bool { return r.restarts >= restarts })
		if next >= 0 && slices.ContainsFunc(of[next].showing[mark], func(r *model.Invoked) bool { return model.Shows(*r, *w) }) {
			out[in.at(w.Return)]++
		}
	}
	return out
}

// readsAfter are the reads of an object between two restarts: the first one of each that
// was answered.
type readsAfter struct {
	restarts int // before them
	seen     map[model.Operation]bool
	showing  map[string][]*model.Invoked // by the marks that they show
}

// firstReads are the reads of each object, from restart to restart.
func firstReads(h *model.History, ends []model.Fault) map[model.Object][]readsAfter {
	out := map[model.Object][]readsAfter{}
	restarts := 0
	for i := range h.Operations { // in the order of their calls
		o := &h.Operations[i]
		for restarts < len(ends) && ends[restarts].End.Seq < o.Call.Seq {
			restarts++
		}
		if o.Outcome != model.OK || !o.Op.ReadOnly() || model.AskingOf(o.Op).For != nil {
			continue // an answer that is asked for is no read of the state
		}
		if of := out[o.Object]; len(of) == 0 || of[len(of)-1].restarts != restarts {
			out[o.Object] = append(of, readsAfter{restarts, map[model.Operation]bool{}, map[string][]*model.Invoked{}})
		}
		last := out[o.Object][len(out[o.Object])-1]
		if last.seen[o.Op] {
			continue
		}
		last.seen[o.Op] = true
		for _, mark := range model.Marks(*o) {
			last.showing[mark] = append(last.showing[mark], o)
		}
	}
	return out
}

package generators

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"retain/internal/printable"
	"retain/model"
)

// Exclusion is something that plans are not drawn with, and why.
type Exclusion struct {
	What Excluded `json:"what"`
	// Name is that of a kind of objects, of an operation ([NameOf]), of a fault, or
	// of a configuration: see [Configurations].
	Name string `json:"name"`
	// Reason is why, for people.
	Reason string `json:"reason"`
}

// Excluded is what an exclusion is about.
type Excluded string

// What can be excluded.
const (
	ExcludedObject        Excluded = "object"
	ExcludedOperation     Excluded = "operation"
	ExcludedConfiguration Excluded = "configuration"
	ExcludedFault         Excluded = "fault"
)

// String prints "fault pause: the machine has no freezer".
func (e Exclusion) String() string { return fmt.Sprintf("%s %s: %s", e.What, e.Name, e.Reason) }

// Check returns an error for an exclusion of nothing that there is, or without a reason.
func (e Exclusion) Check() error {
	known := true
	var names []string
	switch e.What {
	case ExcludedObject:
		for _, k := range model.Kinds() {
			names = append(names, string(k))
		}
		known = slices.Contains(names, e.Name)
	case ExcludedOperation:
		names = slices.Concat(Names(), model.ManageNames())
		known = slices.Contains(names, e.Name)
	case ExcludedFault:
		for _, k := range excludableFaults() {
			names = append(names, string(k))
		}
		if k := model.FaultKind(e.Name); k.Undoes() {
			return fmt.Errorf("fault %s: it undoes another one: exclude that", k)
		}
		known = slices.Contains(names, e.Name)
	case ExcludedConfiguration:
		names = Configurations()
		_, err := parsePattern(e.Name)
		known = err == nil
	default:
		return fmt.Errorf("%.40q can't be excluded: want object, operation, configuration or fault", e.What)
	}
	switch {
	case !known:
		return fmt.Errorf("no %s is called %.60q: want one of %s", e.What, e.Name, strings.Join(names, "; "))
	case strings.TrimSpace(e.Reason) == "":
		return fmt.Errorf("%s %s has no reason: say why it is excluded", e.What, e.Name)
	}
	return nil
}

// excludableFaults are the faults that undo no other one.
func excludableFaults() []model.FaultKind {
	return slices.DeleteFunc(model.FaultKinds(), model.FaultKind.Undoes)
}

// Exclusions are what plans are not drawn with. Nil excludes nothing: its methods list all
// that there is.
type Exclusions []Exclusion

// Check returns an error if one of the exclusions is wrong, if two say the same, or if they
// leave nothing to draw.
func (x Exclusions) Check() error {
	for i, e := range x {
		if err := e.Check(); err != nil {
			return err
		}
		if x[:i].Excludes(e.What, e.Name) {
			return fmt.Errorf("%s %s is excluded twice", e.What, e.Name)
		}
	}
	return x.leaveSomething()
}

// rareness is how many plans share one that has rare operations.
const rareness = 4

// For are the exclusions for plan number n, where some operations are drawn rarely: they
// are excluded from the plan unless it is one of those that have them, or nothing would be
// left.
func (x Exclusions) For(rare []string, number int) Exclusions {
	if number%rareness == rareness-1 {
		return x
	}
	out := slices.Clone(x)
	for _, name := range rare {
		if !x.Excludes(ExcludedOperation, name) {
			out = append(out, Exclusion{What: ExcludedOperation, Name: name, Reason: "one plan of four has it: a known finding needs it"})
		}
	}
	if out.leaveSomething() != nil {
		return x
	}
	return out
}

// leaveSomething returns an error if nothing is left of what every plan has.
func (x Exclusions) leaveSomething() error {
	const left = "nothing is left to draw: "
	switch {
	case len(x.Kinds()) == 0:
		return errors.New(left + "of every kind of objects, the kind itself, all that writes, or all that reads is excluded")
	case len(x.ends()) == 0:
		return errors.New(left + "every fault that ends the server is excluded, and no plan tests anything without one: leave " +
			printable.List(faultsIn(strike, nil), "or"))
	case len(x.Classes()) == 0:
		return errors.New(left + "every configuration of the server is excluded")
	}
	return nil
}

// Complete adds what follows: a kind of objects of which no operation is left that writes,
// or none that reads.
func (x Exclusions) Complete() Exclusions {
	out := slices.Clone(x)
	for _, k := range model.Kinds() {
		if x.Excludes(ExcludedObject, string(k)) || x.draws(k) {
			continue
		}
		lacks := "reads"
		if len(x.reading(k)) > 0 {
			lacks = "writes"
		}
		out = append(out, Exclusion{ExcludedObject, string(k), "what " + lacks + " it is excluded"})
	}
	return out
}

// Without is the exclusions without one, if it is among them.
func (x Exclusions) Without(what Excluded, name string) Exclusions {
	return slices.DeleteFunc(slices.Clone(x), func(e Exclusion) bool { return e.What == what && e.Name == name })
}

// Excludes reports whether one of the exclusions is this one.
func (x Exclusions) Excludes(what Excluded, name string) bool {
	return slices.ContainsFunc(x, func(e Exclusion) bool { return e.What == what && e.Name == name })
}

// String prints the exclusions, with semicolons between; "" for none.
func (x Exclusions) String() string {
	var out []string
	for _, e := range x {
		out = append(out, e.String())
	}
	return strings.Join(out, "; ")
}

// Kinds lists the kinds of objects that are drawn.
func (x Exclusions) Kinds() []model.Kind {
	return slices.DeleteFunc(model.Kinds(), func(k model.Kind) bool { return !x.draws(k) })
}

// draws reports whether objects of a kind are drawn: something writes to them and does not
// only clear them, and something reads them.
func (x Exclusions) draws(k model.Kind) bool {
	return !x.Excludes(ExcludedObject, string(k)) && len(x.reading(k)) > 0 &&
		slices.ContainsFunc(x.writing(k), func(o operation) bool { return !o.clears })
}

// Draws reports whether an operation is drawn, by its name.
func (x Exclusions) Draws(operation string) bool {
	o, known := operationNamed(operation)
	return known && x.draws(kindOf(operation)) && x.allows(o, kindOf(operation))
}

func (x Exclusions) allows(o operation, k model.Kind) bool {
	return !x.Excludes(ExcludedOperation, o.nameOf(k))
}

// Names lists the operations that are drawn.
func (x Exclusions) Names() []string {
	return slices.DeleteFunc(Names(), func(name string) bool { return !x.Draws(name) })
}

// writing lists the operations of a kind that are drawn and have an effect.
func (x Exclusions) writing(k model.Kind) []operation { return x.those(k, false) }

// reading lists the operations of a kind that are drawn and have no effect.
func (x Exclusions) reading(k model.Kind) []operation { return x.those(k, true) }

func (x Exclusions) those(k model.Kind, reads bool) []operation {
	return slices.DeleteFunc(kindParts[k].those(reads), func(o operation) bool { return !x.allows(o, k) })
}

// Faults lists the faults that are drawn and meet operations.
func (x Exclusions) Faults() []model.FaultKind {
	return slices.DeleteFunc(Faults(), x.ExcludesFault)
}

// ExcludesFault reports whether a kind of fault is excluded.
func (x Exclusions) ExcludesFault(k model.FaultKind) bool {
	return x.Excludes(ExcludedFault, string(k))
}

// faultsIn lists the faults that are drawn with a role.
func (x Exclusions) faultsIn(r role) []model.FaultKind {
	return slices.DeleteFunc(faultsIn(r, nil), x.ExcludesFault)
}

// ends lists the faults that are drawn and end the server.
func (x Exclusions) ends() []model.FaultKind { return x.faultsIn(strike) }

// End is the fault that ends the server where none is drawn: a kill, unless that is
// excluded.
func (x Exclusions) End() model.FaultKind {
	if x.ExcludesFault(model.Kill) {
		return x.ends()[0]
	}
	return model.Kill
}

// FaultPoints lists the fault points of the faults that are drawn.
func (x Exclusions) FaultPoints() []FaultPoint { return faultPointsOf(x.ends()) }

// Classes lists the classes of configurations that are drawn.
func (x Exclusions) Classes() []Class { return x.classesWith(drawnPartitions()) }

// classesWith are those of servers with one of these numbers of partitions.
func (x Exclusions) classesWith(partitions []int) []Class {
	return slices.DeleteFunc(Classes(), func(c Class) bool {
		return !slices.ContainsFunc(partitions, func(n int) bool { return len(x.startConfigs(c, n)) > 0 })
	})
}

// Situations lists the situations that plans can test.
func (x Exclusions) Situations() []Situation {
	if len(x) == 0 {
		return Situations()
	}
	operations, faults, classes := x.Names(), x.Faults(), x.Classes()
	return slices.DeleteFunc(Situations(), func(s Situation) bool {
		return !slices.Contains(operations, s.Operation) || !slices.Contains(faults, s.Fault) || !slices.Contains(classes, s.Class)
	})
}

// Changes lists the changes at faults that plans can test.
func (x Exclusions) Changes() []Situation {
	return slices.DeleteFunc(x.Situations(), func(s Situation) bool { return !s.IsChange() })
}

// In lists the exclusions of what a plan has: its own kill at its end is one too.
func (x Exclusions) In(p Plan) Exclusions {
	var out Exclusions
	for _, e := range x {
		if p.has(e) {
			out = append(out, e)
		}
	}
	return out
}

// has reports whether a plan has what an exclusion excludes.
func (p Plan) has(e Exclusion) bool {
	switch e.What {
	case ExcludedObject:
		is := func(o model.Object) bool { return string(o.Kind) == e.Name }
		return slices.ContainsFunc(p.Objects(), is) || slices.ContainsFunc(p.LoadObjects(), is)
	case ExcludedOperation:
		return slices.Contains(p.operationNames(), e.Name)
	case ExcludedFault:
		k := model.FaultKind(e.Name)
		return k == model.Kill && !p.Config.NoClosingKill || slices.ContainsFunc(p.Steps, func(s Step) bool {
			f, is := s.(Inject)
			return is && f.Fault == k
		})
	}
	pattern, err := parsePattern(e.Name)
	return err == nil && slices.ContainsFunc(p.started(), func(c StartConfig) bool { return pattern.matches(p.Config.Provisioned(), c) })
}

// operationNames lists the names of the operations of a plan, and of its load.
func (p Plan) operationNames() []string {
	out := collect(p, func(o Operate) string { return NameOf(o.Op) }, cmp.Compare[string])
	for _, o := range p.LoadObjects() {
		for _, op := range p.Load.drawn(o.Kind) {
			out = append(out, op.nameOf(o.Kind))
		}
	}
	return out
}

// started lists the configurations that the server has in a plan, one after the other.
func (p Plan) started() []StartConfig {
	out := []StartConfig{p.Config.Started()}
	for _, s := range p.Steps {
		if f, is := s.(Inject); is && f.Start != (StartConfig{}) {
			out = append(out, out[len(out)-1].With(f.Start))
		}
	}
	return out
}

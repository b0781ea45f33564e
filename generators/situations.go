package generators

import (
	"fmt"
	"slices"
	"strings"

	"retain/model"
)

// Situation is where a fault met an operation: what a campaign counts, to see what
// it has tested, and leans its plans towards, where that is little.
type Situation struct {
	// Operation is the operation's name, see [NameOf].
	Operation string
	// Fault is [Stop], [Kill] or [Pause].
	Fault FaultKind
	// Moment is where the operation stood.
	Moment Moment
}

// Moment is where an operation stands when a fault comes, or the other way round.
type Moment string

// Moments.
const (
	// Acknowledged: it was answered, and nothing was done to the server in between.
	Acknowledged Moment = "acknowledged before"
	// BeforeEffect and AfterEffect: it was in flight, and had had its effect or not,
	// as far as the deployment saw.
	BeforeEffect Moment = "in flight before its effect"
	AfterEffect  Moment = "in flight after its effect"
	// Recovering: it was called while the server came back, before calls went
	// through.
	Recovering Moment = "called during recovery"
	// FirstAfter: it was the first to be called when calls went through again.
	FirstAfter Moment = "first after"
	// Spanning: it was open from before the fault until after the next one's
	// beginning.
	Spanning Moment = "spanning this and the next"
)

// Moments lists them, in the order of time.
func Moments() []Moment {
	return []Moment{Acknowledged, BeforeEffect, AfterEffect, Recovering, FirstAfter, Spanning}
}

// Names lists the operations that plans draw, kind by kind, those with an effect
// first.
func Names() []string {
	var out []string
	for _, k := range model.Kinds() {
		for _, name := range slices.Concat(names[k].writing, names[k].reading) {
			out = append(out, string(k)+" "+name)
		}
	}
	return out
}

// names are the operations of [writing] and [reading] in their order.
var names = map[model.Kind]struct{ writing, reading []string }{
	model.Counter:  {[]string{"add", "addThenFail", "reset"}, []string{"get", "add(0)"}},
	model.Register: {[]string{"write", "compareAndSet", "clear"}, []string{"read", "readExclusive"}},
	model.List:     {[]string{"append", "clear"}, []string{"get"}},
	model.Map:      {[]string{"set", "clearAll"}, []string{"get"}},
}

// NameOf is an operation's name without its arguments: "map set". The addition of
// nothing, which is a read, is "counter add(0)".
func NameOf(op model.Operation) string {
	name, _, _ := strings.Cut(op.String(), "(")
	if op.Kind() == model.Counter && name == "add" && op.ReadOnly() {
		name = "add(0)"
	}
	return string(op.Kind()) + " " + name
}

// Situations lists what there is: an operation that only reads has no effect to
// stand behind, and nothing recovers from a pause.
func Situations() []Situation {
	var out []Situation
	for _, k := range model.Kinds() {
		for i, name := range slices.Concat(names[k].writing, names[k].reading) {
			reads := i >= len(names[k].writing)
			for _, f := range []FaultKind{Stop, Kill, Pause} {
				for _, m := range Moments() {
					if reads && m == AfterEffect || f == Pause && m == Recovering {
						continue
					}
					out = append(out, Situation{string(k) + " " + name, f, m})
				}
			}
		}
	}
	return out
}

// String prints "map set · kill · first after".
func (s Situation) String() string {
	return s.Operation + " · " + string(s.Fault) + " · " + string(s.Moment)
}

// MarshalText is [Situation.String].
func (s Situation) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what [Situation.String] prints.
func (s *Situation) UnmarshalText(text []byte) error {
	parts := strings.Split(string(text), " · ")
	if len(parts) != 3 {
		return fmt.Errorf("%.80q is no situation: want OPERATION · FAULT · MOMENT", text)
	}
	read := Situation{parts[0], FaultKind(parts[1]), Moment(parts[2])}
	if !slices.Contains(Situations(), read) {
		return fmt.Errorf("%.80q is no situation that there is", text)
	}
	*s = read
	return nil
}

// Reads reports whether the situation's operation only reads.
func (s Situation) Reads() bool {
	_, name, _ := strings.Cut(s.Operation, " ")
	return slices.Contains(names[s.kind()].reading, name)
}

// kind is the kind of object that the situation's operation belongs to.
func (s Situation) kind() model.Kind {
	kind, _, _ := strings.Cut(s.Operation, " ")
	return model.Kind(kind)
}

package generators

import (
	"math/rand/v2"
	"strings"

	"retain/model"
)

// kindPart is how plans draw the operations of a kind of object. Each kind's part
// stands in a file of its own, kind_NAME.go, and registers there.
type kindPart struct {
	// weight is how often plans have the kind, as against others; 0 for 1. It is higher where
	// bugs need several operations in a row.
	weight int
	// operations are those that are drawn: first those with an effect, the simplest
	// first; then the reads, the shared one first. Those that clear are few: what they
	// take away can't be missed any more.
	operations []operation
	// drawn notes an operation that was appended and the state that it left; nil for
	// nothing to note.
	drawn func(d *drawing, o Operate, next model.State)
	// recovering is an operation that is called as soon as a server starts, nil for none; nil
	// for a kind without such.
	recovering func(d *drawing, o model.Object) model.Operation
	// lasting is an operation whose invocation is open for a while: scheduled, asleep or
	// waiting. Nil for a kind without such.
	lasting func(d *drawing, o model.Object) model.Operation
	// saw notes what an operation of a client of a load was answered; nil for nothing to
	// note.
	saw func(c *LoadClient, op model.Operation, answer model.Answer)
	// loadParts are reads of the parts of an object that the operations of a load name;
	// nil for an object without parts.
	loadParts []model.Operation
	// name is an operation's name without its arguments; nil for what stands before
	// the parenthesis.
	name func(model.Operation) string
}

// operation is one way to draw an operation of a kind of object.
type operation struct {
	name   string
	reads  bool // it has no effect
	clears bool // it takes away what others wrote
	joins  bool // only a search decides histories in which others overlap it
	grows  bool // each one makes the answers longer, until one clears
	opens  bool // each one leaves an awakeable open, until one of those that complete it
	weight int
	// completes is the operation that completes the awakeable of a value; nil for one that
	// completes none.
	completes func(value, result string) model.Operation
	// bursts appends what the client calls in a row after it now and then: it does not wait for
	// its effect. Nil for nothing.
	bursts func(d *drawing, client int, object model.Object, after model.Operation)
	// gateless: the endpoint proxy does not see it, so that it stands at no gate. lasting: it is
	// answered while its handler goes on, so that it stands at none after its effect.
	gateless, lasting bool
	// handlers are those that it needs; nil for the one of its name.
	handlers []string
	// always is the operation where it has no arguments to draw. Otherwise draw draws
	// one for the program, and load makes one for a client of a load.
	always model.Operation
	draw   func(d *drawing, client int, object model.Object) model.Operation
	load   func(c *LoadClient, r *rand.Rand) model.Operation
	// needs appends what has to come before it for it to do what it is for; nil for nothing.
	needs func(d *drawing, client int, object model.Object)
	// effective draws one that has an effect on the state; nil for draw or always.
	effective func(d *drawing, client int, object model.Object) model.Operation
}

var kindParts = map[model.Kind]kindPart{}

func registerKind(k model.Kind, p kindPart) model.Kind {
	kindParts[k] = p
	return k
}

// DrawsKind reports whether plans can draw operations of a kind of object: one that
// writes and one that reads.
func DrawsKind(k model.Kind) bool { return len(writing(k)) > 0 && len(reading(k)) > 0 }

// writing lists the operations of a kind that have an effect, the simplest first.
func writing(k model.Kind) []operation { return kindParts[k].those(false) }

// reading lists the operations of a kind that have none, the shared one first.
func reading(k model.Kind) []operation { return kindParts[k].those(true) }

func (p kindPart) those(reads bool) []operation {
	var out []operation
	for _, o := range p.operations {
		if o.reads == reads {
			out = append(out, o)
		}
	}
	return out
}

// reaches reports whether a fault can be made to find the operation where a moment says.
func (o operation) reaches(m Moment) bool {
	switch m {
	case AfterEffect: // a read has no effect to stand behind
		return !o.reads && !o.gateless && !o.lasting
	case BeforeEffect, Spanning:
		return !o.gateless
	}
	return true
}

// nameOf names an operation of a kind: "map set".
func (o operation) nameOf(k model.Kind) string { return string(k) + " " + o.name }

// operationNamed is the operation that [Names] lists under the name; false if it lists
// none.
func operationNamed(name string) (operation, bool) {
	kind := kindOf(name)
	for _, o := range kindParts[kind].operations {
		if o.nameOf(kind) == name {
			return o, true
		}
	}
	return operation{}, false
}

// HandlersOf are the handlers that an operation needs, by its name: "counter add(0)" needs
// add.
func HandlersOf(operation string) []string {
	if o, known := operationNamed(operation); known && o.handlers != nil {
		return o.handlers
	}
	_, handler, _ := strings.Cut(operation, " ")
	handler, _, _ = strings.Cut(handler, "(")
	return []string{handler}
}

// kindOf is the kind of objects that an operation of a name belongs to.
func kindOf(operation string) model.Kind {
	kind, _, _ := strings.Cut(operation, " ")
	return model.Kind(kind)
}

// ends reports whether it ends what one that opens left open.
func (o operation) ends() bool { return o.completes != nil }

// make is the operation for the program.
func (o operation) make(d *drawing, client int, object model.Object) model.Operation {
	if o.always != nil {
		return o.always
	}
	return o.draw(d, client, object)
}

// makeEffective is the operation for the program, with arguments that make it change the
// state if it can.
func (o operation) makeEffective(d *drawing, client int, object model.Object) model.Operation {
	if o.needs != nil {
		o.needs(d, client, object)
	}
	if o.effective != nil {
		return o.effective(d, client, object)
	}
	return o.make(d, client, object)
}

// makeLoad is the operation for a client of a load.
func (o operation) makeLoad(c *LoadClient, r *rand.Rand) model.Operation {
	if o.always != nil {
		return o.always
	}
	return o.load(c, r)
}

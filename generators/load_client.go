package generators

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"retain/model"
)

// LoadClient is one client of a load: its operations, one after the other. It is not
// safe for concurrent use.
type LoadClient struct {
	load   Load
	number int
	object model.Object
	next   int // the number of the next operation, from 1 on
	// writes and reads are what is drawn, each as often as its weight says.
	writes, reads []operation
	// clear takes away what grows, in every period-th operation; nil for none.
	clear  *operation
	period int
	// seen is what the client last saw of its object or left there, for a kind with a
	// compare-and-set.
	seen string
	// open and ended are the values of what the client left open, and ended last; "" for none.
	open, ended string
}

// fewSharing is how many clients may share an object of a load at most for it to have
// resets and clearAlls, which overlap what the others do: a search decides such a
// history, in a time that grows exponentially with them.
const fewSharing = 4

// mostElements is about how many elements a list of a load may have: answers stay short.
const mostElements = 30

// Client is client c of the load, 0 to Clients-1, before its first operation. Clients
// share the objects in turns: with one object they all do, with as many as clients each
// has its own.
//
// Only the first client of an object clears or resets it: what a clear takes away can't
// be missed. A counter that more than 4 clients share has no resets, a map no clearAlls.
func (l Load) Client(c int) *LoadClient {
	objects := l.objects()
	at := c % len(objects)
	out := &LoadClient{load: l, number: c, object: objects[at], next: 1}
	sharing, growing := (l.Clients-at+len(objects)-1)/len(objects), 0
	var writes []operation
	for _, o := range l.drawn(out.object.Kind) {
		switch {
		case o.reads:
			out.reads = append(out.reads, times(o.weight, o)...)
		case !o.clears || c == at && (!o.joins || sharing <= fewSharing):
			writes = append(writes, o)
		}
		if o.grows {
			growing = o.weight
		}
	}
	if out.writes = weighted(writes); len(out.writes)+len(out.reads) == 0 { // the load does nothing but clear it
		out.reads = reading(out.object.Kind)[:1]
	}
	i := slices.IndexFunc(writes, func(o operation) bool { return o.clears })
	if growing > 0 && i >= 0 {
		out.clear, out.period = &writes[i], max(1, mostElements/sharing)
	}
	return out
}

// Next is the client's next operation. Operation k follows from the load's seed, the
// client, k, and what the client last saw: not from how many random numbers the earlier
// ones took.
func (c *LoadClient) Next() (model.Object, model.Operation) {
	r := rand.New(rand.NewPCG(mix(c.load.Seed, uint64(c.number)), uint64(c.next)))
	op := c.draw(r).makeLoad(c, r)
	c.next++
	return c.object, op
}

// draw draws what the next operation does.
func (c *LoadClient) draw(r *rand.Rand) operation {
	if c.clear != nil && c.next%c.period == 0 {
		return *c.clear
	}
	from := slices.Concat(c.writes, c.reads)
	if share := c.load.Reads; share > 0 {
		from = c.writes
		if r.IntN(100) < share {
			from = c.reads
		}
	}
	if len(from) == 0 { // the load names nothing else that the client may do
		from = slices.Concat(c.writes, c.reads)
	}
	return from[r.IntN(len(from))]
}

// value is what the next operation writes: no other operation of the plan writes it.
func (c *LoadClient) value() string { return c.valueOf(c.next) }

func (c *LoadClient) valueOf(number int) string { return fmt.Sprintf("w%d.%d", c.number, number) }

// Saw gives the client the answer of its own operation; nil for an operation
// whose outcome is ambiguous, or that was not called.
func (c *LoadClient) Saw(op model.Operation, a model.Answer) {
	if note := kindParts[op.Kind()].saw; note != nil && a != nil {
		note(c, op, a)
	}
}

// LoadObjects lists the objects of the plan's load, in the order of their numbers.
func (p Plan) LoadObjects() []model.Object {
	if p.Load.Clients == 0 {
		return nil
	}
	return p.Load.objects()
}

// objects are those of the load: their kinds are those of the operations, in turns.
func (l Load) objects() []model.Object {
	var kinds []model.Kind
	for _, k := range model.Kinds() {
		if len(l.drawn(k)) > 0 {
			kinds = append(kinds, k)
		}
	}
	out := make([]model.Object, l.Objects)
	for i := range out {
		out[i] = model.Object{Kind: kinds[i%len(kinds)], N: FirstLoadObject + i}
	}
	return out
}

// drawn are the operations of a kind that the load draws.
func (l Load) drawn(k model.Kind) []operation {
	var out []operation
	for _, o := range kindParts[k].operations {
		if len(l.Operations) == 0 || slices.Contains(l.Operations, o.nameOf(k)) {
			out = append(out, o)
		}
	}
	return out
}

// OperationsOn are operations that together name every part of an object that those of
// the load name, such as the entries of a map: what reads each of them reads the object
// whole. Nil for an object without parts, and for one that is not the load's.
func (l Load) OperationsOn(o model.Object) []model.Operation {
	if l.Clients == 0 || !slices.Contains(l.objects(), o) {
		return nil
	}
	return slices.Clone(kindParts[o.Kind].loadParts)
}

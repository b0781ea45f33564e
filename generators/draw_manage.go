package generators

import (
	"slices"

	"pgregory.net/rapid"

	"retain/model"
)

// managedBack is how many operations back an operation on an invocation looks for one.
const managedBack = 6

// managing are the verbs that a plan is drawn with.
func (x Exclusions) managing() []model.Verb {
	return slices.DeleteFunc(model.Verbs(), func(v model.Verb) bool { return x.Excludes(ExcludedOperation, v.Name()) })
}

// rareVerbs are the verbs that plan number n has for sure, nil for none: every other of the
// plans that have rare operations has those that a known finding needs.
func (o Options) rareVerbs(number int) []model.Verb {
	if number%(2*rareness) != 2*rareness-1 || len(o.Exclude.writing(model.Answers)) == 0 || !o.Exclude.draws(model.Answers) {
		return nil
	}
	for _, name := range o.Rare {
		if _, is := model.VerbNamed(name); is {
			return o.Exclude.managing()
		}
	}
	return nil
}

// drawVerbs draws the verbs of operations on invocations; every other plan has none.
func (use *swarm) drawVerbs(t *rapid.T, o Options) {
	if use.managesKey = o.verbs != nil; use.managesKey {
		use.verbs = o.verbs
		use.allowKind(model.Answers)
		use.clients = upTo(max(2, len(use.clients))) // one stands at a gate, and another goes on
		use.config.NoClosingKill = o.Exclude.ExcludesFault(model.Kill)
		return
	}
	if all := o.Exclude.managing(); len(all) > 0 && pick(t, "manages", false, true) {
		use.verbs = subset(t, "verb", all...)
	}
}

// finishManaged ends the plan with operations on the invocation of a call that has an
// idempotency key by itself, and with that key sent again.
func (d *drawing) finishManaged() {
	if !d.use.managesKey {
		return
	}
	d.revive()
	client, object := d.use.clients[0], d.objectBeside(model.Answers, nil)
	held := d.operate(client, object, d.sureWrite(client, object))
	d.meetHeld(held, held, model.KillInvocation, model.PurgeInvocation)
}

// manages reports whether the plan has operations on invocations with a verb.
func (d *drawing) manages(v model.Verb) bool { return slices.Contains(d.use.verbs, v) }

// manage appends an operation on the invocation of an earlier operation: of one that lasts, of
// one that stands at a gate or waits behind it, or of one that is over.
func (d *drawing) manage() {
	switch pick(d.t, "managed", lasts, lasts, stands, stands, over) {
	case lasts:
		if d.manageLasting() {
			return
		}
	case stands:
		if d.faults < d.use.maxFaults && d.runtime == model.Ready {
			d.manageHeld()
			return
		}
	}
	d.manageEarlier()
}

// managedState is in what state plans meet the invocations that they do something to.
type managedState int

const (
	over   managedState = iota // one of the last operations, mostly over
	lasts                      // scheduled, asleep or waiting
	stands                     // at a gate, or behind one
)

// manageLasting appends an operation whose invocation is open for a while, and what is done to
// it; false if the plan has no object with such.
func (d *drawing) manageLasting() bool {
	var objects []model.Object
	for _, o := range d.use.objects {
		if kindParts[o.Kind].lasting != nil {
			objects = append(objects, o)
		}
	}
	if len(objects) == 0 {
		return false
	}
	object := pick(d.t, "object", objects...)
	op := kindParts[object.Kind].lasting(d, object)
	if !d.use.exclude.Draws(NameOf(op)) {
		return false
	}
	of := d.operate(pick(d.t, "client", d.use.clients...), object, op)
	verb := pick(d.t, "verb", d.use.verbs...)
	if ending := slices.DeleteFunc(slices.Clone(d.use.verbs), func(v model.Verb) bool { return !v.Ends() }); len(ending) > 0 && rare(d.t, "end", 1) {
		verb = pick(d.t, "end by", ending...)
	}
	d.manageOne(of, verb)
	return true
}

// manageEarlier appends what is done to the invocation of one of the last operations.
func (d *drawing) manageEarlier() {
	var earlier []Operate
	for _, o := range slices.Backward(d.drawn[max(0, len(d.drawn)-managedBack):]) {
		if manageable(o.Op) {
			earlier = append(earlier, o.Operate)
		}
	}
	if len(earlier) == 0 {
		d.write()
		return
	}
	of := pick(d.t, "invocation", earlier...)
	d.manageOne(of, pick(d.t, "verb", d.use.verbs...))
	if rare(d.t, "again", 1) {
		d.sendAgain(of)
	}
}

// manageable reports whether plans do something to the invocation of an operation: it changes
// something, by a handler.
func manageable(op model.Operation) bool {
	o, known := operationNamed(NameOf(op))
	return known && !o.reads && !o.gateless
}

// manageOne appends an operation on an invocation, by another client if there is one. What is
// paused is resumed, now or by the heal.
func (d *drawing) manageOne(of Operate, v model.Verb) {
	of = d.invokedBy(of)
	m := model.Manage{Verb: v, Step: of.ID, On: of.Object.Kind}
	if v == model.RestartInvocation {
		if !restarts(of.Op) {
			return
		}
		m.Of = of.Op
	}
	d.operate(d.otherThan(of.Client), of.Object, m)
	if v == model.PauseInvocation && d.manages(model.ResumeInvocation) && common(d.t, "resume", 1) {
		d.operate(d.otherThan(of.Client), of.Object, model.Manage{Verb: model.ResumeInvocation, Step: of.ID, On: of.Object.Kind})
	}
}

// invokedBy is the operation that an operation has its invocation from: the first one with its
// idempotency key since the runtime may have forgotten that, or else the operation itself.
func (d *drawing) invokedBy(of Operate) Operate {
	first := Operate{}
	for _, o := range d.drawn {
		m, manages := o.Op.(model.Manage)
		switch {
		case o.Object != of.Object:
		case manages && m.Verb.Forgets() && m.Step == first.ID:
			first = Operate{}
		case first.ID == 0 && model.KeyOf(o.Op) != "" && model.KeyOf(o.Op) == model.KeyOf(of.Op):
			first = o.Operate
		}
	}
	if first.ID == 0 {
		return of
	}
	return first
}

// restarts reports whether plans restart the invocation of an operation: one whose effects are
// told apart by their answers, and that waits for no completion.
func restarts(op model.Operation) bool {
	return model.Addition(op) > 0 || model.KeyOf(op) != "" && model.AwakingOf(op).Published == nil
}

// otherThan is a client beside one, or that one if it is alone.
func (d *drawing) otherThan(client int) int {
	others := slices.DeleteFunc(slices.Clone(d.use.clients), func(c int) bool { return c == client })
	if len(others) == 0 {
		return client
	}
	return pick(d.t, "client", others...)
}

// sendAgain calls again under the idempotency key of an operation that has one by itself.
func (d *drawing) sendAgain(of Operate) {
	if model.KeyOf(of.Op) != "" {
		d.operate(d.otherThan(of.Client), of.Object, of.Op)
	}
}

// manageHeld appends an operation that stands at a gate, now and then one behind it, what is
// done to their invocations meanwhile, and the fault that meets them.
func (d *drawing) manageHeld() {
	held, o := d.writeOnce()
	if !o.reaches(BeforeEffect) || !manageable(held.Op) || len(d.use.clients) < 2 {
		return // its client waits for it
	}
	of := held
	if behind := d.otherThan(held.Client); rare(d.t, "behind", 2) && len(d.use.clients) > 2 {
		of = d.operate(behind, held.Object, d.sureWrite(behind, held.Object))
	}
	d.doHeld(held, of)
}

// doHeld is what is done to an invocation while one stands at a gate, itself or another one
// behind which it waits.
func (d *drawing) doHeld(held, of Operate) {
	then := slices.DeleteFunc([]model.Verb{model.KillInvocation, model.KillInvocation, model.CancelInvocation, model.PauseInvocation}, func(v model.Verb) bool { return !d.manages(v) })
	if len(then) == 0 {
		then = d.use.verbs
	}
	verbs := []model.Verb{pick(d.t, "then", then...)}
	if verbs[0] == model.KillInvocation && common(d.t, "purge", 1) {
		verbs = append(verbs, model.PurgeInvocation)
	}
	d.meetHeld(held, of, verbs...)
}

// meetHeld appends what is done to an invocation while one stands at a gate, and the fault that
// meets that. A key that was purged is sent again.
func (d *drawing) meetHeld(held, of Operate, verbs ...model.Verb) {
	for _, v := range verbs {
		if d.manages(v) {
			d.manageOne(of, v)
		}
	}
	if slices.Contains(verbs, model.PurgeInvocation) {
		d.sendAgain(of)
	}
	kind := pick(d.t, "fault", d.use.faults...)
	d.strike(kind, AtGate{Step: held.ID, After: rare(d.t, "after", 1)})
	d.revive()
	d.read()
}

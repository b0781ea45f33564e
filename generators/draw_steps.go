package generators

import (
	"slices"
	"strconv"

	"pgregory.net/rapid"

	"retain/model"
)

// drawing is a plan while it is drawn. It simulates the plan as if its steps ran one by
// one in the order of the list. The simulation only guides which steps are drawn next.
type drawing struct {
	t      *rapid.T
	use    swarm
	steps  []Step
	drawn  []drawnOperation // the operations among the steps
	window int              // where in drawn the operations since the last stop, kill or start begin

	states  map[model.Object]model.State
	written map[model.Object][]string // registers: values of earlier steps
	seen    map[seat]string           // registers: what a client last saw or left

	runtime    model.Condition         // as far as the list says
	service    model.Condition         // likewise
	config     StartConfig             // ... and what it was started with
	faults     int                     // those so far that ended the server
	times      map[model.FaultKind]int // how often each fault came so far
	sinceStart int                     // steps since the last start
	crowded    bool                    // a kill struck a crowd
}

type seat struct {
	client int
	object model.Object
}

type drawnOperation struct {
	Operate
	effect   bool // it changes the state
	observed bool // another client reads its object, shared, after it
}

func newDrawing(t *rapid.T, use swarm) *drawing {
	d := &drawing{
		t: t, use: use, sinceStart: freshSteps, runtime: model.Ready, service: model.Ready, config: use.config.Started(), times: map[model.FaultKind]int{},
		states: map[model.Object]model.State{}, written: map[model.Object][]string{}, seen: map[seat]string{},
	}
	for _, o := range use.objects {
		d.states[o] = o.Kind.Initial()
	}
	return d
}

func (d *drawing) nextID() int { return len(d.steps) + 1 }

// value is what the next step writes: no other step of the plan writes it.
func (d *drawing) value() string { return "v" + strconv.Itoa(d.nextID()) }

// move is what a step does.
type move int

const (
	writes move = iota
	reads
	looks // reads what another client wrote last
	faults
	undoes // brings the server back
)

// The moves to draw from, by the condition of the runtime. They are equally many,
// and a move has the same index in all of them if possible: a step that was drawn as a
// kill stays one when rapid removes a step before it.
var (
	running    = slices.Concat(times(6, writes), times(4, reads), times(2, looks), times(1, faults))
	recovering = slices.Concat(times(2, writes), times(8, reads), times(2, looks), times(1, faults))
	dead       = slices.Concat(times(2, writes), times(4, undoes), times(2, reads), times(5, undoes))
	asleep     = slices.Concat(times(3, writes), times(3, undoes), times(3, reads), times(3, undoes), times(1, faults))
)

// freshSteps is how many steps after a start the runtime counts as recovering.
const freshSteps = 3

// maxFaults bounds the stops and kills of a plan: each costs a restart.
const maxFaults = 4

func (d *drawing) moves() []move {
	switch {
	case d.runtime == model.Down:
		return dead
	case d.runtime != model.Ready:
		return asleep
	case d.sinceStart < freshSteps:
		return recovering
	}
	return running
}

// step draws one step. Over the bound it draws none, for rapid has no way to end
// a Repeat early.
func (d *drawing) step() {
	m := pick(d.t, "move", d.moves()...)
	if len(d.steps) >= d.use.maxSteps {
		return
	}
	switch m {
	case writes:
		if len(d.use.verbs) > 0 && rare(d.t, "manage", 1) {
			d.manage()
		} else {
			d.write()
		}
	case reads:
		d.read()
	case looks:
		d.look()
	case faults:
		if !d.fault() {
			d.write()
		}
	case undoes:
		d.revive()
		d.recover()
	}
}

// finish gives a plan that met no fault a last one, so that short plans test
// something too.
func (d *drawing) finish() {
	if d.use.crowds && !d.crowded {
		d.finishCrowd()
	}
	if d.use.situation != (Situation{}) || d.use.targets != nil {
		d.restore()
	}
	d.finishSituation()
	d.finishManaged()
	d.finishTargets()
	if d.faults > 0 || d.use.situation != (Situation{}) {
		return
	}
	for _, last := range []struct {
		coins int // the fewer, the more often it is left out
		step  func()
	}{
		{3, d.write}, {3, d.write}, {1, d.look}, {5, func() { d.strike(d.lastFault()) }}, {3, d.start}, {3, d.read}, {1, d.read},
	} {
		if common(d.t, "finish", last.coins) {
			last.step()
		}
	}
}

// finishCrowd gives a plan that is to leave operations open a crowd and its kill.
func (d *drawing) finishCrowd() {
	d.revive()
	held, _ := d.writeOnce()
	d.strike(d.use.exclude.End(), AtGate{Step: held.ID})
	d.start()
	d.read()
}

func (d *drawing) start() {
	d.inject(Inject{Fault: model.Start, When: InPlace{}, Start: d.reconfigured()})
}

// recover follows a start, if the last step is one, with operations that are called while the
// server comes back.
func (d *drawing) recover() {
	if n := len(d.steps); n == 0 || !starts(d.steps[n-1]) {
		return
	}
	for _, o := range d.use.objects {
		of := kindParts[o.Kind].recovering
		if of == nil || !common(d.t, "recovering", 1) || len(d.steps) >= d.use.maxSteps {
			continue
		}
		if op := of(d, o); op != nil {
			d.operate(pick(d.t, "client", d.use.clients...), o, op)
		}
	}
}

// write writes, now and then several times in a row.
func (d *drawing) write() {
	if o, of := d.writeOnce(); of.bursts != nil && common(d.t, "burst", 2) {
		of.bursts(d, o.Client, o.Object, o.Op)
	}
}

func (d *drawing) writeOnce() (Operate, operation) {
	client, object := pick(d.t, "client", d.use.clients...), pick(d.t, "object", d.use.objects...)
	write := pick(d.t, "write", d.use.writes[object.Kind]...)
	return d.operate(client, object, write.make(d, client, object)), write
}

// read reads, right after a start something that was written before it.
func (d *drawing) read() {
	objects := d.use.objects
	if touched := d.touched(); d.sinceStart < freshSteps && len(touched) > 0 {
		objects = touched
	}
	client, object := pick(d.t, "client", d.use.clients...), pick(d.t, "object", objects...)
	d.operate(client, object, pick(d.t, "read", d.use.reads[object.Kind]...).make(d, client, object))
}

// touched lists the objects that an operation changed before the last fault.
func (d *drawing) touched() []model.Object {
	var out []model.Object
	for _, o := range d.drawn[:d.window] {
		if o.effect && !slices.Contains(out, o.Object) {
			out = append(out, o.Object)
		}
	}
	return out
}

// look reads, as another client, what the last operation with an effect changed.
func (d *drawing) look() {
	for i := len(d.drawn) - 1; i >= d.window; i-- {
		last := &d.drawn[i]
		if !last.effect || len(d.use.clients) == 1 {
			continue
		}
		others := slices.DeleteFunc(slices.Clone(d.use.clients), func(c int) bool { return c == last.Client })
		read := d.readOf(last.Client, last.Object, last.Op)
		last.observed = model.ServedShared(read)
		d.operate(pick(d.t, "client", others...), last.Object, read)
		return
	}
	d.read()
}

// readOf is a read that shows what an operation of a client changed.
func (d *drawing) readOf(client int, object model.Object, op model.Operation) model.Operation {
	read := model.ReadOf(op)
	if d.use.exclude.Draws(NameOf(read)) {
		return read
	}
	return d.use.exclude.reading(object.Kind)[0].make(d, client, object)
}

// sureWrite is a write of a client that has an effect, if every step so far ran in the
// order of the list: the simplest one.
func (d *drawing) sureWrite(client int, object model.Object) model.Operation {
	return d.use.exclude.writing(object.Kind)[0].makeEffective(d, client, object)
}

// operate appends an operation, and gives the step.
func (d *drawing) operate(client int, object model.Object, op model.Operation) Operate {
	o := Operate{ID: d.nextID(), Client: client, Object: object, Op: op}
	before := d.states[object]
	next, _ := op.Apply(before)
	if note := kindParts[object.Kind].drawn; note != nil {
		note(d, o, next)
	}
	d.states[object] = next
	d.steps = append(d.steps, o)
	d.drawn = append(d.drawn, drawnOperation{Operate: o, effect: !before.Equal(next)})
	d.sinceStart++
	return o
}

// inject appends a fault.
func (d *drawing) inject(f Inject) {
	f.ID = d.nextID()
	d.steps = append(d.steps, f)
	d.sinceStart++
	d.times[f.Fault]++
	if f.Fault.OfService() {
		d.service = f.Fault.Spec().To
		return
	}
	d.runtime = f.Fault.Spec().To
	switch {
	case f.Fault.Ends():
		d.window = len(d.drawn)
		d.faults++
	case f.Fault.Starts():
		d.window, d.sinceStart = len(d.drawn), 0
	}
}

// starts reports whether the step starts the server.
func starts(s Step) bool {
	f, is := s.(Inject)
	return is && f.Fault.Starts()
}

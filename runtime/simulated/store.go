package simulated

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"retain/model"
)

// retention is how long an answer is said to be kept under its idempotency key.
// Here it is kept as long as the runtime.
const retention = 24 * time.Hour

// store is what survives a kill: objects, accepted invocations and their
// journals. An incarnation changes it only under the lock and only while it is the
// current one: at a kill, the store holds the durable state.
type store struct {
	random  random
	bugs    *planted
	note    func(format string, args ...any)
	lapse   func(op model.Operation, killed bool) bool // may be nil
	failing func(failures int) string                  // may be nil

	mu           sync.Mutex
	current      *incarnation // nil while the server is down
	incarnations int
	objects      map[string]*object
	order        []*object
	ordinals     map[string]uint64 // objects by service
	keyed        map[string]*invocation
	byID         map[string]*invocation
	partitions   []site
	newest       map[string][2]*object // the two objects that were written last, by service
	scheduled    []*invocation         // accepted, and not due yet
	awakeables   map[string]*awakeable // by id
}

func newStore(c random, bugs *planted, partitions int, note func(string, ...any)) *store {
	s := &store{
		random: c, bugs: bugs, note: note,
		objects: map[string]*object{}, ordinals: map[string]uint64{},
		keyed: map[string]*invocation{}, byID: map[string]*invocation{},
		partitions: make([]site, partitions), newest: map[string][2]*object{}, awakeables: map[string]*awakeable{},
	}
	for i := range s.partitions {
		s.partitions[i] = site{name: "partition", number: uint64(i)}
	}
	return s
}

// object is one virtual object.
type object struct {
	site // its service, and its ordinal within it
	key  string
	kind model.Kind // "" for a probe

	partition int
	state     model.State
	// open are the accepted invocations that are not finished, oldest first.
	open    []*invocation
	driving bool // a goroutine of this incarnation works on the exclusive ones
	count   uint64

	log    []effect    // all of them, oldest first
	called bool        // in this incarnation
	base   model.State // at the start of this incarnation

	// What bugs need: the state before the last change and the incarnation that made
	// it, the state before the last clear, writes that are to surface later, and
	// whether the object is stuck.
	previous model.State
	wroteIn  int
	cleared  model.State
	late     []lateWrite
	stuck    bool
	killed   []*invocation // or cancelled, since the last restart
}

// effect is one change of an object's state.
type effect struct {
	of          *invocation
	incarnation int
	change      func(model.State) model.State
}

// replay is the state after those effects that are kept.
func (o *object) replay(keep func(effect) bool) model.State {
	state := o.kind.Initial()
	for _, e := range o.log {
		if keep(e) {
			state = e.change(state)
		}
	}
	return state
}

// keep drops the other effects and puts the state that is left in place.
func (o *object) keep(keep func(effect) bool) {
	o.state = o.replay(keep)
	o.log = slices.DeleteFunc(o.log, func(e effect) bool { return !keep(e) })
}

// invocation is one accepted call.
type invocation struct {
	id, key, tag string // key is the idempotency key
	object       *object
	handler      *handler
	op           model.Operation
	number       uint64 // its ordinal within its object

	accepted  time.Time
	began     time.Time // of its first attempt
	running   bool      // in this incarnation
	crashed   bool      // in flight at a kill
	fails     bool      // every attempt does, from now on
	failures  int       // attempts that failed in this incarnation
	failure   breakage  // how the last of them did
	backsOff  bool      // it waits for its next attempt
	applied   bool      // the effect is in the journal
	answer    model.Answer
	finished  time.Time     // zero while it is not
	done      chan struct{} // closed when it is
	oneWay    bool          // nobody waits for its answer: that it is accepted is what the client has
	due       time.Time     // when it may begin, the zero time for at once
	wakes     time.Time     // when its handler goes on that sleeps, the zero time before that
	seen      int           // operations that saw the effect before any client had the answer
	sent      bool          // the answer is on its way to a client
	acked     bool          // the whole answer reached the client's side
	awakeable *awakeable    // that it published and awaits, nil for none
	entry     *entry        // of the attempt that runs, nil for none
	resumed   chan struct{} // closed when it is resumed, nil unless it is paused
	restarts  bool          // it executes an ended one again
}

// run notes that its handler runs in this incarnation; the caller holds the lock.
func (inv *invocation) run() {
	inv.running = true
	if inv.began.IsZero() {
		inv.began = time.Now()
	}
}

// request is a call as it arrived.
type request struct {
	handler        *handler
	objectKey, key string
	tag            string
	op             model.Operation
	oneWay         bool
	delay          time.Duration
}

func (q *request) scope() string { return scope(q.handler, q.objectKey, q.key) }

func scope(h *handler, objectKey, key string) string {
	return strings.Join([]string{h.service, objectKey, h.name, key}, "\x00")
}

func (s *store) partitionOf(objectKey string) int {
	return int(hash(objectKey) % uint64(len(s.partitions)))
}

// object finds or makes an object; the caller holds the lock.
func (s *store) object(service, key string) *object {
	id := service + "\x00" + key
	if o := s.objects[id]; o != nil {
		return o
	}
	kind, _ := model.KindOf(service) // "" for the probe
	o := &object{key: key, kind: kind, partition: s.partitionOf(key)}
	o.name, o.number = service, s.ordinals[service]
	if kind != "" {
		o.state = kind.Initial()
		o.base = o.state
	}
	s.ordinals[service]++
	s.objects[id] = o
	s.order = append(s.order, o)
	return o
}

// accept makes a call durable, or finds the invocation that its idempotency key
// names. It is nil if the incarnation is over.
func (s *store) accept(i *incarnation, q *request) (inv *invocation, repeated bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != i {
		return nil, false
	}
	o := s.object(q.handler.service, q.objectKey)
	o.called = true
	if q.key != "" {
		if inv := s.keyed[q.scope()]; inv != nil && !s.runAgain(inv) {
			return inv, true
		}
	}
	return s.add(i, o, q), false
}

// add makes a new invocation; the caller holds the lock.
func (s *store) add(i *incarnation, o *object, q *request) *invocation {
	o.count++
	inv := &invocation{
		key: q.key, tag: q.tag, object: o, handler: q.handler, op: q.op, oneWay: q.oneWay,
		number: o.count, accepted: time.Now(), done: make(chan struct{}),
	}
	inv.id = invocationID(q.scope()) // the same for the same idempotency key
	if q.key == "" {
		inv.id = invocationID(q.scope() + strconv.FormatUint(o.count, 10))
	}
	if q.key != "" {
		s.keyed[q.scope()] = inv
	}
	s.byID[inv.id] = inv
	if q.delay > 0 {
		inv.due = inv.accepted.Add(q.delay)
		s.scheduled = append(s.scheduled, inv)
		s.setTimer(i, inv)
		return inv
	}
	o.open = append(o.open, inv)
	s.schedule(i, o)
	return inv
}

// setTimer lets an invocation arrive at its object when it is due, if its partition is
// ready; the caller holds the lock.
func (s *store) setTimer(i *incarnation, inv *invocation) {
	if !i.isReady(inv.object.partition) {
		return
	}
	due := inv.due
	i.work.Go(func() {
		if i.wait(time.Until(due)) && i.pause.wait(i.ctx) {
			s.arrive(i, inv)
		}
	})
}

// arrive queues an invocation that was scheduled.
func (s *store) arrive(i *incarnation, inv *invocation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != i || !s.unschedule(inv) {
		return
	}
	o := inv.object
	o.called = true
	o.open = append(o.open, inv)
	s.schedule(i, o)
}

// unschedule takes an invocation out of those that are not due yet; false if it is none.
// The caller holds the lock.
func (s *store) unschedule(inv *invocation) bool {
	at := slices.Index(s.scheduled, inv)
	if at < 0 {
		return false
	}
	s.scheduled = slices.Delete(s.scheduled, at, at+1)
	return true
}

// naps lets the time pass for which a handler sleeps before its effect, once for all its
// attempts; false if the attempt is over first.
func (s *store) naps(i *incarnation, e *entry, inv *invocation) bool {
	nap, is := inv.op.(model.MailboxNap)
	if !is {
		return true
	}
	s.mu.Lock()
	if inv.wakes.IsZero() {
		inv.wakes = time.Now().Add(time.Duration(nap.DelayMs) * time.Millisecond)
	}
	wakes := inv.wakes
	s.mu.Unlock()
	return i.wait(time.Until(wakes)) && i.pause.wait(i.ctx) && e.ctx.Err() == nil
}

// relay lets a handler send what its operation sends; the caller holds the lock.
func (s *store) relay(inv *invocation, d model.Deferral) {
	h, _ := find(inv.object.name, d.Invokes.Handler())
	q := &request{handler: h, objectKey: inv.object.key, op: d.Invokes, key: d.Key, oneWay: true, delay: time.Duration(d.DelayMs) * time.Millisecond}
	if s.keyed[q.scope()] == nil {
		sent := s.add(s.current, inv.object, q)
		sent.sent, sent.acked = true, true
	}
}

// schedule lets the incarnation work on what is open on an object, if its partition is
// ready; the caller holds the lock.
func (s *store) schedule(i *incarnation, o *object) {
	if o.stuck || !i.isReady(o.partition) {
		return
	}
	for _, inv := range o.open {
		switch {
		case inv.running:
		case inv.handler.shared:
			inv.run()
			i.work.Go(func() { i.execute(inv) })
		case !o.driving:
			o.driving = true
			i.work.Go(func() { i.drive(o) })
		}
	}
}

// next is the exclusive invocation whose turn it is, nil for none; the caller
// drives the object and stops on nil.
func (s *store) next(i *incarnation, o *object) *invocation {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != i {
		return nil
	}
	if inv := s.turn(o); inv != nil {
		inv.run()
		return inv
	}
	o.driving = false
	return nil
}

// turn is the exclusive invocation that has its turn: the one that came first. The caller
// holds the lock.
func (s *store) turn(o *object) *invocation {
	var first, last *invocation
	for _, inv := range o.open {
		switch {
		case inv.handler.shared:
		case first == nil:
			first = inv
		default:
			last = inv
		}
	}
	if last != nil && first.began.IsZero() && s.bugs.strikes(NewestFirst, &o.site) {
		s.note("%s: %s/%s %s goes before %s", NewestFirst, o.name, o.key, last.op, first.op)
		return last
	}
	return first
}

// apply gives an invocation its effect and its answer, unless its journal has
// them. changed reports whether it has state commands; ok is false if the incarnation
// is over.
func (s *store) apply(i *incarnation, inv *invocation) (changed, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != i || !inv.finished.IsZero() {
		return false, false
	}
	again := s.applyTwice(inv)
	if !inv.applied {
		s.effect(inv)
	}
	if again {
		s.effect(inv)
	}
	return inv.applied, true
}

// effect runs the operation on the state; the caller holds the lock.
func (s *store) effect(inv *invocation) {
	o := inv.object
	if d := model.DeferralOf(inv.op); d.Key != "" {
		inv.answer, inv.applied = model.Done{}, true
		s.relay(inv, d)
		return
	}
	if relay, is := inv.op.(model.AwakeableRelay); is {
		s.relayCompletion(inv, relay)
		return
	}
	s.see(inv)
	before := o.state
	next, answer := inv.op.Apply(before)
	if !model.Commands(inv.op, before) {
		inv.answer = s.misread(o, inv.op, answer)
		s.surface(o)
		return
	}
	inv.answer, inv.applied = answer, true
	change := func(at model.State) model.State {
		at, _ = inv.op.Apply(at)
		return at
	}
	if !next.Equal(before) {
		change = s.miswrite(o, inv, change)
	}
	s.change(inv, change)
	s.surface(o)
}

// change puts the object's next state in place; the caller holds the lock.
func (s *store) change(inv *invocation, change func(model.State) model.State) {
	o := inv.object
	next := change(o.state)
	if next.Equal(o.state) {
		return
	}
	if model.EffectOf(inv.op) == model.Clears {
		o.cleared = o.state
	}
	o.previous, o.wroteIn, o.state = o.state, s.incarnations, next
	o.log = append(o.log, effect{of: inv, incarnation: s.incarnations, change: change})
	if n := s.newest[o.name]; n[0] != o {
		s.newest[o.name] = [2]*object{o, n[0]}
	}
}

// fails reports whether every attempt of an invocation does.
func (s *store) fails(i *incarnation, inv *invocation) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current == i && inv.fails
}

// cut notes that an attempt was cut: as at a kill, its next one begins with what the journal
// holds.
func (s *store) cut(i *incarnation, inv *invocation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == i {
		inv.crashed = true
	}
}

// failed counts an attempt that failed; the invocation backs off until [store.retries].
func (s *store) failed(i *incarnation, inv *invocation, why breakage) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == i {
		inv.failures++
		inv.failure, inv.backsOff = why, true
	}
	return max(1, inv.failures)
}

// retries begins the next attempt; false if the incarnation is over.
func (s *store) retries(i *incarnation, inv *invocation) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == i {
		inv.backsOff = false
	}
	return s.current == i
}

// finish makes the answer durable; false if the incarnation is over.
func (s *store) finish(i *incarnation, inv *invocation) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != i || !inv.finished.IsZero() {
		return false
	}
	s.over(inv)
	if inv.key == "" && !inv.oneWay && !inv.restarts {
		delete(s.byID, inv.id)
	}
	return true
}

// over ends an invocation that has its answer; the caller holds the lock.
func (s *store) over(inv *invocation) {
	inv.finished = time.Now()
	inv.object.close(inv)
	close(inv.done)
}

func (o *object) close(inv *invocation) {
	o.open = slices.DeleteFunc(slices.Clone(o.open), func(other *invocation) bool { return other == inv })
}

// send notes that the answer goes to a client from now on; false if the incarnation is
// over.
func (s *store) send(i *incarnation, inv *invocation) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != i {
		return false
	}
	inv.sent = true
	return true
}

// acknowledge notes that the client has the answer. It may have had it before the
// incarnation's end and this note comes after.
func (s *store) acknowledge(inv *invocation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	inv.acked = true
}

// find is the invocation that a key names, and whether it is finished.
func (s *store) find(h *handler, objectKey, key string) (inv *invocation, finished bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	inv = s.keyed[scope(h, objectKey, key)]
	return inv, inv != nil && !inv.finished.IsZero()
}

// findID is the invocation with this id, and whether it is finished.
func (s *store) findID(id string) (inv *invocation, finished bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	inv = s.byID[id]
	return inv, inv != nil && !inv.finished.IsZero()
}

// begin opens an incarnation: what was in flight is in flight again.
func (s *store) begin(i *incarnation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.incarnations > 0 {
		s.restartBugs()
	}
	s.incarnations++
	s.current = i
	for _, o := range s.order {
		o.called, o.driving, o.base = false, false, o.state
		for _, inv := range o.open {
			inv.running, inv.failures, inv.backsOff = false, 0, false
			o.called = true // its caller may come back for it
		}
	}
}

// end closes an incarnation. From here on nothing of it changes anything.
func (s *store) end(i *incarnation, killed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != i {
		return
	}
	s.current = nil
	s.lapses(killed)
}

// ended follows an incarnation of which nothing is left: what its clients have is known.
func (s *store) ended(killed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if killed {
		s.killBugs()
	}
}

// resume schedules what is open in a partition that became ready.
func (s *store) resume(i *incarnation, partition int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != i {
		return
	}
	i.setReady(partition)
	for _, o := range s.order {
		if o.partition == partition && len(o.open) > 0 {
			s.schedule(i, o)
		}
	}
	for _, inv := range s.scheduled {
		if inv.object.partition == partition {
			s.setTimer(i, inv)
		}
	}
}

// clear drops everything that is kept.
func (s *store) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.objects)
	clear(s.keyed)
	clear(s.byID)
	clear(s.awakeables)
	s.order, s.scheduled = nil, nil
}

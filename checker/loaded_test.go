package checker

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/generators"
	"retain/internal/selftest"
	"retain/model"
)

// loaded is a load on objects that behave, without a runtime. Each client always has one
// operation open. A kill leaves all of them ambiguous: some had their effect, some have
// it later, some never. After the last one every object is read, what is ambiguous is
// re-sent or not, and every object is read again.
type loaded struct {
	generators.Load
	operations, kills int
	// queued lets an object's operations have their effects in the order of their
	// calls, as behind one key; otherwise in any.
	queued bool
	// resent is the share of the ambiguous operations that are re-sent in the end, and
	// lookedUp that of those whose answers are looked up.
	resent, lookedUp float64
	// twice lets the first re-sent operation that had its effect have it again.
	twice bool
	// breaks, if not nil, breaks an answer once, when the history is half done.
	breaks func(*loadedRun)
}

// loadedRun is a load under way.
type loadedRun struct {
	loaded
	rng     *rand.Rand
	h       *model.History
	seq     int64
	objects []model.Object
	states  map[model.Object]model.State
	clients []*loadedClient
	queues  map[model.Object][]*inFlight // without effect, in the order of calls
	late    []*inFlight                  // ambiguous, their effects may come
	lost    []*inFlight                  // all that are ambiguous
}

type loadedClient struct {
	*generators.LoadClient
	number, incarnation int
	open                *inFlight
}

// inFlight is an operation that was called.
type inFlight struct {
	index    int // in the history
	happened bool
	answer   model.Answer
	client   *loadedClient
}

func (r *loadedRun) tick() model.Instant {
	r.seq++
	return model.Instant{Seq: r.seq, Ns: r.seq}
}

// history runs the load.
func (l loaded) history(seed uint64) *model.History {
	r := &loadedRun{
		loaded: l, rng: rand.New(rand.NewPCG(seed, 14)), objects: generators.Plan{Load: l.Load}.LoadObjects(),
		h:      &model.History{Header: model.Header{Version: 1, Run: "loaded"}, Ended: true},
		states: map[model.Object]model.State{}, queues: map[model.Object][]*inFlight{},
	}
	for _, o := range r.objects {
		r.states[o] = o.Kind.Initial()
	}
	for c := range l.Clients {
		r.clients = append(r.clients, &loadedClient{LoadClient: l.Client(c), number: c})
	}
	for k := range l.kills + 1 {
		until := l.operations * (k + 1) / (l.kills + 1)
		for len(r.h.Operations) < until {
			r.step()
			if r.breaks != nil && len(r.h.Operations) > l.operations/2 {
				r.drain()
				r.breaks(r)
				r.breaks = nil
			}
		}
		if k < l.kills {
			r.kill()
		} else {
			r.drain()
		}
	}
	r.settle()
	return r.h
}

// step lets one client call, or its operation have its effect, or return.
func (r *loadedRun) step() {
	c := r.clients[r.rng.IntN(len(r.clients))]
	switch f := c.open; {
	case f == nil:
		r.call(c)
	case !f.happened:
		o := r.h.Operations[f.index].Object
		if r.queued {
			f = r.queues[o][0]
		}
		r.effect(f)
	default:
		r.returns(c)
	}
	if len(r.late) > 0 && r.rng.IntN(20) == 0 {
		i := r.rng.IntN(len(r.late))
		r.effect(r.late[i])
		r.late = slices.Delete(r.late, i, i+1)
	}
}

func (r *loadedRun) call(c *loadedClient) *inFlight {
	o, op := c.Next()
	return r.invoke(c, o, op)
}

func (r *loadedRun) invoke(c *loadedClient, o model.Object, op model.Operation) *inFlight {
	process := strconv.Itoa(c.number)
	if c.incarnation > 0 {
		process += "." + strconv.Itoa(c.incarnation)
	}
	call := r.tick()
	f := &inFlight{index: len(r.h.Operations), client: c}
	r.h.Operations = append(r.h.Operations, model.Invoked{
		ID: f.index + 1, Process: process, Phase: model.Program, Object: o, Op: op, Call: call, Return: model.Forever,
		Outcome: model.Ambiguous, Reason: model.TimedOut,
		Attempts: []model.Attempt{{N: 1, Start: call, End: model.Forever, Wrote: true, Reason: model.TimedOut}},
	})
	c.open = f
	r.queues[o] = append(r.queues[o], f)
	return f
}

func (r *loadedRun) effect(f *inFlight) {
	if f.happened {
		return
	}
	o := r.h.Operations[f.index].Object
	r.states[o], f.answer = r.h.Operations[f.index].Op.Apply(r.states[o])
	f.happened = true
	r.queues[o] = slices.DeleteFunc(r.queues[o], func(g *inFlight) bool { return g == f })
}

func (r *loadedRun) returns(c *loadedClient) {
	f := c.open
	o := &r.h.Operations[f.index]
	o.Outcome, o.Reason, o.Answer, o.Return = model.OK, "", f.answer, r.tick()
	c.Saw(o.Op, f.answer)
	c.open = nil
}

// drain lets every operation that is open have its effect and return.
func (r *loadedRun) drain() {
	for _, c := range r.clients {
		if c.open != nil {
			r.effect(c.open)
			r.returns(c)
		}
	}
}

func (r *loadedRun) kill() {
	begin := r.tick()
	for _, c := range r.clients {
		f := c.open
		if f == nil {
			continue
		}
		switch r.rng.IntN(3) {
		case 0:
			r.effect(f)
		case 1:
			if !f.happened {
				r.late = append(r.late, f)
			}
		}
		o := r.h.Operations[f.index].Object
		r.queues[o] = slices.DeleteFunc(r.queues[o], func(g *inFlight) bool { return g == f })
		r.lost = append(r.lost, f)
		c.Saw(r.h.Operations[f.index].Op, nil)
		c.open, c.incarnation = nil, c.incarnation+1
	}
	r.h.Faults = append(r.h.Faults, model.Fault{Kind: model.Kill, Begin: begin, End: r.tick()})
}

// settle reads every object, re-sends what is ambiguous, and reads again.
func (r *loadedRun) settle() {
	r.read()
	for _, f := range r.lost {
		o := &r.h.Operations[f.index]
		switch n := r.rng.Float64(); {
		case n < r.resent:
			start := r.tick()
			if again := r.states[o.Object]; r.twice && f.happened && model.EffectOf(o.Op) == model.Changes {
				r.states[o.Object], _ = o.Op.Apply(again)
				r.twice = r.states[o.Object].Equal(again)
			}
			r.effect(f)
			o.Attempts = append(o.Attempts, model.Attempt{N: 2, Start: start, End: model.Forever, Wrote: true})
			o.Resolution = &model.Resolution{At: r.tick(), By: model.Resend, Answer: f.answer}
		case n < r.resent+r.lookedUp && f.happened:
			o.Resolution = &model.Resolution{At: r.tick(), By: model.LookUp, Answer: f.answer}
		}
	}
	r.read()
}

func (r *loadedRun) read() {
	reader := &loadedClient{number: r.Clients}
	for _, o := range r.objects {
		for _, op := range o.Kind.Spec().WholeReads(r.OperationsOn(o)) {
			r.effect(r.invoke(reader, o, op))
			f := reader.open
			p := &r.h.Operations[f.index]
			p.Outcome, p.Reason, p.Answer, p.Return = model.OK, "", f.answer, r.tick()
		}
	}
}

// alone lets the operation of a client of no load be called, have its effect and return.
func (r *loadedRun) alone(o model.Object, op model.Operation, effect func(f *inFlight)) {
	c := &loadedClient{number: r.Clients + 1}
	f := r.invoke(c, o, op)
	r.queues[o] = slices.DeleteFunc(r.queues[o], func(g *inFlight) bool { return g == f })
	effect(f)
	p := &r.h.Operations[f.index]
	p.Outcome, p.Reason, p.Answer, p.Return = model.OK, "", f.answer, r.tick()
}

// written is an object that is not in its initial state, which the effect of an
// ambiguous clear could explain, and a write and a read of it.
func (r *loadedRun) written() (o model.Object, write, read model.Operation) {
	for {
		o = r.objects[r.rng.IntN(len(r.objects))]
		write = writeOf(o.Kind)
		read = model.ReadOf(write)
		if set, is := write.(model.MapSet); is {
			set.Key = []string{"a", "b", "c"}[r.rng.IntN(3)]
			write, read = set, model.MapGet{Key: set.Key}
		}
		switch o.Kind {
		case model.Answers:
			read = model.AnswerGet{}
		case model.Awakeables:
			read = model.AwakeableGet{}
		}
		_, now := read.Apply(r.states[o])
		_, initial := read.Apply(o.Kind.Initial())
		if !now.Equal(initial) {
			return o, write, read
		}
		r.step()
		r.drain()
	}
}

func writeOf(k model.Kind) model.Operation {
	switch k {
	case model.Counter:
		return model.CounterAdd{Delta: 1}
	case model.Register:
		return model.RegisterWrite{Value: "extra"}
	case model.List:
		return model.ListAppend{Value: "extra"}
	case model.Mailbox:
		return model.MailboxAppend{Value: "extra"}
	case model.Answers:
		return model.AnswerSubmit{Value: "extra"}
	case model.Awakeables:
		return model.AwakeableAwait{Value: "extra"}
	}
	return model.MapSet{Key: "a", Value: "extra"}
}

// The ways in which an answer is broken: each one is seen by the read that follows, when
// nothing else is in flight.
var breaks = map[string]func(*loadedRun){
	"a lost acknowledged write": func(r *loadedRun) {
		o, write, read := r.written()
		r.alone(o, write, func(f *inFlight) { _, f.answer = write.Apply(r.states[o]) })
		r.alone(o, read, func(f *inFlight) { _, f.answer = read.Apply(r.states[o]) })
	},
	"a stale read": func(r *loadedRun) {
		o, write, read := r.written()
		before := r.states[o]
		r.alone(o, write, r.effect)
		r.alone(o, read, func(f *inFlight) { _, f.answer = read.Apply(before) })
	},
	"an answer of another key": func(r *loadedRun) {
		o, write, read := r.written()
		other, _ := write.Apply(o.Kind.Initial())
		if _, now := read.Apply(r.states[o]); now.Equal(model.Integer(1)) {
			r.alone(o, write, r.effect) // counts tell no keys apart
		}
		r.alone(o, read, func(f *inFlight) { _, f.answer = read.Apply(other) })
	},
}

// resolutions are the ways in which ambiguous operations end.
var resolutions = []struct {
	name             string
	resent, lookedUp float64
}{{"re-sent", 1, 0}, {"half re-sent", 0.5, 0.25}, {"looked up", 0, 1}, {"open", 0, 0}}

// loadOf is a load of all operations of a kind, "" for every kind.
func loadOf(kind model.Kind, clients, objects int, seed uint64) generators.Load {
	names := generators.Names()
	if kind != "" {
		names = slices.DeleteFunc(names, func(name string) bool { return !strings.HasPrefix(name, string(kind)+" ") })
	}
	return generators.Load{Clients: clients, Objects: objects, Seed: seed, Operations: names}
}

// mostCheck is how long the whole check of a plan with a load may take, of processors'
// time. It takes 0.02 to 0.2 s.
const mostCheck = time.Second

// loadShapes calls f for loads of every kind, from all clients on one object to an object
// each. Short ones are of half of the shapes.
func loadShapes(operations int, shared []int, f func(name string, l loaded)) {
	for i, kind := range append(model.Kinds(), "") {
		for j, objects := range shared {
			for k, how := range resolutions {
				for _, queued := range []bool{true, false} {
					if operations < 8000 && queued != ((i+j+k)%2 == 0) {
						continue // half of the shapes
					}
					f(fmt.Sprintf("%s on %d objects, %s, queued %t", kind, objects, how.name, queued), loaded{
						Load: loadOf(kind, 64, objects, uint64(objects)), operations: operations, kills: 4, queued: queued,
						resent: how.resent, lookedUp: how.lookedUp,
					})
				}
			}
		}
	}
}

func TestLoadsOf64ClientsAreNeverUndecided(t *testing.T) {
	slowest := time.Duration(0)
	operations := 8000
	if testing.Short() || selftest.Race || selftest.Seeds(t, 1) == 1 {
		operations = 2000
	}
	loadShapes(operations, []int{1, 8, 16, 22, 32, 64}, func(name string, l loaded) {
		h := l.history(2)
		var r Result
		took := processors(t, func() { r = Check(h, unhurried) })
		require.Equal(t, Pass, r.Verdict, "%s: %s", name, r.Reason)
		if !selftest.Race {
			assert.Less(t, took, mostCheck, name)
		}
		slowest = max(slowest, took)
	})
	t.Logf("the slowest took %v", slowest)
}

func TestABrokenAnswerUnderLoadIsAViolation(t *testing.T) {
	operations, shared := 800, []int{1, 16, 64}
	small := testing.Short() || selftest.Race || selftest.Seeds(t, 1) == 1
	if small {
		operations, shared = 300, []int{1, 64}
	}
	for what, broken := range breaks {
		slowest := time.Duration(0)
		loadShapes(operations, shared, func(name string, l loaded) {
			if l.Objects == 1 && l.resent > 0 && small {
				return // which second effects could explain it takes a second
			}
			l.breaks = broken
			h := l.history(3)
			var r Result
			took := processors(t, func() { r = Check(h, unhurried) })
			require.Equal(t, Violation, r.Verdict, "%s, %s: %s", what, name, r.Reason)
			slowest = max(slowest, took)
		})
		t.Logf("%s: the slowest took %v", what, slowest)
	}
}

// A re-sent append stands twice, a re-sent addition is counted twice.
func TestASecondEffectUnderLoadIsAViolation(t *testing.T) {
	for _, kind := range []model.Kind{model.Counter, model.List} {
		for _, objects := range []int{1, 8, 64} {
			l := loaded{Load: loadOf(kind, 64, objects, 5), operations: 2000, kills: 4, resent: 1, twice: true}
			l.Operations = slices.DeleteFunc(l.Operations, func(name string) bool {
				return name == "counter reset" || name == "list clear" && objects != 1
			})
			r := Check(l.history(4), unhurried)
			require.Equal(t, Violation, r.Verdict, "%s on %d objects: %s", kind, objects, r.Reason)
		}
	}
}

func BenchmarkCheckLoaded(b *testing.B) {
	for _, objects := range []int{1, 16, 64} {
		h := loaded{Load: loadOf("", 64, objects, 1), operations: 8000, kills: 4, queued: true, resent: 1}.history(1)
		b.Run(fmt.Sprintf("64 clients on %d objects", objects), func(b *testing.B) {
			for b.Loop() {
				if r := Check(h, Options{}); r.Verdict != Pass {
					b.Fatal(r.Reason)
				}
			}
		})
	}
}

package generators

import (
	"context"
	"slices"
)

// NeedsLoad is the load without which the plan did not fail again: once the reduction has
// come to its end, with as few clients, objects and operations as it can do with. Its
// Clients are 0 if the plan needs none, and if that is not known.
func (r Reduction) NeedsLoad() Load {
	alone := r.Best.withLoad(Load{})
	seen := r.tried[keyOf(alone)]
	switch {
	case r.Ending == Minimal:
	case r.Ending == NotReproduced:
		return Load{}
	case len(alone.Steps) > 0 && (seen.Runs == 0 || seen.Failures > 0):
		return Load{}
	}
	return r.Best.Load
}

// withLoad is the plan with another load, the zero value for none. A fault that waited
// for more operations in flight than there are clients waits for all of them, or comes at
// its place in the list.
func (p Plan) withLoad(l Load) Plan {
	p.Load = l
	p.Steps = slices.Clone(p.Steps)
	for i, s := range p.Steps {
		f, is := s.(Inject)
		if at, waits := f.When.(InFlight); !is || !waits || at.Operations <= l.Clients {
			continue
		}
		f.When = InFlight{Operations: l.Clients}
		if l.Clients == 0 {
			f.When = InPlace{}
		}
		p.Steps[i] = f
	}
	return p
}

// Descriptions of candidates, for progress.
const (
	doingProgram = "the operations that contradict each other as a program, without the load"
	doingNoLoad  = "without the load"
	doingMore    = "more load on objects of the kind"
)

// tryProgram executes the witness as a program before anything is known: see
// [reducer.tryHint]. One that fails more rarely than in half of the executions may need
// the load.
func (s *reducer) tryProgram(ctx context.Context) error {
	if s.rate.runs > 0 || s.Best.Load.Clients == 0 || !s.hasWitness() {
		return nil
	}
	p := s.Best.program(s.LoadHint)
	if s.Doing = doingProgram; s.tried[keyOf(p)].Runs == 0 && s.canBegin(p) {
		if failed, _, err := s.execute(ctx, p); !failed || err != nil {
			return err
		}
		_, err := s.tryHalf(ctx, doingProgram, p)
		return err
	}
	return nil
}

func (s *reducer) hasWitness() bool { return len(s.LoadHint) > 0 && len(s.LoadHint) <= mostInProgram }

// withoutLoad tries to do without the load: with the program alone, then with the witness
// as the program. What fails in half of the executions with its load has to do so without
// it.
func (s *reducer) withoutLoad(ctx context.Context) error {
	if s.Best.Load.Clients == 0 {
		return nil
	}
	s.halves = s.failsInHalf()
	if ok, err := s.try(ctx, doingNoLoad, s.Best.withLoad(Load{})); ok || err != nil {
		return err
	}
	if !s.hasWitness() {
		return nil
	}
	p := s.Best.program(s.LoadHint)
	if ok, err := s.try(ctx, doingProgram, p); ok || err != nil {
		return err
	}
	for _, simpler := range p.oneClient() { // what overlapped may fail in one order alone
		p = simpler.do(p)
	}
	_, err := s.try(ctx, doingProgram, p)
	return err
}

// load reduces the load of a plan that needs one: the faults alone with it, then fewer
// clients, fewer objects, and the operations of the witness alone.
func (s *reducer) load(ctx context.Context) error {
	if s.Best.Load.Clients == 0 {
		return nil
	}
	s.chain = append(s.chain, s.Best)
	if s.halves = s.failsInHalf(); !s.halves {
		return nil // a smaller load would fail more rarely still
	}
	return s.inOrder(ctx, s.faultsAndLoad, s.loadClients, s.loadObjects, s.loadOperations)
}

// loadAtLast finds how few operations between faults will do. It comes last: a plan that
// fails now and then takes more executions to reduce than one that always does. What is
// small enough then may do as a program after all.
func (s *reducer) loadAtLast(ctx context.Context) error {
	s.halves = s.failsInHalf() // a smaller load would fail more rarely still
	if s.final = s.Best.Load.Clients == 0 || !s.halves; s.final {
		return nil
	}
	err := s.inOrder(ctx, s.between, s.confirm, s.unroll)
	s.final = s.Best.Load.Clients > 0
	return err
}

// fewClients is how many clients of a load at most are tried as a program: what needs more
// is a crowd, which a program of as many clients only seems to do without.
const fewClients = 4

// unroll tries the first operations of a small load as a program.
func (s *reducer) unroll(ctx context.Context) error {
	p, small := s.Best.unrolled()
	if !small || s.Best.Load.Clients > fewClients {
		return nil
	}
	_, err := s.try(ctx, "the operations of the load as a program", p)
	return err
}

// half is the rate that a smaller load has to fail at.
const half = 0.5

// mostGrown bounds the operations between faults that a rare failure is given.
const mostGrown = 4000

// grow gives a plan that fails rarely a load of the witness's kinds of objects, or more
// operations between faults, until it fails in half of the executions: all that follows is
// then told from chance in few.
func (s *reducer) grow(ctx context.Context) error {
	l := s.Best.Load
	for l.Clients > 0 && s.rate.failures < s.rate.runs && s.rate.runs < mostLooks {
		if err := s.control(ctx); err != nil {
			return err
		}
	}
	if p := s.moreOfWitness(); l.Clients > 0 && !s.failsInHalf() && p.Load.Clients > 0 {
		if ok, err := s.tryHalf(ctx, doingMore, p); ok || err != nil {
			s.forget()
			return err
		}
	}
	for l.Clients > 0 && l.Between > 0 && !s.failsInHalf() {
		if l.Between *= 2; l.Between > mostGrown {
			return nil
		}
		if ok, err := s.tryHalf(ctx, "more operations between faults", s.Best.withLoad(l)); ok || err != nil {
			s.forget()
			return err
		}
	}
	return nil
}

// forget leaves of the rate what the executions of the best plan show: the plans before it
// had a smaller load.
func (s *reducer) forget() {
	s.rate = decaying{}
	s.rate.follow(s.tried[keyOf(s.Best)])
}

// fewSilent is after how many executions a plan with a load that never failed is given a
// larger one, and how often that is executed.
const fewSilent = 5

// moreLoad gives a plan that does not fail again more of what it failed on: a load of the
// witness's kinds of objects, and more operations between faults.
func (s *reducer) moreLoad(ctx context.Context) error {
	s.silent = true
	p := s.moreOfWitness()
	if p.Load.Clients == 0 {
		return nil
	}
	s.Doing = doingMore
	for key := keyOf(p); s.tried[key].Runs < fewSilent; {
		failed, _, err := s.execute(ctx, p)
		if err != nil {
			return err
		}
		if failed {
			s.become(p)
			return s.save()
		}
	}
	return nil
}

// moreOfWitness is the best plan with a larger load on objects of the witness's kinds; the
// zero value if there is none.
func (s *reducer) moreOfWitness() Plan {
	p := s.Best.ofWitness(s.Hint, s.LoadHint, mostGrown/4)
	if len(p.Load.Operations) == 0 || Validate(p) != nil {
		return Plan{}
	}
	return p
}

// failsInHalf reports whether the best plan fails in half of the executions, as far as
// they show.
func (s *reducer) failsInHalf() bool { return s.rate.failures >= half*s.rate.runs }

// faultsAndLoad tries the plan without its program.
func (s *reducer) faultsAndLoad(ctx context.Context) error {
	_, err := s.try(ctx, "the faults and the load alone", s.Best.keeping(isFault).rather(InPlace{}))
	return err
}

// betweens are the numbers of operations between faults that are tried.
var betweens = []int{10, 50, 250, 1000}

// between finds how few operations between faults will do.
func (s *reducer) between(ctx context.Context) error {
	s.sizing = true
	defer func() { s.sizing = false }()
	few := below(s.Best.Load.Between, betweens)
	return s.least(len(few), func(i int) (bool, error) {
		l := s.Best.Load
		l.Between = few[i]
		return s.try(ctx, "fewer operations between faults", s.Best.withLoad(l))
	})
}

// fewerClients are the numbers of clients that are tried where chance has a part in the
// failure: each takes several executions then.
var fewerClients = []int{1, 2, 3, 4, 6, 8, 10, 12, 16, 20, 24, 32, 40, 48}

// loadClients finds how few clients will do. With a key each they keep one.
func (s *reducer) loadClients(ctx context.Context) error {
	few := below(s.Best.Load.Clients, fewerClients)
	if s.certain() {
		few = upTo(s.Best.Load.Clients)[1:]
	}
	return s.least(len(few), func(i int) (bool, error) {
		l := s.Best.Load
		if l.Clients = few[i]; s.Best.Load.Objects == s.Best.Load.Clients {
			l.Objects = l.Clients
		}
		l.Objects = min(l.Objects, l.Clients)
		return s.try(ctx, "fewer clients of the load", s.Best.withLoad(l))
	})
}

// loadObjects finds how few objects will do; of clients that have a key each, whether
// they can share one.
func (s *reducer) loadObjects(ctx context.Context) error {
	fewer := s.Best.Load.Objects - 1
	if s.Best.Load.Objects == s.Best.Load.Clients {
		fewer = min(1, fewer)
	}
	return s.least(fewer, func(i int) (bool, error) {
		l := s.Best.Load
		l.Objects = i + 1
		return s.try(ctx, "fewer objects of the load", s.Best.withLoad(l))
	})
}

// below are the sizes that are smaller than n.
func below(n int, sizes []int) []int {
	return slices.DeleteFunc(slices.Clone(sizes), func(size int) bool { return size >= n })
}

// least tries the smallest of n sizes, and if that won't do finds by bisection one that
// will, while the next smaller one won't.
func (s *reducer) least(n int, try func(i int) (bool, error)) error {
	low, high := 0, n // the sizes from high on will do, those below low will not
	for at := 0; low < high; at = (low + high) / 2 {
		ok, err := try(at)
		switch {
		case err != nil:
			return err
		case ok:
			high = at
		default:
			low = at + 1
		}
	}
	return nil
}

// loadOperations tries the operations that the witness has, alone.
func (s *reducer) loadOperations(ctx context.Context) error {
	l := s.Best.Load
	var names []string
	for _, name := range Names() {
		if slices.ContainsFunc(s.LoadHint, func(o LoadOperation) bool { return NameOf(o.Op) == name }) {
			names = append(names, name)
		}
	}
	if len(names) == 0 || len(l.Operations) > 0 && len(names) >= len(l.Operations) {
		return nil
	}
	l.Operations = names
	_, err := s.try(ctx, "fewer kinds of operations of the load", s.Best.withLoad(l))
	return err
}

// leadOf is how many failures more than passes decide that a candidate with a load fails
// in half of the executions, or passes more than failures that it does not; mostLooks
// executions decide in any case. A candidate that fails in 3 of 10 is taken in 1 of 6
// cases.
const (
	leadOf    = 2
	mostLooks = 10
)

// sure is how many executions of the best plan, none of which passed, show that chance has
// no part in it: then a single pass refuses a candidate, unless all that it has less of is
// operations between faults.
const sure = 5

// certain reports whether the best plan always fails, as far as its executions show.
func (s *reducer) certain() bool { return s.rate.failures == s.rate.runs && s.rate.runs >= sure }

// tryHalf makes a candidate with a load the best plan if it fails in half of the
// executions. Fewer clients and operations meet a bug of chance more rarely: without this
// the smallest load would be one that hardly ever fails.
func (s *reducer) tryHalf(ctx context.Context, what string, candidate Plan) (bool, error) {
	key := keyOf(candidate)
	s.Doing = what
	if s.refused[key] {
		return false, nil
	}
	executed, behind := false, -leadOf
	if !s.sizing && s.certain() {
		behind = -1
	}
	for r := s.tried[key]; lead(r) < leadOf && lead(r) > behind && r.Runs < mostLooks; r = s.tried[key] {
		if _, _, err := s.execute(ctx, candidate); err != nil {
			return false, err
		}
		executed = true
	}
	if lead(s.tried[key]) < 0 {
		if executed {
			return false, s.save()
		}
		return false, nil
	}
	s.become(candidate)
	s.chain = append(s.chain, candidate)
	return true, s.save()
}

// lead is how many executions more failed than passed.
func lead(r Rate) int { return 2*r.Failures - r.Runs }

// enough executions show whether the smallest load fails in half of them; so do fewer if
// clearLead more failed than passed, or passed than failed: one that fails in 3 of 10 gets
// there in 1 of 30 cases.
const (
	enough    = 20
	clearLead = 4
)

// confirm executes the smallest load until it is known whether it fails in half of the
// executions. One that does not gives way to the one before it.
func (s *reducer) confirm(ctx context.Context) error {
	for len(s.chain) > 1 && s.Best.Load.Clients > 0 && keyOf(s.chain[len(s.chain)-1]) == keyOf(s.Best) {
		key := keyOf(s.Best)
		for r := s.tried[key]; r.Runs < enough && lead(r) < clearLead && lead(r) > -clearLead; r = s.tried[key] {
			if err := s.control(ctx); err != nil {
				return err
			}
		}
		if lead(s.tried[key]) >= 0 {
			return nil
		}
		s.refused[key] = true
		s.chain = s.chain[:len(s.chain)-1]
		s.become(s.chain[len(s.chain)-1])
	}
	return nil
}

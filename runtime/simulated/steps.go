package simulated

import "retain/runtime"

// Damage is what a version does at a start on what another one left.
type Damage struct {
	// DropsObject takes the state of an object away that was written last, of those without a
	// call in flight: a clear in flight could explain it.
	DropsObject bool
	// ForgetsKeys forgets every answer under an idempotency key.
	ForgetsKeys bool
	// Refuses is why the server does not get ready, nil if it does.
	Refuses *Refusing
}

// Refusing is a server that does not get ready.
type Refusing struct {
	// Says is what it logs.
	Says string
	// Ends: it ends by itself, with an exit code.
	Ends bool
	Code int
}

// step does what the options plant in a start as a version on what another one left; the
// caller holds the lock. It returns how the server refuses to serve, nil if it does not.
func (r *Runtime) step(to string) *Refusing {
	from := r.served
	if r.options.Step == nil || from == "" || from == to {
		r.served = to
		return nil
	}
	d := r.options.Step(from, to)
	r.store.damage(d)
	if d.Refuses == nil {
		r.served = to
	}
	return d.Refuses
}

// refuse lets an incarnation do what a refusing server does.
func (i *incarnation) refuse(why Refusing) {
	i.note("%s", why.Says)
	if why.Ends {
		go i.end(runtime.Exit{Code: why.Code})
	}
}

// damage strikes between two incarnations.
func (s *store) damage(d Damage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d.ForgetsKeys {
		s.note("every answer under an idempotency key is forgotten")
		clear(s.keyed)
	}
	if !d.DropsObject {
		return
	}
	var last *object
	for _, o := range s.order {
		written := len(o.open) == 0 && o.kind != "" && len(o.log) > 0 && !o.state.Equal(o.kind.Initial())
		if written && (last == nil || o.log[len(o.log)-1].incarnation >= last.log[len(last.log)-1].incarnation) {
			last = o
		}
	}
	if last != nil {
		s.note("%s/%s loses its state %s", last.name, last.key, last.state)
		last.keep(func(effect) bool { return false })
	}
}

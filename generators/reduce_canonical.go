package generators

import (
	"context"
	"fmt"
	"iter"
	"reflect"
	"slices"

	"retain/model"
)

// simplification makes a plan simpler to read without making it shorter. It is
// idempotent, and any of them can be combined.
type simplification struct {
	name string
	do   func(Plan) Plan
}

// canonical simplifies the plan as far as it can: all at once if that still fails, by
// halves otherwise. A simplification that made one plan pass is not tried again on a
// smaller one.
func (s *reducer) canonical(ctx context.Context) error {
	kinds := [][]simplification{s.Best.surroundings(), s.Best.oneClient(), s.Best.inPlace()}
	if ok, err := s.simplify(ctx, slices.Concat(kinds...), false); ok || err != nil {
		return err
	}
	for _, kind := range kinds {
		if _, err := s.simplify(ctx, kind, true); err != nil {
			return err
		}
	}
	if _, err := s.simplify(ctx, s.Best.earlier(), true); err != nil {
		return err
	}
	s.Best = renumbered(s.Best) // clients are names: the plan is the same
	return nil
}

// simplify applies all that there is a hope for, or as many of them as it can. It
// reports whether it applied all.
func (s *reducer) simplify(ctx context.Context, all []simplification, some bool) (bool, error) {
	hoped := slices.DeleteFunc(slices.Clone(all), func(f simplification) bool { return s.needed[f.name] })
	if len(hoped) == 0 {
		return false, nil
	}
	p := s.Best
	for _, f := range hoped {
		p = f.do(p)
	}
	ok, err := s.try(ctx, "simpler", p)
	if ok || err != nil {
		return ok, err
	}
	if len(hoped) == 1 {
		s.needed[hoped[0].name] = true
	}
	if !some || len(hoped) == 1 {
		return false, nil
	}
	if _, err := s.simplify(ctx, hoped[:len(hoped)/2], true); err != nil {
		return false, err
	}
	_, err = s.simplify(ctx, hoped[len(hoped)/2:], true)
	return false, err
}

// changing is the plan with some of its steps changed.
func (p Plan) changing(id int, change func(Step) Step) Plan {
	p.Steps = slices.Clone(p.Steps)
	for i, s := range p.Steps {
		if s.StepID() == id {
			p.Steps[i] = change(s)
		}
	}
	return p
}

// surroundings are the default configuration, field by field, starts of the version that
// ran, exclusive reads instead of shared ones, and one object of a kind instead of several.
func (p Plan) surroundings() []simplification {
	var out []simplification
	for name, field := range fieldsSet(&p.Config) {
		out = append(out, simplification{name, func(p Plan) Plan {
			reflect.ValueOf(&p.Config).Elem().FieldByIndex(field).SetZero()
			return p
		}})
	}
	for _, s := range p.Steps {
		switch s := s.(type) {
		case Operate:
			if op := model.Exclusive(s.Op); op != s.Op {
				out = append(out, operating("exclusive", s.ID, func(o *Operate) { o.Op = op }))
			}
			if s.Object.N != 0 {
				out = append(out, operating("object", s.ID, func(o *Operate) { o.Object.N = 0 }))
			}
		case Inject:
			if s.HoldThroughStop {
				out = append(out, injecting("plain", s.ID, func(f *Inject) { f.HoldThroughStop = false }))
			}
			if s.Version != "" {
				out = append(out, injecting("version", s.ID, func(f *Inject) { f.Version = "" }))
			}
			for name, field := range fieldsSet(&s.Start) {
				out = append(out, injecting("start "+name, s.ID, func(f *Inject) { reflect.ValueOf(&f.Start).Elem().FieldByIndex(field).SetZero() }))
			}
		}
	}
	return out
}

// fieldsSet gives the fields of a struct that are not zero, those of structs in it one by
// one, by name and place.
func fieldsSet(of any) iter.Seq2[string, []int] {
	v := reflect.ValueOf(of).Elem()
	return func(yield func(string, []int) bool) {
		for _, f := range reflect.VisibleFields(v.Type()) {
			switch value := v.FieldByIndex(f.Index); {
			case value.IsZero():
			case f.Type.Kind() == reflect.Struct:
				for name, inner := range fieldsSet(value.Addr().Interface()) {
					if !yield(f.Name+"."+name, append(slices.Clone(f.Index), inner...)) {
						return
					}
				}
			case !yield(f.Name, f.Index):
				return
			}
		}
	}
}

func operating(name string, id int, change func(*Operate)) simplification {
	return simplification{fmt.Sprint(name, " ", id), func(p Plan) Plan {
		return p.changing(id, func(s Step) Step { o := s.(Operate); change(&o); return o })
	}}
}

func injecting(name string, id int, change func(*Inject)) simplification {
	return simplification{fmt.Sprint(name, " ", id), func(p Plan) Plan {
		return p.changing(id, func(s Step) Step { f := s.(Inject); change(&f); return f })
	}}
}

// oneClient gives every operation to the first client, the first operations first:
// what can't be all one client's is at least a prefix of one.
func (p Plan) oneClient() []simplification {
	var out []simplification
	first := -1
	for _, s := range p.Steps {
		o, is := s.(Operate)
		switch {
		case !is:
		case first < 0:
			first = o.Client
		case o.Client != first:
			out = append(out, operating("client", o.ID, func(o *Operate) { o.Client = first }))
		}
	}
	return out
}

// inPlace lets every fault come at its place in the list.
func (p Plan) inPlace() []simplification {
	var out []simplification
	for _, s := range p.Steps {
		if f, is := s.(Inject); is && f.When != nil && f.When != Trigger(InPlace{}) {
			out = append(out, injecting("in place", f.ID, func(f *Inject) { f.When = InPlace{} }))
		}
	}
	return out
}

// earlier moves each trigger to the gate before the effect, or to the first milestone.
func (p Plan) earlier() []simplification {
	var out []simplification
	for _, s := range p.Steps {
		f, is := s.(Inject)
		if !is {
			continue
		}
		var when Trigger
		switch w := f.When.(type) {
		case AtGate:
			when = AtGate{Step: w.Step}
		case Starting:
			when = Starting{Milestone: Spawned}
		}
		if when != nil && when != f.When {
			out = append(out, injecting("earlier", f.ID, func(f *Inject) { f.When = when }))
		}
	}
	return out
}

// renumbered is the plan with its clients numbered in the order of their first
// operations.
func renumbered(p Plan) Plan {
	names := map[int]int{}
	p.Steps = slices.Clone(p.Steps)
	for i, s := range p.Steps {
		o, is := s.(Operate)
		if !is {
			continue
		}
		if _, known := names[o.Client]; !known {
			names[o.Client] = len(names)
		}
		o.Client = names[o.Client]
		p.Steps[i] = o
	}
	return p
}

package generators

import (
	"errors"
	"fmt"
	"slices"

	"retain/model"
	"retain/runtime/versions"
)

// maxPartitions is more than any server under test is given.
const maxPartitions = 1024

// maxOffsetMs bounds the offset of a [Starting] trigger.
const maxOffsetMs = 1000

// Validate reports the first way in which a plan does not mean anything:
// "step 7 (id 12): ...". Every plan that is drawn is valid, and stays so when
// steps are taken out of it: a trigger may name a step that is gone.
func Validate(p Plan) error {
	if err := p.Config.validate(); err != nil {
		return fmt.Errorf("config: %w", err)
	}
	if err := p.Load.validate(); err != nil {
		return fmt.Errorf("load: %w", err)
	}
	index := make(map[int]int, len(p.Steps)) // by id, in the list
	for i, s := range p.Steps {
		if s == nil {
			return fmt.Errorf("%s: it is nil", placeOf(i, 0))
		}
		id := s.StepID()
		if id < 1 {
			return fmt.Errorf("%s: ids are positive", placeOf(i, id))
		}
		if first, taken := index[id]; taken {
			return fmt.Errorf("%s: step %d has this id already", placeOf(i, id), first+1)
		}
		index[id] = i
	}
	for i, s := range p.Steps {
		if err := p.validateStep(i, s, index); err != nil {
			return fmt.Errorf("%s: %w", placeOf(i, s.StepID()), err)
		}
	}
	return nil
}

// CheckServer reports what can't be carried out on a server of a version: the data that
// the plan needs, or its first such step, "step 7 (id 12): ...". A fault names a target,
// and the server under test is one node, with one service. The versions of starts are
// checked by themselves, and by [CheckPath].
func CheckServer(p Plan, version string) error {
	if err := p.Config.Provisioned().check(version); err != nil {
		return err
	}
	for i, s := range p.Steps {
		f, is := s.(Inject)
		if !is {
			continue
		}
		if f.Fault.OfService() && (f.Target == "" || f.Target == model.ServiceTarget) {
			continue
		}
		if f.Fault.OfService() || f.Target == model.ServiceTarget {
			return fmt.Errorf("%s: its target is %s, and a %s is done to %s: take the target out of the step", placeOf(i, f.ID), f.Target, f.Fault, doneTo(f.Fault))
		}
		if n, node := f.Target.Node(); f.Target != "" && !(node && n == 0) {
			return fmt.Errorf("%s: its target is %s, and the server under test is one node, node-0: take the target out of the step",
				placeOf(i, f.ID), f.Target)
		}
	}
	return nil
}

// doneTo is what a fault is done to, in words.
func doneTo(k model.FaultKind) string {
	if k.OfService() {
		return "the service"
	}
	return "the server"
}

// CheckPath reports the first start of a plan as a version that leaves out one which must
// have been started before: of a server that begins as the version first. A way back that
// may be refused leaves the data where they were. reported is the version that servers with
// a name of the plan's report.
func CheckPath(p Plan, first string, reported func(name string) string) error {
	at := []string{first}
	for i, s := range p.Steps {
		f, is := s.(Inject)
		if !is || f.Version == "" {
			continue
		}
		to := reported(f.Version)
		overGap := func(from string) bool { _, gap := versions.GapOf(from, to); return gap }
		if !slices.ContainsFunc(at, func(from string) bool { return !overGap(from) }) {
			g, _ := versions.GapOf(at[0], to)
			return fmt.Errorf("%s: %s does not start on the data of %s: start a version %s between them", placeOf(i, f.ID), to, at[0], g.Through)
		}
		at = after(at, to)
	}
	return nil
}

// AsNamed is for plans whose versions are reported as they are named: releases.
func AsNamed(name string) string { return name }

// placeOf names a step by its place in the list and, if it has one, its id.
func placeOf(i, id int) string {
	if id == 0 {
		return fmt.Sprintf("step %d", i+1)
	}
	return fmt.Sprintf("step %d (id %d)", i+1, id)
}

func (c Config) validate() error {
	if c.Partitions < 0 || c.Partitions > maxPartitions {
		return fmt.Errorf("%d partitions: want 1 to %d, or 0 for the server's default", c.Partitions, maxPartitions)
	}
	if c.Server != "" {
		if _, err := ServerNamed(c.Server); err != nil {
			return err
		}
	}
	if err := c.Start.validate(); err != nil {
		return fmt.Errorf("start: %w", err)
	}
	if c.TakeOver != "" && !c.TakeOver.Ends() {
		return fmt.Errorf("take_over %.40q: want a fault that ends the server, stop or kill, or nothing for a kill", c.TakeOver)
	}
	if c.Resolve != Resend && c.Resolve != LookUp && c.Resolve != LeaveOpen {
		return fmt.Errorf("resolve %.40q: want lookup or open, or nothing for re-sending", c.Resolve)
	}
	return nil
}

// mayStayOpen reports whether an ambiguous operation of the plan may have no
// answer in the end.
func (c Config) mayStayOpen() bool { return c.Unkeyed || c.Resolve != Resend }

func (p Plan) validateStep(i int, s Step, index map[int]int) error {
	switch s := s.(type) {
	case Operate:
		if p.Load.Clients > 0 && IsLoadObject(s.Object) {
			return fmt.Errorf("%s is an object of the load: in a plan with a load, the program's have numbers below %d", s.Object, FirstLoadObject)
		}
		if err := s.validate(p.Config); err != nil {
			return err
		}
		return s.validateManaged(i, p.Steps, index)
	case Inject:
		return s.validate(i, p.Steps, index)
	}
	return fmt.Errorf("a step is an Operate or an Inject, not a %T", s)
}

func (s Operate) validate(c Config) error {
	if s.Client < 0 {
		return fmt.Errorf("client %d: clients count from 0", s.Client)
	}
	if o, err := model.ParseObject(s.Object.String()); err != nil || o != s.Object {
		return fmt.Errorf("%q is no object: want a kind and a number from 0, such as counter-0", s.Object)
	}
	if s.Op == nil || s.Op.Kind() != s.Object.Kind {
		return fmt.Errorf("%v is not an operation of a %s", s.Op, s.Object.Kind)
	}
	back, err := model.ParseOperation(s.Object.Kind, s.Op.String())
	if err != nil {
		return err
	}
	if back != s.Op {
		return fmt.Errorf("%s does not print exactly: its strings must be UTF-8", s.Op)
	}
	if model.ExecutesAnew(s.Op) {
		return fmt.Errorf("%s: no client calls that: it stands in the smallest histories of violations", s.Op)
	}
	if n := model.Addition(s.Op); n > 1 && c.mayStayOpen() {
		return fmt.Errorf("%s: where operations may stay open (unkeyed, or resolve is not to re-send), additions are of 1: other sums can't be judged", s.Op)
	}
	return nil
}

// validateManaged checks the step that an operation on an invocation names. One that is gone
// has no invocation; one of another object, or that comes later, is a mistake of whoever wrote
// the plan.
func (s Operate) validateManaged(i int, steps []Step, index map[int]int) error {
	m, manages := s.Op.(model.Manage)
	if !manages {
		return nil
	}
	at, there := index[m.Step]
	if !there {
		return nil
	}
	of, is := steps[at].(Operate)
	switch {
	case !is:
		return fmt.Errorf("%s: id %d is a fault: want an operation", m, m.Step)
	case at >= i:
		return fmt.Errorf("%s: id %d does not stand before it", m, m.Step)
	case of.Object != s.Object:
		return fmt.Errorf("%s: id %d is an operation on %s, and this step names %s", m, m.Step, of.Object, s.Object)
	case of.Op.ReadOnly():
		return fmt.Errorf("%s: id %d is %s, which changes nothing: want an operation that does", m, m.Step, of.Op)
	case m.Of != nil && m.Of != of.Op:
		return fmt.Errorf("%s: id %d is %s", m, m.Step, of.Op)
	}
	return nil
}

func (s Inject) validate(i int, steps []Step, index map[int]int) error {
	if !slices.Contains(model.FaultKinds(), s.Fault) {
		return fmt.Errorf("fault %.40q: want %s", s.Fault, model.FaultNames())
	}
	if err := s.Target.Validate(); err != nil {
		return err
	}
	if s.Version != "" {
		if !s.Fault.Starts() {
			return fmt.Errorf("a %s names no version: only a start does", s.Fault)
		}
		if err := model.CheckVersionName(s.Version); err != nil {
			return err
		}
	}
	if s.Start != (StartConfig{}) && !s.Fault.Starts() {
		return fmt.Errorf("a %s has no configuration: only a start does", s.Fault)
	}
	if err := s.Start.validate(); err != nil {
		return fmt.Errorf("start: %w", err)
	}
	if s.HoldThroughStop && !s.Fault.Spec().Drains {
		return fmt.Errorf("a %s holds no gate: only a stop does", s.Fault)
	}
	switch when := s.When.(type) {
	case nil, InPlace:
		return nil
	case WhileOpen:
		return validateAwaited(when.Step, i, steps, index)
	case AtGate:
		return validateAwaited(when.Step, i, steps, index)
	case Starting:
		return when.validate()
	case InFlight:
		if when.Operations < 1 || when.Operations > MaxLoadClients {
			return fmt.Errorf("in_flight %d: want 1 to %d operations of the load", when.Operations, MaxLoadClients)
		}
		return nil
	}
	return fmt.Errorf("no trigger is a %T", s.When)
}

// validateAwaited checks the step that a trigger of the fault at index i names.
// One that is gone is due at once; one that never comes before the fault is a
// mistake of whoever wrote the plan.
func validateAwaited(id, i int, steps []Step, index map[int]int) error {
	if id < 1 {
		return fmt.Errorf("its trigger names step id %d: ids are positive", id)
	}
	at, there := index[id]
	if !there {
		return nil
	}
	if _, operation := steps[at].(Operate); !operation {
		return fmt.Errorf("its trigger names id %d, which is a fault: want an operation", id)
	}
	if at > i {
		return fmt.Errorf("its trigger names id %d, which stands after it and begins only once it has begun", id)
	}
	return nil
}

func (s Starting) validate() error {
	switch s.Milestone {
	case Spawned, Port, Health, FirstProbe:
	default:
		return fmt.Errorf("during %.40q: want spawned, port, health or canary", s.Milestone)
	}
	if s.OffsetMs < 0 || s.OffsetMs > maxOffsetMs {
		return errors.New("offset_ms is not from 0 to " + fmt.Sprint(maxOffsetMs))
	}
	return nil
}

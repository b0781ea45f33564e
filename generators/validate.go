package generators

import (
	"errors"
	"fmt"

	"retain/model"
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
		return s.validate(p.Config)
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
	if n := model.Addition(s.Op); n > 1 && c.mayStayOpen() {
		return fmt.Errorf("%s: where operations may stay open (unkeyed, or resolve is not to re-send), additions are of 1: other sums can't be judged", s.Op)
	}
	return nil
}

func (s Inject) validate(i int, steps []Step, index map[int]int) error {
	switch s.Fault {
	case Stop, Kill, Start, Pause, Resume:
	default:
		return fmt.Errorf("fault %.40q: want stop, kill, start, pause or resume", s.Fault)
	}
	if s.Version != "" && s.Fault != Start {
		return fmt.Errorf("a %s names no version: only a start does", s.Fault)
	}
	if s.HoldThroughStop && s.Fault != Stop {
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
	case Spawned, Port, Health, Canary:
	default:
		return fmt.Errorf("during %.40q: want spawned, port, health or canary", s.Milestone)
	}
	if s.OffsetMs < 0 || s.OffsetMs > maxOffsetMs {
		return errors.New("offset_ms is not from 0 to " + fmt.Sprint(maxOffsetMs))
	}
	return nil
}

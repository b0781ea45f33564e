package generators

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"retain/model"
)

// Decode reads what [Encode] wrote, or a person edited. The error is one line
// with the place: "line 4:17: ..." for the form, "step 7 (id 12): ..." for what a
// step says. Unknown fields are errors. A plan that it returns is valid.
func Decode(text []byte) (Plan, error) {
	p, err := decode(document(text))
	if err == nil {
		err = Validate(p)
	}
	if err != nil {
		return Plan{}, errors.New(oneLine(err.Error()))
	}
	return p, nil
}

func decode(doc document) (Plan, error) {
	if err := doc.syntax(); err != nil {
		return Plan{}, err
	}
	if err := checkVersion(doc); err != nil {
		return Plan{}, err
	}
	start := strings.IndexFunc(string(doc), func(r rune) bool { return !strings.ContainsRune(" \t\r\n", r) })
	whole := value{doc: doc, offset: start, raw: json.RawMessage(doc[start:])}
	var (
		p       Plan
		version int
		seed    string
	)
	err := whole.object("the plan", map[string]func(value) error{
		"version":     into(&version, "a number"),
		"seed":        func(v value) error { return readSeed(v, &seed, &p.Seed) },
		"number":      into(&p.Number, "a number"),
		"rapid_steps": into(&p.RapidSteps, "a number"),
		"config":      func(v value) error { return readConfig(v, &p.Config) },
		"load":        func(v value) error { return readLoad(v, &p.Load) },
		"steps": func(v value) error {
			return v.array("steps", func(i int, e value) error {
				s, err := readStep(i, e)
				p.Steps = append(p.Steps, s)
				return err
			})
		},
	})
	return p, err
}

// checkVersion comes before everything else: a later format may hold anything.
func checkVersion(doc document) error {
	var tagged struct {
		Version *int `json:"version"`
	}
	if err := json.Unmarshal(doc, &tagged); err != nil || tagged.Version == nil {
		return errors.New(`not a plan: it has no format version (want {"version":1,...})`)
	}
	switch v := *tagged.Version; {
	case v > PlanVersion:
		return fmt.Errorf("the plan has format version %d; this retain reads up to %d: use a newer one", v, PlanVersion)
	case v < 1:
		return fmt.Errorf("the plan has format version %d; there is none below 1", v)
	}
	return nil
}

func readSeed(v value, text *string, seed *uint64) error {
	const want = `a whole number in quotes, such as "8123"`
	if err := into(text, want)(v); err != nil {
		return err
	}
	n, err := strconv.ParseUint(*text, 10, 64)
	if err != nil {
		return v.doc.at(v.offset, "the seed %.40q is not %s", *text, want)
	}
	*seed = n
	return nil
}

func readConfig(v value, c *Config) error {
	const flag = "true or false"
	return v.object("config", map[string]func(value) error{
		"server":          into(&c.Server, "a string"),
		"partitions":      into(&c.Partitions, "a number"),
		"vqueues":         into(&c.VQueues, flag),
		"start":           func(v value) error { return readStart(v, &c.Start) },
		"take_over":       into(&c.TakeOver, "a fault"),
		"unkeyed":         into(&c.Unkeyed, flag),
		"push_on":         into(&c.PushOn, flag),
		"retry":           into(&c.Retry, flag),
		"resolve":         into(&c.Resolve, "a string"),
		"no_closing_kill": into(&c.NoClosingKill, flag),
		"resend_answered": into(&c.ResendAnswered, flag),
	})
}

func readStart(v value, c *StartConfig) error {
	return v.object("start", map[string]func(value) error{
		"state":      into(&c.State, "a string"),
		"suspension": into(&c.Suspension, "a string"),
		"one_timer":  into(&c.OneTimer, "true or false"),
	})
}

func readLoad(v value, l *Load) error {
	var seed string
	return v.object("load", map[string]func(value) error{
		"clients": into(&l.Clients, "a number"),
		"objects": into(&l.Objects, "a number"),
		"seed":    func(v value) error { return readSeed(v, &seed, &l.Seed) },
		"reads":   into(&l.Reads, "a number"),
		"between": into(&l.Between, "a number"),
		"operations": func(v value) error {
			return v.array("operations", func(_ int, e value) error {
				var name string
				err := into(&name, "an operation's name")(e)
				l.Operations = append(l.Operations, name)
				return err
			})
		},
	})
}

// stepFields are all fields of a step; nil where they are not there.
type stepFields struct {
	id, client, while, step, offset, inFlight *int
	do, fault, target, gate, during, version  *string
	hold                                      *bool
	start                                     *StartConfig
}

func readStep(i int, v value) (Step, error) {
	var f stepFields
	err := v.object(fmt.Sprintf("step %d", i+1), map[string]func(value) error{
		"id":        into(&f.id, "a number"),
		"client":    into(&f.client, "a number"),
		"do":        into(&f.do, "a string"),
		"fault":     into(&f.fault, "a string"),
		"target":    into(&f.target, "a string"),
		"while":     into(&f.while, "a step's id"),
		"gate":      into(&f.gate, "a string"),
		"step":      into(&f.step, "a step's id"),
		"during":    into(&f.during, "a string"),
		"offset_ms": into(&f.offset, "a number"),
		"version":   into(&f.version, "a string"),
		"hold":      into(&f.hold, "true or false"),
		"in_flight": into(&f.inFlight, "a number"),
		"start": func(v value) error {
			f.start = &StartConfig{}
			return readStart(v, f.start)
		},
	})
	if err != nil {
		return nil, err
	}
	s, err := f.read()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", placeOf(i, or(f.id, 0)), err)
	}
	return s, nil
}

func (f stepFields) read() (Step, error) {
	switch {
	case f.id == nil:
		return nil, errors.New("it has no id")
	case f.do != nil && f.fault != nil:
		return nil, errors.New("it has both do and fault: want one of them")
	case f.do != nil:
		return f.operate()
	case f.fault != nil:
		return f.inject()
	}
	return nil, errors.New("it has neither do (an operation) nor fault")
}

func (f stepFields) operate() (Step, error) {
	if f.while != nil || f.gate != nil || f.step != nil || f.during != nil || f.offset != nil || f.version != nil || f.hold != nil || f.target != nil ||
		f.inFlight != nil || f.start != nil {
		return nil, errors.New("an operation has id, client and do, nothing else")
	}
	if f.client == nil {
		return nil, errors.New("it has no client")
	}
	name, text, found := strings.Cut(*f.do, " ")
	if !found {
		return nil, fmt.Errorf("do %.80q: want an object and an operation, such as counter-0 add(1)", *f.do)
	}
	object, err := model.ParseObject(name)
	if err != nil {
		return nil, err
	}
	op, err := model.ParseOperation(object.Kind, text)
	if err != nil {
		return nil, err
	}
	return Operate{ID: *f.id, Client: *f.client, Object: object, Op: op}, nil
}

func (f stepFields) inject() (Step, error) {
	if f.client != nil {
		return nil, errors.New("a fault has no client")
	}
	when, err := f.trigger()
	if err != nil {
		return nil, err
	}
	return Inject{
		ID: *f.id, Fault: model.FaultKind(*f.fault), Target: model.Target(or(f.target, "")), When: when, Version: or(f.version, ""), Start: or(f.start, StartConfig{}), HoldThroughStop: or(f.hold, false),
	}, nil
}

func (f stepFields) trigger() (Trigger, error) {
	named := 0
	for _, there := range []bool{f.while != nil, f.gate != nil, f.during != nil, f.inFlight != nil} {
		if there {
			named++
		}
	}
	switch {
	case named > 1:
		return nil, errors.New("it has more than one trigger: want one of while, gate, during and in_flight, or none")
	case f.step != nil && f.gate == nil:
		return nil, errors.New("step belongs to a gate: want gate too")
	case f.offset != nil && f.during == nil:
		return nil, errors.New("offset_ms belongs to during: want during too")
	case f.while != nil:
		return WhileOpen{Step: *f.while}, nil
	case f.during != nil:
		return Starting{Milestone: Milestone(*f.during), OffsetMs: or(f.offset, 0)}, nil
	case f.inFlight != nil:
		return InFlight{Operations: *f.inFlight}, nil
	case f.gate == nil:
		return InPlace{}, nil
	case *f.gate != gateBefore && *f.gate != gateAfter:
		return nil, fmt.Errorf("gate %.40q: want before or after", *f.gate)
	case f.step == nil:
		return nil, errors.New("a gate needs step, the id of the operation that stands at it")
	}
	return AtGate{Step: *f.step, After: *f.gate == gateAfter}, nil
}

// or is the value that p points to, or the other for nil.
func or[V any](p *V, other V) V {
	if p == nil {
		return other
	}
	return *p
}

// oneLine puts a text that may hold pieces of the file on one line.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

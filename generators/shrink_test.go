package generators

import (
	"flag"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"retain/internal/selftest"
	"retain/model"
)

// quiet is a test that rapid may fail.
type quiet struct{ failed bool }

type ended struct{}

func (*quiet) Helper()                 {}
func (*quiet) Name() string            { return "quiet" }
func (*quiet) Logf(string, ...any)     {}
func (*quiet) Log(...any)              {}
func (*quiet) Skipf(string, ...any)    { panic(ended{}) }
func (*quiet) Skip(...any)             { panic(ended{}) }
func (*quiet) SkipNow()                { panic(ended{}) }
func (q *quiet) Errorf(string, ...any) { q.failed = true }
func (q *quiet) Error(...any)          { q.failed = true }
func (q *quiet) Fatalf(string, ...any) { q.FailNow() }
func (q *quiet) Fatal(...any)          { q.FailNow() }
func (q *quiet) Fail()                 { q.failed = true }
func (q *quiet) Failed() bool          { return q.failed }
func (q *quiet) FailNow() {
	q.failed = true
	panic(ended{})
}

// setFlag sets one of rapid's flags for the test.
func setFlag(t *testing.T, name, value string) {
	t.Helper()
	old := flag.Lookup(name).Value.String()
	require.NoError(t, flag.Set(name, value))
	t.Cleanup(func() { require.NoError(t, flag.Set(name, old)) })
}

// shrunk is the plan that rapid's own shrinking ends at, false if rapid found none
// that is bad.
func shrunk(t *testing.T, seed int, bad func(Plan) bool) (last Plan, found bool) {
	t.Helper()
	setFlag(t, "rapid.nofailfile", "true")
	setFlag(t, "rapid.checks", "2000")
	if testing.Short() {
		setFlag(t, "rapid.steps", "60") // -short halves them
	} else {
		setFlag(t, "rapid.steps", "30")
	}
	setFlag(t, "rapid.seed", strconv.Itoa(seed))
	defer func() {
		if r := recover(); r != nil {
			if _, ours := r.(ended); !ours {
				panic(r)
			}
		}
	}()
	rapid.Check(&quiet{}, func(rt *rapid.T) {
		p := Plans(measured(Options{})).Draw(rt, "plan")
		if bad(p) {
			last, found = p, true
			rt.Fatalf("bad")
		}
	})
	return last, found
}

// sequence is a predicate: the plan has steps that fit these, in this order.
func sequence(parts ...func(Step) bool) func(Plan) bool {
	return func(p Plan) bool {
		at := 0
		for _, s := range p.Steps {
			if at < len(parts) && parts[at](s) {
				at++
			}
		}
		return at == len(parts)
	}
}

func adds(s Step) bool {
	o, ok := s.(Operate)
	return ok && model.Addition(o.Op) == 1
}

func gets(s Step) bool {
	o, ok := s.(Operate)
	return ok && o.Op == model.Operation(model.CounterGet{})
}

func injects(kind model.FaultKind) func(Step) bool {
	return func(s Step) bool {
		f, ok := s.(Inject)
		return ok && f.Fault == kind
	}
}

func killDuringStart(s Step) bool {
	f, _ := s.(Inject)
	_, starting := f.When.(Starting)
	return starting && f.Fault == model.Kill
}

// Every step of a plan that fails can go if the failure does not need it.
func TestRapidShrinksPlansToMinimal(t *testing.T) {
	for _, c := range []struct {
		name    string
		bad     func(Plan) bool
		minimal int
		seeds   int // the number of failures to shrink; each costs up to 30,000 draws
	}{
		{"an addition", sequence(adds), 1, 5},
		{"lost", sequence(adds, injects(model.Kill), injects(model.Start), gets), 4, 3},
		{"stopped and killed", sequence(injects(model.Stop), injects(model.Kill)), 4, 1},
		{"killed while starting", sequence(killDuringStart), 4, 1},
		{"dirty read", func(p Plan) bool { return len(dirtyReads(p)) > 0 }, 3, 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			minimal := 0
			if selftest.Race {
				if c.name == "stopped and killed" {
					t.Skip("30,000 draws, none of them concurrent, are slow under the race detector")
				}
				c.seeds = 1
			}
			for seed := 1; seed <= c.seeds; seed++ {
				p, found := shrunk(t, seed, c.bad)
				require.True(t, found, "seed %d draws no such plan", seed)
				require.NoError(t, Validate(p))
				if len(p.Steps) == c.minimal {
					minimal++
				} else {
					t.Logf("seed %d: %d steps\n%s", seed, len(p.Steps), Encode(p))
				}
			}
			require.Equal(t, c.seeds, minimal, "shrunk to the minimum")
		})
	}
}

// dirtyReads lists the kills that come while a write stands behind its effect and
// another client reads its object.
func dirtyReads(p Plan) []Inject {
	var out []Inject
	for i, s := range p.Steps {
		f, _ := s.(Inject)
		gate, gated := f.When.(AtGate)
		if !gated || !gate.After || f.Fault != model.Kill {
			continue
		}
		var held *Operate
		for _, s := range p.Steps[:i] {
			o, ok := s.(Operate)
			switch {
			case !ok:
			case o.ID == gate.Step:
				held = &o
			case held != nil && o.Client != held.Client && o.Object == held.Object && o.Op.ReadOnly():
				out = append(out, f)
				held = nil
			}
		}
	}
	return out
}

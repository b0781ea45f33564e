package generators

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/model"
	"retain/runtime/versions"
)

// withoutPath is the plan without its versions, and without what they added.
func withoutPath(p Plan, steps int) Plan {
	p.Config.ResendAnswered = false
	p.Steps = slices.Clone(p.Steps[:steps])
	for i, s := range p.Steps {
		if f, is := s.(Inject); is {
			f.Version = ""
			p.Steps[i] = f
		}
	}
	return p
}

// runningAt calls back with each start that names a version, and what ran before: those
// that a refusal may have left.
func runningAt(p Plan, first string, visit func(from []string, to string)) {
	at := []string{first}
	for _, s := range p.Steps {
		if f, is := s.(Inject); is && f.Version != "" {
			visit(at, f.Version)
			at = after(at, f.Version)
		}
	}
}

func TestEachDrawnPlanSwitchesVersionsAndIsOtherwiseThePlanOfItsSeed(t *testing.T) {
	list := []string{"1.6.2", "1.7.2", "1.7.12"}
	plain := Options{StartConfigs: true, Scheduled: true, Loads: Loads{Share: 2.0 / 3}}
	with := plain
	with.Versions = list
	resends, loads, by := 0, 0, map[model.FaultKind]int{}
	seen := map[[2]string]bool{}
	for n := range 200 {
		p, q := Draw(3, n, with), Draw(3, n, plain)
		require.NoError(t, Validate(p))
		require.Equal(t, q, withoutPath(p, len(q.Steps)), "plan %d", n)
		require.NotEmpty(t, p.Path(), "plan %d", n)
		last := model.FaultKind("")
		for _, s := range p.Steps {
			f, is := s.(Inject)
			if is && f.Version != "" {
				by[last]++
			}
			if is && f.Fault.Ends() {
				last = f.Fault
			}
		}
		runningAt(p, list[0], func(from []string, to string) {
			require.NotContains(t, from, to, "plan %d is led to the version that runs", n)
			seen[[2]string{from[0], to}] = true
		})
		if p.Config.ResendAnswered {
			resends++
		}
		if p.Load.Clients > 0 {
			loads++
		}
		back, err := Decode(Encode(p))
		require.NoError(t, err)
		require.Equal(t, Encode(p), Encode(back))
	}
	assert.Len(t, seen, 6, "each version is led to each other one")
	assert.InDelta(t, 150, resends, 30)
	assert.Greater(t, loads, 100)
	assert.Greater(t, by[model.Stop], 50)
	assert.Greater(t, by[model.Kill], 50)
}

// A step that a version in between must be started for is never drawn, also not from the
// version that a refused way back leaves.
func TestNoDrawnPlanLeavesOutAVersionThatMustBeStarted(t *testing.T) {
	refused := 0
	for n := range 300 {
		runningAt(Draw(5, n, Options{Versions: []string{"1.5.3", "1.6.2", "1.7.12"}}), "1.5.3", func(from []string, to string) {
			for _, v := range from {
				_, gap := versions.GapOf(v, to)
				require.False(t, gap, "plan %d: %s to %s", n, v, to)
				if _, may := versions.Excuse(v, to); may {
					refused++
				}
			}
		})
	}
	assert.NotZero(t, refused, "ways back that may be refused are drawn")
}

func TestAWayBackThatIsAlwaysRefusedLeavesNoGap(t *testing.T) {
	path := func(versions ...string) (p Plan) {
		for i, v := range versions {
			p.Steps = append(p.Steps, Inject{ID: 2*i + 1, Fault: model.Kill}, Inject{ID: 2*i + 2, Fault: model.Start, Version: v})
		}
		return p
	}
	assert.NoError(t, CheckPath(path("1.5.3", "1.7.2"), "1.7.12", AsNamed), "it is refused: 1.7.12 runs on")
	assert.EqualError(t, CheckPath(path("1.6.2", "1.5.3", "1.7.12"), "1.6.2", AsNamed),
		"step 6 (id 6): 1.7.12 does not start on the data of 1.5.3: start a version from 1.6.0 on, before 1.7.0 between them")
	named := func(name string) string { return map[string]string{"mine": "1.7.12"}[name] }
	assert.Error(t, CheckPath(path("mine"), "1.5.3", named), "a build counts by the version that it reports")
}

func TestPlansOfSeveralVersionsHaveVQueuesOnlyIfAllHaveThem(t *testing.T) {
	with := func(list ...string) (n int) {
		for i := range 60 {
			if Draw(2, i, Options{StartConfigs: true, VQueues: true, Versions: list}).Config.VQueues {
				n++
			}
		}
		return n
	}
	assert.NotZero(t, with("1.7.2", "1.7.12"))
	assert.Zero(t, with("1.7.12", "1.6.2"))
}

func TestAPlanThatSendsAnsweredOperationsAgainHasAFormatVersionOfItsOwn(t *testing.T) {
	p := Plan{Config: Config{ResendAnswered: true}, Steps: []Step{Inject{ID: 1, Fault: model.Kill, When: InPlace{}}}}
	assert.Contains(t, string(Encode(p)), `{"version":4,"seed":"0","number":0,"config":{"resend_answered":true}`)
	back, err := Decode(Encode(p))
	require.NoError(t, err)
	assert.Equal(t, p, back)
	assert.Contains(t, string(Encode(Plan{Config: Config{VQueues: true}})), `{"version":3,`, "older ones keep theirs")
	assert.Contains(t, string(Encode(Plan{})), `{"version":1,`)
}

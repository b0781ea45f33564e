package generators

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/model"
)

// excludable lists each single exclusion that leaves something to draw.
func excludable(t *testing.T) []Exclusion {
	var out []Exclusion
	add := func(what Excluded, name string) {
		e := Exclusion{what, name, "a test leaves it out"}
		require.NoError(t, Exclusions{e}.Check(), name)
		out = append(out, e)
	}
	for _, k := range model.Kinds() {
		add(ExcludedObject, string(k))
	}
	for _, name := range Names() {
		add(ExcludedOperation, name)
	}
	for _, k := range excludableFaults() {
		add(ExcludedFault, string(k))
	}
	for _, name := range append(Configurations(), "lazy, suspending", "24 partitions, eager", "vqueues, lazy, suspended at once") {
		add(ExcludedConfiguration, name)
	}
	return out
}

// drawnWith draws a few plans of each way to draw some.
func drawnWith(x Exclusions) (out []Plan) {
	all := Options{StartConfigs: true, Scheduled: true, VQueues: true, Loads: Loads{Share: 0.7}, Exclude: x}
	versions, unresolved := all, all
	versions.Versions = []string{"1.7.2", "1.7.12"}
	unresolved.Unresolved = true
	for n := range 8 {
		out = append(out, Draw(3, n, all))
		if n < 3 {
			out = append(out, Draw(4, n, versions), Draw(5, n, unresolved), Upgrade(6, n, UpgradeOptions{Versions: versions.Versions, Exclude: x}))
		}
	}
	for i, s := range x.Situations() {
		if i%67 == 0 {
			o := all
			o.Scheduled, o.Situation = false, s
			out = append(out, Draw(7, i, o))
		}
	}
	return out
}

func TestWhatIsExcludedIsNotDrawn(t *testing.T) {
	for i, e := range excludable(t) {
		if testing.Short() && i%4 > 0 {
			continue
		}
		t.Run(fmt.Sprintf("%s %s", e.What, e.Name), func(t *testing.T) {
			for _, p := range drawnWith(Exclusions{e}) { // few: each exclusion has its plans
				if len(Exclusions{e}.In(p)) > 0 {
					require.Fail(t, "it was drawn", "%s", Encode(p))
				}
				require.NoError(t, Validate(p))
			}
		})
	}
}

// What a test calls excluded is what the text of a plan shows.
func TestExclusionsOfAPlanAreWhatItSays(t *testing.T) {
	for i, p := range drawnWith(nil) {
		text := string(Encode(p))
		for _, k := range model.FaultKinds() {
			has := strings.Contains(text, fmt.Sprintf(`"fault":%q`, k)) || k == model.Kill && !p.Config.NoClosingKill
			assert.Equal(t, has, len(Exclusions{{ExcludedFault, string(k), "x"}}.In(p)) > 0, "plan %d: %s in %s", i, k, text)
		}
		for _, k := range model.Kinds() {
			has := strings.Contains(text, fmt.Sprintf(`"do":"%s-`, k)) || strings.Contains(text, fmt.Sprintf(`"%s `, k))
			assert.Equal(t, has, len(Exclusions{{ExcludedObject, string(k), "x"}}.In(p)) > 0, "plan %d: %s in %s", i, k, text)
		}
		for _, state := range []StateMode{EagerState, LazyState} {
			has := strings.Contains(text, fmt.Sprintf(`"state":%q`, state))
			assert.Equal(t, has, len(Exclusions{{ExcludedConfiguration, string(state), "x"}}.In(p)) > 0, "plan %d: %s in %s", i, state, text)
		}
		assert.Equal(t, strings.Contains(text, `"vqueues":true`), len(Exclusions{{ExcludedConfiguration, "vqueues", "x"}}.In(p)) > 0, "plan %d: %s", i, text)
	}
}

// Each single exclusion leaves all else: what is left is drawn, in every class that is left.
func TestWhatIsNotExcludedIsDrawnStill(t *testing.T) {
	drawn := func(x Exclusions) (names map[string]bool, classes map[Class]bool, faults map[model.FaultKind]bool) {
		names, classes, faults = map[string]bool{}, map[Class]bool{}, map[model.FaultKind]bool{}
		for n := range 100 {
			p := Draw(8, n, Options{StartConfigs: true, Scheduled: true, Loads: Loads{Share: 0.7}, Exclude: x})
			classes[p.Config.Class()] = true
			for _, name := range p.operationNames() {
				names[name] = true
			}
			for _, s := range p.Steps {
				if f, is := s.(Inject); is {
					faults[f.Fault] = true
				}
			}
		}
		return names, classes, faults
	}
	for i, e := range excludable(t) {
		if i%9 != 0 || testing.Short() && i%18 != 0 { // all of them take long
			continue
		}
		x := Exclusions{e}
		names, classes, faults := drawn(x)
		for _, name := range x.Names() {
			assert.True(t, names[name], "without %s no plan has %s", e, name)
		}
		for _, c := range x.Classes() {
			assert.True(t, classes[c], "without %s no plan begins %s", e, c)
		}
		for _, k := range x.ends() {
			assert.True(t, faults[k], "without %s no plan has a %s", e, k)
		}
	}
}

func TestExclusionsOfNothingAndOfEverythingAreRefused(t *testing.T) {
	of := func(what Excluded, names ...string) (out Exclusions) {
		for _, n := range names {
			out = append(out, Exclusion{what, n, "why"})
		}
		return out
	}
	kinds := func() (names []string) {
		for _, k := range model.Kinds() {
			names = append(names, string(k))
		}
		return names
	}()
	for _, test := range []struct {
		x    Exclusions
		says string
	}{
		{of(ExcludedObject, "counters"), "no object is called \"counters\": want one of counter; register; list; map"},
		{of(ExcludedOperation, "counter frobnicate"), "no operation is called \"counter frobnicate\": want one of counter add;"},
		{of(ExcludedFault, "meteor"), "no fault is called \"meteor\": want one of stop; kill; pause"},
		{of(ExcludedFault, "start"), "fault start: it undoes another one: exclude that"},
		{of(ExcludedConfiguration, "lazy, purple"), "no configuration is called \"lazy, purple\": want one of plain-1;"},
		{of("colour", "red"), "\"colour\" can't be excluded"},
		{Exclusions{{ExcludedFault, "pause", " "}}, "fault pause has no reason"},
		{of(ExcludedFault, "pause", "pause"), "fault pause is excluded twice"},
		{of(ExcludedObject, kinds...), "nothing is left to draw: of every kind of objects"},
		{of(ExcludedOperation, Names()...), "nothing is left to draw: of every kind of objects"},
		{of(ExcludedFault, "stop", "kill"), "nothing is left to draw: every fault that ends the server is excluded"},
		{of(ExcludedConfiguration, "eager", "lazy"), "nothing is left to draw: every configuration"},
		{of(ExcludedConfiguration, "1 partition", "4 partitions", "24 partitions"), "nothing is left to draw: every configuration"},
	} {
		err := test.x.Check()
		require.Error(t, err, "%v", test.x)
		assert.Contains(t, err.Error(), test.says)
		assert.NotContains(t, err.Error(), "\n")
	}
}

func TestExcludedOperationsTakeTheirKindAlong(t *testing.T) {
	x := Exclusions{{ExcludedOperation, "map set", "why"}, {ExcludedOperation, "list get", "why"}}
	assert.Equal(t, []model.Kind{model.Counter, model.Register, model.Mailbox, model.Answers, model.Awakeables}, x.Kinds())
	assert.Equal(t, slices.Concat(x, Exclusions{
		{ExcludedObject, "list", "what reads it is excluded"}, {ExcludedObject, "map", "what writes it is excluded"},
	}), x.Complete())
	assert.Equal(t, Exclusions{{ExcludedObject, "map", "why"}}, Exclusions{{ExcludedObject, "map", "why"}}.Complete())
}

func TestSituationsAreThoseThatAreLeft(t *testing.T) {
	assert.Equal(t, Situations(), Exclusions(nil).Situations())
	assert.Equal(t, Changes(), Exclusions(nil).Changes())
	x := Exclusions{{ExcludedObject, "map", "why"}, {ExcludedFault, "stop", "why"}, {ExcludedConfiguration, "lazy, suspending", "why"}}
	left := x.Situations()
	assert.NotEmpty(t, left)
	for _, s := range left {
		assert.NotEqual(t, model.Map, s.Kind())
		assert.NotEqual(t, model.Stop, s.Fault)
		assert.NotEqual(t, Class{Lazy: true, Suspending: true}, s.Class)
	}
	assert.Len(t, x.FaultPoints(), 2)
	assert.Len(t, x.Classes(), 3)
}

// An excluded number of partitions in one class moves the plans of the class, and no others.
func TestAClassKeepsThePartitionsThatAreLeftToIt(t *testing.T) {
	x := Exclusions{{ExcludedConfiguration, "1 partition, lazy", "why"}, {ExcludedConfiguration, "24 partitions, lazy", "why"}}
	seen := map[string]bool{}
	for n := range 120 {
		c := Draw(9, n, Options{StartConfigs: true, Exclude: x}).Config
		seen[fmt.Sprint(c.Start.State, c.Partitions)] = true
	}
	assert.Equal(t, map[string]bool{"eager1": true, "eager4": true, "eager24": true, "lazy4": true}, seen)
}

func TestReductionAddsNothingThatIsExcluded(t *testing.T) {
	plan := Draw(2, 1, Options{Exclude: Exclusions{{ExcludedOperation, "register read", "why"}}, StartConfigs: true, Start: StartConfig{State: LazyState, Suspension: SuspendAtOnce}})
	x := Exclusions{{ExcludedConfiguration, "eager", "why"}, {ExcludedOperation, "counter add(0)", "why"}}
	require.Empty(t, x.In(plan))
	tried := 0
	_, err := Reduce(context.Background(), plan, ReduceOptions{Exclude: x, Executions: 60, Fails: func(_ context.Context, p Plan) (bool, error) {
		tried++
		assert.Empty(t, x.In(p))
		return true, nil
	}})
	require.NoError(t, err)
	assert.Greater(t, tried, 5)
}

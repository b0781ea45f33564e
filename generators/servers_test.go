package generators

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/model"
)

// Each value of each setting is in some configuration, and suspension meets lazy
// state, without which nothing here is ever suspended.
func TestConfigurationsCoverWhatTheServerCanDo(t *testing.T) {
	has := func(partitions int, env ...string) bool {
		return slices.ContainsFunc(Servers(), func(s Server) bool {
			for name, value := range settings(env...) {
				if s.Start.Env()[name] != value {
					return false
				}
			}
			return partitions == 0 || s.Partitions == partitions
		})
	}
	for _, n := range []int{1, 4, 24} {
		assert.True(t, has(n), "%d partitions", n)
	}
	for _, when := range []string{never, soon, always} {
		assert.True(t, has(0, inactivity, when), when)
		assert.True(t, has(0, inactivity, when, eagerState, "0", noEagerState, "true"), "lazy, %s", when)
	}
	assert.True(t, has(0, timersInCache, "1"))

	names, meanings := map[string]bool{}, map[string]bool{}
	for _, s := range Servers() {
		names[s.Name], meanings[s.Says] = true, true
		found, err := ServerNamed(s.Name)
		require.NoError(t, err)
		assert.Equal(t, s, found)
		assert.Positive(t, s.Partitions)
	}
	assert.Len(t, names, len(servers))
	assert.Len(t, meanings, len(servers))

	Servers()[0].Name = "changed"
	assert.NotEqual(t, "changed", Servers()[0].Name, "the table is nobody's to change")
}

// The words of a configuration stand beside its fields.
func TestWordsOfAConfigurationAreThoseOfItsFields(t *testing.T) {
	for _, s := range Servers() {
		says := func(words string) bool { return strings.Contains(s.Says, words) }
		assert.True(t, strings.HasPrefix(s.Says, plural(s.Partitions, "partition")+", "), s.Says)
		assert.Equal(t, s.VQueues, says("virtual queues"), s.Says)
		assert.Equal(t, s.Start.OneTimer, says("one timer in memory"), s.Says)
		assert.Equal(t, s.Start.State == LazyState, says("when a handler asks for it") || says("each look at state"), s.Says)
		assert.Equal(t, s.Start.Suspension == SuspendSoon, says("suspended after 50 ms"), s.Says)
		assert.Equal(t, s.Start.Suspension == SuspendAtOnce, says("suspended at once") || says("suspends the invocation"), s.Says)
	}
}

func TestServersAreDrawnGroupByGroup(t *testing.T) {
	for seed := range uint64(20) {
		seen := map[string]int{}
		for group := range len(rotating()) {
			first := Draw(seed, group*groupSize, Options{}).Config.Server
			seen[first]++
			for i := range groupSize {
				require.Equal(t, first, Draw(seed, group*groupSize+i, Options{}).Config.Server)
			}
		}
		want := map[string]int{}
		for _, s := range rotating() {
			want[s.Name] = 1
		}
		assert.Equal(t, want, seen, "seed %d: every configuration before one comes again", seed)
	}
	second := map[string]int{}
	for n := range 2 * groupSize * len(rotating()) {
		second[serverOf(3, groupSize*len(rotating())+n, Options{})]++
	}
	for name, n := range second {
		assert.Equal(t, 2*groupSize, n, "the second round's groups are longer: %s", name)
	}
	assert.Len(t, second, len(rotating()))
	assert.NotEmpty(t, serverOf(3, 1_000_000, Options{}))

	first := map[string]bool{}
	for seed := range uint64(100) {
		first[Draw(seed, 0, Options{}).Config.Server] = true
	}
	assert.Len(t, first, len(rotating()), "a short session may begin with any: %v", slices.Sorted(maps.Keys(first)))
}

// One timer in memory is a configuration of some plans that are never suspended. They have
// something with timers.
func TestOneTimerInMemoryIsDrawnWithTimers(t *testing.T) {
	some, others := 0, 0
	for n := range 200 {
		p := Draw(4, n, Options{StartConfigs: true})
		if !p.Config.Start.OneTimer {
			others++
			continue
		}
		some++
		assert.Equal(t, SuspendNever, p.Config.Start.Suspension)
	}
	assert.Greater(t, some, 10)
	assert.Greater(t, others, 100)
	mailboxes := 0
	for n := range 100 {
		one := StartConfig{State: EagerState, Suspension: SuspendNever, OneTimer: true}
		for _, s := range Draw(4, n, Options{StartConfigs: true, Start: one}).Steps {
			if o, is := s.(Operate); is && o.Object.Kind == model.Mailbox {
				mailboxes++
				break
			}
		}
	}
	assert.Greater(t, mailboxes, 70, "of 100 plans")
}

// A seed keeps the order of its configurations.
func TestSeedsDrawTheSameConfigurationsAsBefore(t *testing.T) {
	for seed, want := range map[uint64][]string{
		1:   {"plain-4", "suspend-always", "plain-24", "lazy-suspend-always", "suspend-50ms", "plain-1", "one-timer", "lazy-suspend-50ms", "lazy-state"},
		7:   {"suspend-50ms", "lazy-suspend-50ms", "one-timer", "lazy-state", "suspend-always", "plain-4", "lazy-suspend-always", "plain-1", "plain-24"},
		107: {"one-timer", "plain-4", "plain-24", "suspend-50ms", "plain-1", "lazy-state", "suspend-always", "lazy-suspend-always", "lazy-suspend-50ms"},
	} {
		for i, name := range want {
			assert.Equal(t, name, serverOf(seed, i*groupSize, Options{}), "seed %d, plan %d", seed, i*groupSize)
		}
	}
}

func TestServerOptionPinsTheConfiguration(t *testing.T) {
	for n := range 30 {
		p := Draw(7, n, Options{Server: "one-timer"})
		assert.Equal(t, "one-timer", p.Config.Server)
		assert.Zero(t, p.Config.Partitions)
		other := Draw(7, n, Options{Server: "plain-24"})
		assert.Equal(t, p.Steps, other.Steps, "the server's configuration changes no step")
	}
	assert.Empty(t, Draw(7, 0, Options{Partitions: []int{7}}).Config.Server, "no configuration has 7 partitions")
	assert.Equal(t, 7, Draw(7, 0, Options{Partitions: []int{7}}).Config.Partitions)
}

func TestUnknownServerErrorListsTheKnown(t *testing.T) {
	_, err := Decode([]byte(`{"version":1,"config":{"server":"lazy"},"steps":[]}`))
	assert.ErrorContains(t, err, `config: no server configuration is called "lazy": the configurations are plain-1, plain-4,`)
	assert.NotContains(t, err.Error(), "\n")
	_, err = Decode([]byte(`{"version":1,"config":{"server":4},"steps":[]}`))
	assert.ErrorContains(t, err, "4 is not a string")
}

// Plans of before there were configurations.
func TestPlanWithoutServerIsRead(t *testing.T) {
	p, err := Decode([]byte(`{"version":1,"seed":"3","number":1,"config":{"partitions":24,"push_on":true},"steps":[]}`))
	require.NoError(t, err)
	assert.Equal(t, Config{Partitions: 24, PushOn: true}, p.Config)
	assert.Equal(t, "{\"version\":1,\"seed\":\"3\",\"number\":1,\"config\":{\"partitions\":24,\"push_on\":true},\"steps\":[]}\n", string(Encode(p)))
}

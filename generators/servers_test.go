package generators

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// partitionsOf is what the plan's server has.
func partitionsOf(p Plan) int {
	if p.Config.Partitions != 0 {
		return p.Config.Partitions
	}
	s, err := ServerNamed(p.Config.Server)
	if err != nil {
		return 0
	}
	return s.Partitions
}

// Each value of each setting is in some configuration, and suspension meets lazy
// state, without which nothing here is ever suspended.
func TestConfigurationsCoverWhatTheServerCanDo(t *testing.T) {
	has := func(partitions int, env ...string) bool {
		return slices.ContainsFunc(Servers(), func(s Server) bool {
			for name, value := range settings(env...) {
				if s.Env[name] != value {
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

	Servers()[0].Env[inactivity] = "changed"
	assert.NotEqual(t, "changed", Servers()[0].Env[inactivity], "the table is nobody's to change")
}

func TestServersAreDrawnGroupByGroup(t *testing.T) {
	for seed := range uint64(20) {
		seen := map[string]int{}
		for group := range len(servers) {
			first := Draw(seed, group*groupSize, Options{}).Config.Server
			seen[first]++
			for i := range groupSize {
				require.Equal(t, first, Draw(seed, group*groupSize+i, Options{}).Config.Server)
			}
		}
		assert.Len(t, seen, len(servers), "seed %d: every configuration before one comes again: %v", seed, seen)
	}
	second := map[string]int{}
	for n := range 2 * groupSize * len(servers) {
		second[serverOf(3, groupSize*len(servers)+n, nil)]++
	}
	for name, n := range second {
		assert.Equal(t, 2*groupSize, n, "the second round's groups are longer: %s", name)
	}
	assert.Len(t, second, len(servers))
	assert.NotEmpty(t, serverOf(3, 1_000_000, nil))

	first := map[string]bool{}
	for seed := range uint64(100) {
		first[Draw(seed, 0, Options{}).Config.Server] = true
	}
	assert.Len(t, first, len(servers), "a short session may begin with any: %v", slices.Sorted(maps.Keys(first)))
}

func TestAServerCanBePinned(t *testing.T) {
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

func TestAnUnknownServerIsNamedWithThoseThatThereAre(t *testing.T) {
	_, err := Decode([]byte(`{"version":1,"config":{"server":"lazy"},"steps":[]}`))
	assert.ErrorContains(t, err, `config: no server configuration is called "lazy": the configurations are plain-1, plain-4,`)
	assert.NotContains(t, err.Error(), "\n")
	_, err = Decode([]byte(`{"version":1,"config":{"server":4},"steps":[]}`))
	assert.ErrorContains(t, err, "4 is not a string")
}

// Plans of before there were configurations.
func TestAPlanWithoutAServerIsRead(t *testing.T) {
	p, err := Decode([]byte(`{"version":1,"seed":"3","number":1,"config":{"partitions":24,"push_on":true},"steps":[]}`))
	require.NoError(t, err)
	assert.Equal(t, Config{Partitions: 24, PushOn: true}, p.Config)
	assert.Equal(t, "{\"version\":1,\"seed\":\"3\",\"number\":1,\"config\":{\"partitions\":24,\"push_on\":true},\"steps\":[]}\n", string(Encode(p)))
}

package generators

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
)

// Server is a configuration of the server under test, which plans name: see
// [Servers]. Each takes other ways through the server for the same promises.
type Server struct {
	Name string
	// Says is what it is, in words.
	Says       string
	Partitions int
	// Env configures the server. A variable that a version does not know is
	// ignored by it.
	Env map[string]string
}

// The server's settings that configurations are made of.
const (
	inactivity    = "RESTATE_WORKER__INVOKER__INACTIVITY_TIMEOUT"
	eagerState    = "RESTATE_WORKER__INVOKER__EAGER_STATE_SIZE_LIMIT" // from 1.7 on
	noEagerState  = "RESTATE_WORKER__INVOKER__DISABLE_EAGER_STATE"    // before, and a synonym since
	timersInCache = "RESTATE_WORKER__NUM_TIMERS_IN_MEMORY_LIMIT"
)

// When the server suspends an invocation that waits for it. Always also makes it
// send each request whole before it reads the response (request/response mode).
const (
	never  = "1h" // no call lasts as long
	soon   = "50ms"
	always = "0s"
)

// servers are the configurations, the plainest first: each number of partitions,
// time of suspension and way to hand over state, and the two last together, for
// an invocation is suspended only where it waits for the server, as for state
// that was not sent along.
var servers = []Server{
	{"plain-1", "1 partition, invocations are never suspended", 1, settings(inactivity, never)},
	{"plain-4", "4 partitions, invocations are never suspended", 4, settings(inactivity, never)},
	{"plain-24", "24 partitions, invocations are never suspended", 24, settings(inactivity, never)},
	{"suspend-50ms", "4 partitions, invocations that wait are suspended after 50 ms", 4, settings(inactivity, soon)},
	{"suspend-always", "1 partition, invocations that wait are suspended at once; request/response streams", 1, settings(inactivity, always)},
	{"lazy-state", "24 partitions, state is sent when a handler asks for it", 24, settings(inactivity, never, eagerState, "0", noEagerState, "true")},
	{"lazy-suspend-50ms", "1 partition, state is sent when a handler asks for it, invocations that wait are suspended after 50 ms", 1,
		settings(inactivity, soon, eagerState, "0", noEagerState, "true")},
	{"lazy-suspend-always", "4 partitions, each look at state suspends the invocation; request/response streams", 4,
		settings(inactivity, always, eagerState, "0", noEagerState, "true")},
	{"one-timer", "4 partitions, one timer in memory, the others on disk", 4, settings(inactivity, never, timersInCache, "1")},
}

// settings makes an environment of names and values in turn.
func settings(pairs ...string) map[string]string {
	env := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		env[pairs[i]] = pairs[i+1]
	}
	return env
}

// Servers lists the configurations, the plainest first.
func Servers() []Server {
	out := slices.Clone(servers)
	for i := range out {
		out[i].Env = maps.Clone(out[i].Env)
	}
	return out
}

// ServerNamed finds a configuration. The error lists those that there are.
func ServerNamed(name string) (Server, error) {
	var names []string
	for _, s := range Servers() {
		if s.Name == name {
			return s, nil
		}
		names = append(names, s.Name)
	}
	return Server{}, fmt.Errorf("no server configuration is called %.40q: the configurations are %s", name, strings.Join(names, ", "))
}

// groupSize is how many plans in a row have the same server, in the first round
// through the configurations. Another configuration is another server, which
// takes a second or two to set up, for each plan that runs side by side: a session
// of a minute, 60 plans or so, has room for six. Each later round has groups twice
// as long, up to maxGroup, so that in a long session servers grow old too.
const (
	groupSize = 10
	maxGroup  = 160
)

// serverOf is the configuration of plan number n of a seed, among those with one
// of these numbers of partitions (nil for any). Every configuration comes up
// before one comes up again.
func serverOf(seed uint64, number int, partitions []int) string {
	var among []string
	for _, s := range servers {
		if partitions == nil || slices.Contains(partitions, s.Partitions) {
			among = append(among, s.Name)
		}
	}
	if len(among) == 0 {
		return ""
	}
	round, size := uint64(0), groupSize
	for number >= size*len(among) {
		number -= size * len(among)
		round, size = round+1, min(2*size, maxGroup)
	}
	order := rand.New(rand.NewPCG(seed, round)).Perm(len(among))
	return among[order[number/size]]
}

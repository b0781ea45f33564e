package generators

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"retain/model"
	"retain/runtime/versions"
)

// Server is a configuration of the server under test, which plans name: see
// [Servers]. Each takes other ways through the server for the same promises.
type Server struct {
	Name string
	// Says is what it is, in words.
	Says string
	// Provision is fixed with the server's data, Start is what it is started with.
	Provision
	Start StartConfig
}

// Provision is the part of the server's configuration that is fixed when its data
// directory is made. Servers with another one have other data.
type Provision struct {
	// Partitions is their number, 0 for the server's own.
	Partitions int
	// VQueues lets the server schedule invocations in virtual queues. Data that was
	// written with them keeps them.
	VQueues bool
}

// Env is the environment of every start on data that are provisioned so, but for the
// number of partitions.
func (p Provision) Env() map[string]string {
	if !p.VQueues {
		return nil
	}
	return settings(vqueues, withQueues)
}

// Provisioned is the provisioned part of the configuration, named or not.
func (c Config) Provisioned() Provision {
	named, _ := ServerNamed(c.Server)
	return Provision{Partitions: cmp.Or(c.Partitions, named.Partitions), VQueues: c.VQueues || named.VQueues}
}

// Started is what the server is started with, named or not, until a start step changes
// it.
func (c Config) Started() StartConfig {
	named, _ := ServerNamed(c.Server)
	return named.Start.With(c.Start)
}

// Configuration says what configures the server: a name, or both axes, as in "4
// partitions, vqueues, lazy, suspended at once"; "" for the server's defaults.
func (c Config) Configuration() string {
	var parts []string
	if c.Server != "" {
		parts = append(parts, c.Server)
	}
	switch {
	case c.Partitions == 1:
		parts = append(parts, "1 partition")
	case c.Partitions > 1:
		parts = append(parts, fmt.Sprintf("%d partitions", c.Partitions))
	}
	if c.VQueues {
		parts = append(parts, "vqueues")
	}
	if start := c.Start.String(); start != "" {
		parts = append(parts, start)
	}
	return strings.Join(parts, ", ")
}

// On is the plan on a named configuration from its beginning to its end: nothing in it
// configures the server otherwise.
func (p Plan) On(server string) Plan {
	p.Config.Server, p.Config.Partitions, p.Config.VQueues, p.Config.Start = server, 0, false, StartConfig{}
	p.Steps = slices.Clone(p.Steps)
	for i, s := range p.Steps {
		if f, is := s.(Inject); is {
			f.Start = StartConfig{}
			p.Steps[i] = f
		}
	}
	return p
}

// The server's settings that configurations are made of. Lazy state has one name or the
// other: a start sets both, and may be of any version.
const (
	inactivity    = "RESTATE_WORKER__INVOKER__INACTIVITY_TIMEOUT"
	timersInCache = "RESTATE_WORKER__NUM_TIMERS_IN_MEMORY_LIMIT"
)

var (
	eagerState, noEagerBytes = versions.Of(versions.EagerStateSizeLimit).Setting()
	noEagerState, noEager    = versions.Of(versions.DisableEagerState).Setting()
	vqueues, withQueues      = versions.Of(versions.VQueues).Setting()
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
	{"plain-1", "1 partition, invocations are never suspended", Provision{Partitions: 1}, StartConfig{Suspension: SuspendNever}},
	{"plain-4", "4 partitions, invocations are never suspended", Provision{Partitions: 4}, StartConfig{Suspension: SuspendNever}},
	{"plain-24", "24 partitions, invocations are never suspended", Provision{Partitions: 24}, StartConfig{Suspension: SuspendNever}},
	{"suspend-50ms", "4 partitions, invocations that wait are suspended after 50 ms", Provision{Partitions: 4}, StartConfig{Suspension: SuspendSoon}},
	{"suspend-always", "1 partition, invocations that wait are suspended at once; request/response streams", Provision{Partitions: 1},
		StartConfig{Suspension: SuspendAtOnce}},
	{"lazy-state", "24 partitions, state is sent when a handler asks for it", Provision{Partitions: 24}, StartConfig{State: LazyState, Suspension: SuspendNever}},
	{"lazy-suspend-50ms", "1 partition, state is sent when a handler asks for it, invocations that wait are suspended after 50 ms", Provision{Partitions: 1},
		StartConfig{State: LazyState, Suspension: SuspendSoon}},
	{"lazy-suspend-always", "4 partitions, each look at state suspends the invocation; request/response streams", Provision{Partitions: 4},
		StartConfig{State: LazyState, Suspension: SuspendAtOnce}},
	{oneTimer, "4 partitions, one timer in memory, the others on disk", Provision{Partitions: 4}, StartConfig{Suspension: SuspendNever, OneTimer: true}},
	{withVQueues, "4 partitions, invocations are in virtual queues and never suspended", Provision{Partitions: 4, VQueues: true},
		StartConfig{Suspension: SuspendNever}},
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
func Servers() []Server { return slices.Clone(servers) }

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

// rotating are the configurations that [serverOf] goes through. A seed draws what it drew
// before there were others.
func rotating() []Server {
	return slices.DeleteFunc(Servers(), func(s Server) bool { return s.VQueues })
}

// withVQueues is not drawn by its name: see [Options.VQueues].
const withVQueues = "vqueues-4"

// oneTimer has no effect on plans without timers: its server does what that of
// sameAsOneTimer does, which they are drawn on.
const (
	oneTimer       = "one-timer"
	sameAsOneTimer = "plain-4"
)

// serverOf is the configuration of plan number n of a seed, among those with one
// of the numbers of partitions of the options (nil for any). Every configuration comes up
// before one comes up again.
func serverOf(seed uint64, number int, o Options) string {
	var among []string
	for _, s := range rotating() {
		_, excluded := o.Exclude.ExcludesServer(s.Name)
		if !excluded && (o.Partitions == nil || slices.Contains(o.Partitions, s.Partitions)) {
			among = append(among, s.Name)
		}
	}
	if len(among) == 0 {
		return ""
	}
	drawn := among[groupOf(seed, number, len(among))]
	if drawn == oneTimer && !o.Exclude.draws(model.Mailbox) {
		return sameAsOneTimer
	}
	return drawn
}

// groupOf is which of n choices the group of plans has that plan number belongs to: each
// comes up once in a round, in an order that the seed gives.
func groupOf(seed uint64, number, n int) int {
	round, turn := groupTurn(number, n)
	return rand.New(rand.NewPCG(seed, uint64(round))).Perm(n)[turn]
}

// groupTurn is the place of a plan's group among those of n choices: the round, and how
// many groups of the round come before.
func groupTurn(number, n int) (round, turn int) {
	size := groupSize
	for number >= size*n {
		number -= size * n
		round, size = round+1, min(2*size, maxGroup)
	}
	return round, number / size
}

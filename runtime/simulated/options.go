package simulated

import (
	"time"

	"retain/model"
	"retain/runtime"
)

// DefaultRate is the probability with which a planted bug strikes.
const DefaultRate = 0.2

// Options of [New]. The zero value is a runtime without bugs.
type Options struct {
	// Settings: the version is what the server says it is (it answers
	// errors as that version does), partitions are as given. The rest has no meaning here, nor
	// has the environment of a start.
	Settings runtime.Settings
	// Nonce is what the probe answers.
	Nonce string
	// Bugs are planted; see [ParseBugs].
	Bugs []Bug
	// Rate is the probability, from 0 to 1, that a bug strikes at an
	// opportunity; 0 is [DefaultRate].
	Rate float64
	// Seed decides everything that is left to chance.
	Seed uint64
	// Lapse, if not nil, plants a bug in one place only. It is called for each call
	// that has had its effect and no answer when the server ends. If it returns true,
	// the effect is lost, and the answer is not.
	Lapse func(op model.Operation, killed bool) bool
	// Failing, if not nil, is how a call of [StuckRetry] failed last, by how many of its
	// attempts failed; else all fail in the same way.
	Failing func(failures int) string
	// Step, if not nil, plants bugs of single versions: it is called at each start as another
	// version than the one that served last.
	Step func(from, to string) Damage
	// TCP listens on loopback instead of in memory.
	TCP bool
	// Timings replace the default ones, field by field.
	Timings Timings
}

// Timings of an incarnation of the server. A zero field takes the default, a negative one is
// no time at all.
type Timings struct {
	// Port, Health and Ready are times since the spawn: connections are
	// accepted, the health check answers, calls go through. Each partition is
	// ready between Ready and twice Ready. Defaults: 1, 2 and 4 ms.
	Port, Health, Ready time.Duration
	// Accept is the longest time between a call's arrival and its acceptance,
	// Latency the longest that it takes before and again after its effect. The
	// defaults are 100 µs each.
	Accept, Latency time.Duration
	// Drain is how long a stop waits for open calls. Default: 25 ms.
	Drain time.Duration
	// MaxHold is the longest that a gate holds. Default: 10 s.
	MaxHold time.Duration
	// Retry is the pause after the first attempt that fails. Each is twice the one before
	// it, up to eight times the first. Default: 5 ms.
	Retry time.Duration
}

var defaultTimings = Timings{
	Port: time.Millisecond, Health: 2 * time.Millisecond, Ready: 4 * time.Millisecond,
	Accept: 100 * time.Microsecond, Latency: 100 * time.Microsecond,
	Drain: 25 * time.Millisecond, MaxHold: 10 * time.Second, Retry: 5 * time.Millisecond,
}

func (t Timings) orDefault() Timings {
	d := defaultTimings
	fields := []struct{ to, from *time.Duration }{
		{&t.Port, &d.Port}, {&t.Health, &d.Health}, {&t.Ready, &d.Ready}, {&t.Accept, &d.Accept},
		{&t.Latency, &d.Latency}, {&t.Drain, &d.Drain}, {&t.MaxHold, &d.MaxHold}, {&t.Retry, &d.Retry},
	}
	for _, f := range fields {
		if *f.to == 0 {
			*f.to = *f.from
		}
		*f.to = max(*f.to, 0)
	}
	return t
}

package harness

import (
	"sync"
	"time"
)

const (
	pulseInterval = 100 * time.Millisecond
	// maxPulseGap is how late the pulse may be before this process itself is
	// what stood still.
	maxPulseGap = 5 * time.Second
)

// pulse is the heartbeat of this process: if it stops, whatever seems late is
// our own doing.
type pulse struct {
	done chan struct{}

	mu   sync.Mutex
	last time.Time
	gap  time.Duration
}

func startPulse() *pulse {
	p := &pulse{done: make(chan struct{}), last: time.Now()}
	go func() {
		tick := time.NewTicker(pulseInterval)
		defer tick.Stop()
		for {
			select {
			case <-p.done:
				return
			case <-tick.C:
				p.beat(time.Now())
			}
		}
	}()
	return p
}

// beat is one beat, at this time. It tells the longest time by which one was
// late.
func (p *pulse) beat(now time.Time) (worst time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gap = max(p.gap, now.Sub(p.last)-pulseInterval)
	p.last = now
	return p.gap
}

// worst is the longest time by which a beat was late, the next one included: when
// a process goes on that stood still, its clock may be read before its pulse
// beats.
func (p *pulse) worst() time.Duration { return p.beat(time.Now()) }

func (p *pulse) stop() { close(p.done) }

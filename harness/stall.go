package harness

import (
	"sync"
	"time"
)

const (
	heartbeatInterval = 100 * time.Millisecond
	// maxHeartbeatGap is how late the heartbeat may be before this process itself is
	// what stood still.
	maxHeartbeatGap = 5 * time.Second
)

// heartbeat is the heartbeat of this process. Lateness while it stops is our own.
type heartbeat struct {
	done chan struct{}

	mu   sync.Mutex
	last time.Time
	gap  time.Duration
}

func startHeartbeat() *heartbeat {
	p := &heartbeat{done: make(chan struct{}), last: time.Now()}
	go func() {
		tick := time.NewTicker(heartbeatInterval)
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
func (p *heartbeat) beat(now time.Time) (worst time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gap = max(p.gap, now.Sub(p.last)-heartbeatInterval)
	p.last = now
	return p.gap
}

// worst is the longest time by which a beat was late, the next one included: when
// a process goes on that stood still, its clock may be read before its heartbeat
// beats.
func (p *heartbeat) worst() time.Duration { return p.beat(time.Now()) }

func (p *heartbeat) stop() { close(p.done) }

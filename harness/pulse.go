package harness

import (
	"sync/atomic"
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
	gap  atomic.Int64
}

func startPulse() *pulse {
	p := &pulse{done: make(chan struct{})}
	go func() {
		tick := time.NewTicker(pulseInterval)
		defer tick.Stop()
		last := time.Now()
		for {
			select {
			case <-p.done:
				return
			case <-tick.C:
				now := time.Now()
				if late := now.Sub(last) - pulseInterval; int64(late) > p.gap.Load() {
					p.gap.Store(int64(late))
				}
				last = now
			}
		}
	}()
	return p
}

// worst is the longest time by which a beat was late.
func (p *pulse) worst() time.Duration { return time.Duration(p.gap.Load()) }

func (p *pulse) stop() { close(p.done) }

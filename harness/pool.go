package harness

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"retain/runtime"
)

// maxPlans is how many plans a runtime serves before it is replaced.
const maxPlans = 200

// maxIdle bounds the runtimes that wait for a plan: each is a server with memory
// of its own.
const maxIdle = 6

// pool keeps systems by their settings. A server with other settings is another
// server. A system is used by one plan at a time.
type pool struct {
	open Open
	// plans is how many plans a system serves.
	plans int
	// accept, if set, is asked about a system that was just started, and leaving is
	// told of one before it is ended.
	accept  func(context.Context, *System) error
	leaving func(*System) error

	mu   sync.Mutex
	idle map[string][]*System
	age  []string // keys of idle systems, the longest unused first
}

func newPool(open Open, plans int) *pool {
	return &pool{open: open, plans: plans, idle: map[string][]*System{}}
}

// take hands out an idle system with these settings, or opens one.
func (p *pool) take(ctx context.Context, s runtime.Settings) (*System, error) {
	key := s.Key()
	p.mu.Lock()
	if idle := p.idle[key]; len(idle) > 0 {
		sys := idle[len(idle)-1]
		p.idle[key] = idle[:len(idle)-1]
		p.forget(key)
		p.mu.Unlock()
		return sys, nil
	}
	p.mu.Unlock()
	return p.fresh(ctx, s)
}

// fresh opens a system that has served no plan.
func (p *pool) fresh(ctx context.Context, s runtime.Settings) (*System, error) {
	sys, err := p.open(ctx, s)
	if err != nil {
		return nil, err
	}
	err = sys.boot(ctx)
	if err == nil && p.accept != nil {
		err = p.accept(ctx, sys)
	}
	if err != nil {
		logs, _ := sys.Runtime.Logs()
		return nil, errors.Join(fmt.Errorf("%w%s", err, lastLines(logs, 3)), sys.shutdown(context.WithoutCancel(ctx)))
	}
	return sys, nil
}

// give takes a system back, or ends it if it must not be used again.
func (p *pool) give(ctx context.Context, s runtime.Settings, sys *System) error {
	if sys.retired != "" || sys.plans >= p.plans || !sys.up {
		return p.end(ctx, sys)
	}
	key := s.Key()
	var out *System
	p.mu.Lock()
	p.idle[key] = append(p.idle[key], sys)
	p.age = append(p.age, key)
	if len(p.age) > maxIdle {
		oldest := p.age[0]
		p.age = p.age[1:]
		out = p.idle[oldest][0]
		p.idle[oldest] = p.idle[oldest][1:]
	}
	p.mu.Unlock()
	if out != nil {
		return p.end(ctx, out)
	}
	return nil
}

// end ends a system that is not used again.
func (p *pool) end(ctx context.Context, sys *System) error {
	var err error
	if p.leaving != nil {
		err = p.leaving(sys)
	}
	return errors.Join(err, sys.shutdown(ctx))
}

// forget drops the newest mention of a key; the caller holds the lock.
func (p *pool) forget(key string) {
	for i := len(p.age) - 1; i >= 0; i-- {
		if p.age[i] == key {
			p.age = append(p.age[:i], p.age[i+1:]...)
			return
		}
	}
}

// drain hands out every idle system, for good.
func (p *pool) drain() []*System {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []*System
	for _, idle := range p.idle {
		all = append(all, idle...)
	}
	p.idle, p.age = map[string][]*System{}, nil
	return all
}

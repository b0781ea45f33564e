package session

import (
	"context"
	"errors"
	"slices"
	"sync"

	"retain/generators"
	"retain/harness"
	"retain/harness/triage"
	"retain/runtime"
)

// maxPlans is how many plans a runtime serves before it is replaced.
const maxPlans = 200

// maxIdle bounds the runtimes that wait for a plan: each is a server with memory
// of its own.
const maxIdle = 6

// pool keeps systems by their settings: what is provisioned. A server with other settings
// is another server; one that was started with another configuration is not. A system is
// used by one plan at a time.
type pool struct {
	open harness.Open
	// plans is how many plans a system serves.
	plans int
	// accept, if set, may refuse a system that was just started; leaving, if set, is called
	// before a system is ended.
	accept  func(context.Context, *server) error
	leaving func(context.Context, *server) error
	// room, if set, returns an error if the machine has no room for so many more servers.
	room func(s runtime.Settings, servers int) error

	mu   sync.Mutex
	idle map[string][]*server
	age  []string // keys of idle systems, the longest unused first
}

func newPool(open harness.Open, plans int) *pool {
	return &pool{open: open, plans: plans, idle: map[string][]*server{}}
}

// take hands out an idle system with these settings, one that runs the configuration if
// there is one, or opens one with both. unserved is for one that has served no plan.
func (p *pool) take(ctx context.Context, s runtime.Settings, c generators.StartConfig, unserved bool) (*server, error) {
	key := s.Key()
	p.mu.Lock()
	at := -1
	for i, sys := range p.idle[key] {
		if (!unserved || sys.Plans() == 0) && (at < 0 || sys.Config == c || p.idle[key][at].Config != c) {
			at = i
		}
	}
	if at >= 0 {
		idle := p.idle[key]
		sys := idle[at]
		p.idle[key] = slices.Delete(idle, at, at+1)
		p.forget(key)
		p.mu.Unlock()
		return sys, nil
	}
	p.mu.Unlock()
	return p.fresh(ctx, s, c)
}

// fresh opens a system that has served no plan, and starts it with the configuration.
func (p *pool) fresh(ctx context.Context, s runtime.Settings, c generators.StartConfig) (*server, error) {
	defer harness.EnterPart(ctx, harness.PartProvisioning)()
	if err := p.makeRoom(ctx, s, 1); err != nil {
		return nil, err
	}
	system, err := p.open(ctx, s)
	if err != nil {
		return nil, err
	}
	sys := &server{System: system}
	sys.Config, sys.Env = c, s.Env
	err = sys.Boot(ctx)
	if err == nil && p.accept != nil {
		err = p.accept(ctx, sys)
	}
	if err == nil {
		return sys, nil
	}
	if !errors.Is(err, errTooShort) {
		err = triage.NotUp(sys.System, err)
	}
	return nil, errors.Join(err, sys.Shutdown(context.WithoutCancel(ctx)))
}

// makeRoom ends servers that wait for a plan, the longest unused first, until there is
// room for so many more.
func (p *pool) makeRoom(ctx context.Context, s runtime.Settings, servers int) error {
	if p.room == nil {
		return nil
	}
	for {
		lack := p.room(s, servers)
		if lack == nil {
			return nil
		}
		p.mu.Lock()
		sys := p.oldest()
		p.mu.Unlock()
		if sys == nil {
			return lack
		}
		if err := p.end(context.WithoutCancel(ctx), sys); err != nil {
			return err
		}
	}
}

// oldest takes the system that is longest unused, nil for none. The caller holds the
// lock.
func (p *pool) oldest() *server {
	if len(p.age) == 0 {
		return nil
	}
	key := p.age[0]
	p.age = p.age[1:]
	out := p.idle[key][0]
	p.idle[key] = p.idle[key][1:]
	return out
}

// give takes a system back, or ends it if it must not be used again.
func (p *pool) give(ctx context.Context, s runtime.Settings, sys *server) error {
	if sys.Retired != "" || sys.Plans() >= p.plans || !sys.Up() {
		return p.end(ctx, sys)
	}
	key := s.Key()
	var out *server
	p.mu.Lock()
	p.idle[key] = append(p.idle[key], sys)
	p.age = append(p.age, key)
	if len(p.age) > maxIdle {
		out = p.oldest()
	}
	p.mu.Unlock()
	if out != nil {
		return p.end(ctx, out)
	}
	return nil
}

// end ends a system that is not used again.
func (p *pool) end(ctx context.Context, sys *server) error {
	var err error
	if p.leaving != nil {
		err = p.leaving(ctx, sys)
	}
	return errors.Join(err, sys.close(ctx))
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
func (p *pool) drain() []*server {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []*server
	for _, idle := range p.idle {
		all = append(all, idle...)
	}
	p.idle, p.age = map[string][]*server{}, nil
	return all
}

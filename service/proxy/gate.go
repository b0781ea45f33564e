package proxy

import (
	"context"
	"slices"
	"sync"
	"time"

	"retain/service"
)

// gate holds one attempt of one operation, or cuts its stream.
type gate struct {
	owner *gates
	tag   string
	at    service.Position
	cuts  bool // breaks the stream at the position instead of holding it
	held  chan struct{}
	open  chan struct{}
	once  sync.Once
}

var _ service.Gate = (*gate)(nil)

// Held implements [service.Gate].
func (g *gate) Held() <-chan struct{} { return g.held }

// Open implements [service.Gate].
func (g *gate) Open() {
	g.once.Do(func() { close(g.open) })
	g.owner.disarm(g)
}

func (g *gate) isOpen() bool {
	select {
	case <-g.open:
		return true
	default:
		return false
	}
}

// passage is how a hold ended.
type passage int

const (
	unheld  passage = iota // the gate was open before
	opened                 // by its owner
	expired                // by the longest time that a gate may hold
	gone                   // the runtime's stream died meanwhile: do not go on
)

// hold lets the attempt stand at the gate. ctx is the attempt's stream, hungUp
// asks whether the runtime has closed its connection.
func (g *gate) hold(ctx context.Context, longest time.Duration, hungUp func() bool) passage {
	if g.isOpen() {
		return unheld
	}
	if ctx.Err() != nil {
		return gone
	}
	close(g.held) // an attempt is the only one to claim a gate: never closed twice
	timer := time.NewTimer(longest)
	defer timer.Stop()
	result := opened
	select {
	case <-ctx.Done():
		return gone
	case <-g.open:
	case <-timer.C:
		result = expired
	}
	// A server that was killed and the gate's opening race: the end of the
	// connection may be in the socket and not yet in ctx.
	if hungUp() || ctx.Err() != nil {
		return gone
	}
	return result
}

// gates are the gates and cuts that are armed or in the hands of an attempt.
type gates struct {
	mu      sync.Mutex
	armed   map[string][]*gate // by tag
	claimed map[*gate]struct{}
}

func newGates() *gates {
	return &gates{armed: map[string][]*gate{}, claimed: map[*gate]struct{}{}}
}

func (s *gates) arm(tag string, at service.Position, cuts bool) *gate {
	g := &gate{owner: s, tag: tag, at: at, cuts: cuts, held: make(chan struct{}), open: make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.armed[tag] = append(s.armed[tag], g)
	return g
}

// claim takes the gates of a tag for the attempt that enters: the next one
// finds none.
func (s *gates) claim(tag string) []*gate {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := s.armed[tag]
	delete(s.armed, tag)
	for _, g := range taken {
		s.claimed[g] = struct{}{}
	}
	return taken
}

// release is called when an attempt ends. With again, gates it did not reach
// wait for the operation's next attempt.
func (s *gates) release(taken []*gate, again func(*gate) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range taken {
		delete(s.claimed, g)
		if again(g) && !g.isOpen() {
			s.armed[g.tag] = append(s.armed[g.tag], g)
		}
	}
}

func (s *gates) disarm(g *gate) {
	s.mu.Lock()
	defer s.mu.Unlock()
	left := slices.DeleteFunc(s.armed[g.tag], func(x *gate) bool { return x == g })
	if len(left) == 0 {
		delete(s.armed, g.tag)
		return
	}
	s.armed[g.tag] = left
}

// all are the gates (not the cuts) that are armed or claimed.
func (s *gates) all() []*gate {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []*gate
	for _, list := range s.armed {
		all = append(all, list...)
	}
	for g := range s.claimed {
		all = append(all, g)
	}
	return slices.DeleteFunc(all, func(g *gate) bool { return g.cuts })
}

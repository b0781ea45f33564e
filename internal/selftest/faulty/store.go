package faulty

import (
	"context"
	"errors"
	"sync"
	"time"
)

// store is counters outside of Restate. It is safe for concurrent use.
type store struct {
	mu     sync.Mutex
	counts map[string]int64
	done   map[string]change // by invocation
}

func newStore() *store { return &store{counts: map[string]int64{}, done: map[string]change{}} }

func (s *store) get(key string) (n int64, is bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, is = s.counts[key]
	return n, is
}

func (s *store) set(key string, n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts[key] = n
}

func (s *store) forget(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.counts, key)
}

// add adds, and is the same for each call.
func (s *store) add(key string, n int64) change {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.counts[key]
	s.counts[key] = old + n
	return change{old, old + n}
}

// addOnce adds, once for each invocation.
func (s *store) addOnce(invocation, key string, n int64) change {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, is := s.done[invocation]
	if !is {
		c = change{s.counts[key], s.counts[key] + n}
		s.counts[key], s.done[invocation] = c.New, c
	}
	return c
}

var errDuplicate = errors.New("duplicate key")

// insert notes an invocation, once.
func (s *store) insert(invocation string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, is := s.done[invocation]; is {
		return errDuplicate
	}
	s.done[invocation] = change{}
	return nil
}

// writeTime is how long a database takes for a write that may be broken off.
const writeTime = 10 * time.Millisecond

// write adds, unless the context ends before that.
func (s *store) write(ctx context.Context, key string, n int64) (change, error) {
	select {
	case <-time.After(writeTime):
		return s.add(key, n), nil
	case <-ctx.Done():
		return change{}, context.Cause(ctx)
	}
}

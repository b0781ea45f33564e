package proxy

import (
	"context"
	"sync"
	"time"
)

// journal is what is known of an attempt's journal from both directions of its
// stream: which state commands the runtime replayed, and, for attempts that are
// held after their effect, which commands it has acknowledged.
type journal struct {
	mu        sync.Mutex
	next      uint32              // the next command's place
	replayed  bool                // the replay has state commands
	asked     map[uint32]struct{} // acknowledgements that are ours and still open
	requested bool                // any was asked for
	closed    bool                // the runtime sends no more
	ended     bool                // the handler is about to end the stream
	early     func()              // called if the runtime closes first
	changed   chan struct{}       // has room for one
}

func newJournal(early func()) *journal {
	return &journal{asked: map[uint32]struct{}{}, changed: make(chan struct{}, 1), early: early}
}

// replay counts a message of the runtime's replay.
func (j *journal) replay(k kind) {
	if !k.isCommand() {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.next++
	j.replayed = j.replayed || k == state
}

func (j *journal) hasReplayedState() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.replayed
}

// sent counts a command of the handler. With ask, its acknowledgement is ours.
func (j *journal) sent(ask bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if ask {
		j.asked[j.next] = struct{}{}
		j.requested = true
	}
	j.next++
}

// ack takes an acknowledgement and says whether it is ours: then the handler,
// which never asked for it, must not see it.
func (j *journal) ack(index uint32) (ours bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	_, ours = j.asked[index]
	delete(j.asked, index)
	j.wake()
	return ours
}

// close notes that nothing more comes from the runtime. regularly is false if its
// stream broke, or the handler reads no more.
func (j *journal) close(regularly bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if regularly && !j.closed && !j.ended && j.early != nil {
		j.early()
	}
	j.closed = true
	j.wake()
}

// end notes that the handler ends the stream.
func (j *journal) end() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.ended = true
}

func (j *journal) wake() {
	select {
	case j.changed <- struct{}{}:
	default:
	}
}

// stored waits until the runtime has acknowledged all that was asked for, and
// says whether it did. A runtime that closed its side (request/response mode)
// acknowledges nothing.
func (j *journal) stored(ctx context.Context, longest time.Duration) bool {
	timer := time.NewTimer(longest)
	defer timer.Stop()
	for {
		j.mu.Lock()
		done, closed := len(j.asked) == 0, j.closed
		j.mu.Unlock()
		if done || closed {
			return done
		}
		select {
		case <-j.changed:
		case <-ctx.Done():
			return false
		case <-timer.C:
			return false
		}
	}
}

package flight

import (
	"context"
	"sync"
)

// Valve lets everything pass, or nothing. Its zero value is open. It is safe for concurrent
// use.
type Valve struct {
	mu     sync.Mutex
	shut   int           // how many want it shut
	opened chan struct{} // closed when it opens, nil while it is open
}

// Shut shuts the valve until the returned function is called. It stays shut while anybody
// wants it shut.
func (v *Valve) Shut() (open func()) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.opened == nil {
		v.opened = make(chan struct{})
	}
	v.shut++
	mine := v.opened
	return sync.OnceFunc(func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		if v.opened != mine {
			return // it was opened for all
		}
		if v.shut--; v.shut == 0 {
			v.open()
		}
	})
}

// Open opens the valve, whoever wants it shut.
func (v *Valve) Open() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.opened != nil {
		v.open()
	}
}

// open opens it. The caller holds the lock.
func (v *Valve) open() {
	close(v.opened)
	v.opened, v.shut = nil, 0
}

// Wait returns once the valve is open, nil then, or with the context's end.
func (v *Valve) Wait(ctx context.Context) error {
	for {
		v.mu.Lock()
		opened := v.opened
		v.mu.Unlock()
		if opened == nil {
			return ctx.Err()
		}
		select {
		case <-opened:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

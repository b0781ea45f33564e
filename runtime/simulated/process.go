package simulated

import (
	"context"
	"sync"

	"retain/service"
)

// process is the process that the handlers would be in.
type process struct {
	runtime *Runtime

	mu   sync.Mutex
	thaw func() // nil while it is not frozen
}

var _ service.Process = (*process)(nil)

// Process is the process of the built-in handlers.
func (r *Runtime) Process() service.Process { return r.process }

// URL implements [service.Process]. There is none: the handlers are called as functions.
func (p *process) URL(string) string { return "" }

// Freeze implements [service.Process].
func (p *process) Freeze() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.thaw == nil {
		p.thaw = p.runtime.Stall()
	}
	return nil
}

// Thaw implements [service.Process].
func (p *process) Thaw() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.thaw != nil {
		p.thaw()
		p.thaw = nil
	}
	return nil
}

// Restart implements [service.Process]: it breaks every attempt in flight.
func (p *process) Restart(context.Context, bool) error {
	_ = p.Thaw()
	p.runtime.control.flights.CutAll()
	return nil
}

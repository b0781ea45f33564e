package runtimetest

import (
	"context"
	"fmt"

	"retain/runtime"
)

// Restart is a way down and up again, for benchmarks.
type Restart struct {
	// Name is, for example, "kill/24-partitions".
	Name       string
	Partitions int
	end        func(ctx context.Context, r runtime.Runtime) error
}

// Restarts are the restarts that runtimes are compared by.
func Restarts() (all []Restart) {
	for _, partitions := range []int{1, 24} {
		of := fmt.Sprintf("/%d-partition", partitions)
		if partitions > 1 {
			of += "s"
		}
		all = append(all, Restart{"stop" + of, partitions, stopGracefully}, Restart{"kill" + of, partitions, kill})
	}
	return all
}

func kill(ctx context.Context, r runtime.Runtime) error { return r.Kill(ctx) }

func stopGracefully(ctx context.Context, r runtime.Runtime) error {
	exit, err := r.Stop(ctx)
	if err == nil && !exit.Graceful() {
		err = fmt.Errorf("the stop is not graceful: %s", exit)
	}
	return err
}

// once ends a server that is up and starts it again, to the first health.
func (c Restart) once(ctx context.Context, r runtime.Runtime) error {
	if err := c.end(ctx, r); err != nil {
		return err
	}
	if err := r.Start(ctx, runtime.StartOptions{}); err != nil {
		return err
	}
	return Healthy(ctx, r)
}

// Repeat starts a server and restarts it as long as next reports true.
func (c Restart) Repeat(ctx context.Context, r runtime.Runtime, next func() bool) error {
	if err := r.Start(ctx, runtime.StartOptions{}); err != nil {
		return err
	}
	if err := Healthy(ctx, r); err != nil {
		return err
	}
	for next() {
		if err := c.once(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

package cli

import (
	"context"
	"flag"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// interruption is done after the first Ctrl-C or SIGTERM during a session. It ends that
// session and all that would follow.
var interruption, interrupt = context.WithCancel(context.Background())

// Interruptible is a context that ends with the test or with the interruption. A second
// signal ends the process at once.
func Interruptible(t T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	signals := make(chan os.Signal, 1)
	if interruption.Err() == nil {
		signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	}
	leave := context.AfterFunc(interruption, cancel)
	var waits sync.WaitGroup
	waits.Go(func() {
		select {
		case <-signals:
			signal.Stop(signals) // the next one does what it does by default
			say("note       interrupted: the servers are ended, then the result so far is printed; a second time ends this at once")
			interrupt()
		case <-ctx.Done():
		}
	})
	t.Cleanup(func() {
		cancel()
		waits.Wait()
		signal.Stop(signals)
		leave()
		if interruption.Err() != nil {
			_ = flag.Set("test.failfast", "true") // no other test begins
		}
	})
	return ctx
}

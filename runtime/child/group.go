package child

import (
	"context"
	"errors"
	"fmt"
	"time"

	"retain/internal/poll"
)

const (
	// gonePoll is the time between two looks at a group whose leader has ended. Its
	// other members are not our children: the kernel does not announce their end.
	gonePoll = 10 * time.Millisecond
	// frozenPoll is the time between two looks at a group that is to stop running,
	// which takes it less than a millisecond for the most part.
	frozenPoll = time.Millisecond
)

// Await returns once nothing of the group runs any more: at once, unless a
// wrapper left something behind.
func Await(pgid int) {
	_ = poll.Until(context.Background(), gonePoll, func() error {
		if !Gone(pgid) {
			return errors.New("a process runs")
		}
		return nil
	})
}

// AwaitFrozen returns once no thread of a group runs that got SIGSTOP: when kill(2)
// returns the signal is only on its way, and a thread that it has not reached can still
// answer. It also returns when over reports that there is nothing to wait for any more.
func AwaitFrozen(ctx context.Context, pgid int, over func() bool) error {
	err := poll.Until(ctx, frozenPoll, func() error {
		if !over() && !Stopped(pgid) {
			return errors.New("a thread runs")
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("wait until all of its threads are stopped: %w", err)
	}
	return nil
}

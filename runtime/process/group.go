package process

import (
	"context"
	"errors"
	"time"

	"retain/internal/poll"
)

const (
	// groupPoll is the time between two looks at a group whose leader has ended. Its
	// other members are not our children: the kernel does not announce their end.
	groupPoll = 10 * time.Millisecond
	// frozenPoll is the time between two looks at a group that is to stop running,
	// which takes it less than a millisecond for the most part.
	frozenPoll = time.Millisecond
)

// awaitGroup returns once nothing of the group runs any more: at once, unless a
// wrapper left something behind.
func awaitGroup(pgid int) {
	_ = poll.Until(context.Background(), groupPoll, func() error {
		if !GroupGone(pgid) {
			return errors.New("a process runs")
		}
		return nil
	})
}

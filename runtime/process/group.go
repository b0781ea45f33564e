package process

import "time"

const (
	// groupPoll is the time between two looks at a group whose leader has ended. Its
	// other members are not our children: nobody tells us of their end.
	groupPoll = 10 * time.Millisecond
	// frozenPoll is the time between two looks at a group that is to stop running,
	// which takes it less than a millisecond for the most part.
	frozenPoll = time.Millisecond
)

// awaitGroup returns once nothing of the group runs any more: at once, unless a
// wrapper left something behind.
func awaitGroup(pgid int) {
	if groupGone(pgid) {
		return
	}
	tick := time.NewTicker(groupPoll)
	defer tick.Stop()
	for range tick.C {
		if groupGone(pgid) {
			return
		}
	}
}

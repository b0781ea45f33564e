package reaper

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"syscall"
	"time"

	"retain/internal/poll"
)

// gonePoll and goneMax bound the wait for killed processes, which are not our
// children, to be gone.
const (
	gonePoll = 10 * time.Millisecond
	goneMax  = 10 * time.Second
)

// killProcesses kills the processes of a dead session and waits until they are
// gone: those that carry the session's id in their environment, where that can
// be read, and the recorded groups whose leader is still the one recorded.
func killProcesses(ctx context.Context, id string, all []owned) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, goneMax)
	defer cancel()
	killed := map[int]bool{}
	left := 0
	err := poll.Until(ctx, gonePoll, func() error {
		left = 0
		for pid, name := range targets(id, all) {
			left++
			killed[max(pid, -pid)] = true
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				left = 0
				return poll.Stop(fmt.Errorf("kill %s: %w", name, err))
			}
		}
		if left > 0 {
			return errors.New("some are left")
		}
		return nil
	})
	if err != nil && left > 0 {
		err = fmt.Errorf("%d killed processes are still there: %w", left, err)
	}
	return len(killed), err
}

// targets are the processes of a session and their names in errors. A group has its
// id negated, as kill(2) has it.
func targets(id string, all []owned) iter.Seq2[int, string] {
	return func(yield func(int, string) bool) {
		for _, pid := range marked(id) {
			if !yield(pid, fmt.Sprintf("process %d", pid)) {
				return
			}
		}
		for _, what := range all {
			if what.Kind == kindGroup && sameLeader(what) && !yield(-what.Group, fmt.Sprintf("process group %d", what.Group)) {
				return
			}
		}
	}
}

// sameLeader reports whether the leader of the group is alive and the one that
// was recorded.
func sameLeader(what owned) bool {
	start, err := startOf(what.Group)
	return err == nil && start != "" && start == what.Start
}

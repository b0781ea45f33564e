package leftovers

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"
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
	tick := time.NewTicker(gonePoll)
	defer tick.Stop()
	for {
		left := 0
		for _, pid := range marked(id) {
			left++
			killed[pid] = true
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				return len(killed), fmt.Errorf("kill process %d: %w", pid, err)
			}
		}
		for _, what := range all {
			if what.Kind != kindGroup || !sameLeader(what) {
				continue
			}
			left++
			killed[what.Group] = true
			if err := syscall.Kill(-what.Group, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				return len(killed), fmt.Errorf("kill process group %d: %w", what.Group, err)
			}
		}
		if left == 0 {
			return len(killed), nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return len(killed), fmt.Errorf("%d killed processes are still there: %w", left, context.Cause(ctx))
		}
	}
}

// sameLeader reports whether the leader of the group is alive and the one that
// was recorded.
func sameLeader(what owned) bool {
	start, err := startOf(what.Group)
	return err == nil && start != "" && start == what.Start
}

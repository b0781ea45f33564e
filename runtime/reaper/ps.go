package reaper

import (
	"fmt"
	"os/exec"
	"strconv"
	"strings"
)

// startFromPS says when the process was started, to the second, as ps(1) tells
// it: for systems without /proc. The name of the state must not begin with Z.
func startFromPS(pid int) (string, error) {
	cmd := exec.Command("ps", "-o", "stat=", "-o", "lstart=", "-p", strconv.Itoa(pid))
	cmd.Env = []string{"LC_ALL=C", "PATH=/bin:/usr/bin:/usr/local/bin"}
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("ask ps for process %d: %w", pid, err)
	}
	state, start, ok := strings.Cut(strings.TrimSpace(string(out)), " ")
	if !ok || strings.HasPrefix(state, "Z") {
		return "", fmt.Errorf("process %d has ended", pid)
	}
	return strings.TrimSpace(start), nil
}

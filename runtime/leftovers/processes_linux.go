package leftovers

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// startOf says when the process was started, unique together with its id for as
// long as the machine is up: the 22nd field of /proc/PID/stat (clock ticks since
// the boot, see proc(5)) after the boot's id. A zombie is as good as gone: an
// error.
func startOf(pid int) (string, error) {
	fields, err := statFields(pid)
	if err != nil {
		return "", err
	}
	if fields[0] == "Z" || fields[0] == "X" {
		return "", fmt.Errorf("process %d has ended", pid)
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(string(boot)) + "/" + fields[19], nil
}

// statFields are the fields of /proc/PID/stat from the third on (the state);
// the second, the command's name, may hold anything and ends at the last
// parenthesis.
func statFields(pid int) ([]string, error) {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return nil, err
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 20 {
		return nil, fmt.Errorf("process %d: stat is cut short", pid)
	}
	return fields, nil
}

// marked are the processes, zombies not among them, that carry the session's id
// in their environment. Those of other users can't be read and aren't ours.
func marked(id string) []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	mark := []byte(EnvSession + "=" + id)
	var found []int
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		environ, err := os.ReadFile(filepath.Join("/proc", entry.Name(), "environ"))
		if err != nil {
			continue
		}
		for variable := range bytes.SplitSeq(environ, []byte{0}) {
			if bytes.Equal(variable, mark) {
				found = append(found, pid)
				break
			}
		}
	}
	return found
}

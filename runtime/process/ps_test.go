package process

import (
	"strconv"
	"strings"
)

// process is a line of ps -axo pid=,pgid=,stat=,args=, without the arguments.
type process struct {
	pid, pgid int
	stat      string
}

func processTable(out []byte) []process {
	var all []process
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		if len(fields) < 4 {
			continue
		}
		pid, err := strconv.Atoi(fields[0])
		pgid, err2 := strconv.Atoi(fields[1])
		if err == nil && err2 == nil {
			all = append(all, process{pid, pgid, fields[2]})
		}
	}
	return all
}

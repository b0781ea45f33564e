package campaign

import (
	"os"
	"runtime/metrics"
	"strconv"
	"strings"
	"time"

	goruntime "runtime"
)

// sample measures this process. Where the system does not tell how much of it is
// resident, it is what Go's runtime has from the system.
func sample() Sampled {
	figures := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(figures)
	out := Sampled{
		At: time.Now().UTC(), Resident: int64(figures[0].Value.Uint64()), Heap: int64(figures[1].Value.Uint64()),
		Descriptors: descriptors(), Goroutines: goruntime.NumGoroutine(),
	}
	if pages := residentPages(); pages > 0 {
		out.Resident = pages * int64(os.Getpagesize())
	}
	return out
}

// residentPages is what Linux says of this process, 0 elsewhere: the second field
// of statm, see proc(5).
func residentPages() int64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return 0
	}
	return pages
}

// descriptors counts the open files and sockets of this process, 0 where that
// can't be seen.
func descriptors() int {
	entries, err := os.ReadDir("/dev/fd") // Linux and macOS
	if err != nil {
		return 0
	}
	return max(0, len(entries)-1) // one was open to look
}

package campaign

import (
	"os"
	"runtime/metrics"
	"time"

	goruntime "runtime"

	"github.com/prometheus/procfs"
)

// sample measures this process. Where the system does not tell how much of it is
// resident, it is what Go's runtime has from the system.
func sample() Sample {
	figures := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(figures)
	out := Sample{
		At: time.Now().UTC(), Resident: int64(figures[0].Value.Uint64()), Heap: int64(figures[1].Value.Uint64()),
		Descriptors: descriptors(), Goroutines: goruntime.NumGoroutine(),
	}
	if bytes := resident(); bytes > 0 {
		out.Resident = bytes
	}
	return out
}

// resident is the resident memory of this process on Linux, in bytes; 0 elsewhere.
func resident() int64 {
	self, err := procfs.Self()
	if err != nil {
		return 0
	}
	stat, err := self.Stat()
	if err != nil {
		return 0
	}
	return int64(stat.ResidentMemory())
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

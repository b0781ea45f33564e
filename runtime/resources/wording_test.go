package resources

import (
	"errors"
	"fmt"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
)

// The texts are those of the server and of its libraries. Those with a version were
// logged by it on a machine that was short; the others are in the sources.
func TestLogLinesAreMatchedToShortages(t *testing.T) {
	for line, kind := range map[string]Kind{
		// 1.7.12
		"Could not initialize invoker spill queue: No space left on device (os error 28)":                                                                                            Space,
		"creating RocksDb: IO error: No space left on device: While appending to file":                                                                                               Space,
		`runtime builder succeeds: Os { code: 24, kind: Uncategorized, message: "No file descriptors available" }`:                                                                   Descriptors,
		"thread 'rs:worker-6' (1) panicked at a.rs:1: called `Result::unwrap()` on an `Err` value: Os { code: 11, kind: WouldBlock, message: \"Resource temporarily unavailable\" }": Threads,
		"terminate called after throwing an instance of 'std::system_error' what():  Resource temporarily unavailable":                                                               Threads,
		"Anonymous mmap for RocksDB HyperClockCache failed. Aborting.":                                                                                                               Memory,
		// glibc
		"IO error: Too many open files: While open a file for random read": Descriptors,
		"Too many open files in system (os error 23)":                      Descriptors,
		"IO error: Disk quota exceeded: While appending to file":           Quota,
		"Cannot allocate memory (os error 12)":                             Memory,
		"IO error: Read-only file system: While mkdir if missing":          ReadOnly,
		"IO error: File too large: While appending to file":                FileSize,
		"failed to spawn thread: Resource temporarily unavailable":         Threads,
		"bind: Cannot assign requested address (os error 99)":              Ports,
		// musl
		"Quota exceeded (os error 122)": Quota, "Out of memory (os error 12)": Memory, "No file descriptors available": Descriptors,
		// RocksDB, Rust, jemalloc, C++
		"IO error: No space left on device: Space limit reached": Space, "background error: NoSpace: 0": Space,
		"memory allocation of 1048576 bytes failed":                       Memory,
		"<jemalloc>: Error in mmap(): err: 12, msg: oom":                  Memory,
		"terminate called after throwing an instance of 'std::bad_alloc'": Memory,
		`error: Os { code: 28, kind: StorageFull, message: "" }`:          Space,
		`Custom { kind: ReadOnlyFilesystem, error: "x" }`:                 ReadOnly,
	} {
		got, ok := Named(line)
		assert.True(t, ok, line)
		assert.Equal(t, kind, got, line)
	}
}

func TestOtherErrorsAreNoShortage(t *testing.T) {
	for _, line := range []string{
		"Resource temporarily unavailable (os error 11)", // a socket with nothing to read
		"recv: Os { code: 11, kind: WouldBlock }",
		"connection refused (os error 111)", "Input/output error (os error 5)",
		"rocksdb: opened with total memory 512MB, out of the box", "disk usage 3%, files: 4",
		"thread panicked at no such key",
	} {
		kind, ok := Named(line)
		assert.False(t, ok, "%s: %s", line, kind)
	}
}

func TestErrorIsMatchedByErrnoNotByText(t *testing.T) {
	kind, ok := OfError(fmt.Errorf("write the history: %w", syscall.ENOSPC))
	assert.True(t, ok)
	assert.Equal(t, Space, kind)
	_, ok = OfError(errors.New("no space left on device"))
	assert.False(t, ok, "a sentence decides nothing")
}

package resources

import (
	"errors"
	"regexp"
	"strconv"
	"syscall"
)

// Errnos of Linux, whose numbers a server's log has ("os error 28"): a log read on
// another system may be one of a container.
const (
	eIO, eNOMEM, eAGAIN, eNFILE, eMFILE, eFBIG, eNOSPC, eROFS, eADDRINUSE, eADDRNOTAVAIL, eDQUOT = 5, 12, 11, 23, 24, 27, 28, 30, 98, 99, 122
)

var linuxErrnos = map[int]Kind{
	eNOMEM: Memory, eAGAIN: Threads, eNFILE: Descriptors, eMFILE: Descriptors, eFBIG: FileSize,
	eNOSPC: Space, eROFS: ReadOnly, eADDRINUSE: Ports, eADDRNOTAVAIL: Ports, eDQUOT: Quota,
}

// osError is how Rust prints an error of the system: Display and Debug.
var osError = regexp.MustCompile(`\bos error (\d+)\b|\bOs \{ code: (\d+)\b`)

// threadSpawn is what EAGAIN must stand beside: it is also what a socket that has
// nothing to read says, and nothing runs out then. task_center.rs starts a runtime
// and its threads, and unwraps.
var threadSpawn = regexp.MustCompile(`(?i)\bspawn|\bthread\b.*\bpanicked\b|\bpanicked\b|PANIC|panic\b|pthread_create|\bfork\b|std::system_error|what\(\): +Resource temporarily|builder succeeds|\bcreate.*\bthread`)

// wording is a text that names a shortage.
type wording struct {
	says *regexp.Regexp
	kind Kind
}

// PortTaken matches what a server says that could not listen on an address because somebody
// else does: libcs differ in words.
var PortTaken = regexp.MustCompile(`(?i)\baddress (already )?in use\b`)

// wordings are the texts of glibc and musl (strerror), of RocksDB's statuses, of
// Rust's allocator and of jemalloc and the C++ library. musl's differ from glibc's:
// EMFILE "No file descriptors available", ENOMEM "Out of memory", EDQUOT "Quota
// exceeded". The official Linux binaries are musl's.
var wordings = []wording{
	{regexp.MustCompile(`(?i)\bno space left on device\b|\bspace limit reached\b|\bno ?space: |\bdisk (is )?full\b|StorageFull`), Space},
	{regexp.MustCompile(`(?i)\bquota exceeded\b|QuotaExceeded`), Quota},
	{regexp.MustCompile(`(?i)\btoo many open files\b|\bno file descriptors available\b|\bfile table overflow\b`), Descriptors},
	{regexp.MustCompile(`(?i)\bread-only file ?system\b|ReadOnlyFilesystem`), ReadOnly},
	{regexp.MustCompile(`(?i)\bfile too large\b|FileTooLarge`), FileSize},
	{regexp.MustCompile(`(?i)\bcannot allocate memory\b|\bout of memory\b|\bmemory allocation of \d+ bytes failed\b|\bstd::bad_alloc\b|\bmemory exhausted\b|` +
		`<jemalloc>: .*(\bmmap\b|\balloc|\bOOM\b)|\bmmap for .* failed\b|\bMemory limit reached\b|failed to allocate memory`), Memory},
	{regexp.MustCompile(`(?i)\baddress (already )?in use\b|\b(cannot|can't) assign requested address\b|\baddress not available\b`), Ports},
}

var again = regexp.MustCompile(`(?i)\bresource temporarily unavailable\b`)

// Named is the resource that a line of a server's log says is exhausted; ok is false
// if it names none. EIO is not one: a device that fails is not a full one.
func Named(line string) (kind Kind, ok bool) {
	for _, m := range osError.FindAllStringSubmatch(line, -1) {
		n, err := strconv.Atoi(m[1] + m[2])
		if k, known := linuxErrnos[n]; err == nil && known && (k != Threads || threadSpawn.MatchString(line)) {
			return k, true
		}
	}
	for _, w := range wordings {
		if w.says.MatchString(line) {
			return w.kind, true
		}
	}
	if again.MatchString(line) && threadSpawn.MatchString(line) {
		return Threads, true
	}
	return "", false
}

// latched is what RocksDB says for the rest of a life in which a write failed once.
var latched = regexp.MustCompile(`Writer has previous error|RocksDB background error|Failed to flush rocksdb WAL|Writes to log-server have been disabled|Cannot write to log-server database`)

// Latched reports whether a line may be of an earlier failure of the same life: a
// store whose write failed stays unusable when there is space again.
func Latched(line string) bool { return latched.MatchString(line) }

// OfError is the resource whose exhaustion an error of this process is about.
func OfError(err error) (kind Kind, ok bool) {
	for errno, kind := range map[syscall.Errno]Kind{
		syscall.ENOSPC: Space, syscall.EDQUOT: Quota, syscall.EMFILE: Descriptors, syscall.ENFILE: Descriptors,
		syscall.ENOMEM: Memory, syscall.EROFS: ReadOnly, syscall.EFBIG: FileSize, syscall.EADDRNOTAVAIL: Ports,
	} {
		if errors.Is(err, errno) {
			return kind, true
		}
	}
	return "", false
}

// Package resources tells a machine that ran out from a server that broke: which
// resources a server needs, how much of each there is before and during a session,
// which errors of a server's log name one that is exhausted, and what follows for a
// verdict.
//
// Linux shows all of it. Elsewhere only file systems and this process's own limits are
// measured. A server that names a shortage of a resource that is not measured is believed.
package resources

// Kind is a resource that can run out.
type Kind string

// Kinds of resources.
const (
	Space        Kind = "space"         // bytes of a file system
	Quota        Kind = "quota"         // of a user, a group or a project
	Inodes       Kind = "inodes"        // of a file system
	ReadOnly     Kind = "read-only"     // a file system that can't be written
	Gone         Kind = "gone"          // a directory that is not there any more
	FileSize     Kind = "file size"     // RLIMIT_FSIZE
	Descriptors  Kind = "descriptors"   // RLIMIT_NOFILE, or the system's table of files
	Threads      Kind = "threads"       // RLIMIT_NPROC, or the pids cgroup
	Memory       Kind = "memory"        // of the machine, or of a cgroup
	AddressSpace Kind = "address space" // RLIMIT_AS
	Ports        Kind = "ports"         // of loopback
)

// bytes reports whether amounts of the kind are bytes.
func (k Kind) bytes() bool {
	return k == Space || k == FileSize || k == Memory || k == AddressSpace || k == Quota
}

// What a person can do about a shortage.
var remedies = map[Kind]string{
	Space:        "free space there, or set %s to a directory with more",
	Quota:        "raise the quota, or set %s to a directory without one",
	Inodes:       "remove files there, or set %s to a directory on another file system",
	ReadOnly:     "mount it writable (mount -o remount,rw), or set %s to another directory",
	Gone:         "make the directory again, or set %s to another one",
	FileSize:     "raise the limit of a file's size: ulimit -f unlimited",
	Descriptors:  "raise the limit of open files: ulimit -n 4096, or LimitNOFILE= or --ulimit nofile= of what starts it",
	Threads:      "raise the limit of processes: ulimit -u, or pids.max, TasksMax= or --pids-limit of what starts it",
	Memory:       "give more memory (memory.max, --memory, the machine's), end other programs, or choose -config plain-1",
	AddressSpace: "raise the limit of the address space: ulimit -v unlimited",
	Ports:        "end what listens on so many ports, or has so many connections",
}

package resources

import (
	"maps"
	goruntime "runtime"

	"retain/runtime/versions"
)

const mib = 1 << 20

// Need is how much a server may use at most, of each kind.
type Need map[Kind]uint64

// What a server uses at most, measured on 2 cores in sessions of
//
//	go test -run Properties -runtime process -config NAME -rapid.checks N
//
// from /proc/PID (descriptors, threads, VmHWM, VmPeak) and the blocks of its
// directory, each 50 ms; N is 12, and 70 for plain-24:
//
//	                   descriptors  threads  resident  address space  disk at start  most    inodes
//	1.7.12  plain-1    80           33       178 MB    519 MB         192 MB         242 MB  87
//	1.7.12  plain-4    96           32       190 MB    575 MB         192 MB         312 MB  133
//	1.7.12  plain-24   280          107      288 MB    1,143 MB       192 MB         261 MB  2,358
//	1.6.2   plain-1    62           22       149 MB    346 MB         0 MB           1 MB    60
//	1.6.2   plain-24   199          75       254 MB    721 MB         0 MB           2 MB    314
//	1.5.3   plain-24   200          75       173 MB    462 MB         0 MB           2 MB    342
//
// What asks the file system for its log files whole is [versions.WholeLogFiles]. A server needs at most base + partitions x
// each: the line through plain-1 and plain-24 of 1.7.12. Threads and address space
// grow with the cores (worker threads, arenas of the allocator), which was not
// measured and is assumed.
const (
	baseDescriptors, eachDescriptors            = 90, 7
	baseThreads, eachThreads, coreThreads       = 32, 3, 8
	baseResident, eachResident                  = 180 * mib, 5 * mib
	baseAddresses, eachAddresses, coreAddresses = 500 * mib, 26 * mib, 64 * mib
	disk, diskWithoutWholeLogs                  = 312 * mib, 8 * mib
	baseInodes, eachInodes                      = 100, 20
	largestFile                                 = 64 * mib
	defaultPartitions                           = 24
	measuredCores                               = 2
	ownDescriptors, ownThreads                  = 128, 32
	ownResident                                 = 128 * mib
	artifactsSpace, artifactsInodes             = 16 * mib, 256
	// CacheSpace is what the installation of a server takes at most: the package and
	// what it unpacks to.
	CacheSpace = 400 * mib
)

// margin is by how much a server may use more than was measured, in percent: a
// machine with less is refused, and a server that uses more is itself what exhausts
// the machine.
const margin = 50

func with(n uint64) uint64 { return n * (100 + margin) / 100 }

// NeedOf is what a server of a version and a number of partitions needs. 0 partitions
// are the server's own default, 24.
func NeedOf(version string, partitions int) Need {
	if partitions <= 0 {
		partitions = defaultPartitions
	}
	n, cores := uint64(partitions), uint64(max(0, goruntime.NumCPU()-measuredCores))
	space := uint64(disk)
	if !versions.Has(version, versions.WholeLogFiles) {
		space = diskWithoutWholeLogs
	}
	return Need{
		Descriptors:  with(baseDescriptors + n*eachDescriptors),
		Threads:      with(baseThreads + n*eachThreads + cores*coreThreads),
		Memory:       with(baseResident + n*eachResident),
		AddressSpace: with(baseAddresses + n*eachAddresses + cores*coreAddresses),
		Space:        with(space), Inodes: with(baseInodes + n*eachInodes), FileSize: with(largestFile),
	}
}

// Or is the larger need of each kind.
func (n Need) Or(other Need) Need {
	out := maps.Clone(n)
	for kind, amount := range other {
		if out == nil {
			out = Need{}
		}
		out[kind] = max(out[kind], amount)
	}
	return out
}

// growth is by how often a server may exceed its need in a long session: each one that
// is killed leaves the files of its queues in its directory for temporary ones, 34 for
// each plan with 24 partitions, and serves up to 200 plans.
func growth(k Kind) uint64 {
	if k == Inodes {
		return 16
	}
	return 1
}

// own is what this process needs of its own, beside the servers.
func own() Need {
	return Need{Descriptors: ownDescriptors, Threads: ownThreads, Memory: ownResident}
}

// perProcess reports whether each process has the limit to itself.
func (k Kind) perProcess() bool { return k == Descriptors || k == AddressSpace || k == FileSize }

// of is what so many servers need together with this process.
func (n Need) of(k Kind, servers int) uint64 {
	if k.perProcess() {
		return max(n[k], own()[k])
	}
	return n[k]*uint64(servers) + own()[k]
}

// artifacts is what the directory of the histories and findings must hold.
var artifacts = Need{Space: artifactsSpace, Inodes: artifactsInodes}

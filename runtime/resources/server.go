//go:build unix

package resources

import (
	"os"
	"sync"
	"time"
)

// useInterval is how often the size of a server's directory is added up, where its
// file system gets full, and how often the file system is asked for a file.
const useInterval = time.Second

// plentyOf is how many times a need must be free for nobody to ask who uses the
// rest.
const plentyOf = 4

// Limited is a runtime that knows the limits of a server that has ended.
type Limited interface {
	// LastLimits are nil where they are not known.
	LastLimits() []Level
}

// Server is a server on this machine.
type Server struct {
	// Data is the place of its data; a place without a path can't be looked at.
	Data Place
	// Processes are the ids of its processes, none while it is down.
	Processes func() []int
	// LastLimits are the limits of a server that has ended; nil where they are not known.
	LastLimits func() []Level
	// Need is what a server needs at most. [Server.Widen] changes it while it is looked at.
	Need Need
	// Contained is true of a server in a container, which inherits nothing of this
	// process.
	Contained bool

	mu     sync.Mutex
	use    use
	added  time.Time   // when use was added up
	free   uint64      // in bytes, at that time
	groups groups      // where its processes were last
	first  os.FileInfo // the directory of its data when it was first looked at
	// refused is whether the file system refused a file when it was asked last.
	refused bool
	asked   time.Time
}

// Widen takes in what a server of another version needs on the same data.
func (s *Server) Widen(n Need) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Need = s.Need.Or(n)
}

// Look says how much there is for the server now: of the file system of its data,
// and of what its processes and this one use.
func (s *Server) Look() []Level {
	s.mu.Lock()
	defer s.mu.Unlock()
	pids := s.Processes()
	levels := append(s.ofData(len(pids) > 0), processLevels(pids, &s.groups, !s.Contained)...)
	if len(pids) == 0 && s.LastLimits != nil {
		levels = append(levels, s.LastLimits()...)
	}
	return levels
}

// ofData are the levels of the data's file system. The caller holds the lock.
func (s *Server) ofData(up bool) []Level {
	if s.Data.Path == "" {
		return nil
	}
	levels := s.Data.levels(use{})
	if scarce(levels, s.Need) {
		levels = s.Data.levels(s.used(levels))
	}
	if s.refuses(up) {
		levels = append(levels, s.Data.readOnly())
	}
	if s.replaced() {
		levels = append(levels, Level{Kind: Gone, Of: s.Data.Role + " (" + s.Data.Path + ") of the first start", Set: s.Data.Set})
	}
	return levels
}

// refuses reports whether the file system refuses a file as a read-only one does. It is
// asked from time to time, and at each look where the server is down. The caller holds
// the lock.
func (s *Server) refuses(up bool) bool {
	if !up || time.Since(s.asked) > useInterval {
		s.refused, s.asked = refusesFiles(s.Data.Path), time.Now()
	}
	return s.refused
}

// replaced reports whether the directory is another one than at first: a server makes
// its own anew where a mount is gone. The caller holds the lock.
func (s *Server) replaced() bool {
	now, err := os.Stat(s.Data.Path)
	if err != nil {
		return false
	}
	if s.first == nil {
		s.first = now
	}
	return !os.SameFile(s.first, now)
}

func scarce(levels []Level, n Need) bool {
	for _, l := range levels {
		if l.Free < plentyOf*n[l.Kind] {
			return true
		}
	}
	return false
}

// used adds up what the server has on its disk, from time to time and whenever the
// disk has become fuller. The caller holds the lock.
func (s *Server) used(levels []Level) use {
	var free uint64
	for _, l := range levels {
		if l.Kind == Space {
			free = l.Free
		}
	}
	if time.Since(s.added) > useInterval || free+s.Need[Space]/exhaustedShare < s.free {
		s.use, s.added, s.free = useOf(s.Data.Path), time.Now(), free
	}
	return s.use
}

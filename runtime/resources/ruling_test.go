package resources

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

const gib = 1 << 30

// Each resource is enough or too little, because of the server or of others.
func TestShortageIsAttributedToServerOrHarness(t *testing.T) {
	n := NeedOf("1.7.12", 4)
	space := func(used, free uint64) Level {
		return Level{Kind: Space, Of: "the data directory's file system (/x)", Used: used, Free: free, Size: 4 * gib}
	}
	files := func(used, limit uint64) Level {
		return Level{Kind: Descriptors, Of: "the server", Used: used, Free: limit - used, Size: limit}
	}
	memory := func(used, free, killed uint64) Level {
		return Level{Kind: Memory, Of: "the memory cgroup", Used: used, Free: free, Size: gib, Refused: killed}
	}
	threads := func(used, free uint64) Level {
		return Level{Kind: Threads, Of: "the pids cgroup", Used: used, Free: free, Size: 100}
	}
	addresses := func(used, limit uint64) Level {
		return Level{Kind: AddressSpace, Of: "the server", Used: used, Free: limit - used, Size: limit}
	}
	plenty := []Level{space(200*mib, 40*gib), files(90, 4096), memory(200*mib, 8*gib, 0), threads(33, 30000)}
	for name, c := range map[string]struct {
		said   Kind
		levels []Level
		cause  Cause
		kind   Kind
	}{
		"a full disk":                           {Space, []Level{space(20*mib, 0)}, Environment, Space},
		"a full disk that nobody names":         {"", []Level{space(20*mib, 0)}, Environment, Space},
		"a disk that gets full":                 {"", []Level{space(200*mib, 100*mib)}, None, ""},
		"space is named, and the inodes are":    {Space, []Level{space(20*mib, gib), {Kind: Inodes, Used: 60, Free: 0, Size: 60}}, Environment, Inodes},
		"a disk that the server filled":         {Space, []Level{space(3*gib, 0)}, TheServer, Space},
		"a disk that the server filled, silent": {"", []Level{space(3*gib, 0)}, TheServer, Space},
		"a full disk is named, with plenty":     {Space, plenty, Unexplained, Space},
		"plenty":                                {"", plenty, None, ""},
		"a low limit of descriptors":            {Descriptors, []Level{files(64, 64)}, Environment, Descriptors},
		"a leak of descriptors":                 {Descriptors, []Level{files(4096, 4096)}, TheServer, Descriptors},
		"a leak up to a limit that was met":     {Descriptors, []Level{files(256, 256)}, TheServer, Descriptors},
		"descriptors are named, with plenty":    {Descriptors, plenty, Unexplained, Descriptors},
		"a table of files that others filled":   {Descriptors, []Level{files(90, 4096), {Kind: Descriptors, Used: 90, Free: 0, Size: 5000, Shared: true}}, Environment, Descriptors},
		"killed for others' memory":             {"", []Level{memory(200*mib, 0, 1)}, Environment, Memory},
		"killed for its own memory":             {"", []Level{memory(3*gib, 0, 1)}, TheServer, Memory},
		"a limit of the address space":          {Memory, []Level{addresses(300*mib, 320*mib)}, Environment, AddressSpace},
		"a limit of addresses, silent":          {"", []Level{addresses(300*mib, 320*mib)}, Environment, AddressSpace},
		"a leak of memory":                      {Memory, []Level{addresses(8*gib, 8*gib)}, TheServer, AddressSpace},
		"no thread, for want of its stack":      {Threads, []Level{threads(20, 30000), addresses(300*mib, 320*mib)}, Environment, AddressSpace},
		"a limit of processes":                  {Threads, []Level{threads(20, 0)}, Environment, Threads},
		"a server of many threads":              {Threads, []Level{threads(900, 0)}, TheServer, Threads},
		"read-only":                             {"", []Level{{Kind: ReadOnly, Of: "x"}}, Environment, ReadOnly},
		"read-only is named, and it is not":     {ReadOnly, plenty, Environment, ReadOnly},
		"gone":                                  {"", []Level{{Kind: Gone, Of: "x"}}, Environment, Gone},
		"a quota, which nobody can look at":     {Quota, plenty, Environment, Quota},
		"named where nothing can be seen":       {Space, nil, Environment, Space},
	} {
		var lines []Said
		if c.said != "" {
			lines = []Said{{c.said, "line"}}
		}
		got := Rule(lines, c.levels, n)
		assert.Equal(t, c.cause, got.Cause, name)
		assert.Equal(t, c.kind, got.Kind, name)
	}
}

func TestShortageNamesResourceAndRemedy(t *testing.T) {
	n := NeedOf("1.7.12", 24)
	full := Level{Kind: Space, Of: "the data directory's file system (/x)", Used: 39 * mib / 10, Size: 4 * mib, Set: "TMPDIR"}
	short := Rule([]Said{{Space, "IO error: No space left on device"}}, []Level{full}, n)
	assert.Equal(t, `the data directory's file system (/x) has 0 of 4 MB free; the server uses 3.9 MB and needs up to 468 MB; it logged "IO error: No space left on device"`, short.String())
	assert.Equal(t, "free space there, or set TMPDIR to a directory with more", short.Remedy())
	assert.Equal(t, "the server is limited to 64 descriptors; the server uses 64 descriptors and needs up to 387 descriptors",
		Rule(nil, []Level{{Kind: Descriptors, Of: "the server", Used: 64, Size: 64}}, n).String())
	assert.Equal(t, "nothing ran out", Shortage{}.String())
}

func TestLackOfAResourceIsOneLineWithNumbers(t *testing.T) {
	n := NeedOf("1.7.12", 24)
	disk := Level{Kind: Space, Of: "the data directory's file system (/x)", Free: 8 * mib, Size: 8 * mib, Set: "TMPDIR"}
	assert.EqualError(t, lackOf(disk, n, 2),
		"the data directory's file system (/x) has 8 of 8 MB free, and 2 servers need 936 MB: free space there, or set TMPDIR to a directory with more")
	limit := Level{Kind: Descriptors, Of: "a server", Size: 64, Free: 44}
	assert.ErrorContains(t, lackOf(limit, n, 2), "a server is limited to 64 descriptors, and a server needs 387 descriptors")
	limit.Size = 1024
	assert.NoError(t, lackOf(limit, n, 2))
	assert.EqualError(t, lackOf(Level{Kind: Gone, Of: "the data directory (/x)", Set: "TMPDIR"}, n, 1),
		"the data directory (/x) is not there: make the directory again, or set TMPDIR to another one")
	assert.EqualError(t, lackOf(Level{Kind: Space, Of: "the artifacts' directory's file system (/x)", Size: 4 * mib, Free: 4 * mib, Ours: true}, n, 2),
		"the artifacts' directory's file system (/x) has 4 of 4 MB free, and a session needs 16 MB: free space there")
	assert.Less(t, NeedOf("1.6.2", 24)[Space], NeedOf("1.7.0", 24)[Space])
	server := &Server{Need: NeedOf("1.6.2", 24)}
	server.Widen(NeedOf("1.7.0", 1))
	assert.Equal(t, NeedOf("1.7.0", 24), server.Need, "of each kind what either version needs")
}

// The error is named with the level that was measured, or else by itself.
func TestErrorOfThisProcessNamesTheShortResource(t *testing.T) {
	place := DataPlace(t.TempDir())
	assert.Equal(t, "the data directory's file system ("+place.Path+") is read-only", OfThisProcess(ReadOnly, place).String())
	assert.Contains(t, OfThisProcess(Space, place).String(), "the data directory's file system ("+place.Path+") has ")
	assert.Contains(t, OfThisProcess(Descriptors, place).String(), "this process is limited to ")
	assert.Equal(t, "a file system that the server writes to is read-only", Shortage{Cause: Environment, Kind: ReadOnly}.String())
}

package harness

import "regexp"

// loudness is how loud a line of the server's log is.
type loudness int

const (
	quiet  loudness = iota // TRACE, DEBUG, INFO
	warned                 // WARN
	failed                 // ERROR
	bare                   // no line of the log at all: a panic, an abort, a failed start
)

// admissionClass is a kind of lines that are findings by themselves. The texts are
// those of the server's source, 1.6 to 1.7; what all of a kind have in common is
// looked for rather than each of them.
type admissionClass struct {
	class string
	// from is how loud a line must at least be. What is told at a lower level
	// repeats texts that came from outside: handlers' errors, configuration.
	from loudness
	says *regexp.Regexp
}

// admitted are the kinds, the most telling first: a line is of the first kind
// that it fits.
var admitted = []admissionClass{
	// server/src/main.rs (the hook, and the end), core's task center.
	{"a panic", failed, regexp.MustCompile(`PANIC!!!|\bA panic occurred\b|panicked\b|^fatal runtime error: `)},
	// worker's partition processor, log-server's marker, bifrost's gaps.
	{"data loss", warned, regexp.MustCompile(`(?i)data[- ]?loss|lost its data|\blog gap\b|\btrim gap was encountered\b`)},
	// Says so: storage-query's rows, journal entries, queue segments. RocksDB's
	// statuses begin with the word and a colon.
	{"corrupted data", warned, regexp.MustCompile(`(?i)corruption|\bcorrupted\b|\bDataIntegrityError\b|\bdata integrity\b`)},
	{"a broken invariant", warned, regexp.MustCompile(`(?i)\binvariant\b|\bis a bug\b|\bindicates a bug\b|should (never|not) happen|must (never|not) happen|` +
		`entered unreachable code|\bassertion\b.*\bfailed\b|constraint violation`)},
	// worker's manager of partition processors: start error, unexpected exit, no
	// snapshot to recover from.
	{"a partition that it can't run", failed, regexp.MustCompile(`Partition processor (start error|exited unexpectedly|stopped due to)`)},
	// rocksdb's listener, log-server's writer.
	{"a store that it can't use", failed, regexp.MustCompile(`RocksDB background error|Failed to flush rocksdb WAL|` +
		`Writes to log-server have been disabled|Cannot write to log-server database|Failed to iterate over log store`)},
}

// harmlessLine is a line that is no finding, whatever its words.
type harmlessLine struct {
	says *regexp.Regexp
	// unless names lines that are findings all the same; nil for none.
	unless *regexp.Regexp
	why    string
}

// harmless are the known harmless lines. An ordinary session, with its kills and
// stops, logs nothing above INFO but a failed look for a newer release, which fits
// no kind.
var harmless = []harmlessLine{
	{says: regexp.MustCompile(`\brestate_invoker(_impl)?\b`), unless: regexp.MustCompile(`error when reading the journal`),
		why: "it repeats what a handler or its SDK said, such as the panic of a handler"},
	{says: regexp.MustCompile(`potentially dangerous operation, and might result in data loss`),
		why: "it warns of what a forced registration of a deployment could do, before doing it"},
	{says: regexp.MustCompile(`(?i)no space left on device|too many open files|cannot allocate memory|memory allocation of \d+ bytes failed|disk quota exceeded`),
		why: "this machine is short of something: what follows is not the server's doing"},
	{says: regexp.MustCompile(`(?i)failed binding to address|address (already )?in use`),
		why: "a port was taken by somebody else; the server is started again on another"},
}

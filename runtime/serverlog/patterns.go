package serverlog

import (
	"regexp"

	"retain/model"
	"retain/runtime/resources"
)

// admissionClass is a kind of lines that are findings by themselves. The texts are
// those of the server's source, 1.6 to 1.7. A pattern matches what all lines of a kind
// have in common rather than each of them.
type admissionClass struct {
	code model.GuaranteeCode
	// from is the lowest level of such a line. Lines of a lower level repeat texts that
	// came from outside: handlers' errors, configuration.
	from    level
	pattern *regexp.Regexp
}

// admissionClasses are the kinds, the most specific first: a line is of the first kind
// that it matches.
var admissionClasses = []admissionClass{
	// server/src/main.rs (the hook, and the end), core's task center.
	{model.ReportsPanic, errorLevel, regexp.MustCompile(`PANIC!!!|\bA panic occurred\b|panicked\b|^fatal runtime error: `)},
	// worker's partition processor, log-server's marker, bifrost's gaps.
	{model.ReportsDataLoss, warnLevel, regexp.MustCompile(`(?i)data[- ]?loss|lost its data|\blog gap\b|\btrim gap was encountered\b`)},
	// Says so: storage-query's rows, journal entries, queue segments. RocksDB's
	// statuses begin with the word and a colon.
	{model.ReportsCorruption, warnLevel, regexp.MustCompile(`(?i)corruption|\bcorrupted\b|\bDataIntegrityError\b|\bdata integrity\b`)},
	{model.ReportsBrokenInvariant, warnLevel, regexp.MustCompile(`(?i)\binvariant\b|\bis a bug\b|\bindicates a bug\b|should (never|not) happen|must (never|not) happen|` +
		`entered unreachable code|\bassertion\b.*\bfailed\b|constraint violation`)},
	// worker's manager of partition processors: start error, unexpected exit, no
	// snapshot to recover from.
	{model.ReportsPartitionDown, errorLevel, regexp.MustCompile(`Partition processor (start error|exited unexpectedly|stopped due to)`)},
	// rocksdb's listener, log-server's writer.
	{model.ReportsStoreUnusable, errorLevel, regexp.MustCompile(`RocksDB background error|Failed to flush rocksdb WAL|` +
		`Writes to log-server have been disabled|Cannot write to log-server database|Failed to iterate over log store`)},
}

// harmlessLine is a line that matches a pattern of an admission and is none.
type harmlessLine struct {
	pattern *regexp.Regexp
	// unless matches lines that are findings all the same; nil for none.
	unless *regexp.Regexp
	why    string
}

// harmlessLines are the known harmless lines. An ordinary session, with its kills and
// stops, logs nothing above INFO but a failed look for a newer release, which fits
// no kind.
var harmlessLines = []harmlessLine{
	{pattern: regexp.MustCompile(`\brestate_invoker(_impl)?\b`), unless: regexp.MustCompile(`error when reading the journal`),
		why: "it repeats what a handler or its SDK said, such as the panic of a handler"},
	{pattern: regexp.MustCompile(`potentially dangerous operation, and might result in data loss`),
		why: "it warns of what a forced registration of a deployment could do, before doing it"},
	{pattern: resources.PortTaken,
		why: "a port was taken by somebody else; the server is started again on another"},
}

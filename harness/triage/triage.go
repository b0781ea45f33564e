// Package triage finds out about a run that failed what else the failure could have been,
// where an effect was lost, and whether the machine ran out of something. It keeps the
// artefacts of the run with the answers.
package triage

import (
	"time"

	"retain/checker"
	"retain/generators"
	"retain/harness"
	"retain/model"
	"retain/runtime"
	"retain/runtime/serverlog"
)

// Options are what triage needs to know of a session.
type Options struct {
	Bounds harness.Bounds
	// Check bounds the search for the smallest history that shows a violation.
	Check checker.Options
	// Late is how long after a violation its object is read again; 0 is 3 s,
	// negative is at once.
	Late time.Duration
	// KeepData saves the server's data directory with a violation.
	KeepData bool
	// Dir is the directory of the session's artefacts.
	Dir string
	// Altered is in what the session differs from a plain server.
	Altered model.Settings
	// Settings are those of the server for a plan's configuration.
	Settings func(generators.Config) (runtime.Settings, error)
	// OnAdmissions, if not nil, is called with the new admissions of a run that violated.
	OnAdmissions func([]serverlog.Admission)
}

// late is how long to wait before the object is read again.
func (o Options) late() time.Duration {
	if o.Late == 0 {
		return defaultLate
	}
	return max(0, o.Late)
}

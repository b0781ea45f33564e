package session

import (
	"context"

	"retain/generators"
)

// RerunOptions are what [Rerun] does beside executing the plan.
type RerunOptions struct {
	// ReadLedger kills the server once more and reads every object again, for a failure that
	// only those reads show.
	ReadLedger bool
	// Dir takes the artefacts of a failure, its triage included. With "" nothing is kept,
	// and there is no triage.
	Dir string
}

// Rerun executes one plan once more, on a fresh server, as a session of its own. Plans,
// Workers, Fresh and Draw of the options do not count.
func Rerun(ctx context.Context, o Options, plan generators.Plan, how RerunOptions) (*Result, error) {
	o.Plans, o.Workers, o.Fresh = 1, 1, true
	o.Draw = func(int) generators.Plan { return plan }
	return conduct(ctx, o, &how)
}

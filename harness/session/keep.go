package session

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"retain/harness"
	"retain/runtime/serverlog"
)

// folders are where runs are kept, by verdict.
var folders = map[harness.Verdict]string{harness.Violation: "findings", harness.Known: "known", harness.Undecided: "undecided", harness.Harness: "harness"}

// keep saves the artefacts of a run that did not pass.
func (s *session) keep(ctx context.Context, r *harness.Run, sys *server) {
	defer harness.EnterPart(ctx, harness.PartTriage)()
	dir := func() string { return filepath.Join(s.Dir, folders[r.Verdict], s.id+"-"+fmt.Sprint(r.Number)) }
	if s.rerun != nil {
		if s.rerun.Dir == "" {
			if r.Outcome != nil {
				_ = os.Remove(r.Outcome.Path) // the history is in memory
			}
			return
		}
		dir = func() string { return s.rerun.Dir }
	}
	s.triage.Keep(ctx, r, sys.System, dir)
}

// admitted adds the admissions of a run to those of the session.
func (s *session) admitted(found []serverlog.Admission) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.result.Admissions = append(s.result.Admissions, found...)
}

// lastAdmissions reads a server's log for the last time, before it is gone. What the server
// admits since its last run was judged is a violation of that run.
func (s *session) lastAdmissions(ctx context.Context, sys *server) {
	if sys.last == nil || sys.last.Outcome == nil {
		return
	}
	r := *sys.last
	r.Ledger = true // that run itself had passed
	s.triage.Admissions(ctx, &r, sys.System, true)
	fine := sys.last.Verdict == harness.Pass || sys.last.Verdict == harness.Known
	if len(r.Admissions) > len(sys.last.Admissions) && fine && !s.stopped() {
		s.judgeKnown(&r)
		s.keep(ctx, &r, sys)
		s.took(r)
	}
}

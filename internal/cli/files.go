package cli

import (
	"errors"
	"os"
	"path/filepath"

	"retain/harness"
	"retain/harness/session"
	"retain/report"
)

// end writes the files of -summary and -junit, and fails the test unless the session is
// green: it passed, or -promote kept its plan.
func (e *executed) end(t T) {
	green := e.session.Verdict == harness.Pass || e.reporter.Kept != ""
	finish(t, e.reporter, e.session, green)
}

// finish writes a session's files, and fails the test if the session is not green.
func finish(t T, r *report.Reporter, s *session.Result, green bool) {
	if err := write(r, s, !green); err != nil {
		ended.red = true
		t.Errorf("harness: %v", err)
	}
	switch {
	case green:
	case s.Verdict == harness.Interrupted:
		ended.interrupted = true
		t.Fail()
	default:
		ended.red = true
		t.Fail()
	}
}

// redSummary is set once the file of -summary holds a red session.
var redSummary bool

// write writes the session to the files of the flags. The summary holds one session: the
// first red one, or else the last.
func write(r *report.Reporter, s *session.Result, red bool) error {
	var errs []error
	if *summaryFlag != "" && !redSummary {
		redSummary = red
		errs = append(errs, r.Summary(*summaryFlag, s))
	}
	if *junitFlag != "" {
		junit.Add(r, s)
		errs = append(errs, junit.Write(*junitFlag))
	}
	if path := os.Getenv(report.StepSummary); path != "" {
		errs = append(errs, r.AppendMarkdown(path, s))
	}
	return errors.Join(errs...)
}

// junit collects the sessions and campaigns of this process.
var junit report.JUnit

// copyArtifacts copies the session's findings to Go's artefact directory.
func copyArtifacts(t T, s *session.Result) {
	for _, r := range s.Failures {
		if r.Dir == "" {
			continue
		}
		if err := os.CopyFS(filepath.Join(t.ArtifactDir(), filepath.Base(r.Dir)), os.DirFS(r.Dir)); err != nil {
			t.Errorf("harness: copy the artefacts of plan %d: %v", r.Number, err)
		}
	}
}

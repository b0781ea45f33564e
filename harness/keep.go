package harness

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"retain/checker"
	"retain/generators"
	"retain/runtime/ingress"
)

// The files of a kept run. The dumps have the names that Restate's own test runs
// leave behind. The page is made by those who print; the picture is porcupine's.
const (
	PlanFile    = "plan.json"
	HistoryFile = "history.jsonl"
	PageFile    = "report.html"
	PictureFile = "picture.html"
	LogFile     = "runtime_0.log"
	// FindingFile has the facts of a run that did not pass, a [Finding] in JSON.
	FindingFile = "finding.json"
	// LateFile is a history of the reads that were made after a violation.
	LateFile = "late.jsonl"
	// DataFile is the server's data directory, where that was asked for.
	DataFile = "data.tar"
)

// dumps are the server's tables that a violation keeps, by file.
var dumps = map[string]string{
	"sys_invocation_dump.json": "sys_invocation",
	"sys_journal_dump.json":    "sys_journal",
	"state_dump.json":          "state",
}

// dumpBound bounds one dump, whatever state the server is in.
const dumpBound = 5 * time.Second

// folders are where runs are kept, by verdict.
var folders = map[Verdict]string{Violation: "findings", Undecided: "undecided", Harness: "harness"}

// keep saves the artefacts of a run that did not pass, and asks about a violation
// what else it could have been. What can't be saved is said and hides nothing.
func (s *session) keep(ctx context.Context, r *Run, sys *System) {
	if s.rehearsal != noRehearsal && s.folder == "" {
		if r.Outcome != nil {
			_ = os.Remove(r.Outcome.Path) // the history is in memory
		}
		return
	}
	if r.Verdict == Violation {
		s.verify(ctx, r, sys)
	}
	r.Dir = s.folder
	if r.Dir == "" {
		r.Dir = filepath.Join(s.Dir, folders[r.Verdict], s.id+"-"+fmt.Sprint(r.Number))
	}
	if err := os.MkdirAll(r.Dir, 0o755); err != nil {
		r.Problem = fmt.Errorf("make the directory of the finding: %w", err)
		r.Dir = "" // the history stays where it was made
	}
	r.save(PlanFile, func() ([]byte, error) { return generators.Encode(r.Plan), nil })
	if r.Outcome != nil && r.Dir != "" {
		r.amiss(move(r.Outcome.Path, filepath.Join(r.Dir, HistoryFile)))
	}
	r.save(LogFile, sys.Runtime.Logs)
	if r.Check.Verdict == checker.Violation && r.Dir != "" {
		r.amiss(r.picture())
	}
	var q *inquiry
	var a afterlife
	if r.Verdict == Violation {
		if r.Dir != "" {
			r.amiss(r.dump(ctx, sys))
		}
		s.listen(ctx, r, sys, false)
		q, a = s.inquire(ctx, r, sys)
		s.listen(ctx, r, sys, false)
		r.save(LogFile, sys.Runtime.Logs) // with the last restart
	}
	r.save(FindingFile, func() ([]byte, error) { return s.finding(r, sys, q, a).encode() })
}

// move moves a history. It is not there if another finding of the plan took it.
func move(from, to string) error {
	if err := os.Rename(from, to); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("save the finding: %w", err)
	}
	return nil
}

// amiss notes what could not be saved.
func (r *Run) amiss(err error) { r.Problem = errors.Join(r.Problem, err) }

// save writes a file of the finding, if that has a directory.
func (r *Run) save(name string, content func() ([]byte, error)) {
	if r.Dir == "" {
		return
	}
	text, err := content()
	if err != nil {
		r.amiss(fmt.Errorf("save %s: %w", name, err))
		return
	}
	r.amiss(r.write(name, text))
}

func (r *Run) write(name string, content []byte) error {
	if err := os.WriteFile(filepath.Join(r.Dir, name), content, 0o644); err != nil {
		return fmt.Errorf("save the finding: %w", err)
	}
	return nil
}

func (r *Run) picture() error {
	file, err := os.Create(filepath.Join(r.Dir, PictureFile))
	if err != nil {
		return fmt.Errorf("save the picture: %w", err)
	}
	return errors.Join(checker.WritePicture(file, r.Outcome.History, r.Check), file.Close())
}

// dump saves the server's own tables and its health answer. A server that does
// not answer is part of the finding: the file then says so.
func (r *Run) dump(ctx context.Context, sys *System) error {
	ep := sys.Runtime.Endpoints()
	var errs []error
	for name, table := range dumps {
		var rows json.RawMessage
		bounded, cancel := context.WithTimeout(ctx, dumpBound)
		err := ingress.Admin(bounded, ep, http.MethodPost, "/query", fmt.Sprintf(`{"query":"SELECT * FROM %s"}`, table), &rows)
		cancel()
		if err != nil {
			rows, _ = json.Marshal(map[string]string{"error": err.Error()})
		}
		errs = append(errs, r.write(name, rows))
	}
	bounded, cancel := context.WithTimeout(ctx, dumpBound)
	defer cancel()
	client := ingress.New(ep)
	defer client.Close()
	health := "healthy"
	if err := client.Health(bounded); err != nil {
		health = err.Error()
	}
	return errors.Join(append(errs, r.write("health.txt", []byte(health+"\n")))...)
}

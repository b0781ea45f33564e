package triage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	"retain/checker"
	"retain/generators"
	"retain/harness"
	"retain/runtime/ingress"
	"retain/runtime/introspect"
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

// Keep saves the artefacts of a run that did not pass, in the directory that dir names once
// the verdict is final. About a violation it also finds out what else it could have been.
// Save errors go to r.Problem and never change the verdict.
func (o Options) Keep(ctx context.Context, r *harness.Run, sys *harness.System, dir func() string) {
	if r.Verdict == harness.Violation {
		verifyServer(ctx, r, sys)
	}
	r.Dir = dir()
	if err := os.MkdirAll(r.Dir, 0o755); err != nil {
		r.Problem = fmt.Errorf("make the directory of the finding: %w", err)
		r.Dir = "" // the history stays where it was made
	}
	save(r, PlanFile, func() ([]byte, error) { return generators.Encode(r.Plan), nil })
	if r.Outcome != nil && r.Dir != "" {
		note(r, move(r.Outcome.Path, filepath.Join(r.Dir, HistoryFile)))
	}
	log := func() ([]byte, error) { return sys.Runtime.Logs(0) }
	save(r, LogFile, log)
	if r.Check.Verdict == checker.Violation && r.Dir != "" {
		note(r, picture(r))
	}
	var d *diagnosis
	var again recheck
	if r.Verdict == harness.Violation {
		if r.Dir != "" {
			note(r, dump(ctx, r, sys))
		}
		o.Admissions(ctx, r, sys, false)
		d, again = o.diagnose(ctx, r, sys)
		r.Hypotheses = append(r.Hypotheses, shortageHypothesis(r)...)
		o.Admissions(ctx, r, sys, false)
		save(r, LogFile, log) // with the last restart
	}
	save(r, FindingFile, func() ([]byte, error) { return o.finding(r, sys, d, again).Encode() })
}

// move moves a history. It is not there if another finding of the plan took it.
func move(from, to string) error {
	if err := os.Rename(from, to); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("save the finding: %w", err)
	}
	return nil
}

// note adds what could not be saved to the run.
func note(r *harness.Run, err error) { r.Problem = errors.Join(r.Problem, err) }

// save writes a file of the finding, if that has a directory.
func save(r *harness.Run, name string, content func() ([]byte, error)) {
	if r.Dir == "" {
		return
	}
	text, err := content()
	if err != nil {
		note(r, fmt.Errorf("save %s: %w", name, err))
		return
	}
	note(r, write(r, name, text))
}

func write(r *harness.Run, name string, content []byte) error {
	if err := os.WriteFile(filepath.Join(r.Dir, name), content, 0o644); err != nil {
		return fmt.Errorf("save the finding: %w", err)
	}
	return nil
}

func picture(r *harness.Run) error {
	file, err := os.Create(filepath.Join(r.Dir, PictureFile))
	if err != nil {
		return fmt.Errorf("save the picture: %w", err)
	}
	return errors.Join(checker.WritePicture(file, r.Outcome.History, r.Check), file.Close())
}

// dump saves the server's own tables and its health answer. If the server does not
// answer, the file has the error.
func dump(ctx context.Context, r *harness.Run, sys *harness.System) error {
	ep := sys.Runtime.Endpoints()
	var errs []error
	for name, table := range dumps {
		var rows json.RawMessage
		bounded, cancel := context.WithTimeout(ctx, introspect.QueryBound)
		err := ingress.Admin(bounded, ep, http.MethodPost, "/query", fmt.Sprintf(`{"query":"SELECT * FROM %s"}`, table), &rows)
		cancel()
		if err != nil {
			rows, _ = json.Marshal(map[string]string{"error": err.Error()})
		}
		errs = append(errs, write(r, name, rows))
	}
	bounded, cancel := context.WithTimeout(ctx, introspect.QueryBound)
	defer cancel()
	client := ingress.New(ep)
	defer client.Close()
	health := "healthy"
	if err := client.Health(bounded); err != nil {
		health = err.Error()
	}
	return errors.Join(append(errs, write(r, "health.txt", []byte(health+"\n")))...)
}

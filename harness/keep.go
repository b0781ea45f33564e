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

// keep saves the artefacts of a run that did not pass. What can't be saved is
// said and hides nothing.
func (s *session) keep(ctx context.Context, r *Run, sys *System) {
	r.Dir = filepath.Join(s.Dir, folders[r.Verdict], s.id+"-"+fmt.Sprint(r.Number))
	if err := os.MkdirAll(r.Dir, 0o755); err != nil {
		r.Problem = fmt.Errorf("make the directory of the finding: %w", err)
		return
	}
	errs := []error{r.write(PlanFile, generators.Encode(r.Plan))}
	if r.Outcome != nil {
		errs = append(errs, os.Rename(r.Outcome.Path, filepath.Join(r.Dir, HistoryFile)))
	}
	logs, err := sys.Runtime.Logs()
	errs = append(errs, err, r.write(LogFile, logs))
	if r.Check.Verdict == checker.Violation {
		errs = append(errs, r.picture())
	}
	if r.Verdict == Violation {
		errs = append(errs, r.dump(ctx, sys))
	}
	r.Problem = errors.Join(errs...)
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

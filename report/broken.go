package report

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"retain/harness"
	"retain/runtime/leftovers"
)

// broken says what kept the suite from its work.
func broken(r harness.Run, c Context) (out Rows) {
	out.add("harness", "the suite could not do its work; this says nothing about Restate")
	what := oneLine(r.Sentence)
	if r.Number >= 0 {
		what = fmt.Sprintf("plan %d: %s", r.Number, what)
	}
	out.add("what", what)
	var evidence []string
	if said := lastWords(r.Dir); said != "" {
		evidence = append(evidence, said)
	}
	if r.Number >= 0 {
		evidence = append(evidence, calls(r))
	}
	if c.Passed > 0 {
		evidence = append(evidence, plural(c.Passed, "earlier plan")+" passed and are kept")
	}
	if len(evidence) > 0 {
		out.add("evidence", strings.Join(evidence, " · "))
	}
	if r.Dir != "" {
		out.add("files", files(r.Dir)...)
	}
	out.add("do", remedy(r))
	return out
}

// calls says how far the run's calls came.
func calls(r harness.Run) string {
	if r.Outcome == nil {
		return "no call was sent"
	}
	sent, answered := 0, 0
	for _, o := range r.Outcome.History.Operations {
		if o.MayHaveRun() {
			sent++
		}
		if o.Answer != nil {
			answered++
		}
	}
	if sent == 0 {
		return "no call was sent"
	}
	return fmt.Sprintf("%s sent, %s answered", plural(sent, "call"), thousands(answered))
}

// lastWords are the last line of the server's log, if the run's folder has one.
func lastWords(dir string) string {
	if dir == "" {
		return ""
	}
	log, err := os.ReadFile(filepath.Join(dir, harness.LogFile))
	if err != nil {
		return ""
	}
	log = bytes.TrimSpace(log)
	if len(log) == 0 {
		return "the server never logged a line"
	}
	return fmt.Sprintf("the server's last line: %.160s", oneLine(string(log[bytes.LastIndexByte(log, '\n')+1:])))
}

// remedy is what a person can do.
func remedy(r harness.Run) string {
	const swept = "what is left of this session is removed by the next one"
	backend := ""
	if r.Outcome != nil {
		_, backend, _ = strings.Cut(r.Outcome.History.Runtime, ", ")
	}
	switch {
	case strings.HasPrefix(backend, "container"):
		return "run again, or add -runtime process · leftovers: docker ps -a --filter label=" + leftovers.Label
	case strings.HasPrefix(backend, "process"):
		return "run again, or add -runtime container · " + swept
	}
	return "mend what the line names and run again, or choose another -runtime · " + swept
}

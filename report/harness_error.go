package report

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"

	"retain/harness"
	"retain/harness/triage"
	"retain/internal/inputfile"
	"retain/internal/printable"
	"retain/runtime"
	"retain/runtime/reaper"
)

// broken says what kept the suite from its work.
func broken(r harness.Run, c Context) (out Rows) {
	out.add("harness", "the suite could not do its work; this says nothing about Restate")
	what := oneLine(r.Sentence)
	if r.Number >= 0 {
		what = fmt.Sprintf("plan %d: %s", r.Number, what)
	}
	out.add("what", what)
	out.add("build", tested(r, c)...)
	if r.Instead == "" { // else the sentence is the shortage
		out.add("shortage", shortage(r)...)
	}
	var evidence []string
	if r.Instead != "" {
		evidence = append(evidence, "what would be a violation on a machine with enough: "+oneLine(r.Instead))
	}
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

// tested is the build line of a run that may not have had a server.
func tested(r harness.Run, c Context) []string {
	if r.Outcome != nil && r.Outcome.History != nil {
		return build(r, c)
	}
	if len(c.Altered) == 0 {
		return nil
	}
	return with("", c.Altered)
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
	log, err := inputfile.Read(filepath.Join(dir, triage.LogFile), triage.MaxFile)
	if err != nil {
		return ""
	}
	log = bytes.TrimSpace(log)
	if len(log) == 0 {
		return "the server never logged a line"
	}
	return "the server's last line: " + printable.Cut(oneLine(string(log[bytes.LastIndexByte(log, '\n')+1:])), maxLogLine)
}

// remedy is what a person can do.
func remedy(r harness.Run) string {
	const swept = "what is left of this session is removed by the next one"
	var server runtime.Identity
	if r.Outcome != nil {
		server = r.Outcome.Server
	}
	switch {
	case r.Shortage != nil:
		return r.Shortage.Remedy() + "; then run again"
	case server.Backend == "container":
		return "run again, or add -runtime process · leftovers: docker ps -a --filter label=" + reaper.Label
	case server.Backend == "process":
		return "run again, or add -runtime container · " + swept
	}
	return "mend what the line names and run again, or choose another -runtime · " + swept
}

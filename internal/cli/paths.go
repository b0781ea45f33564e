package cli

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"retain/harness/regress"
)

// artifacts is the directory of histories, findings and undecided cases.
const artifacts = "testdata"

// Regressions is the directory of the stored cases, from the project's root.
const Regressions = "testdata/regressions"

// KnownFindings is the list of the findings that are known, from the project's root. The
// test binary has it inside.
const KnownFindings = "testdata/known.json"

// campaigns is the directory of campaigns without -dir.
const campaigns = "testdata/campaigns"

// checkFiles refuses output files that can't be written, before a session spends time on
// its result.
func checkFiles() error {
	switch {
	case *promoteFlag != "" && *planFlag == "":
		return errors.New("-promote keeps what -run Replay -plan FILE executes: give both")
	case *summaryFlag != "" && sameFile(*summaryFlag, *junitFlag):
		return fmt.Errorf("-summary and -junit are both %s: name two files", *summaryFlag)
	}
	if *promoteFlag != "" {
		if _, err := regress.CaseFile(Regressions, *promoteFlag); err != nil {
			return fmt.Errorf("-promote: %w", err)
		}
	}
	return cmp.Or(checkKnown(), checkWritable("-summary", *summaryFlag), checkWritable("-junit", *junitFlag))
}

// checkWritable refuses a file that can't be written. An empty path passes.
func checkWritable(name, path string) error {
	if path == "" {
		return nil
	}
	_, absent := os.Stat(path)
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return fmt.Errorf("%s: %w: name a file that can be written", name, err)
	}
	if absent != nil {
		_ = os.Remove(path)
	}
	return file.Close()
}

// sameFile reports whether two paths are the same; the files need not exist.
func sameFile(a, b string) bool { return b != "" && filepath.Clean(a) == filepath.Clean(b) }

// checkArtifactsWritable makes sure that histories and findings can be written.
func checkArtifactsWritable() error {
	running := filepath.Join(artifacts, "running")
	err := os.MkdirAll(running, 0o755)
	if err == nil {
		var file *os.File
		if file, err = os.CreateTemp(running, "writable-"); err == nil {
			err = errors.Join(file.Close(), os.Remove(file.Name()))
		}
	}
	if err != nil {
		return fmt.Errorf("histories and findings are kept in %s here: %w: make it a directory that can be written", artifacts, err)
	}
	return nil
}

package reaper

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// The kinds of what a session owns.
const (
	kindDir    = "dir"
	kindGroup  = "group"
	kindDocker = "docker"
)

// owned is one line of a session's record.
type owned struct {
	Kind string `json:"kind"`
	Path string `json:"path,omitempty"`
	// Group is a process group, Start the start time of its leader in the form
	// of [startOf]: a group id alone may be somebody else's by now.
	Group int    `json:"group,omitempty"`
	Start string `json:"start,omitempty"`
	Host  string `json:"host,omitempty"`
}

// record appends the line, once. There is no record of what is gone: each kind
// is looked at again before anything is removed.
func (o *Owner) record(what owned) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.recorded[what] {
		return nil
	}
	line, err := json.Marshal(what)
	if err != nil {
		return fmt.Errorf("record what the session owns: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(o.dir, ownedFile), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return fmt.Errorf("record what the session owns: %w", err)
	}
	_, err = f.Write(append(line, '\n'))
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("record what the session owns: %w", err)
	}
	o.recorded[what] = true
	return nil
}

// readOwned reads a session's record. A line that does not parse was cut off by
// the end of its writer, before what it names was made: it is left out.
func readOwned(dir string) ([]owned, error) {
	f, err := os.Open(filepath.Join(dir, ownedFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var all []owned
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var what owned
		if json.Unmarshal(lines.Bytes(), &what) == nil {
			all = append(all, what)
		}
	}
	return all, lines.Err()
}

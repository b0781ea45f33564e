package campaign

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// writer appends records to a segment's file. A record is written with one write,
// so that a kill of this process damages at most the last line. It is safe for
// concurrent use.
type writer struct {
	mu   sync.Mutex
	file *os.File
	err  error // the first failure: what is not on record did not happen
}

// newWriter creates the file of a segment, which must not be there yet.
func newWriter(dir string, b Start) (*writer, error) {
	path := filepath.Join(dir, RecordsDir, fmt.Sprintf("%dof%d-%s.jsonl", b.Shard.Index, max(1, b.Shard.Of), b.Segment))
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	var file *os.File
	if err == nil {
		file, err = os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_APPEND|os.O_WRONLY, 0o644)
	}
	if err != nil {
		return nil, fmt.Errorf("create the campaign's records: %w", err)
	}
	w := &writer{file: file}
	w.write(b)
	return w, w.failed()
}

func (w *writer) write(r Record) {
	line, err := encode(r)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return
	}
	if err == nil {
		_, err = w.file.Write(line)
	}
	if err != nil {
		w.err = fmt.Errorf("write the campaign's records: %w", err)
	}
}

func (w *writer) failed() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

func (w *writer) close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return errors.Join(w.err, w.file.Sync(), w.file.Close())
}

package process

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"os"

	"retain/runtime"
)

// Archive implements [runtime.Archiver]: the directory below RESTATE_BASE_DIR, as
// "data/...".
func (r *Runtime) Archive(ctx context.Context, w io.Writer) error {
	r.mu.Lock()
	up := r.last != nil && !r.last.Over()
	r.mu.Unlock()
	if up {
		return fmt.Errorf("archive the server's data: %w: it is up", runtime.ErrState)
	}
	out := tar.NewWriter(w)
	err := filepath.WalkDir(filepath.Join(r.dir, "data"), func(path string, entry os.DirEntry, err error) error {
		if err == nil {
			err = context.Cause(ctx)
		}
		if err != nil || !entry.IsDir() && !entry.Type().IsRegular() {
			return err // a socket has no content
		}
		return r.pack(out, path, entry)
	})
	if err := errors.Join(err, out.Close()); err != nil {
		return fmt.Errorf("archive the server's data: %w", err)
	}
	return nil
}

// pack adds a directory or a file.
func (r *Runtime) pack(out *tar.Writer, path string, entry os.DirEntry) error {
	info, err := entry.Info()
	if err != nil {
		return err
	}
	header, err := tar.FileInfoHeader(info, "")
	if err != nil {
		return err
	}
	name, err := filepath.Rel(r.dir, path)
	if err != nil {
		return err
	}
	header.Name = filepath.ToSlash(name)
	if err := out.WriteHeader(header); err != nil || entry.IsDir() {
		return err
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = io.Copy(out, file)
	return err
}

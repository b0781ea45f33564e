package runtimetest

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"syscall"

	"retain/runtime"
)

func (s *Suite) logsBeginAtTheOffset(ctx context.Context) error {
	r, err := s.Up(ctx)
	if err != nil {
		return err
	}
	if err := r.Kill(ctx); err != nil { // it writes nothing any more
		return err
	}
	whole, err := r.Logs(0)
	if err != nil {
		return err
	}
	size := len(whole)
	var w wrong
	w.unless(size > 1, "the log is too short for the test: %q", whole)
	for _, offset := range []int{0, 1, size / 3, size - 1, size, size + 1, 2 * size} {
		log, err := r.Logs(int64(offset))
		w.add(err)
		want := whole[min(offset, size):]
		w.unless(bytes.Equal(log, want), "from %d of %d there are %d bytes, want %d", offset, size, len(log), len(want))
	}
	return w.err()
}

func (s *Suite) archiveHasTheData(ctx context.Context) error {
	r, err := s.Up(ctx)
	if err != nil {
		return err
	}
	a, can := r.(runtime.Archiver)
	if !can {
		return nil
	}
	var w wrong
	w.refused("Archive of a server that is up", a.Archive(ctx, io.Discard))
	if err := r.Kill(ctx); err != nil {
		return err
	}
	var all bytes.Buffer
	if err := a.Archive(ctx, &all); err != nil {
		return err
	}
	files, err := ArchivedFiles(&all)
	if err != nil {
		return err
	}
	ofNode := 0
	for name, size := range files {
		if size > 0 && strings.Contains(name, "/"+r.Identity().Node+"/") {
			ofNode++
		}
	}
	w.unless(ofNode > 0, "no file of the node %s is in it", r.Identity().Node)
	return w.err()
}

// ArchivedFiles are the names in a tar with their sizes.
func ArchivedFiles(archive io.Reader) (map[string]int64, error) {
	files := map[string]int64{}
	for in := tar.NewReader(archive); ; {
		header, err := in.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, err
		}
		files[header.Name] = header.Size
	}
}

func (s *Suite) metricsAreTheServers(ctx context.Context) error {
	r, err := s.Up(ctx)
	if err != nil {
		return err
	}
	m, can := r.(runtime.Metered)
	if !can {
		return nil
	}
	text, err := get(ctx, r.Endpoints(), m.Metrics())
	if err != nil {
		return err
	}
	var w wrong
	w.unless(strings.Contains(string(text), `cluster_name="`+r.Identity().Cluster+`"`), "they do not name the cluster %s", r.Identity().Cluster)
	return w.err()
}

// processesAreTheServers allows a server whose processes can't be seen from here.
func (s *Suite) processesAreTheServers(ctx context.Context) error {
	r, err := s.Up(ctx)
	if err != nil {
		return err
	}
	h, can := r.(runtime.Hosted)
	if !can {
		return nil
	}
	var w wrong
	for _, pid := range h.Processes() {
		w.unless(!errors.Is(syscall.Kill(pid, 0), syscall.ESRCH), "process %d is not there", pid)
	}
	if dir := h.Directory(); dir != "" {
		_, err := os.Stat(dir)
		w.add(err)
	}
	w.add(r.Kill(ctx))
	w.unless(len(h.Processes()) == 0, "a killed server has the processes %v", h.Processes())
	return w.err()
}

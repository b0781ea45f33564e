package container

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/moby/moby/client"

	"retain/runtime"
)

// Archive implements [runtime.Archiver]: the volume, as "restate-data/...".
func (r *Runtime) Archive(ctx context.Context, w io.Writer) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.last != nil && !r.last.Over() {
		return fmt.Errorf("archive the server's data: %w: it is up", runtime.ErrState)
	}
	if r.container == nil || r.removed {
		return fmt.Errorf("archive the server's data: %w: there is no container", runtime.ErrState)
	}
	all, err := r.docker.CopyFromContainer(ctx, r.container.GetContainerID(), client.CopyFromContainerOptions{SourcePath: dataDir})
	if err != nil {
		return fmt.Errorf("archive the server's data: %w", err)
	}
	_, err = io.Copy(w, all.Content)
	if err := errors.Join(err, all.Content.Close()); err != nil {
		return fmt.Errorf("archive the server's data: %w", err)
	}
	return nil
}

package campaign

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"retain/runtime/reaper"
)

// claim keeps other processes from working on a shard in the same directory, until
// it is released or this process ends, however it does.
func claim(dir string, shard Shard) (release func(), err error) {
	path := filepath.Join(dir, RecordsDir, fmt.Sprintf("%dof%d.lock", shard.Index, max(1, shard.Of)))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("make the directory of the campaign's records: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	held := false
	release, err = reaper.Lock(ctx, path, func() { held = true; cancel() }) // nobody waits for hours
	switch {
	case err != nil && held:
		return nil, fmt.Errorf("shard %s in %s is worked on by %s: wait for its end or end it, or take another -shard or -dir", shard, dir, holder(path))
	case err != nil:
		return nil, fmt.Errorf("claim the campaign's records: %w", err)
	}
	host, _ := os.Hostname() // "" where it has no name
	about := fmt.Sprintf("process %d on %s, since %s\n", os.Getpid(), host, time.Now().UTC().Format(time.RFC3339))
	if err := os.WriteFile(path, []byte(about), 0o644); err != nil {
		release()
		return nil, fmt.Errorf("claim the campaign's records: %w", err)
	}
	return release, nil
}

// holder is who wrote into a lock that is held.
func holder(path string) string {
	text, err := os.ReadFile(path)
	if who := strings.TrimSpace(string(text)); err == nil && who != "" {
		return who
	}
	return "another process"
}

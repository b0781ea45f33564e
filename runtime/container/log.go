package container

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/client"

	"retain/runtime"
)

// logMax bounds a read of the log.
const logMax = time.Minute

// Logs implements [runtime.Runtime]: the server's standard output and error.
// Close removes them.
func (r *Runtime) Logs(offset int64) ([]byte, error) {
	r.mu.Lock()
	removed := r.removed
	r.mu.Unlock()
	if removed {
		return nil, fmt.Errorf("read the server's log: %w: it is closed", runtime.ErrState)
	}
	ctx, cancel := context.WithTimeout(context.Background(), logMax)
	defer cancel()
	log, err := r.readLog(ctx, offset)
	if err != nil {
		return nil, fmt.Errorf("read the server's log: %w", err)
	}
	return log, nil
}

func (r *Runtime) readLog(ctx context.Context, offset int64) ([]byte, error) {
	return r.log.read(offset, r.tail(ctx))
}

// followLog copies the rest of the log of the container before, and goes on with that of
// another one.
func (r *Runtime) followLog(ctx context.Context, id string) error {
	if err := r.log.follow(id, r.tail(ctx)); err != nil {
		return fmt.Errorf("copy the log of the server's container before another one takes its place: %w", err)
	}
	return nil
}

// tail reads logs of containers.
func (r *Runtime) tail(ctx context.Context) tail {
	return func(id string, n int) ([]logEntry, error) { return r.docker.tail(ctx, id, n) }
}

// logEntry is what Docker keeps as one entry of a log: a line, or a part of a long
// one.
type logEntry struct{ stamp, text string }

// tail reads the last n entries of a container's log, oldest first; all of them if
// n is negative.
func (d *daemon) tail(ctx context.Context, id string, n int) ([]logEntry, error) {
	options := client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Timestamps: true, Tail: "all"}
	if n >= 0 {
		options.Tail = strconv.Itoa(n)
	}
	log, err := d.ContainerLogs(ctx, id, options)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	var entries entryWriter
	_, err = stdcopy.StdCopy(&entries, &entries, log)
	return entries, err
}

// entryWriter collects entries. Docker sends each in a frame of its own, which
// becomes one Write.
type entryWriter []logEntry

// Write implements [io.Writer].
func (w *entryWriter) Write(frame []byte) (int, error) {
	stamp, text, ok := bytes.Cut(frame, []byte(" "))
	if !ok {
		return 0, fmt.Errorf("an entry of the log has no time: %.100q", frame)
	}
	*w = append(*w, logEntry{string(stamp), string(text)})
	return len(frame), nil
}

// tail reads the last n entries of a container's log, oldest first; all of them if n is
// negative.
type tail func(id string, n int) ([]logEntry, error)

// logCopy is a copy of the logs of containers, one after the other. Docker returns a
// log from its beginning or some entries before its end, not from an offset. The copy
// grows by the entries at the end; it asks for more of them until they overlap with the
// copy.
type logCopy struct {
	mu   sync.Mutex
	file *os.File // has no name any more; nil before the first read
	size int64
	id   string   // of the container that is copied from
	from int64    // where its log begins in the copy
	last logEntry // of the copy and that container; zero for none
}

const (
	// tailFirst is how many entries are asked for at first, tailGrowth by what the
	// number is multiplied if they do not reach the copy.
	tailFirst  = 256
	tailGrowth = 4
)

// follow updates the copy for the last time from the container so far, and goes on with
// another one.
func (c *logCopy) follow(id string, t tail) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.id != "" {
		if err := c.update(t); err != nil {
			return err
		}
	}
	c.id, c.from, c.last = id, c.size, logEntry{}
	return nil
}

// begins is where the log of the current container begins in the copy.
func (c *logCopy) begins() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.from
}

// read updates the copy and returns it from the offset.
func (c *logCopy) read(offset int64, t tail) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.update(t); err != nil {
		return nil, err
	}
	return io.ReadAll(io.NewSectionReader(c.file, offset, max(0, c.size-offset)))
}

func (c *logCopy) open() (err error) {
	if c.file != nil {
		return nil
	}
	if c.file, err = os.CreateTemp("", "retain-log-"); err != nil {
		return fmt.Errorf("make the log's copy: %w", err)
	}
	if err := os.Remove(c.file.Name()); err != nil { // its content goes with this process
		return fmt.Errorf("make the log's copy: %w", err)
	}
	return nil
}

func (c *logCopy) update(t tail) error {
	if err := c.open(); err != nil {
		return err
	}
	for n := tailFirst; ; n *= tailGrowth {
		if c.last == (logEntry{}) {
			n = -1
		}
		entries, err := t(c.id, n)
		if err != nil {
			return err
		}
		known := lastIndex(entries, c.last)
		// An entry that is nowhere in the log was removed from it by rotation.
		if known >= 0 || n < 0 || len(entries) < n {
			return c.append(entries[known+1:])
		}
	}
}

// lastIndex is the place of the last such entry, -1 for none.
func lastIndex(entries []logEntry, entry logEntry) int {
	for i, e := range slices.Backward(entries) {
		if e == entry {
			return i
		}
	}
	return -1
}

func (c *logCopy) append(entries []logEntry) error {
	if len(entries) == 0 {
		return nil
	}
	var text bytes.Buffer
	for _, e := range entries {
		text.WriteString(e.text)
	}
	if _, err := c.file.WriteAt(text.Bytes(), c.size); err != nil {
		return fmt.Errorf("extend the log's copy: %w", err)
	}
	c.size += int64(text.Len())
	c.last = entries[len(entries)-1]
	return nil
}

// Close removes the copy.
func (c *logCopy) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.file == nil {
		return nil
	}
	err := c.file.Close()
	c.file = nil
	return err
}

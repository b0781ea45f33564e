package harness

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"retain/model"
)

// recorder writes the events of a run to its history file and keeps the history
// in memory. An event's sequence number and its line are taken under one lock and
// written with one write, so that the file is in order and a kill of this process
// damages at most the last line.
type recorder struct {
	mu      sync.Mutex
	file    io.WriteCloser
	began   time.Time
	seq     int64
	history model.History
	index   index
	// final are the idempotency keys that the runtime may have forgotten, with the number of
	// operations that may have made it: no call is sent again under them.
	final map[string]int
	err   error // the first failure to write; nothing is judged after it
}

func newRecorder(path string, header model.Header) (*recorder, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("make the directory of the history: %w", err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("create the history: %w", err)
	}
	r := &recorder{file: file, began: time.Now(), index: indexOf(&model.History{}), final: map[string]int{}}
	if err := r.record(func(model.Instant) model.Event { return header }); err != nil {
		file.Close()
		return nil, err
	}
	return r, nil
}

// reopen goes on with a history that has ended, on the clock that it began with.
func reopen(path string, began time.Time) (*recorder, error) {
	body, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the history again: %w", err)
	}
	h, err := model.ReadHistory(bytes.NewReader(body))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the history again: %w", err)
	case !h.Ended || h.Damage != "":
		return nil, fmt.Errorf("read the history again: %s is not whole", path)
	}
	body = bytes.TrimSuffix(body, []byte("\n"))
	body = body[:bytes.LastIndexByte(body, '\n')+1] // its last line says that it ends there
	if err := os.Truncate(path, int64(len(body))); err != nil {
		return nil, fmt.Errorf("go on with the history: %w", err)
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("go on with the history: %w", err)
	}
	h.Ended = false
	return &recorder{file: file, began: began, seq: int64(bytes.Count(body, []byte("\n"))), history: *h, index: indexOf(h), final: map[string]int{}}, nil
}

// record takes the next instant, writes the event that is made of it and adds it
// to the history. An error here is the harness's: the disk is full, or an event
// does not fit.
func (r *recorder) record(event func(model.Instant) model.Event) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.write(event)
}

func (r *recorder) write(event func(model.Instant) model.Event) error {
	if r.err != nil {
		return r.err
	}
	r.seq++
	e := event(model.Instant{Seq: r.seq, Ns: r.since()})
	if _, err := r.file.Write(model.EncodeEvent(e)); err != nil {
		r.err = fmt.Errorf("write the history: %w", err)
	} else if err := r.history.Apply(e); err != nil {
		r.err = fmt.Errorf("record: %w", err)
	} else {
		r.index.add(&r.history, e)
	}
	return r.err
}

// call opens an operation and gives it the next number.
func (r *recorder) call(c model.Called) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c.ID = len(r.history.Operations) + 1
	err := r.write(func(at model.Instant) model.Event {
		c.Instant = at
		return c
	})
	return c.ID, err
}

// attempt opens attempt n of an operation; false if the operation may not be sent again.
func (r *recorder) attempt(id, n int) (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if o := &r.history.Operations[id-1]; r.final[o.Key] > 0 && !o.Op.ReadOnly() && o.MayHaveRun() {
		return false, nil
	}
	return true, r.write(func(at model.Instant) model.Event { return model.Attempting{Instant: at, ID: id, N: n} })
}

// finalize sees to it that nothing is sent again under a key; false if an operation may have
// been sent twice already: what is under way then could have an effect of its own.
func (r *recorder) finalize(key string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if key == "" {
		return true // what has no key is never sent again
	}
	if slices.ContainsFunc(r.history.Operations, func(o model.Invoked) bool { return o.Key == key && o.MayHaveRunTwice() }) {
		return false
	}
	r.final[key]++
	return true
}

// definalize takes back that the runtime may have forgotten a key.
func (r *recorder) definalize(key string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.final[key]--
}

// since is the monotonic time since the run began, in nanoseconds.
func (r *recorder) since() int64 { return int64(time.Since(r.began)) }

func (r *recorder) note(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	_ = r.record(func(at model.Instant) model.Event { return model.Noted{Instant: at, Text: text} }) // a failure stays in r.err
}

// isShared reports whether the deployment serves the operation as a shared handler. The
// header never changes.
func (r *recorder) isShared(op model.Operation) bool { return r.history.Header.IsShared(op) }

// operation is a copy of what is known of an operation.
func (r *recorder) operation(id int) model.Invoked {
	r.mu.Lock()
	defer r.mu.Unlock()
	o := r.history.Operations[id-1]
	o.Attempts = slices.Clone(o.Attempts)
	return o
}

// on are copies of the operations on an object, in the order of their calls.
func (r *recorder) on(o model.Object) (out []model.Invoked) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.history.Operations {
		if r.history.Operations[i].Object == o {
			out = append(out, r.history.Operations[i])
		}
	}
	return out
}

// available sets the spans that the history's end tells.
func (r *recorder) available(spans []model.Span) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.history.Availability = spans
}

// errEnded is returned for an event after the end of the run.
var errEnded = errors.New("the history has ended")

// close ends the history and hands it over. Nothing changes it afterwards.
func (r *recorder) close() (*model.History, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	err := r.write(func(at model.Instant) model.Event {
		return model.Ended{Instant: at, Availability: r.history.Availability}
	})
	if e := r.file.Close(); e != nil && err == nil {
		err = fmt.Errorf("close the history: %w", e)
	}
	r.err = errEnded
	return &r.history, err
}

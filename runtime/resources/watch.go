package resources

import (
	"slices"
	"sync"
	"time"
)

const (
	// lookInterval is how often a server's resources are looked at.
	lookInterval = 200 * time.Millisecond
	// startInterval is the time between looks around a start: a server that has too
	// little ends within a tenth of a second. That lasts for startTime, and for downTime
	// while it is down.
	startInterval, startTime, downTime = 30 * time.Millisecond, time.Second, 3 * time.Second
	// kept is how long a look is kept.
	kept = 3 * time.Minute
)

// Watch looks at a server's resources while it lives.
type Watch struct {
	look func() []Level
	done chan struct{}
	stop sync.Once
	over sync.WaitGroup

	mu    sync.Mutex
	looks []looked         // the oldest first
	up    bool             // the server ran at the last look
	since time.Time        // when that changed
	base  map[level]uint64 // what had been refused when the watch began
}

// looked is one look.
type looked struct {
	at     time.Time
	levels []Level
}

// level tells levels apart.
type level struct {
	kind Kind
	of   string
}

func (l Level) key() level { return level{l.Kind, l.Of} }

// StartWatch begins to look, at once and then again and again until [Watch.Stop].
func StartWatch(look func() []Level) *Watch {
	w := &Watch{look: look, done: make(chan struct{}), base: map[level]uint64{}}
	w.now()
	w.over.Go(func() {
		for {
			wait := time.NewTimer(w.wait())
			select {
			case <-w.done:
				wait.Stop()
				return
			case <-wait.C:
				w.now()
			}
		}
	})
	return w
}

// wait is how long not to look.
func (w *Watch) wait() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	soon := downTime
	if w.up {
		soon = startTime
	}
	if time.Since(w.since) < soon {
		return startInterval
	}
	return lookInterval
}

// now looks once.
func (w *Watch) now() {
	levels := w.look()
	at := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	if up := slices.ContainsFunc(levels, func(l Level) bool { return l.Of == theServer }); up != w.up || w.since.IsZero() {
		w.up, w.since = up, at
	}
	for i, l := range levels {
		if _, known := w.base[l.key()]; !known {
			w.base[l.key()] = l.Refused
		}
		levels[i].Refused -= min(l.Refused, w.base[l.key()])
	}
	w.looks = append(w.looks, looked{at, levels})
	for len(w.looks) > 0 && at.Sub(w.looks[0].at) > kept {
		w.looks = w.looks[1:]
	}
}

// Stop ends the looks.
func (w *Watch) Stop() {
	w.stop.Do(func() { close(w.done) })
	w.over.Wait()
}

// Worst looks once more and returns of each level the least that was free since a
// time, the most that was used, and how often more was refused since then.
func (w *Watch) Worst(since time.Time) []Level {
	w.now()
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []Level
	at := map[level]int{}
	before := map[level]uint64{}
	for _, seen := range w.looks {
		for _, l := range seen.levels {
			if seen.at.Before(since) {
				before[l.key()] = l.Refused
				continue
			}
			l.Refused -= min(l.Refused, before[l.key()])
			i, known := at[l.key()]
			if !known {
				at[l.key()] = len(out)
				out = append(out, l)
				continue
			}
			out[i] = worse(out[i], l)
		}
	}
	return out
}

// worse joins two looks at one level.
func worse(a, b Level) Level {
	used, refused := max(a.Used, b.Used), max(a.Refused, b.Refused)
	if a.limits() && b.Size < a.Size || b.Free < a.Free && b.Size <= a.Size {
		a = b
	}
	a.Used, a.Refused = used, refused
	return a
}

package harness

import (
	"slices"
	"time"

	"retain/internal/printable"
	"retain/runtime/introspect"
)

// keyProgress follows whose turn it is on an object's key, from one look to the next. The key
// moves on if a call gets it for the first time, or if a call is over that was not
// before: calls that get it in turns and never end do not move it on. Nor do calls that
// end while another one keeps the key: they were cancelled or killed.
type keyProgress struct {
	// asked is whether the tables could be asked at all, problem why not the last time.
	asked   bool
	problem string
	// last is the newest look. since is when the key last moved on; the first look before
	// that, or the beginning if there was none.
	last  introspect.Queue
	since time.Time

	looks   int
	arrived map[string]int  // the look that first had a call, from 1
	open    map[string]bool // calls of all looks that are not over
	had     map[string]bool // calls that had the key
	gone    map[string]bool // calls that are over and moved the key on
	mine    int             // the look that first had the call that is waited for, 0 for none

	failing failing
}

// see takes in a look, or the error that there was instead.
func (t *keyProgress) see(now time.Time, q introspect.Queue, exclusive func(handler string) bool, err error) {
	if err != nil {
		t.problem = printable.OneLine(err)
		return
	}
	if !t.asked {
		*t = keyProgress{asked: true, since: now, arrived: map[string]int{}, open: map[string]bool{}, had: map[string]bool{q.Holder: true}, gone: map[string]bool{}}
	}
	t.looks++
	if t.mine == 0 && q.Mine != "" {
		t.mine = t.looks
	}
	open := map[string]bool{}
	for _, c := range q.Calls {
		if id := c.Text("id"); exclusive(c.Text("target_handler_name")) && c.Text("status") != introspect.Completed {
			open[id] = true
			if t.arrived[id] == 0 {
				t.arrived[id] = t.looks
			}
		}
	}
	if t.moves(q, open) {
		t.since = now
	}
	t.problem, t.last = "", q
	t.failing.see(q.Holder, q.Of(q.Holder))
}

// moves reports whether a look shows that the key moved on since the one before.
func (t *keyProgress) moves(q introspect.Queue, open map[string]bool) (moved bool) {
	kept := q.Holder != "" && q.Holder == t.last.Holder
	if q.Holder != "" {
		moved = !t.had[q.Holder]
		t.had[q.Holder] = true
	}
	for id := range t.open {
		if open[id] || id == q.Holder {
			continue
		}
		delete(t.open, id)
		if !kept && !t.gone[id] {
			moved, t.gone[id] = true, true
		}
	}
	for id := range open {
		t.open[id] = true
	}
	return moved
}

// ended counts the calls that ended and moved the key on, and overtook those of them that
// came later than the one that is waited for. A call that is there again had not ended:
// the tables had lost sight of it.
func (t *keyProgress) ended() (ended, overtook int) {
	for id := range t.gone {
		if t.open[id] {
			continue
		}
		ended++
		if t.arrived[id] > max(t.mine, 1) {
			overtook++
		}
	}
	return ended, overtook
}

// mostWays is in how many ways a call is seen to fail until its texts are taken for ones
// that change every time.
const mostWays = 3

// failing is a holder that fails again and again.
type failing struct {
	id      string
	ways    []way
	retries int // at the last look
	all     int // how often it failed again, in whichever way
	// pause is its status between two attempts, "" if no look met one: most of the time a
	// call that fails again and again is not running.
	pause string
}

// way is one in which a call fails, and how often it failed so again.
type way struct {
	how   FailureMode
	again int
}

// see takes in the holder of a look.
func (f *failing) see(holder string, r introspect.Row) {
	c := callerOf(r)
	how := c.failure()
	if how == (FailureMode{}) || holder != f.id || c.Retries < f.retries {
		*f = failing{id: holder, retries: c.Retries}
	}
	if how == (FailureMode{}) {
		return
	}
	more := c.Retries - f.retries
	f.all += more
	f.retries = c.Retries
	switch at := slices.IndexFunc(f.ways, func(w way) bool { return w.how == how }); {
	case at < 0 && len(f.ways) <= mostWays:
		f.ways = append(f.ways, way{how: how})
	case at >= 0 && len(f.ways) == 1:
		f.ways[at].again += more
	case at >= 0: // the other attempts since the last look may have failed in other ways
		f.ways[at].again += min(more, 1)
	}
	if c.Status != introspect.Running {
		f.pause = c.Status
	}
}

// again is how often it failed once more in the same way: in any if its texts change.
func (f *failing) again() (most int) {
	if len(f.ways) > mostWays {
		return f.all
	}
	for _, w := range f.ways {
		most = max(most, w.again)
	}
	return most
}

// hows are the ways in which it fails.
func (f *failing) hows() (all []FailureMode) {
	for _, w := range f.ways {
		all = append(all, w.how)
	}
	return all
}

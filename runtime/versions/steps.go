package versions

import (
	"errors"
	"fmt"
	"slices"
)

// Loss is a pair of versions of which the older one serves the data of the newer one, but
// no longer keeps a promise.
type Loss struct {
	// From are the versions that wrote the data, To those that serve them then: all older.
	From Range `json:"from"`
	To   Range `json:"to"`
	// Loses says in one sentence what is not kept.
	Loses string `json:"loses"`
	// Objects reports whether keyed objects are concerned, which are all that retain tests.
	Objects bool `json:"objects,omitempty"`
	// WayBack is what a way back without the loss needs.
	WayBack WayBack  `json:"way_back"`
	Sources []Source `json:"sources"`
}

// LossesOf lists what a step from one version to another may lose.
func LossesOf(from, to string) (out []Loss) {
	if order, ok := Compare(from, to); !ok || order <= 0 {
		return nil
	}
	for _, l := range file().Losses {
		if l.From.Has(from) && l.To.Has(to) {
			out = append(out, l)
		}
	}
	return out
}

// Gap is a pair of versions between which others must be started first: the newer one does
// not start on the data of the older one. It excuses nothing: no plan has such a step.
type Gap struct {
	// From are the versions that wrote the data, To those that refuse them: all newer.
	From Range `json:"from"`
	To   Range `json:"to"`
	// Through are the versions between, of which one must be started.
	Through Range `json:"through"`
	// Says is a part of each line that the server logs when it refuses, Exit its exit code.
	Says    string   `json:"says"`
	Exit    int      `json:"exit"`
	Sources []Source `json:"sources"`
}

// GapOf is the gap that a step upward leaves, if it leaves one.
func GapOf(from, to string) (Gap, bool) { return file().gap(from, to) }

func (f *File) gap(from, to string) (Gap, bool) {
	if order, ok := Compare(from, to); !ok || order >= 0 {
		return Gap{}, false
	}
	for _, g := range f.Gaps {
		if g.From.Has(from) && g.To.Has(to) {
			return g, true
		}
	}
	return Gap{}, false
}

// check returns an error for a gap that is none: its versions between are all those from
// the end of From on, before the beginning of To.
func (g Gap) check() error {
	problems := []error{g.From.check(), g.To.check(), g.Through.check(), checkSays(g.Says), checkSources(g.Sources)}
	if g.Through.Since == "" || g.Through.Before == "" || g.From.Before != g.Through.Since || g.To.Since != g.Through.Before {
		problems = append(problems, errors.New("want versions between that begin where it leads from, and end where it leads to"))
	}
	return errors.Join(problems...)
}

// Step is a pair of releases that was measured: the second one was started on the data
// that the first one had provisioned and written.
type Step struct {
	From string `json:"from"`
	To   string `json:"to"`
	// Serves reports whether a call was answered, and each keyed call to an object as before.
	Serves bool `json:"serves"`
	// With are settings that both had.
	With map[string]string `json:"with,omitempty"`
}

// checkSteps returns an error for losses, gaps and steps that make no sense.
func (f *File) checkSteps() error {
	var problems []error
	for i, l := range f.Losses {
		if err := errors.Join(checkBack(l.From, l.To), l.WayBack.check(), checkSources(l.Sources)); err != nil {
			problems = append(problems, fmt.Errorf("loss %d (%s, to %s): %w", i+1, l.From, l.To, err))
		}
	}
	for i, g := range f.Gaps {
		if err := g.check(); err != nil {
			problems = append(problems, fmt.Errorf("gap %d (%s, to %s): %w", i+1, g.From, g.To, err))
		}
	}
	for i, s := range f.Steps {
		order, ok := Compare(s.From, s.To)
		_, excused := f.excuse(s.From, s.To)
		_, gap := f.gap(s.From, s.To)
		switch {
		case !ok || order == 0:
			problems = append(problems, fmt.Errorf("step %d: from %q to %q is no step", i+1, s.From, s.To))
		case !s.Serves && !excused && !gap:
			problems = append(problems, fmt.Errorf("step %d: %s does not serve the data of %s, and no refusal and no gap has the pair", i+1, s.To, s.From))
		case s.Serves && gap:
			problems = append(problems, fmt.Errorf("step %d: %s serves the data of %s, and a gap has the pair", i+1, s.To, s.From))
		}
	}
	return errors.Join(problems...)
}

// checkBack returns an error for ranges that do not lead from newer versions to older ones.
func checkBack(from, to Range) error {
	problems := []error{from.check(), to.check()}
	order, ok := Compare(to.Before, from.Since)
	switch {
	case !ok:
		problems = append(problems, errors.New(`want a first version that it leads from ("since"), and one that it does not lead to any more ("before")`))
	case order > 0:
		problems = append(problems, errors.New("it leads upward"))
	}
	return errors.Join(problems...)
}

// check returns an error for a way back that needs nothing, or both.
func (w WayBack) check() error {
	if (len(w.Settings) > 0) == w.Backup {
		return errors.New("the way back needs settings or a backup, one of them")
	}
	return nil
}

// Measured lists the releases that steps were measured with, the oldest first.
func Measured() (out []string) {
	for _, s := range file().Steps {
		out = append(out, s.From, s.To)
	}
	slices.SortFunc(out, func(a, b string) int {
		order, _ := Compare(a, b)
		return order
	})
	return slices.Compact(out)
}

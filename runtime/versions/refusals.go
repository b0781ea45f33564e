package versions

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Refusal is a pair of versions of which the older one does not serve data that the newer
// one has written, and says so. Only such a step back is excused.
type Refusal struct {
	// From are the versions that wrote the data, To those that refuse them: all older.
	From Range `json:"from"`
	To   Range `json:"to"`
	// With are the settings that the newer server had. Without them nothing is refused.
	With map[string]string `json:"with,omitempty"`
	// Says is a part of each line that the server logs when it refuses.
	Says string `json:"says"`
	// Exit is the exit code of a server that ends. One that goes on, and never becomes
	// ready, has none.
	Exit *int `json:"exit,omitempty"`
	// WayBack is what the way back needs.
	WayBack WayBack  `json:"way_back"`
	Sources []Source `json:"sources"`
}

// WayBack is what the way back to an older version needs: settings of the newer server
// from its first start on, or a backup from before it.
type WayBack struct {
	Settings map[string]string `json:"settings,omitempty"`
	Backup   bool              `json:"backup,omitempty"`
}

// Excuse is the refusal that a step from one version to another may end in. It is false
// for a step upward, for versions without an order, and for pairs that the file does not
// list. The step is excused only if the server's log has the text: see [Refusal.In].
func Excuse(from, to string) (Refusal, bool) { return file().excuse(from, to) }

func (f *File) excuse(from, to string) (Refusal, bool) {
	if order, ok := Compare(from, to); !ok || order <= 0 {
		return Refusal{}, false
	}
	for _, r := range f.Refusals {
		if r.From.Has(from) && r.To.Has(to) {
			return r, true
		}
	}
	return Refusal{}, false
}

// String names the refusal, "from 1.7.0 on, to versions before 1.6.0", with the settings
// that it needs.
func (r Refusal) String() string {
	out := fmt.Sprintf("%s, to versions %s", r.From, r.To)
	for i, name := range slices.Sorted(maps.Keys(r.With)) {
		out += []string{" with ", " and "}[min(i, 1)] + name + "=" + r.With[name]
	}
	return out
}

// In reports whether the text of a server's log has the refusal.
func (r Refusal) In(log string) bool { return strings.Contains(log, r.Says) }

// minSays is how long the text of a refusal is at least.
const minSays = 20

// check returns an error for a refusal that would excuse a step upward, or any step.
func (r Refusal) check() error {
	return errors.Join(checkBack(r.From, r.To), checkSays(r.Says), r.WayBack.check(), checkSources(r.Sources))
}

// checkSays returns an error for a text that other lines of a log may have too.
func checkSays(text string) error {
	if len(strings.TrimSpace(text)) < minSays {
		return fmt.Errorf("says %q: too little to tell a refusal by", text)
	}
	return nil
}

// overlap reports whether two refusals have a pair of versions in common.
func (r Refusal) overlap(s Refusal) bool { return r.From.overlap(s.From) && r.To.overlap(s.To) }

// overlap reports whether two ranges have a version in common.
func (r Range) overlap(s Range) bool {
	return before(r.Since, s.Before) && before(s.Since, r.Before)
}

// before reports whether a range that begins at since has a version below an end.
func before(since, end string) bool {
	order, ok := Compare(since, end)
	return !ok || order < 0
}

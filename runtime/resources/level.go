package resources

import (
	"fmt"
	"strings"
)

// theServer has the limits of a server that runs.
const theServer = "the server"

// Level is how much of a resource there is for one server.
type Level struct {
	Kind Kind `json:"kind"`
	// Of is what has the resource: "the data directory's file system (/tmp)".
	Of string `json:"of"`
	// Used is what the server itself has of it, or this process if Ours.
	Used uint64 `json:"used"`
	// Free is what is left, Size the whole or the limit. Amounts are bytes or numbers.
	Free uint64 `json:"free"`
	Size uint64 `json:"size"`
	// Refused is how often the kernel has refused more of it, or killed a process for
	// it, since the server was started.
	Refused uint64 `json:"refused,omitempty"`
	// Set is what a person sets to have the server use another one, "" for nothing:
	// "TMPDIR".
	Set string `json:"set,omitempty"`
	// Ours is true of what this process uses, not the server.
	Ours bool `json:"ours,omitempty"`
	// Shared is true of a table of files that all processes share.
	Shared bool `json:"shared,omitempty"`
}

// limits reports whether the level is a limit of one process.
func (l Level) limits() bool { return l.Kind.perProcess() && !l.Shared }

// room is what the server has and could still get.
func (l Level) room() uint64 {
	if l.limits() {
		return l.Size
	}
	return l.Used + l.Free
}

// need is what the level must hold at least.
func (l Level) need(n Need) uint64 {
	if l.Ours {
		if l.Kind == Space || l.Kind == Inodes {
			return artifacts[l.Kind]
		}
		return own()[l.Kind]
	}
	return n[l.Kind]
}

// short reports whether there is less than a server needs.
func (l Level) short(n Need) bool {
	switch l.Kind {
	case ReadOnly, Gone:
		return true
	}
	return l.Refused > 0 || l.room() < l.need(n)
}

// exhaustedShare is the part of a need that counts as nothing left: one in so many.
const exhaustedShare = 32

// exhausted reports whether as good as nothing is left: enough to explain what
// nobody has explained.
func (l Level) exhausted(n Need) bool {
	switch {
	case l.Kind == ReadOnly, l.Kind == Gone, l.Refused > 0:
		return true
	case !l.short(n):
		return false
	case l.limits():
		return true // a limit below the need is one that is met
	}
	return l.Free <= l.need(n)/exhaustedShare
}

// excessive reports whether the server has more than it was measured to need.
func (l Level) excessive(n Need) bool {
	need, known := n[l.Kind]
	return !l.Ours && known && l.Used > need*growth(l.Kind)
}

// String says how much there is: "the data directory's file system (/tmp) has 0 of 4
// MB free".
func (l Level) String() string {
	switch l.Kind {
	case ReadOnly:
		return l.Of + " is read-only"
	case Gone:
		return l.Of + " is not there"
	}
	said := fmt.Sprintf("%s has %s free", l.Of, l.Kind.of(l.Free, l.Size))
	if l.limits() {
		said = fmt.Sprintf("%s is limited to %s", l.Of, l.Kind.amount(l.Size))
		if l.Kind.bytes() {
			said += " of " + string(l.Kind)
		}
	}
	if l.Refused > 0 {
		said += fmt.Sprintf(", and the kernel refused more %s", times(l.Refused))
		if l.Kind == Memory {
			said = strings.Replace(said, "refused more", "killed a process for it", 1)
		}
	}
	return said
}

// uses says what the server itself uses, "" if that is not known.
func (l Level) uses(n Need) string {
	who := "the server uses "
	if l.Ours {
		who = "this process uses "
	}
	if l.Used == 0 || l.Kind == ReadOnly || l.Kind == Gone {
		return ""
	}
	said := who + l.Kind.amount(l.Used)
	if need := l.need(n); need > 0 && !l.Ours {
		said += fmt.Sprintf(" and needs up to %s", l.Kind.amount(need*growth(l.Kind)))
	}
	return said
}

func times(n uint64) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// amount prints an amount with its unit.
func (k Kind) amount(n uint64) string {
	if k.bytes() {
		return megabytes(n) + " MB"
	}
	return fmt.Sprintf("%d %s", n, k)
}

// of prints a part of an amount: "0 of 4 MB", "3 of 60 inodes".
func (k Kind) of(part, whole uint64) string {
	if k.bytes() {
		return fmt.Sprintf("%s of %s MB", megabytes(part), megabytes(whole))
	}
	return fmt.Sprintf("%d of %d %s", part, whole, k)
}

// megabytes prints bytes as MB (2^20), with a digit behind the point below 10.
func megabytes(n uint64) string {
	if n >= 10*mib || n == 0 || n%mib == 0 {
		return fmt.Sprint(n / mib)
	}
	return fmt.Sprintf("%.1f", float64(n)/mib)
}

// remedy is what a person can do about it.
func remedy(k Kind, set string) string {
	if set == "" { // the artifacts' directory, which is below the working directory
		before, _, _ := strings.Cut(remedies[k], ", or set %s")
		return before
	}
	return strings.ReplaceAll(remedies[k], "%s", set)
}

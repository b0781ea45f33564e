package versions

import (
	"strings"

	"golang.org/x/mod/semver"
)

// Version is a version of the server that has an order: a release such as 1.7.12, or a
// build on the way to one, such as 1.7.13-dev.
type Version struct{ canonical string }

// Parse reads the name of a version. It is false for a name without an order: that of an
// own build, or one that leaves a number out.
func Parse(name string) (Version, bool) {
	canonical := "v" + strings.TrimPrefix(name, "v")
	short, _, _ := strings.Cut(canonical, "+")
	if !semver.IsValid(canonical) || semver.Canonical(canonical) != short {
		return Version{}, false
	}
	return Version{canonical: canonical}, true
}

// String prints the version as Parse reads it, such as 1.7.12.
func (v Version) String() string { return strings.TrimPrefix(v.canonical, "v") }

// Compare is -1, 0 or 1 as v is older than w, equal or newer. What is behind a + does not
// count.
func (v Version) Compare(w Version) int { return semver.Compare(v.canonical, w.canonical) }

// Compare compares two versions by name. It is false if one of them has no order.
func Compare(a, b string) (order int, ok bool) {
	v, vOK := Parse(a)
	w, wOK := Parse(b)
	if !vOK || !wOK {
		return 0, false
	}
	return v.Compare(w), true
}

// release is the release that a build is on the way to: it has what that release has.
func (v Version) release() Version {
	canonical := semver.Canonical(v.canonical)
	return Version{canonical: strings.TrimSuffix(canonical, semver.Prerelease(canonical))}
}

// Range is a set of versions that follow each other: all of them if both ends are "".
type Range struct {
	// Since is the first release of the range.
	Since string `json:"since,omitempty"`
	// Before is the first release behind the range.
	Before string `json:"before,omitempty"`
}

// String prints the range, such as "from 1.7.1 on", "before 1.7.0" or
// "from 1.6.0 on, before 1.7.0".
func (r Range) String() string {
	switch {
	case r.Since == "" && r.Before == "":
		return "all versions"
	case r.Since == "":
		return "before " + r.Before
	case r.Before == "":
		return "from " + r.Since + " on"
	}
	return "from " + r.Since + " on, before " + r.Before
}

// Has reports whether a version is in the range. A build on the way to a release counts as
// that release, and a version without an order as the newest.
func (r Range) Has(version string) bool {
	v, ok := Parse(version)
	if !ok {
		return r.Before == ""
	}
	v = v.release()
	return !v.isBefore(r.Since) && (r.Before == "" || v.isBefore(r.Before))
}

// isBefore reports whether v is older than a bound of a range.
func (v Version) isBefore(bound string) bool {
	w, ok := Parse(bound)
	return ok && v.Compare(w) < 0
}

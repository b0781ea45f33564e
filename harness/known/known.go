// Package known has the findings that are known: public reports of what servers of some
// versions do wrong. A run whose failures are all known is no news.
package known

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"retain/checker"
	"retain/generators"
	"retain/harness"
	"retain/internal/exactjson"
	"retain/internal/inputfile"
)

// Version is the version of the format of a list that this package reads.
const Version = 1

// maxFile bounds the file of a list.
const maxFile = 64 << 20

// List is a list of known findings.
type List []Entry

// Needs lists the operations that findings of servers of these versions need, each once.
func (l List) Needs(now time.Time, versions ...string) (out []string) {
	for _, e := range l {
		if e.Needs != "" && !e.expired(now) && slices.ContainsFunc(versions, e.hasVersion) && !slices.Contains(out, e.Needs) {
			out = append(out, e.Needs)
		}
	}
	return out
}

// Load reads the file of a list; see [Decode]. before stands before the path in errors.
func Load(before, path string) (List, error) {
	text, err := inputfile.Read(path, maxFile)
	if err != nil {
		return nil, fmt.Errorf("%s%w", before, err)
	}
	return Decode(before+path, text)
}

// Decode reads a list. An error begins with the name; where entries can't be read, it joins
// one error for each.
func Decode(name string, text []byte) (List, error) {
	refused := func(err error) (List, error) { return nil, fmt.Errorf("%s: %w", name, err) }
	if err := exactjson.Sniff(text); err != nil {
		return refused(err)
	}
	var version struct{ Version int }
	if err := json.Unmarshal(text, &version); err == nil && version.Version > Version {
		return refused(fmt.Errorf("the list has format version %d; this retain reads up to %d: use a newer one", version.Version, Version))
	}
	var file struct {
		Version int               `json:"version"`
		Known   []json.RawMessage `json:"known"`
	}
	if err := exactjson.Unmarshal(text, &file); err != nil {
		return refused(fmt.Errorf("not a list of known findings: %w", err))
	}
	if file.Version < 1 {
		return refused(fmt.Errorf("the list has format version %d: want 1 to %d", file.Version, Version))
	}
	var l List
	var errs []error
	for i, text := range file.Known {
		var e Entry
		err := exactjson.Unmarshal(text, &e)
		if err == nil {
			err = e.check()
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: entry %d: %w", name, i+1, err))
		}
		l = append(l, e)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return l, nil
}

// Judge names the entries that match a violation. If there is one for each thing that broke,
// and none of them has expired, the run's verdict is [harness.Known]: it is no news. An
// object that could not be judged keeps such a run undecided.
func (l List) Judge(r *harness.Run, o checker.Options, now time.Time) {
	if !l.Name(r, o, now) {
		return
	}
	r.Verdict = harness.Known
	for _, b := range r.Check.Objects {
		if b.Verdict == checker.Undecided {
			r.Verdict, r.Sentence = harness.Undecided, b.Object.String()+": "+b.Reason
		}
	}
}

// Name names the entries that match a violation, and reports whether one that has not
// expired matches each thing that broke.
func (l List) Name(r *harness.Run, o checker.Options, now time.Time) (all bool) {
	r.Known = nil
	if r.Verdict != harness.Violation || r.Outcome == nil || len(l) == 0 {
		return false
	}
	server := serverOf(r)
	all = true
	for _, f := range failuresOf(r, o) {
		e := l.match(&f, server, now)
		if e == nil || e.expired(now) {
			all = false
		}
		if e != nil && !slices.ContainsFunc(r.Known, func(k harness.KnownFinding) bool { return k.Link == e.Link }) {
			r.Known = append(r.Known, e.finding(now))
		}
	}
	if !all {
		l.newsFirst(r, server, now)
	}
	all = all && len(r.Known) > 0
	for i := range r.Known {
		r.Known[i].InPart = !all && !r.Known[i].Expired
	}
	return all
}

// newsFirst makes a run one of an operation that does not finish and that no entry
// describes, where the run is one of an operation that does not finish.
func (l List) newsFirst(r *harness.Run, s server, now time.Time) {
	all := r.Outcome.Unfinished()
	if r.Check.Broken() != nil || len(all) < 2 {
		return
	}
	news := slices.IndexFunc(all, func(u *harness.Liveness) bool {
		f := unfinished(r.Outcome.History, u)
		e := l.match(&f, s, now)
		return e == nil || e.expired(now)
	})
	if news <= 0 {
		return
	}
	all[0], all[news] = all[news], all[0]
	r.Outcome.Liveness, r.Outcome.Beside = all[0], all[1:]
	r.Sentence = harness.BrokenSentence(all[0])
}

// finding is the finding that the entry describes.
func (e *Entry) finding(now time.Time) harness.KnownFinding {
	return harness.KnownFinding{Link: e.Link, Why: e.Why, Expires: e.Expires, Expired: e.expired(now)}
}

// match is an entry that describes a failure, nil for none: one that has not expired if
// there is one.
func (l List) match(f *failure, s server, now time.Time) (expired *Entry) {
	for i := range l {
		switch e := &l[i]; {
		case !e.describes(f, s):
		case !e.expired(now):
			return e
		case expired == nil:
			expired = e
		}
	}
	return expired
}

// NotSeen lists the findings that no run showed, though servers of a version that has them,
// and in their configuration, were tested. seen has the links of those that runs showed.
func (l List) NotSeen(version string, c harness.Coverage, seen []string, now time.Time) (out []harness.KnownFinding) {
	done := slices.Clone(seen)
	for i := range l {
		e := &l[i]
		if slices.Contains(done, e.Link) || !e.hasVersion(version) || !e.testedBy(c) {
			continue
		}
		done = append(done, e.Link)
		out = append(out, e.finding(now))
	}
	return out
}

// testedBy reports whether plans ran on the entry's configuration.
func (e *Entry) testedBy(c harness.Coverage) bool {
	return slices.ContainsFunc(c.Classes(), func(class generators.Class) bool {
		return e.Configuration.fits(class, c.VQueues > 0)
	})
}

// Stuck returns a predicate: servers of a version are known to have calls that do not finish
// and fail in this way. It is nil if they have none. It says nothing of a plan that leads a
// server through versions: there the version counts in which the call ran.
func (l List) Stuck(version string, now time.Time) func(harness.Culprit) bool {
	var of []*Entry
	for i := range l {
		if e := &l[i]; e.hasVersion(version) && !e.expired(now) && e.Failure != (harness.FailureMode{}) {
			of = append(of, e)
		}
	}
	if of == nil {
		return nil
	}
	return func(c harness.Culprit) bool {
		return slices.ContainsFunc(of, func(e *Entry) bool { return e.describesCall(c.Kind, c.Handler, c.Ways) })
	}
}

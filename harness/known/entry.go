package known

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"retain/generators"
	"retain/harness"
	"retain/model"
)

// Entry describes findings of one cause. What it leaves out holds for all: an entry that
// names less matches more.
type Entry struct {
	// Guarantee is the code of the broken guarantee.
	Guarantee model.GuaranteeCode `json:"guarantee"`
	// Object is the kind of the object that broke.
	Object model.Kind `json:"object,omitempty"`
	// Operation is the handler of the call that does not finish or, of another guarantee, the
	// kind of the operation whose effect is missing.
	Operation string `json:"operation,omitempty"`
	// Fault is the kind of the fault before the violation.
	Fault model.FaultKind `json:"fault,omitempty"`
	// Versions are those of the server that have the finding.
	Versions      []VersionPattern `json:"versions"`
	Configuration Configuration    `json:"configuration,omitzero"`
	// Failure is how the call fails that does not finish: its last failure without values.
	Failure harness.FailureMode `json:"failure,omitzero"`
	// Report is a part of the line in which the server reports it.
	Report string `json:"report,omitempty"`
	// Witness is the fingerprint of the smallest history that shows the violation, as
	// finding.json has it.
	Witness string `json:"witness,omitempty"`
	// Needs is an operation that the finding needs, one of [generators.Names] or
	// [model.ManageNames]: it is drawn in one plan of four for a server that has the finding, so
	// that the others test the rest.
	Needs string `json:"needs,omitempty"`
	// Link is the public report. It names the finding: entries with one link are one.
	Link string `json:"link"`
	// Expires is the last day on which the entry excuses anything, "2027-06-30".
	Expires string `json:"expires,omitempty"`
	// Why says what the finding is, for readers.
	Why string `json:"why,omitempty"`
}

// Configuration is what a server ran with.
type Configuration struct {
	// State is "eager" or "lazy".
	State generators.StateMode `json:"state,omitempty"`
	// Suspending says whether the server suspends an invocation that waits for it.
	Suspending *bool `json:"suspending,omitempty"`
	// VQueues says whether it has virtual queues.
	VQueues *bool `json:"vqueues,omitempty"`
}

// fits reports whether a server of the class, with virtual queues or without, has the
// configuration.
func (c Configuration) fits(class generators.Class, vqueues bool) bool {
	return (c.State == "" || (c.State == generators.LazyState) == class.Lazy) &&
		(c.Suspending == nil || *c.Suspending == class.Suspending) &&
		(c.VQueues == nil || *c.VQueues == vqueues)
}

// VersionPattern is a version, or the beginning of one with a star behind: "1.6.1", "1.5.*".
type VersionPattern string

var versionPattern = regexp.MustCompile(`^[0-9A-Za-z.+-]+\*?$`)

// Has reports whether the pattern has the version.
func (p VersionPattern) Has(version string) bool {
	prefix, star := strings.CutSuffix(string(p), "*")
	return prefix == version || star && strings.HasPrefix(version, prefix)
}

// hasVersion reports whether servers of the version have the finding.
func (e *Entry) hasVersion(version string) bool {
	return slices.ContainsFunc(e.Versions, func(p VersionPattern) bool { return p.Has(version) })
}

// expired reports whether the entry excuses nothing any more.
func (e *Entry) expired(now time.Time) bool {
	return e.Expires != "" && now.UTC().Format(time.DateOnly) > e.Expires
}

var fingerprint = regexp.MustCompile(`^[0-9a-f]{12}$`)

// check returns an error for an entry that can't be meant.
func (e *Entry) check() error {
	link, err := url.Parse(e.Link)
	if err != nil || link.Scheme != "https" && link.Scheme != "http" || link.Host == "" {
		return fmt.Errorf("link %.80q: want the address of a public report, such as https://github.com/restatedev/restate/issues/4396", e.Link)
	}
	switch {
	case !e.Guarantee.Known():
		return fmt.Errorf("guarantee %.40q: no guarantee has this code: testdata/known.schema.json lists them", e.Guarantee)
	case e.Object != "" && !slices.Contains(model.Kinds(), e.Object):
		return fmt.Errorf("object %.40q: want one of %v", e.Object, model.Kinds())
	case e.Operation != "" && !slices.Contains(operationsOf(e.Object), e.Operation):
		return fmt.Errorf("operation %.40q: want one of %v", e.Operation, operationsOf(e.Object))
	case e.Fault != "" && (!slices.Contains(model.FaultKinds(), e.Fault) || !e.Fault.Ends()):
		return fmt.Errorf("fault %.40q: want stop or kill", e.Fault)
	case e.Report != "" && !e.Guarantee.Reported():
		return fmt.Errorf("report: %s is nothing that the server reports", e.Guarantee)
	case e.Needs != "" && !slices.Contains(needed(), e.Needs):
		return fmt.Errorf("needs %.40q: want one of %s", e.Needs, strings.Join(needed(), "; "))
	case len(e.Versions) == 0:
		return errors.New(`versions: want at least one, such as "1.6.1" or "1.5.*"`)
	case e.Configuration.State != "" && e.Configuration.State != generators.LazyState && e.Configuration.State != generators.EagerState:
		return fmt.Errorf("configuration.state %.40q: want %s or %s", e.Configuration.State, generators.EagerState, generators.LazyState)
	case e.Witness != "" && e.Failure != (harness.FailureMode{}):
		return errors.New("witness and failure: a history shows the one finding, a call that does not finish the other: give one of them")
	case e.Witness != "" && !fingerprint.MatchString(e.Witness):
		return fmt.Errorf("witness %.40q: want the 12 digits of a finding.json", e.Witness)
	}
	for _, p := range e.Versions {
		if !versionPattern.MatchString(string(p)) {
			return fmt.Errorf("versions: %.40q: want a version, or the beginning of one with a star behind, such as 1.5.*", p)
		}
	}
	if _, err := time.Parse(time.DateOnly, e.Expires); err != nil && e.Expires != "" {
		return fmt.Errorf("expires %.40q: want a date, such as 2027-06-30", e.Expires)
	}
	return nil
}

// needed are the operations that a finding can need.
func needed() []string { return slices.Concat(generators.Names(), model.ManageNames()) }

// operationsOf are the names that an entry can give an operation on objects of a kind, of
// any for "": handlers and kinds of changes.
func operationsOf(kind model.Kind) []string {
	names := []string{string(model.WriteChange), string(model.AppendChange), string(model.AddChange), string(model.CompareAndSetChange), string(model.SendChange), string(model.CallChange)}
	for _, k := range model.Kinds() {
		if kind != "" && k != kind {
			continue
		}
		for _, h := range k.Spec().Handlers {
			names = append(names, h.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

package harness

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"retain/checker"
	"retain/generators"
	"retain/model"
)

// CaseVersion is the version of the format of [Case] that this package writes, and
// the newest that it reads.
const CaseVersion = 1

// minimumRuns is how often a case is replayed that never failed, or hardly ever
// passed.
const minimumRuns = 3

// Case is a failure that was kept as a regression: a plan that failed, with what
// is needed to judge whether it is back.
type Case struct {
	Version int `json:"version"`
	// Guarantee is the broken one, in a sentence; what the case is for, if it never
	// failed.
	Guarantee string    `json:"guarantee"`
	Promoted  time.Time `json:"promoted"`
	// Runtime is the server that failed ("restate-server 1.7.12 (577e032), process"),
	// Settings what else it was given, K=V each, and the planted bugs.
	Runtime  string   `json:"runtime"`
	Settings []string `json:"settings,omitempty"`
	// Rate is how often it failed in fresh executions.
	Rate generators.Rate `json:"rate"`
	// Fails lists on what the case is expected to fail; a pass there is news.
	Fails []Expectation `json:"expected_to_fail,omitempty"`
	// Plan is the plan file, Witness the lines of the history that shows the
	// failure, none if it never failed or no order shows it.
	Plan    json.RawMessage   `json:"plan"`
	Witness []json.RawMessage `json:"witness,omitempty"`
}

// Expectation is on what a case is expected to fail. What is empty holds for all;
// at least one is not.
type Expectation struct {
	// Server is a version, or the beginning of one with a star behind: "1.6.2", "1.6.*".
	Server string `json:"server,omitempty"`
	// Setting is one that the server was given: "K=V".
	Setting string `json:"setting,omitempty"`
	// Bug is a planted bug of the simulated runtime.
	Bug string `json:"bug,omitempty"`
	// Why says why it is expected, such as an issue's address.
	Why string `json:"why,omitempty"`
}

// Subject is what a case is replayed on.
type Subject struct {
	Server   string   // its version
	Settings []string // K=V each
	Bugs     []string
}

// Expected reports whether the case is expected to fail on the subject.
func (c *Case) Expected(s Subject) bool {
	return slices.ContainsFunc(c.Fails, func(e Expectation) bool { return e.fits(s) })
}

func (e Expectation) fits(s Subject) bool {
	prefix, star := strings.CutSuffix(e.Server, "*")
	return (e.Server == "" || e.Server == s.Server || star && strings.HasPrefix(s.Server, prefix)) &&
		(e.Setting == "" || slices.Contains(s.Settings, e.Setting)) &&
		(e.Bug == "" || slices.Contains(s.Bugs, e.Bug))
}

// Runs is how often the case must pass to show, at 95 %, that it is not back.
func (c *Case) Runs() int { return max(minimumRuns, c.Rate.RunsNeeded()) }

// Shows reports whether a run failed in the way of the case, as a reduction would
// take it for the same failure: with an object of the kind that the witness is of
// and no legal order, or else with what the guarantee says did not happen or the
// server reported. Which guarantee of an object broke is chance: one cause may show
// as several. Any violation is one of a case that never failed.
func (c *Case) Shows(r *Run) bool {
	ways, broken := waysOf(r), r.Check.Broken()
	switch {
	case r.Verdict != Violation:
		return false
	case c.Rate.Strikes == 0:
		return true
	case len(c.Witness) > 0:
		return broken != nil && slices.Contains(ways, string(c.kind()))
	case broken != nil:
		return slices.ContainsFunc(r.Check.Objects, func(o checker.ObjectResult) bool {
			return o.Verdict == checker.Violation && strings.Contains(c.Guarantee, o.Guarantee)
		})
	}
	return slices.ContainsFunc(ways, func(way string) bool { return strings.Contains(c.Guarantee, way) })
}

// kind is that of the object that the witness is of, "" without one.
func (c *Case) kind() model.Kind {
	for _, line := range c.Witness {
		e, _ := model.DecodeEvent(line) // what can't be read is nobody's call
		if call, is := e.(model.Called); is {
			return call.Object.Kind
		}
	}
	return ""
}

// NotGiven are the settings of the case that the subject lacks: it is not replayed
// on what it failed on.
func (c *Case) NotGiven(on Subject) []string {
	return slices.DeleteFunc(slices.Clone(c.Settings), func(s string) bool { return slices.Contains(on.Settings, s) })
}

// CaseOf makes a case of a failure that was reduced, with the rate of
// [Shrunk.FailsAgain], expected to fail on nothing but the bugs that were planted.
func CaseOf(guarantee string, s *Shrunk, on Subject, runtime string) *Case {
	c := &Case{
		Version: CaseVersion, Guarantee: guarantee, Promoted: time.Now().UTC().Truncate(time.Second), Runtime: runtime,
		Settings: on.Settings, Rate: s.FailsAgain(), Plan: generators.Encode(s.Best),
	}
	for _, b := range on.Bugs {
		c.Fails = append(c.Fails, Expectation{Bug: b, Why: "it is planted"})
	}
	if s.Witness != nil {
		var text bytes.Buffer
		_ = model.WriteHistory(&text, s.Witness) // a buffer takes everything
		for line := range bytes.Lines(text.Bytes()) {
			c.Witness = append(c.Witness, json.RawMessage(bytes.TrimSpace(line)))
		}
	}
	return c
}

// caseName is what a case may be called: it is a file's name.
var caseName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]*$`)

// CaseFile is the file of a case in the directory of all, or why there can't be
// one: a name that is no file's name, or one that is taken.
func CaseFile(dir, name string) (string, error) {
	if !caseName.MatchString(name) {
		return "", fmt.Errorf("%q can't be a regression's name: use small letters, digits, dots and dashes", name)
	}
	path := filepath.Join(dir, name+".json")
	if _, err := os.Stat(path); err == nil {
		return "", fmt.Errorf("%s is there already: choose another name, or remove it first", path)
	}
	return path, nil
}

// Save writes the case to a file that must not be there yet.
func (c *Case) Save(path string) error {
	text, err := json.MarshalIndent(c, "", "  ")
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o755)
	}
	if err == nil {
		err = os.WriteFile(path, append(text, '\n'), 0o644)
	}
	if err != nil {
		return fmt.Errorf("keep the regression: %w", err)
	}
	return nil
}

// LoadCase reads a case and its plan.
func LoadCase(path string) (*Case, generators.Plan, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, generators.Plan{}, fmt.Errorf("read the regression: %w", err)
	}
	c, p, err := decodeCase(text)
	if err != nil {
		return nil, generators.Plan{}, fmt.Errorf("%s: %w", path, err)
	}
	return c, p, nil
}

func decodeCase(text []byte) (*Case, generators.Plan, error) {
	var version struct{ Version int }
	if err := json.Unmarshal(text, &version); err != nil {
		return nil, generators.Plan{}, fmt.Errorf("not a regression: %w", err)
	}
	if version.Version < 1 || version.Version > CaseVersion {
		return nil, generators.Plan{}, fmt.Errorf("the regression has format version %d; this retain reads up to %d: use a newer one", version.Version, CaseVersion)
	}
	c := &Case{}
	fields := json.NewDecoder(bytes.NewReader(text))
	fields.DisallowUnknownFields()
	if err := fields.Decode(c); err != nil {
		return nil, generators.Plan{}, fmt.Errorf("not a regression: %w", err)
	}
	if slices.Contains(c.Fails, Expectation{}) {
		return nil, generators.Plan{}, errors.New("expected_to_fail names neither a server nor a setting nor a bug: say on what")
	}
	p, err := generators.Decode(c.Plan)
	if err != nil {
		return nil, generators.Plan{}, fmt.Errorf("the regression's plan: %w", err)
	}
	return c, p, nil
}

package regress

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
	"retain/harness"
	"retain/internal/exactjson"
	"retain/internal/inputfile"
	"retain/model"
	"retain/runtime"
)

// CaseVersion is the version of the format of [Case] that this package writes, and
// the newest that it reads.
const CaseVersion = 4

// maxCase bounds the file of a case.
const maxCase = 1 << 30

// minimumRuns is how often a case is replayed that never failed, or hardly ever
// passed.
const minimumRuns = 3

// Case is a failure that was kept as a regression: a plan that failed, with what
// is needed to judge whether it is back.
type Case struct {
	Version int `json:"version"`
	// Guarantee is the broken one, in a sentence; what the case is for, if it never
	// failed. It is for readers: Broken decides. Files of version 1 have the sentence only.
	Guarantee string          `json:"guarantee"`
	Broken    model.Guarantee `json:"broken,omitzero"`
	Promoted  time.Time       `json:"promoted"`
	// Server is the server that failed. Runtime is its text ("restate-server 1.7.12 (577e032),
	// process"), for readers; before version 3 it stands alone. Settings are what else it was
	// given, K=V each, and the planted bugs.
	Server  Server `json:"server,omitzero"`
	Runtime string `json:"runtime"`
	// SDK is that of the handlers that it called, "" if the server's record of them names none.
	SDK      string   `json:"sdk,omitempty"`
	Settings []string `json:"settings,omitempty"`
	// Culprit is the key of the call that does not finish, the zero value unless the case is
	// of a stuck operation. HeldBy is its text, for readers; before version 3 it stands alone.
	Culprit harness.CulpritKey `json:"culprit,omitzero"`
	HeldBy  string             `json:"held_by,omitempty"`
	// Rate is how often it failed in fresh executions.
	Rate generators.Rate `json:"rate"`
	// Fails lists on what the case is expected to fail; a pass there is news.
	Fails []Expectation `json:"expected_to_fail,omitempty"`
	// Plan is the plan file, Witness the lines of the history that shows the
	// failure, none if it never failed or no order shows it.
	Plan    json.RawMessage   `json:"plan"`
	Witness []json.RawMessage `json:"witness,omitempty"`
}

// Server is the server that a case was kept for, as in [runtime.Identity].
type Server struct {
	Backend string `json:"backend"`
	Version string `json:"version"`
	Build   string `json:"build,omitempty"`
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

// Backend is where the server that the case was kept for came from: "container",
// "process" or "simulated". A case that does not record its runtime was kept for the
// simulated one if it expects a planted bug, which only that has; otherwise it is "",
// any.
func (c *Case) Backend() string {
	if c.Server != (Server{}) {
		return c.Server.Backend
	}
	if server, ok := runtime.ParseIdentity(c.Runtime); ok {
		return server.Backend
	}
	if c.Runtime == "" && slices.ContainsFunc(c.Fails, func(e Expectation) bool { return e.Bug != "" }) {
		return "simulated"
	}
	return ""
}

// Bugs are the planted ones that the case was kept with.
func (c *Case) Bugs() (out []string) {
	for _, e := range c.Fails {
		if e.Bug != "" {
			out = append(out, e.Bug)
		}
	}
	return out
}

// Runs is how often the case must pass to show, at 95 %, that it is not back.
func (c *Case) Runs() int { return max(minimumRuns, c.Rate.RunsNeeded()) }

// Matches reports whether a run failed in the way of the case, as a reduction would
// take it for the same failure: with an object of the kind that the witness is of
// and no legal order, or else with what the guarantee says did not happen or the
// server reported, of a stuck operation with the same culprit where it is known. Which
// guarantee of an object broke is chance: one cause may show
// as several. Any violation is one of a case that never failed.
func (c *Case) Matches(r *harness.Run) bool {
	ways, broken := waysOf(r), r.Check.Broken()
	switch {
	case r.Verdict != harness.Violation:
		return false
	case c.Rate.Failures == 0:
		return true
	case len(c.Witness) > 0:
		return broken != nil && slices.Contains(ways, failureMode{kind: c.kind()})
	case broken != nil:
		return slices.ContainsFunc(r.Check.Objects, func(o checker.ObjectResult) bool {
			return o.Verdict == checker.Violation && c.Broken.Covers(o.Guarantee)
		})
	}
	if culprit := r.Culprit(); !culprit.IsZero() && !c.has(culprit) {
		return false
	}
	return !c.Broken.IsZero() && slices.Contains(ways, failureMode{code: c.Broken.Code})
}

// has reports whether a culprit is that of the case, as far as that is known.
func (c *Case) has(culprit harness.Culprit) bool {
	switch {
	case !c.Culprit.IsZero():
		return culprit.Has(c.Culprit)
	case c.HeldBy != "":
		return culprit.HasText(c.HeldBy)
	}
	return true
}

// kind is that of the object that the witness is of, "" without one.
func (c *Case) kind() model.Kind {
	for _, line := range c.Witness {
		e, _ := model.DecodeEvent(line) // a line that does not decode is not a call
		if call, is := e.(model.Called); is {
			return call.Object.Kind
		}
	}
	return ""
}

// checkWitness shows that the witness is a history: its kind decides what the case is
// for.
func (c *Case) checkWitness() error {
	if len(c.Witness) == 0 {
		return nil
	}
	var text bytes.Buffer
	for _, line := range c.Witness {
		if err := json.Compact(&text, line); err != nil {
			return fmt.Errorf("the regression's witness: %w", err)
		}
		text.WriteByte('\n')
	}
	if _, err := model.ReadHistory(&text); err != nil {
		return fmt.Errorf("the regression's witness: %w", err)
	}
	return nil
}

// maxRuns bounds the executions of a recorded rate: a case that fails more rarely than
// once in that many would be replayed for days.
const maxRuns = 100_000

// check shows that what a person may have edited can be meant.
func (c *Case) check() error {
	if c.Version < 1 {
		return fmt.Errorf("the regression has format version %d: want 1 to %d", c.Version, CaseVersion)
	}
	if r := c.Rate; r.Failures < 0 || r.Failures > r.Runs || r.Runs > maxRuns {
		return fmt.Errorf("rate: %d strikes of %d runs: want 0 to runs strikes, of at most %d runs", r.Failures, r.Runs, maxRuns)
	}
	if c.Version > 1 && c.Broken.IsZero() {
		return errors.New("the regression has no broken guarantee")
	}
	for _, e := range c.Fails {
		name, _, pair := strings.Cut(e.Setting, "=")
		switch {
		case e.Server == "" && e.Setting == "" && e.Bug == "":
			return errors.New("expected_to_fail names neither a server nor a setting nor a bug: say on what")
		case e.Setting != "" && (!pair || name == ""):
			return fmt.Errorf("expected_to_fail: the setting %.80q: want NAME=VALUE", e.Setting)
		case e.Server != "" && !serverPattern.MatchString(e.Server):
			return fmt.Errorf("expected_to_fail: the server %.80q: want a version, or the beginning of one with a star behind, such as 1.6.*", e.Server)
		}
	}
	return c.checkWitness()
}

// serverPattern is what [Expectation.Server] may be.
var serverPattern = regexp.MustCompile(`^[0-9A-Za-z.+-]*\*?$`)

// NotGiven are the settings of the case that the subject lacks: it is not replayed
// on what it failed on.
func (c *Case) NotGiven(on Subject) []string {
	return slices.DeleteFunc(slices.Clone(c.Settings), func(s string) bool { return slices.Contains(on.Settings, s) })
}

// CaseOf makes a case of a failure that was reduced, with the rate of
// [Shrunk.FailsAgain], expected to fail on nothing but the bugs that were planted.
func CaseOf(broken model.Guarantee, s *Shrunk, on Subject, server runtime.Identity, sdk string) *Case {
	c := &Case{
		Version: CaseVersion, Guarantee: broken.String(), Broken: broken, Promoted: time.Now().UTC().Truncate(time.Second),
		Settings: on.Settings, SDK: sdk, Rate: s.FailsAgain(), Plan: generators.Encode(s.Best),
	}
	if server != (runtime.Identity{}) {
		c.Server, c.Runtime = Server{Backend: server.Backend, Version: server.Version, Build: server.Build}, server.String()
	}
	for _, b := range on.Bugs {
		c.Fails = append(c.Fails, Expectation{Bug: b, Why: "it is planted"})
	}
	if s.Run != nil {
		if !s.Run.Culprit().IsZero() {
			held := s.Run.HeldBy().Culprit()
			c.Culprit, c.HeldBy = held.Key(), held.Text()
		}
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
	if short, is := strings.CutSuffix(name, ".json"); is {
		return "", fmt.Errorf("%q is a file's name: say %q, the file is called %s", name, short, name)
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
	text, err := inputfile.Read(path, maxCase)
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
	if err := exactjson.Sniff(text); err != nil {
		return nil, generators.Plan{}, err
	}
	var version struct{ Version int }
	if err := json.Unmarshal(text, &version); err == nil && version.Version > CaseVersion {
		return nil, generators.Plan{}, fmt.Errorf("the regression has format version %d; this retain reads up to %d: use a newer one", version.Version, CaseVersion)
	}
	c := &Case{}
	if err := exactjson.Unmarshal(text, c); err != nil {
		return nil, generators.Plan{}, fmt.Errorf("not a regression: %w", err)
	}
	if c.Version == 1 {
		c.Broken = model.ReadVersion1(c.Guarantee)
	}
	if err := c.check(); err != nil {
		return nil, generators.Plan{}, err
	}
	p, err := generators.Decode(c.Plan)
	if err != nil {
		return nil, generators.Plan{}, fmt.Errorf("the regression's plan: %w", err)
	}
	return c, p, nil
}

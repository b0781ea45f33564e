package versions

import (
	_ "embed"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"sync"

	"retain/internal/exactjson"
)

//go:embed differences.json
var embedded []byte

// format is the version of the file's format.
const format = 1

// File is what differences.json holds.
type File struct {
	Version     int          `json:"version"`
	Differences []Difference `json:"differences"`
	Refusals    []Refusal    `json:"refusals"`
	Losses      []Loss       `json:"losses"`
	Gaps        []Gap        `json:"gaps"`
	Steps       []Step       `json:"steps"`
}

// ID names a difference.
type ID string

// The differences that code decides by.
const (
	AdminAPI3            ID = "admin-api-3"
	AdminAPI4            ID = "admin-api-4"
	AutomaticIdempotency ID = "automatic-idempotency"
	BadPathNamed         ID = "bad-path-named"
	BoundToNodePort      ID = "bound-to-node-port"
	DisableEagerState    ID = "disable-eager-state"
	EagerStateSizeLimit  ID = "eager-state-size-limit"
	ErrorMetadata        ID = "error-metadata"
	ErrorSource          ID = "error-source"
	GracefulDrain        ID = "graceful-drain"
	LogWithoutWAL        ID = "log-without-wal"
	WholeLogFiles        ID = "whole-log-files"
	ListenMode           ID = "listen-mode"
	RequestSizeLimit     ID = "request-size-limit"
	VQueues              ID = "vqueues"
)

// Area is a part of retain that a difference bears on.
type Area string

// The areas.
const (
	Client        Area = "client"        // what an answer proves
	Model         Area = "model"         // what a history may show
	Configuration Area = "configuration" // which settings have which effect
	Start         Area = "start"         // when and where a server starts, how it stops
	Resources     Area = "resources"     // what a server uses
	Introspection Area = "introspection" // what a server says of itself: tables, metrics, log
)

// Areas lists the areas.
func Areas() []Area {
	return []Area{Client, Model, Configuration, Start, Resources, Introspection}
}

// Difference is what some versions do and others do not.
type Difference struct {
	ID ID `json:"id"`
	// Differs says in one sentence what the versions of the range do.
	Differs string `json:"differs"`
	Range
	// BearsOn are the parts of retain that it matters to.
	BearsOn []Area `json:"bears_on"`
	// Settings are the variables of the server's environment, with their values, that
	// make use of it.
	Settings map[string]string `json:"settings,omitempty"`
	Sources  []Source          `json:"sources"`
}

// Setting is the only setting of a difference that has one.
func (d Difference) Setting() (name, value string) {
	if len(d.Settings) != 1 {
		panic(fmt.Sprintf("versions: %s has %d settings, and one is asked for", d.ID, len(d.Settings)))
	}
	for name, value = range d.Settings {
	}
	return name, value
}

// Source is where an entry is known from: a link, or versions that were measured.
type Source struct {
	Link     string   `json:"link,omitempty"`
	Measured []string `json:"measured,omitempty"`
}

// file is the embedded file. A test proves that it can be read.
var file = sync.OnceValue(func() *File {
	f, err := Decode(embedded)
	if err != nil {
		panic(fmt.Sprintf("versions: read differences.json: %v", err))
	}
	return f
})

// All is the embedded file. It is not to be changed.
func All() *File { return file() }

// Of is the difference with an ID. It panics if the file has none.
func Of(id ID) Difference {
	i := slices.IndexFunc(file().Differences, func(d Difference) bool { return d.ID == id })
	if i < 0 {
		panic(fmt.Sprintf("versions: differences.json has no entry %q", id))
	}
	return file().Differences[i]
}

// Has reports whether servers of a version have what an entry says. A version without an
// order counts as the newest.
func Has(version string, id ID) bool { return Of(id).Range.Has(version) }

// Decode reads a file of differences, and refuses one that makes no sense.
func Decode(text []byte) (*File, error) {
	f := &File{}
	if err := exactjson.Unmarshal(text, f); err != nil {
		return nil, err
	}
	if f.Version != format {
		return nil, fmt.Errorf("its format has version %d, want %d", f.Version, format)
	}
	var problems []error
	seen := map[ID]bool{}
	for i, d := range f.Differences {
		err := d.check()
		if seen[d.ID] {
			err = errors.Join(err, errors.New("the ID stands twice"))
		}
		seen[d.ID] = true
		if err != nil {
			problems = append(problems, fmt.Errorf("difference %d (%q): %w", i+1, d.ID, err))
		}
	}
	problems = append(problems, f.checkSteps())
	for i, r := range f.Refusals {
		err := r.check()
		if slices.ContainsFunc(f.Refusals[:i], r.overlap) {
			err = errors.Join(err, errors.New("an entry before it has some of its pairs"))
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("refusal %d (%s, to %s): %w", i+1, r.From, r.To, err))
		}
	}
	return f, errors.Join(problems...)
}

func (d Difference) check() error {
	err := d.Range.check()
	switch {
	case d.ID == "":
		err = errors.Join(err, errors.New("it has no ID"))
	case d.Differs == "":
		err = errors.Join(err, errors.New("it does not say what differs"))
	case len(d.BearsOn) == 0:
		err = errors.Join(err, errors.New("it bears on nothing"))
	case d.Since == "" && d.Before == "":
		err = errors.Join(err, errors.New("all versions have it: it is no difference"))
	}
	for _, a := range d.BearsOn {
		if !slices.Contains(Areas(), a) {
			err = errors.Join(err, fmt.Errorf("it bears on %q: the areas are %v", a, Areas()))
		}
	}
	return errors.Join(err, checkSources(d.Sources))
}

// check returns an error for a range whose ends are no releases or hold nothing.
func (r Range) check() error {
	for _, end := range []string{r.Since, r.Before} {
		if v, ok := Parse(end); end != "" && (!ok || v.release() != v) {
			return fmt.Errorf("%q is no release: want three numbers, such as 1.7.1", end)
		}
	}
	if order, ok := Compare(r.Since, r.Before); ok && order >= 0 {
		return fmt.Errorf("%s: no version is in the range", r)
	}
	return nil
}

func checkSources(sources []Source) error {
	if len(sources) == 0 {
		return errors.New("it has no source")
	}
	for _, s := range sources {
		if (s.Link == "") == (len(s.Measured) == 0) {
			return errors.New("a source has a link or versions that were measured, one of them")
		}
		if u, err := url.Parse(s.Link); s.Link != "" && (err != nil || u.Scheme != "https" || u.Host == "") {
			return fmt.Errorf("%q is no link", s.Link)
		}
		for _, m := range s.Measured {
			if _, ok := Parse(m); !ok {
				return fmt.Errorf("the measured version %q has no order", m)
			}
		}
	}
	return nil
}

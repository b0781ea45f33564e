package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"retain/generators"
	"retain/internal/inputfile"
	"retain/model"
)

// exclusions are those of -exclude, or of the campaign that goes on, and those of discovery.
// [checkExclude] reads them, [discover] adds to them.
var exclusions generators.Exclusions

// excludedBy is the directory of the campaign that goes on and has the exclusions, "" for none.
var excludedBy string

// keepExclusions takes the exclusions from the records of a campaign that goes on.
func keepExclusions(dir string, all, found generators.Exclusions) {
	excludedBy, exclusions, discovered.exclusions = dir, all, found
}

// excludeVersion is the version of the format of a file of -exclude, which
// docs/exclude.schema.json describes.
const excludeVersion = 1

// maxExclude bounds a file of -exclude.
const maxExclude = 1 << 20

// excludeSections are what a file of -exclude may leave out, by the name of the section.
var excludeSections = []struct {
	key  string
	what generators.Excluded
}{
	{"objects", generators.ExcludedObject},
	{"operations", generators.ExcludedOperation},
	{"configurations", generators.ExcludedConfiguration},
	{"faults", generators.ExcludedFault},
}

// checkExclude reads the file of -exclude and the kinds of -kinds, and refuses what names
// nothing, has no reason, or leaves nothing to draw.
func checkExclude() error {
	given, err := readExclude()
	if err != nil {
		return err
	}
	others, err := otherKinds(given)
	if err != nil {
		return fmt.Errorf("-kinds %.200s: %w", *kindsFlag, err)
	}
	given = append(given, others...)
	switch {
	case *excludeFlag == "" && *kindsFlag == "":
	case excludedBy == "":
		exclusions = given
	case !recordedInFile(given):
		return fmt.Errorf("%s: the campaign in %s leaves out something else: leave the flag out, or begin another campaign", excludingFlags(), excludedBy)
	}
	if *serverFlag == "" {
		return nil
	}
	if e, excluded := exclusions.ExcludesServer(*serverFlag); excluded {
		return fmt.Errorf("-config %s is excluded (%s): leave one of them out", *serverFlag, e)
	}
	return nil
}

// readExclude reads the file of -exclude.
func readExclude() (generators.Exclusions, error) {
	if *excludeFlag == "" {
		return nil, nil
	}
	text, err := inputfile.Read(*excludeFlag, maxExclude)
	if err != nil {
		return nil, fmt.Errorf("-exclude: %w", err)
	}
	given, err := decodeExclusions(*excludeFlag, text)
	if err != nil {
		return nil, fmt.Errorf("-exclude %w", err)
	}
	return given, nil
}

// otherKinds excludes the kinds of objects that -kinds does not name, beside those that are
// excluded already.
func otherKinds(given generators.Exclusions) (out generators.Exclusions, err error) {
	if *kindsFlag == "" {
		return nil, nil
	}
	wanted := strings.Split(*kindsFlag, ",")
	for i, name := range wanted {
		switch kind := model.Kind(name); {
		case !slices.Contains(model.Kinds(), kind):
			return nil, fmt.Errorf("no kind of objects is called %.60q: want some of %s, with commas between", name, model.KindNames())
		case slices.Contains(wanted[:i], name):
			return nil, fmt.Errorf("%s stands twice", name)
		}
	}
	for _, k := range model.Kinds() {
		if !slices.Contains(wanted, string(k)) && !given.Excludes(generators.ExcludedObject, string(k)) {
			out = append(out, generators.Exclusion{What: generators.ExcludedObject, Name: string(k), Reason: "-kinds " + *kindsFlag})
		}
	}
	return out, slices.Concat(given, out).Check()
}

// excludingFlags are the flags that exclude something, as they were given.
func excludingFlags() string {
	var out []string
	if *excludeFlag != "" {
		out = append(out, "-exclude "+*excludeFlag)
	}
	if *kindsFlag != "" {
		out = append(out, "-kinds "+*kindsFlag)
	}
	return strings.Join(out, " ")
}

// recordedInFile reports whether these are the exclusions that the campaign which goes on had
// from a file. Old records do not tell those from the discovered ones, which come last.
func recordedInFile(given generators.Exclusions) bool {
	if foreignFlags() != (foreign{}) && len(discovered.exclusions) == 0 {
		return len(given) <= len(exclusions) && slices.Equal(exclusions[:len(given)], given)
	}
	fromFile := slices.DeleteFunc(slices.Clone(exclusions), func(e generators.Exclusion) bool {
		return slices.Contains(discovered.exclusions, e)
	})
	return slices.Equal(fromFile, given)
}

// decodeExclusions reads a file of -exclude. An error is one line, with the file and the
// line.
func decodeExclusions(file string, text []byte) (generators.Exclusions, error) {
	at := func(n *yaml.Node, err error) error { return fmt.Errorf("%s:%d: %w", file, max(1, n.Line), err) }
	if !utf8.Valid(text) {
		return nil, fmt.Errorf("%s: it is not UTF-8 text: save it as UTF-8", file)
	}
	d := yaml.NewDecoder(bytes.NewReader(text))
	var document, second yaml.Node
	switch err := d.Decode(&document); {
	case errors.Is(err, io.EOF):
		return nil, fmt.Errorf("%s: the file is empty: want version: 1, and what to leave out", file)
	case err != nil:
		return nil, fmt.Errorf("%s%s", file, yamlProblem(err))
	}
	if err := d.Decode(&second); !errors.Is(err, io.EOF) {
		return nil, at(&second, errors.New("a second document: want one"))
	}
	root := document.Content[0]
	fields, err := mapping(root, "version", "objects", "operations", "configurations", "faults")
	if err != nil {
		return nil, fmt.Errorf("%s%w", file, err)
	}
	if v := fields["version"]; v == nil || v.Value != fmt.Sprint(excludeVersion) {
		return nil, at(nodeOr(v, root), fmt.Errorf("want version: %d", excludeVersion))
	}
	var out generators.Exclusions
	for _, section := range excludeSections {
		list := fields[section.key]
		if list == nil {
			continue
		}
		if list.Kind != yaml.SequenceNode {
			return nil, at(list, fmt.Errorf("%s: want a list of entries with a name and a reason", section.key))
		}
		for _, item := range list.Content {
			e, err := exclusionOf(item, section.what)
			if err != nil {
				return nil, fmt.Errorf("%s%w", file, err)
			}
			if out.Excludes(e.What, e.Name) {
				return nil, at(item, fmt.Errorf("%s %s is excluded twice", e.What, e.Name))
			}
			out = append(out, e)
		}
	}
	if len(out) == 0 {
		return nil, at(root, errors.New("it leaves nothing out: want objects, operations, configurations or faults, or no -exclude"))
	}
	if err := out.Check(); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return out, nil
}

// exclusionOf reads one entry. The error begins with ":LINE: ".
func exclusionOf(item *yaml.Node, what generators.Excluded) (generators.Exclusion, error) {
	fields, err := mapping(item, "name", "reason")
	if err != nil {
		return generators.Exclusion{}, err
	}
	e := generators.Exclusion{What: what}
	for key, to := range map[string]*string{"name": &e.Name, "reason": &e.Reason} {
		n := fields[key]
		if n == nil {
			continue
		}
		if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
			return e, fmt.Errorf(":%d: %s: want text", n.Line, key)
		}
		*to = strings.Join(strings.Fields(n.Value), " ")
	}
	if e.Name == "" {
		return e, fmt.Errorf(":%d: want a name: what %s is left out", item.Line, what)
	}
	if err := e.Check(); err != nil {
		return e, fmt.Errorf(":%d: %w", item.Line, err)
	}
	return e, nil
}

// mapping gives the values of a mapping's keys, which are among some. The error begins with
// ":LINE: ".
func mapping(n *yaml.Node, keys ...string) (map[string]*yaml.Node, error) {
	if n.Kind != yaml.MappingNode {
		return nil, fmt.Errorf(":%d: want fields: %s", max(1, n.Line), strings.Join(keys, ", "))
	}
	out := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		switch {
		case !slices.Contains(keys, key.Value):
			return nil, fmt.Errorf(":%d: unknown field %.40q: want %s", key.Line, key.Value, strings.Join(keys, ", "))
		case out[key.Value] != nil:
			return nil, fmt.Errorf(":%d: %s stands twice", key.Line, key.Value)
		}
		out[key.Value] = n.Content[i+1]
	}
	return out, nil
}

func nodeOr(n, or *yaml.Node) *yaml.Node {
	if n != nil {
		return n
	}
	return or
}

var yamlLine = regexp.MustCompile(`(?s)^yaml: line (\d+): (.*)$`)

// yamlProblem is an error of the YAML library as ":LINE: PROBLEM".
func yamlProblem(err error) string {
	text := strings.Join(strings.Fields(err.Error()), " ")
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		return ":" + m[1] + ": " + m[2]
	}
	return ": " + text
}

// alteredExclusions are the settings of what plans are not drawn with, one for each.
func alteredExclusions() (out model.Settings) {
	for _, e := range exclusions.Complete() {
		out = append(out, flagSetting(model.PlanSetting, "exclude", e.String(), ""))
	}
	return out
}

// noteExcluded notes that a plan which a person names has what is excluded: it is executed
// as it is.
func noteExcluded(p generators.Plan) {
	if says := saysExcluded(p); says != "" {
		say("note       the plan has what -exclude leaves out, and is executed as it is: " + says)
	}
}

// saysExcluded says which exclusions a plan goes against, "" for none.
func saysExcluded(p generators.Plan) string { return exclusions.In(p).String() }

package versions

import (
	"bytes"
	"cmp"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReleasesAndBuildsOnTheWayHaveAnOrder(t *testing.T) {
	ascending := []string{"0.9.0", "1.5.3", "1.6.2", "1.7.0-rc.1", "1.7.0", "1.7.2", "1.7.12", "1.7.13-dev", "1.7.13", "1.10.0", "2.0.0"}
	for i, a := range ascending {
		for j, b := range ascending {
			order, ok := Compare(a, b)
			assert.True(t, ok)
			assert.Equal(t, cmp.Compare(i, j), order, "%s and %s", a, b)
		}
	}
	order, ok := Compare("v1.7.4", "1.7.4+hotfix.1")
	assert.True(t, ok)
	assert.Zero(t, order)
}

func TestNamesWithoutAnOrderAreNoVersions(t *testing.T) {
	for _, name := range []string{"", "mine", "1", "1.7", "latest", "1.7.x", "1.7.12.1", "vv1.7.12", "1.07.2", " 1.7.2"} {
		_, ok := Parse(name)
		assert.False(t, ok, name)
		_, ok = Compare(name, "1.7.12")
		assert.False(t, ok, name)
		_, ok = Compare("1.7.12", name)
		assert.False(t, ok, name)
	}
}

func TestRangesHaveWhatLiesBetweenTheirEnds(t *testing.T) {
	for _, c := range []struct {
		r         Range
		text      string
		has, lack []string
	}{
		{Range{Since: "1.7.1"}, "from 1.7.1 on", []string{"1.7.1", "1.7.12", "1.7.1-rc.1", "1.10.0", "mine", ""}, []string{"1.7.0", "1.6.2"}},
		{Range{Before: "1.7.0"}, "before 1.7.0", []string{"1.6.2", "0.1.0", "1.6.9-dev"}, []string{"1.7.0", "1.7.0-rc.1", "1.7.12", "mine"}},
		{Range{Since: "1.6.0", Before: "1.7.2"}, "from 1.6.0 on, before 1.7.2", []string{"1.6.0", "1.7.1"}, []string{"1.5.3", "1.7.2", "1.7.2-dev", "mine"}},
		{Range{}, "all versions", []string{"1.6.0", "mine"}, nil},
	} {
		assert.Equal(t, c.text, c.r.String())
		for _, v := range c.has {
			assert.True(t, c.r.Has(v), "%s has %q", c.r, v)
		}
		for _, v := range c.lack {
			assert.False(t, c.r.Has(v), "%s lacks %q", c.r, v)
		}
	}
}

func TestTheFileFitsItsSchema(t *testing.T) {
	schema, err := jsonschema.NewCompiler().Compile("differences.schema.json")
	require.NoError(t, err)
	fits := func(text []byte) error {
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		require.NoError(t, err)
		return schema.Validate(value)
	}
	require.NoError(t, fits(embedded))
	for old, wrong := range map[string]string{
		`"since": "1.7.1",`:                        `"since": "1.7",`,
		`"bears_on": ["client"]`:                   `"bears_on": ["weather"]`,
		`"id": "graceful-drain"`:                   `"id": "Graceful drain"`,
		`"way_back": {"backup"`:                    `"way_back": {"hope"`,
		`"refusals": [`:                            `"excuses": [], "refusals": [`,
		`"measured": ["1.7.2", "1.7.12", "1.5.3"]`: `"measured": ["mine", "1.5.3"]`,
		`"serves": false}`:                         `"serves": "no"}`,
	} {
		require.Contains(t, string(embedded), old)
		text := []byte(strings.Replace(string(embedded), old, wrong, 1))
		assert.Error(t, fits(text), wrong)
	}
}

func TestTheSchemaHasTheAreas(t *testing.T) {
	text, err := os.ReadFile("differences.schema.json")
	require.NoError(t, err)
	var areas []string
	for _, a := range Areas() {
		areas = append(areas, strconv.Quote(string(a)))
	}
	assert.Contains(t, string(text), `{"enum": [`+strings.Join(areas, ", ")+`]}`)
}

// TestTheFileHasEachIDOfTheCode reads the constants of type ID from the source.
func TestTheFileHasEachIDOfTheCode(t *testing.T) {
	source, err := parser.ParseFile(token.NewFileSet(), "differences.go", nil, 0)
	require.NoError(t, err)
	var count int
	ast.Inspect(source, func(n ast.Node) bool {
		spec, is := n.(*ast.ValueSpec)
		if !is {
			return true
		}
		if kind, is := spec.Type.(*ast.Ident); !is || kind.Name != "ID" {
			return true
		}
		id, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		require.NoError(t, err)
		assert.NotPanics(t, func() { Of(ID(id)) }, id)
		count++
		return true
	})
	assert.Greater(t, count, 5, "constants that were read")
	assert.Panics(t, func() { Has("1.7.12", "no-such-thing") })
}

func TestHasAsksTheFile(t *testing.T) {
	for _, c := range []struct {
		id       ID
		has, not []string
	}{
		{GracefulDrain, []string{"1.7.1", "1.7.12", "mine"}, []string{"1.7.0", "1.6.2"}},
		{ErrorSource, []string{"1.7.4", "1.7.12"}, []string{"1.7.2", "1.7.3", "1.6.2"}},
		{AutomaticIdempotency, []string{"1.7.0", "1.7.12"}, []string{"1.6.2"}},
		{BoundToNodePort, []string{"1.5.3"}, []string{"1.6.1", "1.7.12", "mine"}},
	} {
		for _, v := range c.has {
			assert.True(t, Has(v, c.id), "%s has %s", v, c.id)
		}
		for _, v := range c.not {
			assert.False(t, Has(v, c.id), "%s lacks %s", v, c.id)
		}
	}
}

func TestLazyStateHasOneNameInEachVersion(t *testing.T) {
	for _, v := range []string{"1.5.3", "1.6.2", "1.7.0", "1.7.12", "mine"} {
		assert.NotEqual(t, Has(v, DisableEagerState), Has(v, EagerStateSizeLimit), v)
	}
}

func TestNoStepUpwardIsExcused(t *testing.T) {
	versions := []string{"1.5.3", "1.6.1", "1.6.2", "1.7.0-rc.1", "1.7.0", "1.7.2", "1.7.12", "1.7.13-dev", "2.0.0", "mine", ""}
	excused := 0
	for _, from := range versions {
		for _, to := range versions {
			r, ok := Excuse(from, to)
			order, ordered := Compare(from, to)
			if !ordered || order <= 0 {
				assert.False(t, ok, "%s to %s", from, to)
			}
			if ok {
				excused++
				assert.True(t, r.In("ERROR something: "+r.Says+" '1.9.0'"))
				assert.False(t, r.In("ERROR thread 'main' panicked"))
			}
		}
	}
	assert.Positive(t, excused)
}

// The lines are those of real servers: 1.5.3 and 1.6.2 on the data of 1.7.12.
func TestRefusalsAreToldByTheLogsOfRealServers(t *testing.T) {
	marker := "ERROR restate_server: Restate application failed error=failed validating and updating cluster marker: Restate version '1.5.3' is forward " +
		"incompatible with data directory. Requiring Restate version >= '1.6.0' restate.error.code=None"
	barrier := "ERROR restate_worker::partition_processor_manager: Partition processor exited unexpectedly, will retry after 2s partition_id=0 " +
		"err=partition is blocked; requires an upgrade to restate-server version 1.7.0-dev or higher; reason=''"
	for _, c := range []struct {
		from, to, log, other string
		exits                bool
	}{
		{"1.7.12", "1.5.3", marker, barrier, true},
		{"1.7.12", "1.6.2", barrier, marker, false},
		{"1.7.13-dev", "1.6.1", barrier, marker, false},
		{"1.7.12", "1.7.4", strings.ReplaceAll(barrier, "1.7.0-dev", "1.7.5-dev"), barrier, false},
	} {
		r, ok := Excuse(c.from, c.to)
		require.True(t, ok, "%s to %s", c.from, c.to)
		assert.True(t, r.In("INFO fine\n"+c.log+"\n"))
		assert.False(t, r.In(c.other))
		assert.False(t, r.In(""))
		assert.Equal(t, c.exits, r.Exit != nil)
	}
	for _, pair := range [][2]string{{"1.6.2", "1.7.12"}, {"1.7.12", "1.7.9"}, {"1.7.4", "1.7.2"}, {"1.6.2", "1.5.3"}, {"1.7.12", "mine"}, {"mine", "1.5.3"}, {"1.7.12", "1.7.12"}} {
		_, ok := Excuse(pair[0], pair[1])
		assert.False(t, ok, "%s to %s", pair[0], pair[1])
	}
}

func TestStepsThatLeaveOutAMinorVersionAreGaps(t *testing.T) {
	for pair, want := range map[[2]string]bool{
		{"1.5.3", "1.7.12"}: true, {"1.5.3", "1.7.0-rc.1"}: true, {"1.5.3", "1.6.1"}: false, {"1.6.1", "1.7.12"}: false,
		{"1.7.12", "1.5.3"}: false, {"mine", "1.7.12"}: false,
	} {
		g, ok := GapOf(pair[0], pair[1])
		assert.Equal(t, want, ok, pair)
		if ok {
			assert.Equal(t, "from 1.6.0 on, before 1.7.0", g.Through.String())
		}
	}
}

func TestLossesAreOfStepsBackOnly(t *testing.T) {
	assert.Len(t, LossesOf("1.7.12", "1.6.2"), 1)
	for _, pair := range [][2]string{{"1.6.2", "1.7.12"}, {"1.7.12", "1.7.2"}, {"mine", "1.6.2"}, {"1.6.2", "1.6.2"}} {
		assert.Empty(t, LossesOf(pair[0], pair[1]), "%s to %s", pair[0], pair[1])
	}
}

func TestDecodeRefusesWhatMakesNoSense(t *testing.T) {
	file := func(differences, refusals string) string {
		return `{"version": 1, "differences": [` + differences + `], "refusals": [` + refusals + `], "losses": [], "gaps": [], "steps": []}`
	}
	difference := func(id, ends string) string {
		return `{"id": "` + id + `", "differs": "It does.", ` + ends + `, "bears_on": ["model"], "sources": [{"measured": ["1.7.2"]}]}`
	}
	refusal := func(from, to, says, back string) string {
		return `{"from": {` + from + `}, "to": {` + to + `}, "says": "` + says + `", "way_back": {` + back + `}, "sources": [{"measured": ["1.7.2"]}]}`
	}
	const text, backup = "partition is blocked by a version", `"backup": true`
	good := refusal(`"since": "1.7.0"`, `"before": "1.7.0"`, text, backup)
	for _, c := range []struct{ name, text, says string }{
		{"fine", file(difference("a", `"since": "1.7.0"`)+","+difference("b", `"before": "1.7.0"`), good), ""},
		{"another format", `{"version": 2, "differences": [], "refusals": [], "losses": [], "gaps": [], "steps": []}`, "its format has version 2, want 1"},
		{"an ID twice", file(difference("a", `"since": "1.7.0"`)+","+difference("a", `"since": "1.7.1"`), ""), `difference 2 ("a"): the ID stands twice`},
		{"no range", file(difference("a", `"settings": {}`), ""), "all versions have it"},
		{"an end that is no release", file(difference("a", `"since": "1.7.0-rc.1"`), ""), `"1.7.0-rc.1" is no release`},
		{"an empty range", file(difference("a", `"since": "1.7.0", "before": "1.7.0"`), ""), "no version is in the range"},
		{"a link without a host", file(strings.Replace(difference("a", `"since": "1.7.0"`), `{"measured": ["1.7.2"]}`, `{"link": "release notes"}`, 1), ""), "is no link"},
		{"no source", file(strings.Replace(difference("a", `"since": "1.7.0"`), `{"measured": ["1.7.2"]}`, "", 1), ""), "it has no source"},
		{"a refusal upward", file("", refusal(`"since": "1.6.0"`, `"before": "1.7.0"`, text, backup)), "it leads upward"},
		{"a refusal from anything", file("", refusal(`"before": "1.7.0"`, `"before": "1.6.0"`, text, backup)), "want a first version"},
		{"a refusal to anything", file("", refusal(`"since": "1.7.0"`, `"since": "1.6.0"`, text, backup)), "want a first version"},
		{"a short text", file("", refusal(`"since": "1.7.0"`, `"before": "1.7.0"`, "ERROR", backup)), "too little to tell a refusal by"},
		{"no way back", file("", refusal(`"since": "1.7.0"`, `"before": "1.7.0"`, text, "")), "settings or a backup, one of them"},
		{"a pair twice", file("", good+","+refusal(`"since": "1.8.0"`, `"since": "1.6.1", "before": "1.6.2"`, text, backup)), "an entry before it has some of its pairs"},
		{"a loss upward", strings.Replace(file("", ""), `"losses": []`, `"losses": [{"from": {"since": "1.6.0"}, "to": {"before": "1.7.0"}, `+
			`"loses": "All.", "way_back": {"backup": true}, "sources": [{"measured": ["1.7.2"]}]}]`, 1), "it leads upward"},
		{"a step that no refusal excuses", strings.Replace(file("", good), `"steps": []`, `"steps": [{"from": "1.7.2", "to": "1.7.1", "serves": false}]`, 1),
			"1.7.1 does not serve the data of 1.7.2, and no refusal and no gap has the pair"},
		{"a step upward that is not served", strings.Replace(file("", good), `"steps": []`, `"steps": [{"from": "1.6.2", "to": "1.7.1", "serves": false}]`, 1),
			"no refusal and no gap has the pair"},
		{"a step to itself", strings.Replace(file("", good), `"steps": []`, `"steps": [{"from": "1.7.2", "to": "1.7.2", "serves": true}]`, 1), "is no step"},
		{"a gap with nothing between", strings.Replace(file("", ""), `"gaps": []`, `"gaps": [{"from": {"before": "1.6.0"}, "to": {"since": "1.6.0"}, `+
			`"through": {"since": "1.6.0", "before": "1.7.0"}, "says": "`+text+`", "exit": 1, "sources": [{"measured": ["1.7.2"]}]}]`, 1), "want versions between"},
		{"pairs apart", file("", good+","+refusal(`"since": "1.6.2", "before": "1.7.0"`, `"before": "1.6.2"`, text, backup)), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Decode([]byte(c.text))
			if c.says == "" {
				assert.NoError(t, err)
				return
			}
			assert.ErrorContains(t, err, c.says)
		})
	}
}

func TestEntriesStandInTheOrderOfTheirReleases(t *testing.T) {
	release := func(d Difference) string { return cmp.Or(d.Since, d.Before) }
	assert.True(t, slices.IsSortedFunc(All().Differences, func(a, b Difference) int {
		order, _ := Compare(release(a), release(b))
		return order
	}))
}

package model_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"retain/internal/exactjson"
	"retain/model"
)

var docs = filepath.Join("..", "docs")

// events are the types of all events, by name.
var events = map[string]reflect.Type{
	"header": reflect.TypeFor[model.Header](), "call": reflect.TypeFor[model.Called](), "attempt": reflect.TypeFor[model.Attempting](),
	"attempted": reflect.TypeFor[model.Attempted](), "return": reflect.TypeFor[model.Returned](), "resolved": reflect.TypeFor[model.ResolvedAs](), "repeated": reflect.TypeFor[model.RepeatedAs](), "ran": reflect.TypeFor[model.Ran](),
	"fault": reflect.TypeFor[model.FaultBegan](), "fault-end": reflect.TypeFor[model.FaultEnded](), "evidence": reflect.TypeFor[model.Seen](),
	"recovery": reflect.TypeFor[model.Recovery](), "note": reflect.TypeFor[model.Noted](), "end": reflect.TypeFor[model.Ended](),
}

func schema(t testing.TB) *jsonschema.Schema {
	t.Helper()
	s, err := jsonschema.NewCompiler().Compile(filepath.Join(docs, "history.schema.json"))
	require.NoError(t, err)
	return s
}

// fits reports why a line does not fit the schema.
func fits(s *jsonschema.Schema, line []byte) error {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(line))
	if err != nil {
		return err
	}
	return s.Validate(value)
}

func TestEveryEventThatIsWrittenFitsTheSchema(t *testing.T) {
	s := schema(t)
	for _, line := range written {
		assert.NoError(t, fits(s, []byte(line)), line)
	}
	rapid.Check(t, func(t *rapid.T) {
		for _, e := range stream.Draw(t, "events") {
			if line := model.EncodeEvent(e); fits(s, line) != nil {
				t.Fatalf("%s: %v", line, fits(s, line))
			}
		}
	})
	files, err := filepath.Glob(filepath.Join("testdata", "histories", "recorded", "*.jsonl"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, path := range files {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		for line := range bytes.Lines(text) {
			require.NoError(t, fits(s, line), "%s: %s", path, line)
		}
	}
}

// odd are values that most fields can't have.
var odd = []any{nil, true, false, -1, 0, 1, 1.5, 1 << 60, "", "x", "ok", "kill", "rejected", "counter-0", "add(1)", `"v"`, []any{}, []any{1}, map[string]any{}}

// TestTheDecoderRefusesWhatTheSchemaRefuses changes events at random: a field less, one
// more, another value.
func TestTheDecoderRefusesWhatTheSchemaRefuses(t *testing.T) {
	s := schema(t)
	refused := 0
	rapid.Check(t, func(t *rapid.T) {
		drawn := stream.Draw(t, "events")
		line := model.EncodeEvent(rapid.SampledFrom(drawn).Draw(t, "event"))
		var fields map[string]any
		d := json.NewDecoder(bytes.NewReader(line))
		d.UseNumber()
		if err := d.Decode(&fields); err != nil {
			t.Fatal(err)
		}
		names := slices.Sorted(maps.Keys(fields))
		names = append(names, "extra", "reason", "answer", "step")
		name := rapid.SampledFrom(names).Draw(t, "field")
		if rapid.Bool().Draw(t, "drop") {
			delete(fields, name)
		} else {
			fields[name] = rapid.SampledFrom(odd).Draw(t, "value")
		}
		changed, err := json.Marshal(fields)
		if err != nil {
			t.Fatal(err)
		}
		if fits(s, changed) == nil {
			return
		}
		refused++
		if e, err := model.DecodeEvent(changed); err == nil {
			t.Fatalf("%s is read as %#v, and the schema says %v", changed, e, fits(s, changed))
		}
	})
	assert.NotZero(t, refused)
}

// fieldsOf are the fields of an event, and which of them are required.
func fieldsOf(name string) map[string]bool {
	out := map[string]bool{}
	for _, f := range exactjson.FieldsOf(events[name]) {
		out[f.Name] = f.Required
	}
	return out
}

func TestTheSchemaHasTheFieldsOfTheEvents(t *testing.T) {
	var s struct {
		OneOf []map[string]string `json:"oneOf"`
		Defs  map[string]struct {
			Properties map[string]any
			Required   []string
		} `json:"$defs"`
	}
	text, err := os.ReadFile(filepath.Join(docs, "history.schema.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &s))
	assert.Len(t, s.OneOf, len(events))
	for name := range events {
		def := s.Defs[name]
		got := map[string]bool{}
		for field := range def.Properties {
			if field != "e" {
				got[field] = slices.Contains(def.Required, field)
			}
		}
		assert.Equal(t, fieldsOf(name), got, name)
		assert.Contains(t, def.Required, "e", name)
	}
}

var (
	sections = regexp.MustCompile(`(?m)^### (\S+)$`)
	rows     = regexp.MustCompile("(?m)^\\| `([a-z]+)` \\| ([^|]+) \\|")
)

// TestHistoryDocumentListsTheFieldsOfEvents holds the tables of docs/history.md against the
// events.
func TestHistoryDocumentListsTheFieldsOfEvents(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(docs, "history.md"))
	require.NoError(t, err)
	_, after, found := strings.Cut(string(text), "\n## Events\n")
	require.True(t, found)
	after, _, _ = strings.Cut(after, "\n## ")
	starts := sections.FindAllStringSubmatchIndex(after, -1)
	assert.Len(t, starts, len(events))
	for i, at := range starts {
		end := len(after)
		if i+1 < len(starts) {
			end = starts[i+1][0]
		}
		name, got := after[at[2]:at[3]], map[string]bool{}
		require.Contains(t, events, name)
		for _, row := range rows.FindAllStringSubmatch(after[at[1]:end], -1) {
			got[row[1]] = row[2] == "required"
		}
		assert.Equal(t, fieldsOf(name), got, name)
	}
	// Every value that a field can have is named.
	for _, field := range []string{"program", "look", "closing", "ledger", "late", "later", "ok", "failed", "ambiguous", "not-sent", "rejected",
		"timed-out", "disconnected", "unavailable", "left-open", "unexpected", "resend", "lookup", "stop", "kill", "start", "pause", "resume", "node-0", "service",
		"entered", "effect", "finished", "broken"} {
		assert.Contains(t, after, fmt.Sprintf("`%s`", field))
	}
	assert.Contains(t, string(text), fmt.Sprintf("at most %d MiB", model.MaxLine>>20))
}

// The schema has no faults or kinds of objects but those that there are.
func TestTheSchemaNamesEveryFaultAndKind(t *testing.T) {
	var s struct {
		Defs struct {
			FaultKind struct{ Enum []model.FaultKind }
			Object    struct{ Pattern string }
		} `json:"$defs"`
	}
	text, err := os.ReadFile(filepath.Join(docs, "history.schema.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &s))
	assert.Equal(t, model.FaultKinds(), s.Defs.FaultKind.Enum, "docs/history.schema.json, faultKind")
	var kinds []string
	for _, k := range model.Kinds() {
		kinds = append(kinds, string(k))
	}
	assert.Equal(t, "^("+strings.Join(kinds, "|")+")-(0|[1-9][0-9]*)$", s.Defs.Object.Pattern, "docs/history.schema.json, object")
}

package dumpconfig

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// toy is a server with a few settings. It ignores what it does not know.
type toy struct {
	// defaults are the settings; those whose default is nil are printed only where
	// they are set.
	defaults map[string]any
	dumps    int
}

func newToy() *toy {
	return &toy{defaults: map[string]any{
		"partitions": 24, "log-filter": "info", "worker.limit": 7, "worker.fast": nil, "vqueues": nil, "worker.headers.x": "y",
	}}
}

func (s *toy) server() Server {
	return Server{Name: "restate-server 0.0.1", Dump: s.dump, Mentions: func(name string) bool { return name == "RESTATE_INTERNAL" }}
}

// dump prints what an input comes to.
func (s *toy) dump(_ context.Context, in Input) (Output, error) {
	s.dumps++
	out := map[string]any{}
	for path, value := range s.defaults {
		if value != nil {
			set(out, path, value)
		}
	}
	var file map[string]any
	if err := toml.Unmarshal(in.File, &file); err != nil {
		return Output{Refused: "TOML parse error"}, nil
	}
	for _, l := range leavesOf(file) {
		if refused := s.take(out, l.String(), l.value); refused != "" {
			return Output{Refused: refused}, nil
		}
	}
	for _, name := range slices.Sorted(maps.Keys(in.Env)) {
		var v struct{ X any }
		if toml.Unmarshal([]byte("X = "+in.Env[name]), &v) != nil {
			v.X = in.Env[name]
		}
		for _, l := range leavesOf(map[string]any{pathOf(name): v.X}) {
			if refused := s.take(out, l.String(), l.value); refused != "" {
				return Output{Refused: refused}, nil
			}
		}
	}
	text, err := toml.Marshal(out)
	return Output{Text: string(text)}, err
}

// take takes a setting, unless it does not know it; it refuses what is within one,
// and a text for a number.
func (s *toy) take(out map[string]any, path string, value any) (refused string) {
	for known, was := range s.defaults {
		_, number := was.(int)
		_, text := value.(string)
		if strings.HasPrefix(path, known+".") || path == known && number && text {
			return fmt.Sprintf("invalid type: %v for %s", value, known)
		}
	}
	if _, known := s.defaults[path]; known {
		set(out, path, value)
	}
	return ""
}

func set(document map[string]any, path string, value any) {
	parts := strings.Split(path, ".")
	for _, p := range parts[:len(parts)-1] {
		if document[p] == nil {
			document[p] = map[string]any{}
		}
		document = document[p].(map[string]any)
	}
	document[parts[len(parts)-1]] = value
}

func checked(t *testing.T, content string, pairs ...string) (notes []string, err error) {
	given := Given{Env: map[string]string{}, Path: "own.toml", Shared: []string{"RESTATE_PARTITIONS"}, Fixed: []string{"RESTATE_LOG_FILTER"}}
	for _, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		given.Env[name] = value
	}
	if content != "" {
		given.Content = []byte(content)
	}
	notes, err = Check(t.Context(), newToy().server(), given)
	if err != nil {
		assert.NotContains(t, err.Error(), "\n")
	}
	return notes, err
}

func TestUnknownSettingIsNamedWithTheNearest(t *testing.T) {
	for given, meant := range map[string]string{
		"RESTATE_VQEUUES=true":         "did you mean RESTATE_VQUEUES?", // which is printed only where it is set
		"RESTATE_WORKER_FAST=true":     "did you mean RESTATE_WORKER__FAST?",
		"RESTATE_WORKER__LIMITS=8":     "did you mean RESTATE_WORKER__LIMIT?",
		"RESTATE_PARTITIONS_NUMBER=8":  "look the name up",
		"RESTATE_LIMIT=8":              "did you mean RESTATE_WORKER__LIMIT?",
		"restate_vqeuues=true":         "did you mean RESTATE_VQUEUES?",
		"RESTATE_WORKER={limits=8}":    "RESTATE_WORKER__LIMITS=8: restate-server 0.0.1 has no such setting and ignores it: did you mean RESTATE_WORKER__LIMIT?",
		"RESTATE_NOTHING_LIKE_IT=true": "has no such setting and ignores it: look the name up",
	} {
		_, err := checked(t, "", given)
		assert.ErrorContains(t, err, meant, given)
	}
}

func TestKnownSettingIsAccepted(t *testing.T) {
	for _, given := range []string{
		"RESTATE_VQUEUES=true", "RESTATE_WORKER__FAST=false", "RESTATE_WORKER__LIMIT=8", "RESTATE_WORKER={limit=8, fast=true}", "restate_vqueues=true",
	} {
		notes, err := checked(t, "", given)
		assert.NoError(t, err, given)
		assert.Empty(t, notes, given)
	}
}

func TestSettingWithoutEffectIsNoted(t *testing.T) {
	notes, err := checked(t, "", "RESTATE_WORKER__LIMIT=7")
	require.NoError(t, err)
	assert.Equal(t, []string{"RESTATE_WORKER__LIMIT=7 changes nothing: the server has that value anyway"}, notes)
	notes, err = checked(t, "", "RESTATE_PARTITIONS=24")
	require.NoError(t, err)
	assert.Equal(t, []string{"RESTATE_PARTITIONS=24 goes over that of each configuration"}, notes)
}

func TestUncheckableSettingIsNoted(t *testing.T) {
	notes, err := checked(t, "", "RUST_LOG=warn", "RESTATE_INTERNAL=x")
	require.NoError(t, err)
	assert.Len(t, notes, 2)
	assert.Contains(t, notes[0], "RUST_LOG is not checked")
	assert.Contains(t, notes[1], "RESTATE_INTERNAL=x is not checked")

	silent := Server{Name: "wrapper", Dump: func(context.Context, Input) (Output, error) {
		return Output{}, fmt.Errorf("./wrapper: %w", ErrUnable)
	}}
	notes, err = Check(t.Context(), silent, Given{Env: map[string]string{"RESTATE_VQEUUES": "true"}})
	require.NoError(t, err, "a program without the flag is exempt")
	assert.Equal(t, []string{"the settings are not checked: ./wrapper: it does not answer --dump-config"}, notes)

	lost := Server{Name: "wrapper", Dump: func(context.Context, Input) (Output, error) { return Output{Refused: "no such library"}, nil }}
	notes, err = Check(t.Context(), lost, Given{Env: map[string]string{"RESTATE_VQEUUES": "true"}})
	require.NoError(t, err, "nor does one say anything of settings that fails without any")
	assert.Len(t, notes, 1)
}

func TestRefusedValueIsNamedButNoSecret(t *testing.T) {
	_, err := checked(t, "", "RESTATE_WORKER__LIMIT=many", "RESTATE_VQUEUES=true")
	assert.EqualError(t, err, "-restate.env RESTATE_WORKER__LIMIT=many: restate-server 0.0.1 refuses it: invalid type: many for worker.limit")
	_, err = checked(t, "", "RESTATE_VQEUUES_TOKEN=hunter2")
	assert.ErrorContains(t, err, "RESTATE_VQEUUES_TOKEN=(sha256 f52fbd32)")
	assert.NotContains(t, err.Error(), "hunter2")
	_, err = checked(t, "worker = 1 2\n")
	assert.EqualError(t, err, "-restate.config own.toml: restate-server 0.0.1 refuses it: TOML parse error")
}

func TestSettingsOfAFileAreChecked(t *testing.T) {
	_, err := checked(t, "[worker]\nlimit = 8\nfsat = true\n\n[worker.headers]\nx = \"z\"\n")
	assert.EqualError(t, err, "-restate.config own.toml: worker.fsat: restate-server 0.0.1 has no such setting and ignores it: did you mean worker.fast?")
	_, err = checked(t, "worker_limit = 8\n[[clusters]]\nname = \"a\"\n")
	assert.ErrorContains(t, err, "clusters.0.name: ")
	assert.ErrorContains(t, err, "worker_limit: ")
	notes, err := checked(t, "vqueues = true\nlog-filter = \"warn\"\npartitions = 3\n[worker]\nlimit = 7\nfast = false\n")
	require.NoError(t, err)
	assert.Len(t, notes, 3)
	for i, says := range []string{"log-filter has no effect: retain sets RESTATE_LOG_FILTER", "partitions has no effect: retain sets RESTATE_PARTITIONS", "worker.limit changes nothing"} {
		assert.Contains(t, notes[i], says)
	}
	notes, err = checked(t, "# nothing\n")
	assert.NoError(t, err)
	assert.Empty(t, notes)
}

func TestServerWithoutSettingsIsNotChecked(t *testing.T) {
	s := newToy()
	notes, err := Check(t.Context(), s.server(), Given{Env: map[string]string{"RUST_LOG": "warn"}})
	require.NoError(t, err)
	assert.Len(t, notes, 1)
	assert.Zero(t, s.dumps)
}

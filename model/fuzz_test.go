package model_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"retain/model"
)

// FuzzHistory reads arbitrary files. One that is read is written as one that
// reads back equal, and so is each of its lines; their strings keep their bytes.
func FuzzHistory(f *testing.F) {
	f.Add([]byte(strings.Join(written, "\n")))
	for _, pattern := range []string{"*.jsonl", "recorded/*witness.jsonl"} {
		files, err := filepath.Glob(filepath.Join("testdata", "histories", pattern))
		require.NoError(f, err)
		require.NotEmpty(f, files)
		for _, path := range files {
			text, err := os.ReadFile(path)
			require.NoError(f, err)
			f.Add(text)
		}
	}
	for seed := range 10 {
		f.Add(file(stream.Example(seed)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := model.ReadHistory(bytes.NewReader(data))
		if err != nil {
			return
		}
		if h.Damage == "" {
			require.True(t, utf8.Valid(data))
		}
		for line := range bytes.Lines(data) {
			if e, err := model.DecodeEvent(line); err == nil { // else it is the one that was cut off
				readsBack(t, line, e)
			}
		}
		var text bytes.Buffer
		require.NoError(t, model.WriteHistory(&text, h))
		back, err := model.ReadHistory(bytes.NewReader(text.Bytes()))
		require.NoError(t, err, "%s", text.Bytes())
		h.Damage = ""
		require.Equal(t, h, back, "%s", text.Bytes())
	})
}

// FuzzEvent is [FuzzHistory] for one line: more of what the fuzzer makes is an event.
func FuzzEvent(f *testing.F) {
	for _, line := range written {
		f.Add([]byte(line))
	}
	for seed := range 5 {
		for _, e := range stream.Example(seed) {
			f.Add(model.EncodeEvent(e))
		}
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		if e, err := model.DecodeEvent(line); err == nil {
			require.True(t, utf8.Valid(line))
			readsBack(t, line, e)
		}
	})
}

// readsBack holds the line that an event is written as against the one that it was read
// from: the same members with the same values, but for defaults, which are left out.
func readsBack(t *testing.T, line []byte, e model.Event) {
	again := model.EncodeEvent(e)
	back, err := model.DecodeEvent(again)
	require.NoError(t, err)
	require.Equal(t, compact(t, e), compact(t, back))
	was, is := members(t, line), members(t, again)
	for name, value := range was {
		if name == "altered" {
			continue // its settings have defaults of their own
		}
		if kept, there := is[name]; there {
			require.Equal(t, value, kept, "%s of %q", name, line)
			continue
		}
		switch value {
		case json.Number("0"), json.Number("-0"), "", false:
		default:
			require.Empty(t, value, "%s of %q is left out", name, line)
		}
	}
	for name := range is {
		require.Contains(t, was, name)
	}
}

// compact is an event whose plan has no spaces, as it is written.
func compact(t *testing.T, e model.Event) model.Event {
	h, is := e.(model.Header)
	if !is {
		return e
	}
	if len(h.Shared) == 0 {
		h.Shared = nil
	}
	if len(h.Plan) > 0 {
		var b bytes.Buffer
		require.NoError(t, json.Compact(&b, h.Plan))
		h.Plan = b.Bytes()
	}
	return h
}

func members(t *testing.T, line []byte) (out map[string]any) {
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	require.NoError(t, d.Decode(&out))
	return out
}

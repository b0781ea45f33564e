package commandline_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/harness/triage"
	"retain/internal/selftest/suite"
	"retain/model"
	"retain/runtime/binary"
)

// The session runs on the simulated runtime.
func TestBuildLineNamesAlteringFlags(t *testing.T) {
	altering := []string{"-bugs", "lost-write", "-bugs.rate", "1", "-config", "plain-4", "-unresolved", "-recovery.max", "20s", "-completion.max", "21s", "-check.budget", "19s"}
	run := suite.New(t, nil, append(suite.Properties("-runtime", "simulated", "-shrink.budget", "0", "-summary", "s.json", "-rapid.seed", "3"), altering...)...)
	_ = run.Run() // whatever the plan shows
	const with = "with -bugs lost-write, -bugs.rate 1, -config plain-4, -unresolved, -recovery.max 20s, -completion.max 21s, -check.budget 19s"
	assert.Contains(t, run.Text(), with)
	assert.Len(t, summaryOf(t, run).Settings, 7)

	plain := suite.New(t, nil, suite.Properties("-runtime", "simulated", "-summary", "s.json", "-rapid.seed", "3")...)
	_ = plain.Run()
	assert.NotContains(t, plain.Text(), " with ")
	assert.Empty(t, summaryOf(t, plain).Settings)
}

func summaryOf(t *testing.T, run *suite.Child) (s struct{ Settings model.Settings }) {
	text, err := os.ReadFile(filepath.Join(run.Dir, "s.json"))
	require.NoError(t, err, run.Text())
	require.NoError(t, json.Unmarshal(text, &s))
	return s
}

// The native server runs without its log, behind a wrapper, with a configuration file
// and a secret. Every file of its finding names them, and none has the secret.
func TestFindingNamesAlteredServer(t *testing.T) {
	cache := suite.NewCache(t)
	server := nativeBinary(t)
	run := suite.New(t, append(cache.Env(), "MY_API_TOKEN=hunter2"), suite.Properties("-rapid.seed", "7", "-load", "0", "-shrink.budget", "0", "-summary", "s.json",
		"-config", "plain-1", "-restate.binary", "./wrapped", "-restate.config", "own.toml",
		"-restate.env", "RESTATE_LOG_SERVER__ROCKSDB_DISABLE_WAL=true", "-restate.env", "MY_API_TOKEN=$MY_API_TOKEN")...)
	require.NoError(t, os.WriteFile(filepath.Join(run.Dir, "wrapped"), []byte("#!/bin/sh\nexec "+server+" \"$@\"\n"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(run.Dir, "own.toml"), []byte("[worker]\ncleanup-interval = \"2h\"\n"), 0o644))
	_ = run.Run()
	for _, part := range []string{
		"with MY_API_TOKEN=(sha256 f52fbd32), RESTATE_LOG_SERVER__ROCKSDB_DISABLE_WAL=true",
		"-restate.config own.toml (sha256 ", "-restate.binary wrapped (sha256 ", "-config plain-1",
		"'-restate.env=MY_API_TOKEN=$MY_API_TOKEN'",
	} {
		assert.Contains(t, run.Text(), part)
	}
	require.Len(t, summaryOf(t, run).Settings, 6)
	kept, err := filepath.Glob(filepath.Join(run.Dir, "testdata", "*", "*", "*"))
	require.NoError(t, err)
	require.NotEmpty(t, kept, run.Text())
	for _, file := range kept {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // a directory
		}
		switch filepath.Base(file) {
		case triage.FindingFile, triage.HistoryFile, triage.PageFile:
			assert.Contains(t, string(text), "RESTATE_LOG_SERVER__ROCKSDB_DISABLE_WAL", file)
			assert.Contains(t, string(text), "own.toml", file)
		}
		if filepath.Base(file) != triage.LogFile {
			assert.NotContains(t, string(text), "hunter2", file)
		}
	}
	assert.NotContains(t, run.Text(), "hunter2")
}

// nativeBinary is the path of the native server.
func nativeBinary(t *testing.T) string {
	t.Helper()
	server, err := binary.Find(t.Context(), binary.Request{Notice: func(line string) { t.Log(line) }})
	require.NoError(t, err)
	return server.Path
}

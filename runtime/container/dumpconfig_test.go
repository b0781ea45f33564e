package container

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/internal/selftest"
	"retain/runtime"
	"retain/runtime/dumpconfig"
)

// The image is the default one.
func TestImageListsTheSettingsItKnows(t *testing.T) {
	selftest.Long(t, "9 s")
	needsDocker(t)
	ctx := bounded(t, 10*time.Minute)
	id, err := ImageID(ctx, runtime.Settings{}, WithNotice(func(line string) { t.Log(line) }))
	require.NoError(t, err)
	assert.Regexp(t, "^sha256:[0-9a-f]{64}$", id)
	server, err := Dumper(ctx, id)
	require.NoError(t, err)
	notes, err := dumpconfig.Check(ctx, server, dumpconfig.Given{
		Env: map[string]string{"RESTATE_LOG_SERVER__ROCKSDB_DISABLE_WAL": "true"}, Path: "own.toml", Content: []byte("[worker]\ncleanup-intervall = \"2h\"\n"),
	})
	assert.ErrorContains(t, err, "worker.cleanup-intervall: restate-server "+server.Name[len("restate-server "):]+" has no such setting and ignores it: did you mean worker.cleanup-interval?")
	assert.NotContains(t, err.Error(), "ROCKSDB")
	assert.Empty(t, notes)
}

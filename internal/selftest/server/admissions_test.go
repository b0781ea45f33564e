package server_test

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/generators"
	"retain/harness"
	"retain/harness/session"
	"retain/internal/selftest/suite"
	"retain/model"
	"retain/runtime"
	"retain/runtime/process"
)

// vandalised is a native server whose log store is deleted after its first kill.
type vandalised struct {
	*process.Runtime
	t     *testing.T
	kills int
}

// baseDir matches the data directory in a server's log.
var baseDir = regexp.MustCompile(`base_dir=(\S+)`)

func (v *vandalised) Kill(ctx context.Context) error {
	err := v.Runtime.Kill(ctx)
	if v.kills++; v.kills == 1 {
		log, e := v.Logs(0)
		require.NoError(v.t, e)
		m := baseDir.FindSubmatch(log)
		require.NotNil(v.t, m)
		store := filepath.Join(string(m[1]), "log-store")
		require.DirExists(v.t, store)
		require.NoError(v.t, os.RemoveAll(store))
	}
	return err
}

// The real server's log store is deleted after a kill. The server's log admits the loss,
// and the session reports it.
func TestAdmittedDataLossIsReported(t *testing.T) {
	inner := suite.Native(t)
	session, err := session.Conduct(t.Context(), session.Options{
		Draw:  func(int) generators.Plan { return generators.StartAndStop(model.Kill) },
		Plans: 1, Dir: t.TempDir(), Late: -1, Bounds: harness.Bounds{Recovery: 20 * time.Second, Completion: 5 * time.Second},
		Open: func(ctx context.Context, s runtime.Settings) (*harness.System, error) {
			sys, err := inner(ctx, s)
			if err == nil {
				sys.Runtime = &vandalised{Runtime: sys.Runtime.(*process.Runtime), t: t}
			}
			return sys, err
		},
	})
	require.NoError(t, err)
	require.Equal(t, harness.Violation, session.Verdict)
	require.NotEmpty(t, session.Admissions)
	first := session.Admissions[0]
	assert.Equal(t, "data loss", first.Class)
	assert.Equal(t, 2, first.Life)
	assert.Contains(t, first.Line, "Detected data loss for log-server")
	assert.Equal(t, first, session.Failures[0].Admissions[0])
}

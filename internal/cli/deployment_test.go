package cli

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Whatever a header's value is, neither a command line nor a file has it.
func TestHeaderValuesAreReferredToAndNeverWritten(t *testing.T) {
	t.Setenv("AUTH", "Bearer from the environment")
	h := headers{}
	require.NoError(t, h.Set("authorization=$AUTH"))
	require.NoError(t, h.Set("x-api-key=a=b"))
	require.NoError(t, h.Set("x-api-key=a=b")) // as a command that is repeated has it
	assert.Equal(t, http.Header{"Authorization": {"Bearer from the environment"}, "X-Api-Key": {"a=b"}}, h.header())
	assert.Equal(t, []string{"Authorization=$AUTH", "X-Api-Key=$X_API_KEY"}, h.referenced())
	for value, says := range map[string]string{
		"x-api-key=c": "given twice", "x=$NOT_SET_HERE": "export it", "host=a": "not yours to set", "no value": "want NAME=VALUE", "a b=c": "want NAME=VALUE", "x=a\nb": "no header can have",
	} {
		assert.ErrorContains(t, h.Set(value), says, value)
	}
}

func TestEnvironmentFileIsReadAsDockerDoes(t *testing.T) {
	t.Setenv("FROM_HERE", "here")
	path := filepath.Join(t.TempDir(), "env")
	*serviceEnvFlag = path
	t.Cleanup(func() { *serviceEnvFlag = "" })
	require.NoError(t, os.WriteFile(path, []byte("# comment\n\nA=1\n  B=two words # no comment\nEMPTY=\nFROM_HERE\nNOT_SET_HERE\n"), 0o644))
	env, err := serviceEnv()
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"A": "1", "B": "two words # no comment", "EMPTY": "", "FROM_HERE": "here"}, env)

	require.NoError(t, os.WriteFile(path, []byte("A=1\nB C=2\n"), 0o644))
	_, err = serviceEnv()
	assert.ErrorContains(t, err, "line 2: want NAME=VALUE")
}

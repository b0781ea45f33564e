package retain_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/generators"
)

func TestTheReadmeNamesEveryFlagAndConfiguration(t *testing.T) {
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	readme := string(text)
	flag.VisitAll(func(f *flag.Flag) {
		if !strings.HasPrefix(f.Name, "test.") && !strings.HasPrefix(f.Name, "rapid.") {
			assert.True(t, strings.Contains(readme, "`-"+f.Name), "the README says nothing of -%s", f.Name)
		}
	})
	for _, s := range generators.Servers() {
		assert.True(t, strings.Contains(readme, "`"+s.Name+"`"), "the README says nothing of %s", s.Name)
	}
}

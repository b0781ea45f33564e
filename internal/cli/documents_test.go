package cli

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/generators"
)

// document is the text of a file of the project.
func document(t *testing.T, path string) string {
	text, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(path)))
	require.NoError(t, err)
	return string(text)
}

func TestFlagsPageNamesEveryFlagAndConfiguration(t *testing.T) {
	page := document(t, "docs/flags.md")
	flag.VisitAll(func(f *flag.Flag) {
		if !strings.HasPrefix(f.Name, "test.") && !strings.HasPrefix(f.Name, "rapid.") {
			assert.True(t, strings.Contains(page, "`-"+f.Name), "docs/flags.md has no flag -%s", f.Name)
		}
	})
	for _, s := range generators.Servers() {
		assert.True(t, strings.Contains(page, "`"+s.Name+"`"), "docs/flags.md has no configuration %s", s.Name)
	}
}

// The fields of a plan on the flags page are those of a plan.
func TestPlanOnTheFlagsPageIsRead(t *testing.T) {
	_, fields, found := strings.Cut(document(t, "docs/flags.md"), "```json\n")
	require.True(t, found)
	fields, _, _ = strings.Cut(fields, "```")
	p, err := generators.Decode([]byte(`{"version":2,` + fields + `}`))
	require.NoError(t, err)
	assert.NotZero(t, p.Config.Start)
	assert.NotZero(t, p.Steps[len(p.Steps)-1].(generators.Inject).Start)
}

// The manifests, the image and the nightly workflow give flags that exist.
func TestDeploymentFlagsExist(t *testing.T) {
	goFlags := []string{"run", "timeout"} // of go test, which hands them on
	for file, pattern := range map[string]string{
		"deploy/campaign.yaml":          `(?m)^ +- -([\w.]+)=`,
		"deploy/report.yaml":            `(?m)^ +- -([\w.]+)=`,
		"deploy/Dockerfile":             `"-([\w.]+)=`,
		".github/workflows/nightly.yml": `(?m) -([a-z.]+) ["'\w]`,
	} {
		found := regexp.MustCompile(pattern).FindAllStringSubmatch(document(t, file), -1)
		assert.NotEmpty(t, found, file)
		for _, m := range found {
			if !strings.HasSuffix(file, ".yml") || !slices.Contains(goFlags, m[1]) {
				assert.NotNil(t, flag.Lookup(m[1]), "%s gives -%s, which there is not", file, m[1])
			}
		}
	}
}

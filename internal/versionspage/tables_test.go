package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/internal/generated"
	"retain/report"
	"retain/runtime/versions"
)

func TestPageHasTheTablesOfTheFile(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", page))
	require.NoError(t, err)
	measured, err := report.ReadCertificate(filepath.Join("..", "..", neighboursFile))
	require.NoError(t, err)
	want, err := generated.Replace(string(text), part, tables(versions.All())+neighbours(measured))
	require.NoError(t, err)
	assert.True(t, want == string(text), "docs/versions.md is behind the file of differences: go run ./internal/versionspage -w")
}

func TestEachNeighbouringPairStandsInTheTableUpAndBack(t *testing.T) {
	measured, err := report.ReadCertificate(filepath.Join("..", "..", neighboursFile))
	require.NoError(t, err)
	text := neighbours(measured)
	all := versions.Measured()
	require.Greater(t, len(all), 5)
	for i := range len(all) - 1 {
		assert.Contains(t, text, "| "+all[i]+" | "+all[i+1]+" | up | ")
		assert.Contains(t, text, "| "+all[i+1]+" | "+all[i]+" | back | ")
	}
	assert.NotContains(t, text, "not tested")
}

func TestTablesSayWhatEntriesSay(t *testing.T) {
	exit := 1
	text := tables(&versions.File{
		Differences: []versions.Difference{{
			ID: "a", Differs: "It does a|b.", Range: versions.Range{Since: "1.7.1"}, BearsOn: []versions.Area{versions.Client, versions.Model},
			Settings: map[string]string{"RESTATE_B": "2", "RESTATE_A": "1"},
			Sources:  []versions.Source{{Link: "https://example.org/pull/12"}, {Measured: []string{"1.7.0", "1.7.2"}}},
		}},
		Refusals: []versions.Refusal{{
			From: versions.Range{Since: "1.7.0"}, To: versions.Range{Before: "1.7.0"}, Says: "no way", Exit: &exit,
			WayBack: versions.WayBack{Backup: true}, Sources: []versions.Source{{Link: "https://example.org/notes/v1.md"}},
		}},
		Losses: []versions.Loss{{
			From: versions.Range{Since: "1.7.0"}, To: versions.Range{Before: "1.7.0"}, Loses: "It forgets.",
			WayBack: versions.WayBack{Settings: map[string]string{"RESTATE_C": "3"}}, Sources: []versions.Source{{Measured: []string{"1.7.0"}}},
		}},
		Gaps: []versions.Gap{{
			From: versions.Range{Before: "1.6.0"}, To: versions.Range{Since: "1.7.0"}, Through: versions.Range{Since: "1.6.0", Before: "1.7.0"},
			Says: "too far", Exit: 2, Sources: []versions.Source{{Measured: []string{"1.5.3"}}},
		}},
		Steps: []versions.Step{{From: "1.6.2", To: "1.7.2", Serves: true}, {From: "1.7.2", To: "1.6.2", With: map[string]string{"RESTATE_D": "4"}}},
	})
	for _, line := range []string{
		"| from 1.7.1 on | It does a\\|b. `RESTATE_A=1`, `RESTATE_B=2` | client, model | [#12](https://example.org/pull/12); measured on 1.7.0, 1.7.2 |\n",
		"| from 1.7.0 on | before 1.7.0 | not served: the log says `no way`, and the server ends with exit code 1 | a backup from before the way up | [v1](https://example.org/notes/v1.md) |\n",
		"| from 1.7.0 on | before 1.7.0 | served. It forgets. | `RESTATE_C=3` from the newer server's first start on | measured on 1.7.0 |\n",
		"| before 1.6.0 | from 1.7.0 on | not served: the log says `too far`, and the server ends with exit code 2 | a start of a version from 1.6.0 on, before 1.7.0 | measured on 1.5.3 |\n",
		"| 1.6.2 | 1.7.2 | up |  | served |\n",
		"| 1.7.2 | 1.6.2 | back | `RESTATE_D=4` | not served |\n",
	} {
		assert.Contains(t, text, line)
	}
}

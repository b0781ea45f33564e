package upgrade

import (
	"cmp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const sharding = "RESTATE_DISABLE_CONTROLLED_IDEMPOTENT_SHARDING"

func TestVersionsAreAPathInTheOrderOfTheirReleases(t *testing.T) {
	paths, err := Parse(" 1.7.12,1.6.2, 1.7.2")
	require.NoError(t, err)
	assert.Equal(t, []Path{{"1.6.2", "1.7.2", "1.7.12"}}, paths)
	paths, err = Parse("1.7.12,mine")
	require.NoError(t, err)
	assert.Equal(t, []Path{{"1.7.12", "mine"}}, paths, "a build has no order")
	paths, err = Parse("1.7.12,mine,1.6.2,1.7.2")
	require.NoError(t, err)
	assert.Equal(t, []Path{{"1.6.2", "mine", "1.7.2", "1.7.12"}}, paths, "and keeps its place among releases that have one")
}

func TestNeighboursArePairs(t *testing.T) {
	paths, err := Parse("neighbours:1.6.1,1.6.2,1.7.2")
	require.NoError(t, err)
	assert.Equal(t, []Path{{"1.6.1", "1.6.2"}, {"1.6.2", "1.7.2"}}, paths)
	paths, err = Parse(Neighbours)
	require.NoError(t, err)
	require.Greater(t, len(paths), 5)
	assert.Equal(t, Path{"1.5.3", "1.6.1"}, paths[0])
	for i := range len(paths) - 1 {
		assert.Equal(t, paths[i][1], paths[i+1][0])
	}
}

func TestPathsThatNoServerCanBeLedAlongAreRefused(t *testing.T) {
	for text, says := range map[string]string{
		"1.6.2": "want two versions at least", "": `version "": want a release`, "1.6.2,,1.7.2": `version "": want a release`, "neighbors": "want neighbours", "1.6.2,1.6.2": "1.6.2 stands twice",
		"1.5.3,1.7.12":            "1.7.12 does not start on the data of 1.5.3: name a version between them, one from 1.6.0 on, before 1.7.0",
		"neighbours:1.5.3,1.7.12": "name a version between them", "neighbours,1.6.2": "want neighbours, or neighbours:A,B,C", "a b,c": "want a release",
		"neighbours:1.6.2": "want two versions at least",
	} {
		_, err := Parse(text)
		assert.ErrorContains(t, err, says, text)
	}
}

func TestPathThatLeadsDownIsToldByTheReleasesOfItsBuilds(t *testing.T) {
	says := map[string]string{"next": "1.7.12"}
	release := func(name string) string { return cmp.Or(says[name], name) }
	newer, older := Path{"next", "1.6.2"}.LeadsDown(release)
	assert.Equal(t, []string{"next", "1.6.2"}, []string{newer, older})
	newer, _ = Path{"1.6.2", "next"}.LeadsDown(release)
	assert.Empty(t, newer)
	newer, _ = Path{"other", "1.6.2"}.LeadsDown(release)
	assert.Empty(t, newer, "nobody knows")
}

func TestReleaseOfABuildIsWhatAllItsServersReport(t *testing.T) {
	assert.Equal(t, "1.7.12", Release("mine", []string{"1.7.12 (577e032)", "1.7.12 (abc)"}))
	assert.Equal(t, "mine", Release("mine", []string{"1.7.12 (577e032)", "1.7.13 (abc)"}))
	assert.Equal(t, "mine", Release("mine", nil))
	assert.Equal(t, "1.6.2", Release("1.6.2", []string{"1.7.12 (577e032)"}), "a release stands for itself")
}

func TestSettingsAreThoseOfEachWayBackUnlessAPersonDecided(t *testing.T) {
	assert.Equal(t, map[string]string{sharding: "true"}, Path{"1.6.2", "1.7.2", "1.7.12"}.Settings(nil))
	assert.Empty(t, Path{"1.6.2", "1.7.12"}.Settings(map[string]string{"restate_disable_controlled_idempotent_sharding": "false"}))
	assert.Empty(t, Path{"1.7.2", "1.7.12"}.Settings(nil))
}

func TestNeedsAreOfTheWayBackOnly(t *testing.T) {
	assert.Empty(t, NeedsOf(Pair{"1.6.2", "1.7.12"}))
	assert.Empty(t, NeedsOf(Pair{"1.7.12", "1.7.10"}))
	all := NeedsOf(Pair{"1.7.12", "1.6.2"})
	require.Len(t, all, 2)
	assert.Equal(t, map[string]string{sharding: "true"}, all[0].Settings)
	assert.False(t, all[0].Objects)
	assert.NotEmpty(t, all[0].Links)
	assert.True(t, all[1].Backup)
	assert.Contains(t, all[1].With, "RESTATE_EXPERIMENTAL_ENABLE_VQUEUES")
	assert.Contains(t, all[1].Why, "does not serve the data")
}

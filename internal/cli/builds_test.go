package cli

import (
	"flag"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/campaign"
	"retain/generators"
	"retain/harness/backend"
	"retain/model"
)

// startsAs is a plan whose starts name versions.
func startsAs(versions ...string) (p generators.Plan) {
	for i, v := range versions {
		p.Steps = append(p.Steps, generators.Inject{ID: i + 1, Fault: model.Start, Version: v, When: generators.InPlace{}})
	}
	return p
}

func TestBuildsOfAFlagAreNamedOrOne(t *testing.T) {
	for _, c := range []struct {
		name  string
		given []string
		want  builds
		says  string
	}{
		{"a path", []string{"./restate-server"}, builds{plain: "./restate-server"}, ""},
		{"a name", []string{"mine=./a"}, builds{named: map[string]string{"mine": "./a"}}, ""},
		{"names and a path", []string{"mine=a", "./b", "1.7.13-dev=c"}, builds{plain: "./b", named: map[string]string{"mine": "a", "1.7.13-dev": "c"}}, ""},
		{"a path with a sign of equality", []string{"./a=b"}, builds{plain: "./a=b"}, ""},
		{"a path behind a name with one", []string{"mine=./a=b"}, builds{named: map[string]string{"mine": "./a=b"}}, ""},
		{"an image with its digest", []string{"mine=r.example/restate:dev@sha256:0a"}, builds{named: map[string]string{"mine": "r.example/restate:dev@sha256:0a"}}, ""},
		{"the same twice", []string{"mine=a", "mine=a", "b", "b"}, builds{plain: "b", named: map[string]string{"mine": "a"}}, ""},
		{"nothing behind a name", []string{"mine="}, builds{}, "nothing stands behind mine="},
		{"a name for two", []string{"mine=a", "mine=b"}, builds{named: map[string]string{"mine": "a"}}, "mine is given twice"},
		{"two without a name", []string{"a", "b"}, builds{plain: "a"}, "two servers have no name"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b builds
			var err error
			for _, text := range c.given {
				if e := b.Set(text); e != nil {
					err = e
				}
			}
			if c.says == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, c.says)
			}
			assert.Equal(t, c.want, b)
			var again builds
			if b.given() {
				require.NoError(t, again.Set(b.String()))
				assert.Equal(t, b, again, "the text of the value gives it back")
			}
		})
	}
}

func TestPlanWhoseVersionsNobodyHasIsRefused(t *testing.T) {
	assert.NoError(t, checkVersions(startsAs("1.6.2", "1.7.12"), backend.Process))
	for _, name := range []string{"mine", "1.7"} {
		err := checkVersions(startsAs("1.6.2", name), backend.Process)
		assert.ErrorContains(t, err, "it starts version "+name+", which is no release such as 1.7.12: name your build with -restate.binary "+name+"=PATH")
		assert.NoError(t, checkVersions(startsAs(name), backend.Simulated), "which has any")
	}
	with(t, &binaryFlag, builds{named: map[string]string{"mine": "a"}})
	assert.NoError(t, checkVersions(startsAs("mine"), backend.Process))

	with(t, versionFlag, "1.5.3")
	assert.ErrorContains(t, checkVersions(startsAs("1.7.12"), backend.Process), "start a version from 1.6.0 on, before 1.7.0 between them")
	assert.NoError(t, checkVersions(startsAs("1.6.2", "1.7.12"), backend.Process))
	with(t, versionFlag, "")

	withQueues := startsAs("1.6.2")
	withQueues.Config.VQueues = true
	assert.ErrorContains(t, checkVersions(withQueues, backend.Process), "1.6.2 has none", "one version of the path can't have the data")
	with(t, versionFlag, "mine")
	assert.False(t, versionKnown(), "that of a build is not, before it started")
	with(t, versionFlag, "1.6.2")
	with(t, &binaryFlag, builds{named: map[string]string{"1.6.2": "a"}})
	assert.True(t, versionKnown(), "it must report to be that release")
}

func TestBuildThatNothingStartsIsRefused(t *testing.T) {
	require.NoError(t, checkNamed(nil))
	with(t, &binaryFlag, builds{plain: "b", named: map[string]string{"mine": "a"}})
	require.EqualError(t, checkNamed([]string{"1.6.2"}), "-restate.binary mine=a: no start has version mine: add -restate.version mine, or leave it out")
	require.NoError(t, checkNamed([]string{"1.6.2", "mine"}))
	with(t, versionFlag, "mine")
	require.NoError(t, checkNamed(nil))
}

func TestBuildsTravelWithCommandsAndCampaigns(t *testing.T) {
	with(t, &binaryFlag, builds{})
	require.NoError(t, flag.Set("restate.binary", "mine=./a b"))
	require.NoError(t, flag.Set("restate.binary", "other=c"))
	arguments := serverArguments()
	assert.Subset(t, arguments, []string{"-restate.binary=mine=./a b", "-restate.binary=other=c"})

	was, _, _, err := recordedFlags(&campaign.Segment{Start: campaign.Start{Flags: arguments}})
	require.NoError(t, err)
	assert.Equal(t, binaryFlag.String(), was["restate.binary"])
	given := binaryFlag
	binaryFlag = builds{}
	require.NoError(t, flag.Set("restate.binary", was["restate.binary"]))
	assert.Equal(t, given, binaryFlag)
	assert.Equal(t, "-restate.binary=mine=./a b -restate.binary=other=c", argument("restate.binary", binaryFlag.String()), "in one line")
}

func TestBuildsStandBesideTheVerdict(t *testing.T) {
	with(t, &binaryFlag, builds{plain: "/nonexistent/plain", named: map[string]string{"mine": "/nonexistent/server"}})
	altered := alteredSettings(backend.Process)
	assert.Equal(t, model.Settings{
		{Kind: model.ServerSetting, Name: "-restate.binary", Value: "plain"}, {Kind: model.ServerSetting, Name: "-restate.binary", Value: "mine=server"},
	}, altered)
	with(t, &binaryFlag, builds{})
	with(t, &imageFlag, builds{named: map[string]string{"mine": "i:1", "other": "i:2"}})
	with(t, versionFlag, "mine")
	altered = alteredOn(backend.Container, map[string]backend.Subject{"": {Image: "sha256:aa"}, "other": {Image: "sha256:bb"}})
	assert.Equal(t, model.Settings{
		{Kind: model.ServerSetting, Name: "-restate.image", Value: "mine=i:1", SHA256: "aa"}, {Kind: model.ServerSetting, Name: "-restate.image", Value: "other=i:2", SHA256: "bb"},
	}, altered)
}

package report

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/campaign"
	"retain/checker"
	"retain/harness"
	"retain/harness/triage"
	"retain/model"
)

// withoutLog is a server whose log was taken away, in plans that leave operations open.
var withoutLog = model.Settings{
	model.Variable("RESTATE_LOG_SERVER__ROCKSDB_DISABLE_WAL", "true"),
	{Kind: model.PlanSetting, Name: "-unresolved"},
}

// forms are the outputs of a session, by their name.
func forms(t *testing.T, altered model.Settings, runs ...harness.Run) map[string]string {
	t.Helper()
	out, dir := &strings.Builder{}, t.TempDir()
	p := &Reporter{Name: "TestProperties", Out: out, SDK: "sdk go 1.2.0", Altered: altered, Seed: 8123}
	s := sessionOf(94)
	s.Counts = map[harness.Verdict]int{}
	for _, r := range runs {
		p.Run(r)
		s.Counts[r.Verdict]++
		if r.Verdict != harness.Pass {
			s.Failures, s.Verdict = append(s.Failures, r), r.Verdict
		}
	}
	p.End(s)
	told := map[string]string{"terminal": out.String(), "Markdown": p.Markdown(s)}
	require.NoError(t, p.Summary(filepath.Join(dir, "summary.json"), s))
	var junit JUnit
	junit.Add(p, s)
	require.NoError(t, junit.Write(filepath.Join(dir, "junit.xml")))
	for _, name := range []string{"summary.json", "junit.xml"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		told[name] = string(text)
	}
	for _, r := range runs {
		if r.Dir != "" {
			text, err := os.ReadFile(filepath.Join(r.Dir, triage.PageFile))
			require.NoError(t, err)
			told["page"] = string(text)
		}
	}
	return told
}

// plainly takes the escapes of Markdown from a text.
func plainly(text string) string { return strings.ReplaceAll(text, `\_`, "_") }

func TestSettingsStandInEveryFormOfEveryVerdict(t *testing.T) {
	undecided := lost(t, found)
	undecided.Verdict, undecided.Check = harness.Undecided, checker.Result{}
	broken := lost(t, found)
	broken.Verdict, broken.Sentence = harness.Harness, "no space left on device"
	early := harness.Run{Number: 3, Verdict: harness.Harness, Sentence: "the port is taken", Dir: t.TempDir()}
	for what, r := range map[string]harness.Run{
		"pass": passed(0), "violation": lost(t, found), "undecided": undecided, "harness": broken, "harness before any history": early,
	} {
		for form, text := range forms(t, withoutLog, r) {
			assert.Contains(t, plainly(text), "RESTATE_LOG_SERVER__ROCKSDB_DISABLE_WAL", "%s: %s", what, form)
			assert.Contains(t, plainly(text), "-unresolved", "%s: %s", what, form)
		}
		for form, text := range forms(t, nil, r) {
			assert.NotContains(t, text, " with ", "a plain server: %s: %s", what, form)
		}
	}
}

func TestVacuousSessionNamesItsSettings(t *testing.T) {
	s := sessionOf(94)
	s.Verdict = harness.Vacuous
	assert.Contains(t, Session(s, Context{Altered: withoutLog}, 1).String(), "with RESTATE_LOG_SERVER__ROCKSDB_DISABLE_WAL=true, -unresolved")
}

func TestSessionThatCouldNotBeginNamesItsSettings(t *testing.T) {
	p := &Reporter{Altered: withoutLog}
	s := p.CouldNotBegin(os.ErrNotExist)
	assert.Contains(t, p.session(s).String(), "build      with RESTATE_LOG_SERVER__ROCKSDB_DISABLE_WAL=true")
	assert.Equal(t, withoutLog, p.summary(s).Settings)
}

func TestManySettingsStandOnSeparateLines(t *testing.T) {
	var many model.Settings
	for range 9 {
		many = append(many, model.Variable("RESTATE_SOME_SETTING_OR_OTHER", strings.Repeat("v", 30)))
	}
	lines := with("restate-server 1.7.12, process, 1 node", many)
	assert.Greater(t, len(lines), 2)
	assert.Equal(t, "restate-server 1.7.12, process, 1 node", lines[0])
	assert.Equal(t, "with "+many.String(), strings.Join(lines[1:], " "), "none is left out")
}

// A history comes from anywhere.
func TestPrintedSettingsAreBounded(t *testing.T) {
	many := make(model.Settings, 100_000)
	for i := range many {
		many[i] = model.Variable("X", "y")
	}
	text := strings.Join(with("server", many), "\n")
	assert.Less(t, len(text), 500)
	assert.Contains(t, text, "and 99980 more")
}

func TestSummaryHasLongValuesUncut(t *testing.T) {
	long := strings.Repeat("a", 500)
	p, s, _ := reported(t, passed(0))
	p.Altered = model.Settings{model.Variable("RESTATE_X", long)}
	text, err := json.Marshal(p.summary(s))
	require.NoError(t, err)
	assert.Contains(t, string(text), `"settings":[{"kind":"env","name":"RESTATE_X","value":"`+long+`"}]`)
	p.Altered = nil
	text, err = json.Marshal(p.summary(s))
	require.NoError(t, err)
	assert.Contains(t, string(text), `"settings":[]`)
}

// The settings travel with a history: it is judged where nobody knows the flags.
func TestRecheckNamesTheSettingsOfTheHistory(t *testing.T) {
	h := lostAdd()
	h.Altered = withoutLog
	text := Recheck(h, checker.Check(h, checker.Options{}), "history.jsonl", time.Second).String()
	assert.Contains(t, text, "with RESTATE_LOG_SERVER__ROCKSDB_DISABLE_WAL=true, -unresolved")
	r := lost(t, nil)
	r.Outcome.History.Altered = withoutLog
	assert.Contains(t, Finding(r, Context{}).String(), "with RESTATE_LOG_SERVER__ROCKSDB_DISABLE_WAL=true, -unresolved")
}

func TestCampaignNamesItsSettings(t *testing.T) {
	dir := t.TempDir()
	w := newShard(t, dir, campaign.Shard{}, time.Now())
	w.file.Reset()
	w.begun.Altered = withoutLog
	w.write(w.begun)
	w.save(0)
	c, err := campaign.Read(dir)
	require.NoError(t, err)
	require.NoError(t, CampaignSummary(filepath.Join(dir, "s.json"), c))
	var junit JUnit
	junit.AddCampaign("TestCampaign", c, Campaign(c, ""))
	require.NoError(t, junit.Write(filepath.Join(dir, "j.xml")))
	told := map[string]string{"terminal": Campaign(c, "").String(), "page": writtenCampaign(t, c)}
	for _, name := range []string{"s.json", "j.xml"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		told[name] = string(text)
	}
	for form, text := range told {
		assert.True(t, strings.Contains(text, "RESTATE_LOG_SERVER__ROCKSDB_DISABLE_WAL") && strings.Contains(text, "-unresolved"), form)
	}
}

func TestReplayCommandIsQuotedForTheShell(t *testing.T) {
	assert.Equal(t, `-a=b '-restate.env=X=a b' '-restate.env=X_TOKEN=$X_TOKEN' '-x=it'\''s'`, words("-a=b", "-restate.env=X=a b", "-restate.env=X_TOKEN=$X_TOKEN", "-x=it's"))
}

// Each name and each reason stands there, a reason once for each kind.
func TestExclusionsWithOneReasonShareALine(t *testing.T) {
	var s model.Settings
	for _, value := range []string{
		"object list: not served: yet", "fault crash: not ours", "fault move: not ours", "operation map clearAll: not served: yet", "fault pause: no freezer",
		"fault freeze: not ours", "configuration lazy, suspended at once: not ours", "configuration vqueues: not ours",
	} {
		s = append(s, model.Setting{Kind: model.PlanSetting, Name: excludeFlag, Value: value})
	}
	assert.Equal(t, []string{
		"build", "without object list: not served: yet", "without faults crash, move, freeze: not ours", "without operation map clearAll: not served: yet",
		"without fault pause: no freezer", "without configurations lazy, suspended at once; vqueues: not ours",
	}, with("build", s))
	assert.Len(t, settingsProperties(s), len(s), "JUnit has each")
}

package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/campaign"
	"retain/generators"
	"retain/harness"
	"retain/harness/triage"
	"retain/harness/upgrade"
	"retain/model"
)

const shardingOff = "RESTATE_DISABLE_CONTROLLED_IDEMPOTENT_SHARDING"

// upgraded is an upgrade of n plans in a directory, of which those numbers broke.
func upgraded(t *testing.T, n int, broke ...int) *campaign.Campaign {
	began := time.Date(2026, 11, 29, 10, 0, 0, 0, time.UTC)
	u := &campaign.Upgrade{
		Versions: "1.6.2,1.7.12", Paths: []upgrade.Path{{"1.6.2", "1.7.12"}}, Settings: []map[string]string{{shardingOff: "true"}},
	}
	s := campaign.Segment{
		Start: campaign.Start{Version: campaign.Version, Segment: "s", At: began, Seed: 4711, Duration: time.Hour, Workers: 2, Runtime: "process", SDK: "sdk go 1.2.0",
			Flags: []string{"-runtime=process", "-restate.env=A=<b>"}, Upgrade: u},
		File: "records/s.jsonl", Drawn: map[int]campaign.PlanDrawn{}, Last: began.Add(time.Hour + time.Minute), End: &campaign.End{},
	}
	dir := t.TempDir()
	for i := range n {
		s.Drawn[i] = campaign.PlanDrawn{Number: i, Turn: i}
		faults := []model.FaultKind{model.Stop, model.Kill, model.Stop}
		if i%2 == 1 {
			faults = []model.FaultKind{model.Kill, model.Stop, model.Kill}
		}
		j := campaign.PlanResult{
			Number: i, Run: "r", Identity: "restate-server 1.6.2 (76acff9), process", At: began, Took: time.Minute, Verdict: harness.Pass, Partitions: 4,
			Counters: harness.Counters{Operations: 123, ReadBack: 17}, Class: &generators.Class{},
		}
		for k, fault := range faults {
			w := harness.Switch{Step: k, From: "1.6.2", To: "1.7.12", Server: "1.7.12 (577e032)", Fault: fault, Open: 61 + k, Queued: 40 + k, Outage: time.Duration(1234+i+k) * time.Millisecond,
				Kinds: model.Kinds(), Reads: 19, Objects: 13, Resent: 210 + k, Same: 210 + k}
			if k == 1 {
				w.From, w.To, w.Server = "1.7.12", "1.6.2", "1.6.2 (76acff9)"
			}
			j.Switches = append(j.Switches, w)
		}
		for _, b := range broke {
			if b == i {
				j.Verdict, j.Sentence, j.Broken, j.Broke, j.Dir = harness.Violation, "an acknowledged write <is> missing", model.Guarantee{Code: model.OperationFinishes}, 2, "findings/x-"+string(rune('0'+i))
				require.NoError(t, os.MkdirAll(filepath.Join(dir, j.Dir), 0o755))
				require.NoError(t, os.WriteFile(filepath.Join(dir, j.Dir, triage.PageFile), []byte("<html>"), 0o600))
			}
		}
		s.Plans = append(s.Plans, j)
	}
	return &campaign.Campaign{Dir: dir, Segments: []campaign.Segment{s}}
}

func TestCertificateAnswersInItsFirstSentence(t *testing.T) {
	passing := CertificateOf(upgraded(t, 20))
	assert.Equal(t, harness.Pass, passing.Verdict, passing.Because)
	assert.Equal(t, []string{"may upgrade 1.6.2 -> 1.7.12: no acknowledged write was lost, doubled or seen out of order in 2,460 operations and 60 switches; may go back, with " +
		shardingOff + "=true from the newer server's first start on"}, passing.Answer)

	c := CertificateOf(upgraded(t, 4, 2))
	assert.Equal(t, harness.Violation, c.Verdict)
	require.Len(t, c.Answer, 1)
	assert.Regexp(t, `^do not upgrade: a guarantee broke after the step 1.7.12 -> 1.6.2 by kill: .+`, c.Answer[0])
	assert.Equal(t, "findings/x-2/report.html", c.Findings[0].Link)
	assert.Contains(t, c.Findings[0].Replay, "findings/x-2/plan.json -runtime=process '-restate.env=A=<b>' -restate.version=1.6.2 -restate.env="+shardingOff+"=true")

	few := CertificateOf(upgraded(t, 1))
	assert.Equal(t, harness.Vacuous, few.Verdict)
	assert.Contains(t, few.Answer[0], "not answered: nothing broke in 3 switches, which prove too little")
	assert.Contains(t, strings.Join(few.Because, "\n"), "1.6.2 -> 1.7.12 by kill: no plan came to it")

	cut := upgraded(t, 4)
	cut.Interrupted, cut.Segments[0].Last = true, cut.Segments[0].At.Add(90*time.Second)
	half := CertificateOf(cut)
	assert.Equal(t, harness.Interrupted, half.Verdict)
	assert.Equal(t, "not answered yet: interrupted after 1 min 30 s of 60 min 0 s, and nothing broke in 12 switches", half.Answer[0])
	assert.Equal(t, "go test -run Upgrade -timeout 0 -resume "+cut.Dir, half.GoOn)
	assert.Empty(t, passing.GoOn)
}

// What breaks at no switch is blamed on no step, and what the first version does by itself
// says nothing about the upgrade.
func TestCertificateSaysWhatBrokeAtNoSwitch(t *testing.T) {
	all := upgraded(t, 4, 2)
	j := &all.Segments[0].Plans[2]
	j.Broke, j.While = 0, "1.7.12"
	c := CertificateOf(all)
	require.Len(t, c.Answer, 1)
	assert.Regexp(t, `^do not upgrade: a guarantee broke while 1.7.12 ran, not at a switch: .+`, c.Answer[0])
	assert.Equal(t, []string{"", "1.7.12"}, []string{c.Findings[0].After, c.Findings[0].While})
	assert.Contains(t, c.Markdown(), "| none, while 1.7.12 ran |")

	j.While = ""
	c = CertificateOf(all)
	assert.Equal(t, harness.Violation, c.Verdict)
	require.Len(t, c.Answer, 1)
	assert.Regexp(t, `^not answered: 1.6.2 itself broke a guarantee, before any switch, which says nothing about the upgrade: .+`, c.Answer[0])
}

// The command that repeats an upgrade draws the same plans, and that of a finding has a
// version to begin with only where the runtime takes one.
func TestCommandsOfACertificateNameWhatTheRunHad(t *testing.T) {
	c := upgraded(t, 4, 1)
	s := &c.Segments[0]
	s.Server, s.Loads, s.Unresolved = "plain-1", generators.Loads{Share: 1, Clients: 8}, true
	out := CertificateOf(c)
	assert.Equal(t, "go test -run Upgrade -restate.versions=1.6.2,1.7.12 -runtime=process -duration=1h0m0s -timeout=0 -rapid.seed=4711 "+
		"'-restate.env=A=<b>' -config=plain-1 -load=8 -service.faults=0 -unresolved=true", out.Repeat)
	assert.Contains(t, out.Findings[0].Replay, " -restate.version=1.6.2 ")
	s.Loads, s.ServiceFaults = generators.Loads{Share: 2.0 / 3}, generators.ServiceFaults
	assert.NotRegexp(t, "-load|-service.faults", CertificateOf(c).Repeat)
	s.Exclude = generators.Exclusions{{What: generators.ExcludedObject, Name: "list", Reason: "a file says so"}, {What: generators.ExcludedFault, Name: "crash", Reason: "no process"}}
	assert.Contains(t, CertificateOf(c).Repeat, "-exclude=FILE")
	s.Exclude, s.Discovered = s.Exclude[1:], s.Exclude[1:]
	assert.NotContains(t, CertificateOf(c).Repeat, "-exclude", "discovery finds it again")
	s.Runtime = campaign.Simulated
	assert.NotContains(t, CertificateOf(c).Findings[0].Replay, "-restate.version")
}

// A way back is not said to need nothing where the file of differences lists otherwise, or
// knows nothing of a build.
func TestCertificateOfAWayBackThatServedSaysWhatItNeeds(t *testing.T) {
	c := upgraded(t, 20)
	assert.NotContains(t, CertificateOf(c).Answer[0], "backup")
	c.Segments[0].Altered = model.Settings{{Name: "RESTATE_EXPERIMENTAL_ENABLE_VQUEUES", Value: "true"}}
	assert.Contains(t, CertificateOf(c).Answer[0], "went back here, and needs a backup from before the upgrade all the same: 1.6.2 is listed as not serving the data of 1.7.12 with such settings")

	c = upgraded(t, 20)
	c.Segments[0].Upgrade.Paths = []upgrade.Path{{"1.6.2", "mine"}}
	says := func(server string) {
		for i := range c.Segments[0].Plans {
			for k := range c.Segments[0].Plans[i].Switches {
				w := &c.Segments[0].Plans[i].Switches[k]
				w.From, w.To = strings.Replace(w.From, "1.7.12", "mine", 1), strings.Replace(w.To, "1.7.12", "mine", 1)
				if w.To == "mine" {
					w.Server = server
				}
			}
		}
	}
	says("nightly (abc)")
	out := CertificateOf(c)
	assert.Contains(t, out.Answer[0], "; went back here; what else that needs is not known of mine, which is no release")
	assert.Contains(t, out.Markdown(), "| mine | 1.6.2 | back | served | 20 | 1.2 s | 1.3 s | not known |")
	says("1.7.12 (577e032)") // the build says what it is
	assert.Contains(t, CertificateOf(c).Answer[0], "; may go back, with "+shardingOff+"=true from")

	c = upgraded(t, 20) // a person gave the setting another value
	c.Segments[0].Upgrade.Settings = []map[string]string{{}}
	assert.Contains(t, CertificateOf(c).Answer[0], "; went back here without "+shardingOff+"=true, which a way back is listed to need from the newer server's first start on")
	c.Segments[0].Altered = model.Settings{{Name: shardingOff, Value: "true"}}
	assert.Contains(t, CertificateOf(c).Answer[0], "; may go back, with "+shardingOff+"=true from")
}

func TestCertificateListsWhatItsPlansDidNotTest(t *testing.T) {
	c := upgraded(t, 4)
	out := CertificateOf(c)
	assert.Contains(t, out.NotTested, "suspended invocations")
	assert.NotContains(t, out.NotTested, "upgrade")
	c.Segments[0].Plans[1].Class = &generators.Class{Lazy: true, Suspending: true}
	assert.NotContains(t, CertificateOf(c).NotTested, "suspended invocations")
	own := func() string { return fmt.Sprint(CertificateOf(c).tested().Facts) }
	assert.Contains(t, own(), "the services of your own")
	c.Segments[0].Altered = model.Settings{{Kind: model.ServiceSetting, Name: "-deployment", Value: "http://h:1"}}
	assert.NotContains(t, own(), "the services of your own", "these were called")
	assert.Contains(t, own(), "what else your services do")
	c.Segments[0].Plans = nil
	assert.Contains(t, CertificateOf(c).NotTested, "upgrade")
}

// What a pass is worth stands in the answer.
func TestCertificateOfFewPlansOrKnownFindingsSaysSo(t *testing.T) {
	c := upgraded(t, 4)
	j := &c.Segments[0].Plans[3]
	j.Verdict, j.Known = harness.Known, []harness.KnownFinding{{Link: "https://example.com/1"}}
	c.Segments[0].Plans = append(c.Segments[0].Plans, c.Segments[0].Plans[1])
	out := CertificateOf(c)
	require.Equal(t, harness.Pass, out.Verdict, out.Because)
	assert.Equal(t, []string{"too few plans to exclude a rate of failures: 4 passed, 20 are needed",
		"left out: plans that showed a known finding of these versions, https://example.com/1"}, out.Answer[1:])
}

// A server that did not serve after a step back can't go back without a backup.
func TestCertificateOfARefusedWayBackNeedsABackup(t *testing.T) {
	c := upgraded(t, 20)
	for i := range c.Segments[0].Plans {
		c.Segments[0].Plans[i].Switches[1].Outage, c.Segments[0].Plans[i].Switches[1].Excused = 0, "entry"
	}
	refused := CertificateOf(c)
	answer := refused.Answer[0]
	assert.Equal(t, harness.Pass, refused.Verdict)
	assert.Contains(t, refused.Markdown(), "not served in 20 of 20: entry")
	assert.Equal(t, map[string]int{"entry": 10}, refused.Steps[2].Excused)
	assert.Contains(t, answer, "can't go back without a backup from before the upgrade: 1.6.2 does not serve the data of 1.7.12")

	c.Segments[0].Upgrade.Paths = []upgrade.Path{{"1.7.2", "1.7.4"}} // of which no need is listed
	for i := range c.Segments[0].Plans {
		for k, from := range []string{"1.7.2", "1.7.4", "1.7.2"} {
			w := &c.Segments[0].Plans[i].Switches[k]
			w.From, w.To = from, map[string]string{"1.7.2": "1.7.4", "1.7.4": "1.7.2"}[from]
		}
	}
	assert.Contains(t, CertificateOf(c).Markdown(), "| 1.7.4 | 1.7.2 | back | not served in 20 of 20: entry | 20 | - | - | a backup from before the upgrade |")
}

// A fault that overtakes the start after a switch says nothing of the version.
func TestStartThatAFaultOvertookIsNoRefusal(t *testing.T) {
	c := upgraded(t, 20)
	c.Segments[0].Plans[3].Switches[1].Outage = 0
	out := CertificateOf(c)
	assert.Contains(t, out.Answer[0], "; may go back, with "+shardingOff)
	assert.Contains(t, out.Markdown(), "| 1.7.12 | 1.6.2 | back | served | 20 |")
}

func TestCertificateOfThreeVersionsTellsTheWaysBackApart(t *testing.T) {
	c := upgraded(t, 20)
	u := c.Segments[0].Upgrade
	u.Paths = []upgrade.Path{{"1.5.3", "1.6.2", "1.7.12"}}
	for i := range c.Segments[0].Plans {
		c.Segments[0].Plans[i].Switches = append(c.Segments[0].Plans[i].Switches, harness.Switch{From: "1.6.2", To: "1.5.3", Fault: model.Stop, Excused: "entry"})
	}
	out := CertificateOf(c)
	assert.Equal(t, out.backText(u.Paths[0]), "to 1.6.2: may go back, with "+shardingOff+"=true from the newer server's first start on; "+
		"to 1.5.3: can't go back without a backup from before the upgrade: 1.5.3 does not serve the data of 1.7.12")
	assert.Contains(t, out.Markdown(), "| 1.7.12 to 1.5.3 | a backup from before the upgrade<br>")
}

func TestUpgradeToAnOlderReleaseIsNoPass(t *testing.T) {
	c := upgraded(t, 20)
	c.Segments[0].Upgrade.Paths = []upgrade.Path{{"next", "1.6.2"}}
	for i := range c.Segments[0].Plans {
		j := &c.Segments[0].Plans[i]
		j.Identity = "restate-server 1.7.12 (577e032), process"
		for k := range j.Switches {
			w := &j.Switches[k]
			w.From, w.To, w.Server = "next", "1.6.2", "1.6.2 (76acff9)"
			if k == 1 {
				w.From, w.To, w.Server = w.To, w.From, "1.7.12 (577e032)"
			}
		}
	}
	out := CertificateOf(c)
	assert.Equal(t, harness.Vacuous, out.Verdict)
	assert.Contains(t, out.Because, "next -> 1.6.2 is no upgrade: next (1.7.12) is newer than 1.6.2: name the versions from the oldest to the newest")
}

// certificateForms are the three forms of a certificate: page and Markdown as plain text.
func certificateForms(t *testing.T, c *Certificate, dir string) (page, markdown string, value any) {
	require.NoError(t, c.Write(dir))
	text, err := os.ReadFile(filepath.Join(dir, triage.PageFile))
	require.NoError(t, err)
	assert.NotContains(t, string(text), "<is>", "a text is no markup")
	page = string(text)
	text, err = os.ReadFile(filepath.Join(dir, CertificateMarkdownFile))
	require.NoError(t, err)
	markdown = string(text)
	text, err = os.ReadFile(filepath.Join(dir, CertificateFile))
	require.NoError(t, err)
	value, err = jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	var again Certificate
	require.NoError(t, json.Unmarshal(text, &again))
	assert.Equal(t, c.Steps, again.Steps, "the JSON has all of it")
	return page, markdown, value
}

// Each number of the tables, and each fact, stands in the page and in the Markdown.
func TestFormsOfACertificateSayTheSame(t *testing.T) {
	for name, all := range map[string]*campaign.Campaign{"pass": upgraded(t, 20), "violation": upgraded(t, 6, 1, 4)} {
		c := CertificateOf(all)
		page, markdown, value := certificateForms(t, c, all.Dir)
		v := c.view()
		for _, s := range v.Sections {
			if s.Table == nil {
				continue
			}
			for _, row := range s.Table.Rows {
				cells, line := "", "|"
				for _, cell := range row {
					text := htmlText(cell.Text)
					cells += text
					m := escapeMarkdown(cell.Text)
					if cell.Link != "" {
						m = "[" + m + "](" + cell.Link + ")"
					}
					line += " " + m + " |"
				}
				assert.Contains(t, tags.ReplaceAllString(page, ""), cells, "%s: the page has the row", name)
				assert.Contains(t, markdown, line, "%s: the Markdown has the row", name)
			}
		}
		for _, s := range v.Sections {
			for _, f := range s.Facts {
				for _, one := range f.Lines {
					assert.Contains(t, page, htmlText(one), "%s: %s", name, f.Label)
					if f.Command {
						assert.Contains(t, markdown, "`"+one+"`")
					} else {
						assert.Contains(t, markdown, escapeMarkdown(one), "%s: %s", name, f.Label)
					}
				}
			}
		}
		step := value.(map[string]any)["steps"].([]any)[0].(map[string]any)
		assert.Equal(t, json.Number("61"), step["open"].(map[string]any)["least"])
		assert.Contains(t, page, "61 · ")
	}
}

func htmlText(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;", "+", "&#43;").Replace(text)
}

func TestCertificateFitsItsSchema(t *testing.T) {
	schema, err := jsonschema.NewCompiler().Compile(filepath.Join("..", "docs", "certificate.schema.json"))
	require.NoError(t, err)
	for name, all := range map[string]*campaign.Campaign{"pass": upgraded(t, 20), "violation": upgraded(t, 6, 1), "nothing": upgraded(t, 0)} {
		_, _, value := certificateForms(t, CertificateOf(all), all.Dir)
		assert.NoError(t, schema.Validate(value), name)
		value.(map[string]any)["verdict"] = "green"
		assert.Error(t, schema.Validate(value))
	}
}

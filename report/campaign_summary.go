package report

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"retain/campaign"
	"retain/harness"
	"retain/internal/printable"
	"retain/model"
)

// campaignSummary is the JSON form of a campaign. Times are in seconds.
type campaignSummary struct {
	Version  int            `json:"version"`
	Campaign string         `json:"campaign"`
	Verdict  string         `json:"verdict"`
	Reason   string         `json:"reason"`
	Because  []string       `json:"because,omitempty"`
	Seed     uint64         `json:"seed"`
	Segments int            `json:"sittings"`
	Servers  []string       `json:"servers"`
	Settings model.Settings `json:"settings"`
	Verdicts map[string]int `json:"verdicts"`
	Plans    int            `json:"plans"`
	countersJSON
	Restarts int `json:"restarts"`
	// Seconds are those of all workers together, Inside is the part in plans.
	Seconds float64 `json:"worker_seconds"`
	Inside  float64 `json:"worker_seconds_in_plans"`
	workerTimeJSON
	// Situations are those that plans tested, of SituationsOf.
	Situations   int                   `json:"situations"`
	SituationsOf int                   `json:"situations_of"`
	Coverage     coverageJSON          `json:"coverage"`
	Findings     []campaignFindingJSON `json:"findings"`
	// Known are the known findings that plans showed, and NotSeen those that none did.
	Known   []harness.SeenKnown    `json:"known,omitempty"`
	NotSeen []harness.KnownFinding `json:"known_not_seen,omitempty"`
}

// campaignFindingJSON is a finding, which Times plans showed.
type campaignFindingJSON struct {
	Guarantee string `json:"guarantee"`
	Times     int    `json:"times"`
	First     int    `json:"first_plan"`
	Dir       string `json:"dir,omitempty"`
	Case      string `json:"regression,omitempty"`
}

// CampaignSummary writes a campaign as one JSON object to a file, for machines. Its
// fields are described in docs/campaign.md.
func CampaignSummary(path string, c *campaign.Campaign) error {
	t, m := c.Totals(), matrixOf(c)
	rows := Campaign(c, "")
	verdict, says := rows.verdict()
	_, because := c.Verdict()
	out := campaignSummary{
		Version: SummaryVersion, Campaign: c.Dir, Verdict: verdict, Reason: oneLine(says), Because: because,
		Seed: c.Segments[0].Seed, Segments: len(c.Segments), Servers: builds(c), Settings: orEmpty(alteredBy(c)), Verdicts: map[string]int{}, Plans: t.Plans,
		countersJSON: countersOf(t.Counters), Restarts: t.Restarts,
		Seconds: seconds(t.Took), Inside: seconds(t.Inside), workerTimeJSON: workerTimeOf(t.WorkerTime), Situations: m.Tested, SituationsOf: m.All,
		Coverage: coverageOf(t.Coverage, verdict == string(harness.Pass)), Findings: []campaignFindingJSON{},
	}
	for v, n := range t.Verdicts {
		out.Verdicts[string(v)] = n
	}
	out.Known, out.NotSeen = c.Known(), c.KnownNotSeen()
	for _, f := range findings(c) {
		out.Findings = append(out.Findings, campaignFindingJSON{f.Says, f.Times, f.first.Number, f.first.Dir, f.Case})
	}
	body, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return fmt.Errorf("make the summary: %w", err)
	}
	if err := os.WriteFile(path, append(body, '\n'), 0o644); err != nil {
		return fmt.Errorf("write the summary: %w", err)
	}
	return nil
}

// AddCampaign takes in a campaign: a case for each finding, and one for the campaign
// as a whole, which fails where it is red without one. page is as for [Campaign].
func (j *JUnit) AddCampaign(name string, c *campaign.Campaign, said Rows) {
	verdict, _ := c.Verdict()
	t := c.Totals()
	suite := junitSuite{
		Name: name, Time: fmt.Sprintf("%.3f", t.Took.Seconds()), Out: printable.Lines(said.String()),
		Properties: []junitProperty{
			{"campaign", printable.Line(c.Dir)}, {"verdict", string(verdict)}, {"server", printable.Line(strings.Join(builds(c), "; "))},
			{"seed", fmt.Sprint(c.Segments[0].Seed)},
		},
	}
	suite.Properties = append(suite.Properties, settingsProperties(alteredBy(c))...)
	for _, f := range findings(c) {
		suite.add(junitCase{Class: name, Name: fmt.Sprintf("finding of plan %d", f.first.Number), Time: "0"}, harness.Violation, f.Rows)
	}
	whole := junitCase{Class: name, Name: "campaign", Time: suite.Time}
	if verdict == harness.Violation {
		verdict = harness.Pass // its findings say what failed
	}
	suite.add(whole, verdict, said)
	j.suites = append(j.suites, suite)
}

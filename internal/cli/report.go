package cli

import (
	"errors"
	"fmt"
	"os"

	"retain/campaign"
	"retain/harness"
	"retain/report"
)

// Report makes the page of -dir again, of one campaign or of all its shards together,
// and prints their verdict.
func Report(t T) {
	if *dirFlag == "" {
		skipped(t, "give -dir DIR, the directory of a campaign or one that has those of its shards")
	}
	c, err := campaign.Read(*dirFlag)
	if err != nil {
		cannotBegin(t, fmt.Errorf("-dir: %w", err))
	}
	conclude := concludeCampaign
	if c.Upgrade() != nil {
		conclude, c.Interrupted = concludeUpgrade, c.Unfinished()
	}
	if !conclude(t, c) {
		t.Fail()
	}
	if verdict, _ := c.Verdict(); verdict == harness.Interrupted {
		ended.cut = true
	}
}

// concludeCampaign writes a campaign's page and the files of the flags, prints its result, and
// reports whether it is green.
func concludeCampaign(t T, c *campaign.Campaign) (green bool) {
	page, err := report.WriteCampaignPage(c)
	if err != nil {
		t.Errorf("harness: there is no page: %v", err)
	}
	rows := report.Campaign(c, page)
	rows.Print(console)
	var errs []error
	if *summaryFlag != "" {
		errs = append(errs, report.CampaignSummary(*summaryFlag, c))
	}
	errs = append(errs, writeJUnit(t, c, rows))
	if path := os.Getenv(report.StepSummary); path != "" {
		errs = append(errs, rows.AppendMarkdown(path))
	}
	if err := errors.Join(errs...); err != nil {
		t.Errorf("harness: %v", err)
	}
	verdict, _ := c.Verdict()
	ended.red = ended.red || verdict != harness.Pass && verdict != harness.Interrupted
	return verdict == harness.Pass
}

// writeJUnit writes the file of -junit for a campaign that said rows, if there is one.
func writeJUnit(t T, c *campaign.Campaign, rows report.Rows) error {
	if *junitFlag == "" {
		return nil
	}
	junit.AddCampaign(t.Name(), c, rows)
	return junit.Write(*junitFlag)
}

package retain_test

import (
	"testing"

	"retain/internal/cli"
)

// TestCampaign draws and runs plans for -duration, on record in -dir.
func TestCampaign(t *testing.T) { cli.Campaign(t) }

// TestReport makes the page of -dir again, of one campaign or of all its shards together.
func TestReport(t *testing.T) { cli.Report(t) }

// TestRedraw draws a plan of a campaign again, by its number, and stores it.
func TestRedraw(t *testing.T) { cli.Redraw(t) }

package suite

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"retain/campaign"
)

// Campaign makes a child that conducts a campaign in its directory "c".
func Campaign(t *testing.T, env []string, args ...string) *Child {
	return New(t, env, append([]string{"-test.run", "^TestCampaign$", "-test.timeout", "10m", "-dir", "c"}, args...)...)
}

// Recorded are the records of a child's campaign so far, nil before the first line.
func Recorded(c *Child) *campaign.Campaign {
	all, err := campaign.Read(filepath.Join(c.Dir, "c"))
	if err != nil {
		return nil
	}
	return all
}

// AwaitPlans waits until a campaign has judged n plans and runs others.
func AwaitPlans(t *testing.T, c *Child, n int) {
	require.Eventually(t, func() bool {
		all := Recorded(c)
		return all != nil && len(all.Segments[len(all.Segments)-1].Plans) >= n && len(all.Segments[len(all.Segments)-1].Pending) > 0
	}, 2*time.Minute, 20*time.Millisecond, "no plans: %s", c.Text())
}

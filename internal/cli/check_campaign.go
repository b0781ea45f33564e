package cli

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"retain/campaign"
)

// checkCampaign refuses contradictory flags of a campaign.
func checkCampaign() error {
	part, err := shard()
	if err != nil {
		return err
	}
	switch {
	case *durationFlag < 0, *durationFlag == 0 && isSet(flag.Lookup("duration")):
		return fmt.Errorf("-duration %s: want a duration above 0, such as 8h", *durationFlag)
	case *workersFlag < 1:
		return fmt.Errorf("-workers %d: want a number above 0", *workersFlag)
	case *numberFlag < 0 && isSet(flag.Lookup("number")):
		return fmt.Errorf("-number %d: want a number from 0, as the records count plans", *numberFlag)
	case *durationFlag > 0 && plans() > 0:
		return errors.New("-rapid.checks is a number of plans, -duration a time: leave one of -rapid.checks and -duration out")
	case *resumeFlag != "" && *dirFlag != "" && !sameDir(*resumeFlag, *dirFlag):
		return fmt.Errorf("-resume %s and -dir %s name two directories: give one of them", *resumeFlag, *dirFlag)
	}
	if err := checkRecords(part); err != nil {
		return err
	}
	limit := flag.Lookup("test.timeout").Value.(flag.Getter).Get().(time.Duration)
	switch {
	case limit == 0 || *durationFlag == 0:
	case *durationFlag >= limit:
		return fmt.Errorf("-duration %s: Go ends the test after %s: add -timeout 0", *durationFlag, limit)
	case *durationFlag+*shrinkFlag >= limit: // a violation at the end would be lost in the middle of its reduction
		return fmt.Errorf("-duration %s and then %s for a reduction (-shrink.budget): Go ends the test after %s: add -timeout 0", *durationFlag, *shrinkFlag, limit)
	}
	return nil
}

// checkRecords refuses to resume a campaign that does not exist, and to begin a shard
// without the seed that all shards share.
func checkRecords(part campaign.Shard) error {
	dir := campaignDir()
	if dir == "" && (*durationFlag == 0 || runs("Upgrade")) { // a new upgrade needs no directory
		return nil
	}
	last, err := lastSegment(dir)
	_, seeded := rapidFlag("seed")
	switch {
	case err != nil:
		return err
	case last != nil:
		return nil
	case *resumeFlag != "":
		return fmt.Errorf("-resume %s: there is no campaign there to go on with%s: name the directory of one, or begin one there with -dir %s -duration D",
			*resumeFlag, ofShard(part), *resumeFlag)
	case *durationFlag == 0:
		return fmt.Errorf("-dir %s: there is no campaign there%s to go on with: say how long a new one lasts, such as -duration 8h", dir, ofShard(part))
	case part.Of > 1 && !seeded:
		return errors.New("-shard: all shards draw from one row of plans: give each the same -rapid.seed")
	}
	return nil
}

// ofShard is " of shard I/N", or "" for an unsharded campaign.
func ofShard(part campaign.Shard) string {
	if part.Of > 1 {
		return " of shard " + part.String()
	}
	return ""
}

// sameDir reports whether two paths name one directory.
func sameDir(a, b string) bool {
	one, e1 := os.Stat(a)
	other, e2 := os.Stat(b)
	if e1 == nil && e2 == nil {
		return os.SameFile(one, other)
	}
	x, e1 := filepath.Abs(a)
	y, e2 := filepath.Abs(b)
	return e1 == nil && e2 == nil && x == y
}

// shard parses -shard.
func shard() (campaign.Shard, error) {
	var s campaign.Shard
	i, n, found := strings.Cut(*shardFlag, "/")
	index, e1 := strconv.Atoi(i)
	of, e2 := strconv.Atoi(n)
	if !found || e1 != nil || e2 != nil || of < 1 || index < 0 || index >= of {
		return s, fmt.Errorf("-shard %q: want I/N, such as 0/4, I from 0 to N-1", *shardFlag)
	}
	return campaign.Shard{Index: index, Of: of}, nil
}

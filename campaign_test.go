package retain_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"retain/campaign"
	"retain/harness"
	"retain/harness/backend"
	"retain/report"
	"retain/runtime"
	"retain/runtime/simulated"
)

// campaigns is the directory of the campaigns that were not told another.
const campaigns = "testdata/campaigns"

// TestCampaign draws plans for hours: see package campaign.
func TestCampaign(t *testing.T) {
	if *durationFlag == 0 && *resumeFlag == "" {
		skipped(t, "give -duration D, such as 8h, with -timeout 0; or -resume DIR")
	}
	shown := &display{out: os.Stdout, columns: func() int { return columns(os.Stdout) }}
	say = func(words ...any) { shown.print(fmt.Sprintln(words...)) }
	cutShort = true // until it has come to its end
	ctx := interruptible(t)
	o, err := campaignOptions(ctx)
	if err != nil {
		cannotBegin(t, err)
	}
	o.OnProgress = shown.progress
	o.OnFinding = func(r harness.Run, s *harness.Shrunk) { shown.print(finding(r, s)) }
	fmt.Println("campaign  ", o.Dir)
	c, err := campaign.Conduct(ctx, o)
	shown.end()
	if c == nil {
		cannotBegin(t, err)
	}
	if err != nil {
		t.Errorf("harness: %v", err)
	}
	if !conclude(t, c) {
		t.Fail()
	}
	took := worked(c, o.Begun.Shard)
	cutShort = err != nil || took < *durationFlag
	if cutShort {
		fmt.Printf("note       ended after %s of %s: go on with it (exit code %d)\n", took.Round(time.Second), *durationFlag, runAgain)
	}
	fmt.Println("go on     ", goOn(c.Dir, !cutShort))
}

// campaignOptions are those of the flags.
func campaignOptions(ctx context.Context) (campaign.Options, error) {
	dir := *resumeFlag
	if dir == "" {
		dir = filepath.Join(campaigns, time.Now().UTC().Format("20060102T150405.000"))
	}
	last, err := lastSitting(dir)
	if err != nil {
		return campaign.Options{}, err
	}
	seed := uint64(0) // that of the campaign that goes on
	if _, given := rapidFlag("seed"); given || last == nil {
		seed = sessionSeed()
	}
	opened, choice, err := choose(ctx, max(1, seed))
	if err != nil {
		return campaign.Options{}, err
	}
	part, err := shard()
	return campaign.Options{
		Session: harness.Options{Open: opened, Base: settings(), Bounds: bounds(), Check: checks(), KeepData: *dataFlag},
		Begun: campaign.Begun{
			Seed: seed, Shard: part, Duration: *durationFlag, Workers: *workersFlag, Flags: given(), Runtime: string(choice.Name), SDK: sdk(),
			Unresolved: *unresolvedFlag, Server: *serverFlag,
		},
		Dir: dir, Canaries: canaries(opened), ShrinkBudget: *shrinkFlag, Subject: subjectOf,
	}, err
}

// subjectOf is what the flags put under test, in a server that calls itself so:
// "restate-server 1.7.12 (577e032), process".
func subjectOf(identity string) harness.Subject {
	s := &harness.Session{}
	if words := strings.Fields(identity); len(words) > 1 {
		s.Identity.Version = strings.TrimSuffix(words[1], ",")
	}
	return subject(s)
}

// canaries are the bugs that a campaign plants: in the server under test, where its
// version has the switch for it; in the simulated runtime otherwise.
func canaries(open harness.Open) []campaign.Planted {
	planted := campaign.Planted{
		Bug:  "the simulated runtime with " + string(simulated.LostWrite),
		Base: settings(),
		Open: func(ctx context.Context, s runtime.Settings) (*harness.System, error) {
			opened, _, err := backend.Choose(ctx, s, backend.Options{
				Name: backend.Simulated, Bugs: []simulated.Bug{simulated.LostWrite}, Rate: 1, Seed: 1,
			})
			if err != nil {
				return nil, err
			}
			return opened(ctx, s)
		},
	}
	if backend.Name(*runtimeFlag) == backend.Simulated {
		return []campaign.Planted{planted}
	}
	base := settings()
	base.Env = map[string]string{}
	for k, v := range envFlag {
		base.Env[k] = v
	}
	for k, v := range withoutLog {
		base.Env[k] = v
	}
	return []campaign.Planted{{
		Bug: "the server without its write-ahead log", Open: open, Base: base, Fits: hasLogSwitch,
	}, planted}
}

// hasLogSwitch reports whether the server can be told to go without its
// write-ahead log: from 1.7 on.
func hasLogSwitch(i runtime.Identity) bool {
	parts := strings.SplitN(i.Version, ".", 3)
	if len(parts) < 2 {
		return false
	}
	major, e1 := strconv.Atoi(parts[0])
	minor, e2 := strconv.Atoi(parts[1])
	return e1 == nil && e2 == nil && (major > 1 || major == 1 && minor >= 7)
}

// finding tells of a violation, or of what it was reduced to, and writes its page.
func finding(r harness.Run, s *harness.Shrunk) string {
	c := report.Context{SDK: sdk(), Flags: given(), Shrunk: s}
	if s != nil {
		r.Problem = errors.Join(r.Problem, s.Problem)
	}
	if err := report.WritePage(r, c); err != nil {
		r.Problem = errors.Join(r.Problem, err)
	}
	return report.Finding(r, c).String()
}

// conclude writes a campaign's page and the files that were asked for, tells what it
// came to, and whether it is green.
func conclude(t testing.TB, c *campaign.Campaign) (green bool) {
	page, err := report.WriteCampaignPage(c)
	if err != nil {
		t.Errorf("harness: there is no page: %v", err)
	}
	rows := report.Campaign(c, page)
	rows.Print(os.Stdout)
	var errs []error
	if *summaryFlag != "" {
		errs = append(errs, report.CampaignSummary(*summaryFlag, c))
	}
	if *junitFlag != "" {
		junit.AddCampaign(t.Name(), c, page)
		errs = append(errs, junit.Write(*junitFlag))
	}
	if path := os.Getenv(report.StepSummary); path != "" {
		errs = append(errs, rows.AppendMarkdown(path))
	}
	if err := errors.Join(errs...); err != nil {
		t.Errorf("harness: %v", err)
	}
	verdict, _ := c.Verdict()
	return verdict == harness.Pass
}

// worked is how long a shard's sittings have worked.
func worked(c *campaign.Campaign, part campaign.Shard) (took time.Duration) {
	for i := range c.Sittings {
		if s := &c.Sittings[i]; s.Shard == part {
			took += s.Took()
		}
	}
	return took
}

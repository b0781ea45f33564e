package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"retain/campaign"
	"retain/harness"
	"retain/harness/backend"
	"retain/harness/regress"
	"retain/harness/session"
	"retain/report"
	"retain/runtime"
)

// campaignLoads is how many times as long the loads of a campaign are as those of a session,
// which needs many plans in a minute.
const campaignLoads = 2

// Campaign draws and runs plans for -duration, on record: see package campaign.
func Campaign(t T) {
	if missing := campaignMissing(); missing != "" {
		skipped(t, "give "+missing)
	}
	ended.cut = true // until it has come to its end
	ctx := Interruptible(t)
	o, err := campaignOptions(ctx)
	if err != nil {
		cannotBegin(t, err)
	}
	o.OnFinding = func(r harness.Run, s *regress.Shrunk, _ []string) { fmt.Fprint(console, finding(r, s)) }
	say("campaign  ", o.Dir)
	c := conductCampaign(t, ctx, o)
	if !concludeCampaign(t, c) {
		t.Fail()
	}
	if ended.cut {
		say(fmt.Sprintf("note       ended after %s of %s: go on with it (exit code %d)", elapsed(c, o.Start.Shard).Round(time.Second), *durationFlag, RunAgain))
	}
	say("go on     ", resumeCommand("Campaign", c.Dir, !ended.cut))
}

// conductCampaign conducts a campaign, shows its progress, and notes whether it was cut short.
// It ends the test if the campaign can't begin.
func conductCampaign(t T, ctx context.Context, o campaign.Options) *campaign.Campaign {
	unwatch := func() {}
	o.OnStart = func(progress func() campaign.Progress) {
		unwatch = console.Watch(func() report.Status {
			p := progress()
			return report.Status{Parts: p.Parts(), Done: p.Done()}
		})
	}
	c, err := campaign.Conduct(ctx, o)
	unwatch()
	if c == nil {
		cannotBegin(t, err)
	}
	if err != nil {
		t.Errorf("harness: %v", err)
	}
	ended.cut = err != nil || elapsed(c, o.Start.Shard) < o.Start.Duration || c.Upgrade() != nil && c.Unfinished()
	c.Interrupted = ended.cut && ctx.Err() != nil
	return c
}

// campaignDir is the directory of the campaign that the flags name, "" for a new one under
// [campaigns]. -dir belongs to a campaign if -run selects Campaign, and -duration is given
// too or -run selects no other entry point that reads -dir.
func campaignDir() string {
	alone := flagValue("test.run") != "" && (runs("Campaign") || runs("Upgrade")) && !runs("Report") && !runs("Redraw")
	switch {
	case *resumeFlag != "":
		return *resumeFlag
	case *durationFlag > 0 && runs("Campaign"), alone, runs("Upgrade") && *versionsFlag != "":
		return *dirFlag
	}
	return ""
}

// campaignOptions are those of the flags.
func campaignOptions(ctx context.Context) (campaign.Options, error) {
	dir := campaignDir()
	if dir == "" {
		dir = filepath.Join(campaigns, time.Now().UTC().Format("20060102T150405.000"))
	}
	last, err := lastSegment(dir)
	if err != nil {
		return campaign.Options{}, err
	}
	seed := uint64(0) // that of the campaign that goes on
	if _, given := rapidFlag("seed"); given || last == nil {
		seed = sessionSeed()
	}
	if err := checkNamed(nil); err != nil {
		return campaign.Options{}, err
	}
	on, err := choose(ctx, backend.Name(*runtimeFlag), max(1, seed), nil, func(string) {})
	if err != nil {
		return campaign.Options{}, err
	}
	draw := DrawOptions()
	if draw.Loads.Share > 0 {
		draw.Loads.Times = campaignLoads
	}
	part, err := shard()
	return campaign.Options{
		Session: session.Options{Open: on.open, Room: on.choice.Room, Base: settings(), Altered: on.altered, Bounds: bounds(), Check: checks(), KeepData: *dataFlag, Exclude: exclusions},
		Start: campaign.Start{
			Seed: seed, Shard: part, Duration: *durationFlag, Workers: *workersFlag, Flags: serverArguments(), Runtime: string(on.choice.Name), SDK: askedSDK(), Altered: on.altered,
			Unresolved: draw.Unresolved, Server: draw.Server, StartConfigs: draw.StartConfigs, VQueues: draw.VQueues, Loads: draw.Loads, ServiceFaults: draw.ServiceFaults, Scheduled: draw.Scheduled, Exclude: draw.Exclude, Rare: draw.Rare, Discovered: discovered.exclusions, Known: knownFindings,
		},
		Dir: dir, Canaries: Canaries(on.open), ShrinkBudget: *shrinkFlag, Subject: subjectOf,
	}, err
}

// subjectOf is the subject that the flags put under test, on a server of this identity.
func subjectOf(server runtime.Identity) regress.Subject {
	return subject(&session.Result{Identity: server})
}

// finding renders a violation, or its reduction if s is not nil, and writes its page.
// flags are those that its replay needs beside those of the server.
func finding(r harness.Run, s *regress.Shrunk, flags ...string) string {
	c := report.Context{Flags: append(serverArguments(), flags...), Shrunk: s}
	if s != nil {
		r.Problem = errors.Join(r.Problem, s.Problem)
	}
	if err := report.WritePage(r, c); err != nil {
		r.Problem = errors.Join(r.Problem, err)
	}
	return report.Finding(r, c).String()
}

// elapsed is the total time of a shard's segments.
func elapsed(c *campaign.Campaign, part campaign.Shard) (took time.Duration) {
	for i := range c.Segments {
		if s := &c.Segments[i]; s.Shard == part {
			took += s.Took()
		}
	}
	return took
}

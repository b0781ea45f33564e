package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"retain/campaign"
	"retain/generators"
	"retain/harness"
	"retain/harness/backend"
	"retain/harness/regress"
	"retain/harness/session"
	"retain/harness/upgrade"
	"retain/model"
	"retain/report"
)

// upgrades is the directory of upgrades without -dir.
const upgrades = "testdata/upgrades"

// upgradeTime is how long plans of one path are drawn without -duration, and pairTime those of
// each pair of several.
const (
	upgradeTime = 3 * time.Minute
	pairTime    = time.Minute
	// pairBetween is how many operations the load of a systematic plan has before each switch,
	// where several pairs share the time.
	pairBetween = 250
)

// Upgrade leads servers up, down and up again along the versions of -restate.versions, and
// writes the certificate of that: see package upgrade.
func Upgrade(t T) {
	if missing := upgradeMissing(); missing != "" {
		skipped(t, "give "+missing)
	}
	ended.cut = true // until it has come to its end
	ctx := Interruptible(t)
	o, err := upgradeOptions(ctx)
	if err != nil {
		cannotBegin(t, err)
	}
	say("upgrade   ", o.Dir)
	c := conductCampaign(t, ctx, o)
	if !concludeUpgrade(t, c) {
		t.Fail()
	}
	if ended.cut {
		say(fmt.Sprintf("note       ended after %s of %s: go on with it (exit code %d)", elapsed(c, o.Start.Shard).Round(time.Second), o.Start.Duration, RunAgain))
	}
}

func upgradeMissing() string {
	if *versionsFlag == "" && campaignDir() == "" {
		return "-restate.versions A,B, the versions to lead a server through, or -resume DIR"
	}
	return ""
}

// checkUpgrade refuses versions that no server can be led through.
func checkUpgrade() error {
	if !runs("Upgrade") {
		return nil
	}
	if *versionsFlag == "" { // one that goes on has them by now
		if dir := campaignDir(); dir != "" && !runs("Campaign") {
			return fmt.Errorf("%s has no upgrade to go on with: name the directory of one, or begin one there with -dir %s -restate.versions A,B", dir, dir)
		}
		return nil
	}
	paths, err := upgrade.Parse(*versionsFlag)
	if err != nil {
		return fmt.Errorf("-restate.versions: %w", err)
	}
	all := upgradedVersions(paths)
	if err := checkComparedBuilds(all, nil); err != nil {
		return err
	}
	for _, version := range all {
		if *serverFlag == "" || isBuild(version) {
			continue // a build's version is not known before it starts
		}
		if err := generators.CheckServer(generators.Plan{}.On(*serverFlag), version); err != nil {
			return fmt.Errorf("-config %s: %w", *serverFlag, err)
		}
	}
	if !isSet(flag.Lookup("duration")) && *durationFlag == 0 { // that of an upgrade which goes on is known by now
		*durationFlag = upgradeDuration(paths)
	}
	switch {
	case isSet(flag.Lookup("restate.version")):
		return errors.New("-restate.version is one version, -restate.versions are those of the upgrade: leave one of them out")
	case *loadFlag == 0:
		return errors.New("-load 0: an upgrade is tested under load: give a number of clients above 0, or leave it out")
	}
	return nil
}

// upgradedVersions are the versions of paths, each once.
func upgradedVersions(paths []upgrade.Path) (out []string) {
	for _, path := range paths {
		for _, version := range path {
			if !slices.Contains(out, version) {
				out = append(out, version)
			}
		}
	}
	return out
}

// upgradeOptions are those of the flags. Everything that can be refused is refused here.
func upgradeOptions(ctx context.Context) (campaign.Options, error) {
	if err := checkArtifactsWritable(); err != nil {
		return campaign.Options{}, err
	}
	paths, err := upgrade.Parse(*versionsFlag)
	if err != nil {
		return campaign.Options{}, fmt.Errorf("-restate.versions: %w", err)
	}
	dir := campaignDir()
	if dir == "" {
		dir = filepath.Join(upgrades, time.Now().UTC().Format("20060102T150405.000"))
	}
	last, err := lastSegment(dir)
	if err != nil {
		return campaign.Options{}, err
	}
	seed := uint64(0) // that of the upgrade that goes on
	if _, given := rapidFlag("seed"); given || last == nil {
		seed = sessionSeed()
	}
	u, on, err := upgradeServers(ctx, paths, max(1, seed))
	if err != nil {
		return campaign.Options{}, err
	}
	o := DrawOptions()
	return campaign.Options{
		Session: session.Options{Open: on.open, Room: on.choice.Room, Base: settingsOn(on.choice.Name), Altered: on.altered, Bounds: bounds(), Check: checks(), KeepData: *dataFlag, Exclude: exclusions},
		Start: campaign.Start{
			Seed: seed, Shard: campaign.Shard{Of: 1}, Duration: *durationFlag, Workers: *workersFlag, Flags: serverArguments(), Runtime: string(on.choice.Name), SDK: askedSDK(), Altered: on.altered,
			Server: o.Server, StartConfigs: o.StartConfigs, VQueues: upgradeDrawsVQueues(), Loads: upgradeLoads(), ServiceFaults: o.ServiceFaults, Scheduled: o.Scheduled, Exclude: o.Exclude, Rare: o.Rare, Unweighted: true, Discovered: discovered.exclusions, Known: knownFindings,
			Upgrade: u,
		},
		Dir: dir, ShrinkBudget: *shrinkFlag, Subject: subjectOf,
		OnFinding: func(r harness.Run, s *regress.Shrunk, flags []string) {
			fmt.Fprint(console, finding(r, s, flags...))
		},
	}, nil
}

// upgradeDuration is how long plans are drawn without -duration.
func upgradeDuration(paths []upgrade.Path) time.Duration {
	if len(paths) == 1 {
		return upgradeTime
	}
	return pairTime * time.Duration(len(paths))
}

// upgradeLoads are those of drawn plans; systematic ones always have one.
func upgradeLoads() generators.Loads {
	if *loadFlag == drawnLoad {
		return generators.Loads{Share: loadShare}
	}
	return generators.Loads{Share: 1, Clients: *loadFlag}
}

// upgradeDrawsVQueues reports whether plans may have vqueues, if all their versions do: no
// variable decides it for all.
func upgradeDrawsVQueues() bool { return drawsVQueuesOn("") && *serverFlag == "" }

// upgradeServers finds the servers of all paths and checks their settings.
func upgradeServers(ctx context.Context, paths []upgrade.Path, seed uint64) (*campaign.Upgrade, chosen, error) {
	u := &campaign.Upgrade{Versions: *versionsFlag, Paths: paths}
	if len(paths) > 1 {
		u.Between = pairBetween
	}
	var on chosen
	name := backend.Name(*runtimeFlag)
	for _, path := range paths {
		s := flagServer(name)
		if name != backend.Simulated {
			s.settings.Version, s.versions = path[0], path[1:]
		}
		one, err := chooseServer(ctx, name, seed, func(string) {}, s)
		if err != nil {
			return nil, chosen{}, fmt.Errorf("%s: %w", path, err)
		}
		needed := map[string]string{}
		if name != backend.Simulated {
			if needed, err = one.wayBack(path); err != nil {
				return nil, chosen{}, err
			}
		}
		for _, setting := range slices.Sorted(maps.Keys(needed)) {
			say(fmt.Sprintf("note       the way back from %s needs %s=%s, which each start has", path[len(path)-1], setting, needed[setting]))
		}
		u.Settings = append(u.Settings, needed)
		if on.open == nil {
			on = one
		}
		for _, a := range one.altered {
			if !slices.ContainsFunc(on.altered, func(b model.Setting) bool { return a == b }) {
				on.altered = append(on.altered, a)
			}
		}
	}
	if name != backend.Simulated {
		sweep(ctx)
	}
	return u, on, nil
}

// wayBack are the settings that the way back along a path needs, by the releases that its
// native builds report. A path that leads down by them is refused.
func (on chosen) wayBack(path upgrade.Path) (map[string]string, error) {
	var releases upgrade.Path
	for i, name := range path {
		found := on.found[name]
		if i == 0 {
			found = on.found[""]
		}
		releases = append(releases, upgrade.Release(name, []string{found.Version}))
	}
	if newer, older := releases.LeadsDown(generators.AsNamed); newer != "" {
		return nil, fmt.Errorf("-restate.versions: %s is %s, and leads from %s down to %s: name the versions from the oldest to the newest", path, releases, newer, older)
	}
	return releases.Settings(envFlag), nil
}

// concludeUpgrade writes the certificate and the files of the flags, prints the answer, and
// reports whether it is green.
func concludeUpgrade(t T, c *campaign.Campaign) (green bool) {
	certificate := report.CertificateOf(c)
	if certificate.GoOn != "" && runs("Upgrade") {
		certificate.GoOn = resumeCommand("Upgrade", c.Dir, false)
	}
	errs := []error{certificate.Write(c.Dir)}
	rows := certificate.Rows(c.Dir)
	rows.Print(console)
	if *summaryFlag != "" {
		errs = append(errs, certificate.WriteJSON(*summaryFlag))
	}
	errs = append(errs, writeJUnit(t, c, rows))
	if path := os.Getenv(report.StepSummary); path != "" {
		errs = append(errs, certificate.AppendMarkdown(path))
	}
	if err := errors.Join(errs...); err != nil {
		ended.red = true
		t.Errorf("harness: %v", err)
	}
	verdict, _ := c.Verdict()
	ended.red = ended.red || verdict != harness.Pass && verdict != harness.Interrupted
	return verdict == harness.Pass
}

package report

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"retain/campaign"
	"retain/generators"
	"retain/harness"
	"retain/harness/triage"
	"retain/harness/upgrade"
	"retain/model"
)

// CertificateVersion is the version of the JSON of a certificate, which
// docs/certificate.schema.json describes.
const CertificateVersion = 1

// Certificate says whether servers may be upgraded along paths of versions, and go back. It
// is its own JSON form, and its page and its Markdown are made of it alone. Times are in
// seconds, rates from 0 to 1.
type Certificate struct {
	Version int             `json:"version"`
	Verdict harness.Verdict `json:"verdict"`
	// Answer is one sentence for each path.
	Answer []string `json:"answer"`
	// Because is what keeps it from a pass.
	Because []string       `json:"because,omitempty"`
	Paths   []upgrade.Path `json:"paths"`
	// Began is when the first process began, Seconds how long all took together, of Of.
	Began   time.Time `json:"began"`
	Seconds float64   `json:"seconds"`
	Of      float64   `json:"of_seconds"`
	Seed    uint64    `json:"seed"`
	Runtime string    `json:"runtime"`
	SDK     string    `json:"sdk,omitempty"`
	// Repeat is the command that does the same again, GoOn the one that goes on with it.
	Repeat string `json:"repeat"`
	GoOn   string `json:"go_on,omitempty"`

	Plans      certifiedPlans      `json:"plans"`
	Operations int                 `json:"operations"`
	ReadBack   int                 `json:"read_back"`
	Switches   int                 `json:"switches"`
	Steps      []certifiedStep     `json:"steps"`
	Pairs      []certifiedPair     `json:"pairs"`
	Versions   []certifiedVersion  `json:"versions"`
	Settings   model.Settings      `json:"settings"`
	WayBack    []map[string]string `json:"way_back_settings"`
	Tested     certifiedCoverage   `json:"tested"`
	NotTested  []string            `json:"not_tested"`
	Findings   []certifiedFinding  `json:"findings"`
	Unjudged   []certifiedFinding  `json:"unjudged"`
	Known      []harness.SeenKnown `json:"known,omitempty"`
}

type certifiedPlans struct {
	All        int                     `json:"all"`
	Systematic int                     `json:"systematic"`
	Drawn      int                     `json:"drawn"`
	Verdicts   map[harness.Verdict]int `json:"verdicts"`
	// Excludes is the share of such plans that may fail at most, at 95 %, 0 for nothing.
	Excludes float64 `json:"excludes"`
}

// certifiedStep is what the switches of one step came to.
type certifiedStep struct {
	From   string              `json:"from"`
	To     string              `json:"to"`
	Fault  model.FaultKind     `json:"fault"`
	Times  int                 `json:"times"`
	Open   upgrade.Spread[int] `json:"open"`
	Queued upgrade.Spread[int] `json:"queued"`
	// Resent counts the answered operations that were sent again, Same those that got the same
	// answer.
	Resent int `json:"resent"`
	Same   int `json:"same"`
	Reads  int `json:"reads"`
	// Objects counts the objects that were read.
	Objects int          `json:"objects"`
	Kinds   []model.Kind `json:"kinds"`
	Outage  outageJSON   `json:"outage_seconds"`
	// Excused counts the known refusals that it ended in, by entry.
	Excused map[string]int `json:"excused,omitempty"`
	Broke   []int          `json:"broke"`
	// Excludes is the rate of failing switches that is excluded at 95 %, 0 for nothing.
	Excludes float64 `json:"excludes"`
}

type outageJSON struct {
	Median  float64 `json:"median"`
	Longest float64 `json:"longest"`
}

// certifiedPair is a step after either fault, with what it needs.
type certifiedPair struct {
	upgrade.Pair
	Back bool `json:"back"`
	// Times counts the switches, Served those after which the new server served.
	Times  int `json:"times"`
	Served int `json:"served"`
	// Refused counts those that ended in a known refusal. The others were overtaken by a fault.
	Refused int `json:"refused,omitempty"`
	// Excused are the known refusals that it ended in.
	Excused []string       `json:"excused,omitempty"`
	Broke   int            `json:"broke"`
	Outage  outageJSON     `json:"outage_seconds"`
	Needs   []upgrade.Need `json:"needs"`
}

type certifiedVersion struct {
	Name string `json:"name"`
	// Servers are what the servers of that name said that they are.
	Servers []string `json:"servers"`
}

type certifiedCoverage struct {
	// Partitions counts the plans by the number of partitions, VQueues those with vqueues,
	// Classes those by what their servers were started with.
	Partitions map[int]int              `json:"partitions"`
	VQueues    int                      `json:"vqueues"`
	Classes    map[generators.Class]int `json:"classes"`
	Kinds      []model.Kind             `json:"kinds"`
}

// suspends reports whether a plan's servers suspended invocations.
func (c certifiedCoverage) suspends() bool {
	for class, n := range c.Classes {
		if class.Suspending && n > 0 {
			return true
		}
	}
	return false
}

// certifiedFinding is a plan that did not pass.
type certifiedFinding struct {
	Plan    int             `json:"plan"`
	Verdict harness.Verdict `json:"verdict"`
	Says    string          `json:"says"`
	Broken  model.Guarantee `json:"broken,omitzero"`
	// After is the step after which it broke, "" for none.
	After string `json:"after,omitempty"`
	// While is the version that ran where it broke after a switch and not at one.
	While  string `json:"while,omitempty"`
	Link   string `json:"link,omitempty"`
	Replay string `json:"replay,omitempty"`

	first string // the version that the plan began with
}

// sdkOf names the handlers of a campaign: as the server's record of the deployment has them, or
// else as they were asked for.
func sdkOf(c *campaign.Campaign) string {
	for i := range c.Segments {
		for _, plan := range c.Segments[i].Plans {
			if plan.SDK != "" {
				return plan.SDK
			}
		}
	}
	return c.Segments[0].SDK
}

// CertificateOf is the certificate of an upgrade.
func CertificateOf(c *campaign.Campaign) *Certificate {
	u, first := c.Upgrade(), c.Segments[0]
	verdict, why := c.Verdict()
	t := c.Totals()
	steps := upgrade.Steps(u.Paths, c.Judged())
	out := &Certificate{
		Version: CertificateVersion, Verdict: verdict, Because: why, Paths: u.Paths, Began: first.At, Of: seconds(c.Segments[len(c.Segments)-1].Duration),
		Seed: first.Seed, Runtime: first.Runtime, SDK: sdkOf(c), Operations: t.Operations + t.Load.Operations, ReadBack: t.ReadBack + t.Load.ReadBack,
		Settings: orEmpty(alteredBy(c)), WayBack: u.Settings, Known: c.Known(), Findings: []certifiedFinding{}, Unjudged: []certifiedFinding{},
		Plans:  certifiedPlans{All: t.Plans, Verdicts: t.Verdicts},
		Tested: certifiedCoverage{Partitions: t.Coverage.Partitions, VQueues: t.Coverage.VQueues, Classes: t.Coverage.Plans, Kinds: []model.Kind{}},
	}
	if t.Verdicts[harness.Violation] == 0 {
		out.Plans.Excludes = harness.Excludes(t.Verdicts[harness.Pass])
	}
	for i := range c.Segments {
		out.Seconds += seconds(c.Segments[i].Took())
	}
	out.addSteps(steps)
	out.NotTested = strings.Split(notTested(out.Switches > 0, t.Coverage, t.Managed), ", ")
	if !out.Tested.suspends() {
		out.NotTested = append([]string{"suspended invocations"}, out.NotTested...)
	}
	if first.Runtime == campaign.Simulated {
		out.NotTested = append([]string{"Restate: the runtime is simulated"}, out.NotTested...)
	}
	out.addVersions(c)
	out.addPairs(u.Paths, steps)
	for i := range c.Segments {
		out.addPlans(c, i)
	}
	out.Repeat = "go test -run Upgrade " + words(append([]string{"-restate.versions=" + u.Versions, "-runtime=" + first.Runtime, "-duration=" + c.Segments[len(c.Segments)-1].Duration.String(),
		"-timeout=0", fmt.Sprintf("-rapid.seed=%d", first.Seed)}, append(withoutRuntime(first.Flags), drawFlags(&first)...)...)...)
	if len(first.Exclude) > len(first.Discovered) {
		out.Repeat += " -exclude=FILE" // the settings say what was in it
	}
	if out.Seconds < out.Of || verdict == harness.Interrupted {
		out.GoOn = "go test -run Upgrade -timeout 0 -resume " + words(c.Dir)
	}
	out.Answer = out.answers(u.Paths)
	return out
}

// drawFlags are the flags by which a segment drew its plans.
func drawFlags(s *campaign.Segment) (out []string) {
	values := s.DrawFlags()
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if values[name] != "" {
			out = append(out, "-"+name+"="+values[name])
		}
	}
	return out
}

// withoutRuntime leaves out what the command that repeats an upgrade says itself.
func withoutRuntime(flags []string) []string {
	return slices.DeleteFunc(slices.Clone(flags), func(f string) bool { return strings.HasPrefix(f, "-runtime=") })
}

func (c *Certificate) addSteps(steps []upgrade.Step) {
	c.Steps = []certifiedStep{}
	kept := map[model.Kind]bool{}
	for _, s := range steps {
		c.Switches += len(s.Switches)
		one := certifiedStep{
			From: s.From, To: s.To, Fault: s.Fault, Times: len(s.Switches), Open: s.Open(), Queued: s.Queued(), Kinds: append([]model.Kind{}, s.Kinds()...),
			Outage: outageJSON{seconds(s.Outages().Median), seconds(s.Outages().Most)}, Broke: append([]int{}, s.Broke...), Excludes: s.Excludes(),
		}
		for _, w := range s.Switches {
			one.Resent += w.Resent
			one.Same += w.Same
			one.Reads += w.Reads
			if w.Excused != "" {
				if one.Excused == nil {
					one.Excused = map[string]int{}
				}
				one.Excused[w.Excused]++
			}
			one.Objects += w.Objects
		}
		for _, k := range s.Kinds() {
			kept[k] = true
		}
		c.Steps = append(c.Steps, one)
	}
	for _, k := range model.Kinds() {
		if kept[k] {
			c.Tested.Kinds = append(c.Tested.Kinds, k)
		}
	}
}

func (c *Certificate) addPairs(paths []upgrade.Path, steps []upgrade.Step) {
	c.Pairs = []certifiedPair{}
	for _, path := range paths {
		for _, pair := range path.Pairs() {
			one := certifiedPair{Pair: pair, Back: path.Back(pair), Needs: append([]upgrade.Need{}, upgrade.NeedsOf(c.reported(pair))...)}
			var outages []time.Duration
			for _, s := range steps {
				if s.Pair != pair {
					continue
				}
				one.Broke += len(s.Broke)
				for _, w := range s.Switches {
					one.Times++
					if w.Excused != "" {
						one.Refused++
						if !slices.Contains(one.Excused, w.Excused) {
							one.Excused = append(one.Excused, w.Excused)
						}
					}
					if w.Outage > 0 {
						one.Served++
						outages = append(outages, w.Outage)
					}
				}
			}
			spread := upgrade.SpreadOf(outages)
			one.Outage = outageJSON{seconds(spread.Median), seconds(spread.Most)}
			c.Pairs = append(c.Pairs, one)
		}
	}
}

// addVersions adds the versions with the builds that were started.
func (c *Certificate) addVersions(all *campaign.Campaign) {
	servers := all.Servers()
	for _, path := range all.Upgrade().Paths {
		for _, name := range path {
			if !slices.ContainsFunc(c.Versions, func(v certifiedVersion) bool { return v.Name == name }) {
				c.Versions = append(c.Versions, certifiedVersion{name, append([]string{}, servers[name]...)})
			}
		}
	}
}

// reported is a pair by the releases that its builds said that they are.
func (c *Certificate) reported(p upgrade.Pair) upgrade.Pair {
	return upgrade.Pair{From: c.release(p.From), To: c.release(p.To)}
}

// release is the release of a name of a version: see [upgrade.Release].
func (c *Certificate) release(name string) string {
	for _, v := range c.Versions {
		if v.Name == name {
			return upgrade.Release(name, v.Servers)
		}
	}
	return name
}

// addPlans adds the plans of a segment: what was drawn, and those that did not pass.
func (c *Certificate) addPlans(all *campaign.Campaign, segment int) {
	s := &all.Segments[segment]
	for _, j := range s.Plans {
		if j.Verdict == harness.Known {
			continue // it does not count
		}
		if _, systematic := campaign.Systematic(s.Drawn[j.Number].Turn); systematic {
			c.Plans.Systematic++
		} else {
			c.Plans.Drawn++
		}
		if j.Verdict == harness.Pass {
			continue
		}
		f := certifiedFinding{Plan: j.Number, Verdict: j.Verdict, Says: oneLine(j.Sentence), Broken: j.Broken, While: j.While, first: s.Upgrade.Paths[s.Drawn[j.Number].Path][0]}
		if !j.Broken.IsZero() {
			f.Says = oneLine(j.Broken.About())
		}
		if j.Broke > 0 && j.Broke <= len(j.Switches) {
			w := j.Switches[j.Broke-1]
			f.After = upgrade.Step{Pair: upgrade.Pair{From: w.From, To: w.To}, Fault: w.Fault}.String()
		}
		if dir, there := folder(all, segment, j.Dir); there {
			f.Link = href(all, dir) + "/"
			if exists(filepath.Join(dir, triage.PageFile)) {
				f.Link += triage.PageFile
			}
			f.Replay = "go test -run Replay -plan " + words(append([]string{filepath.Join(dir, triage.PlanFile), "-runtime=" + s.Runtime},
				append(withoutRuntime(s.Flags), s.Upgrade.Flags(s.Runtime, s.Drawn[j.Number].Path)...)...)...)
		}
		if j.Verdict == harness.Violation {
			c.Findings = append(c.Findings, f)
		} else {
			c.Unjudged = append(c.Unjudged, f)
		}
	}
}

// answers are the sentences that a person who signs an upgrade reads first.
func (c *Certificate) answers(paths []upgrade.Path) (out []string) {
	switch c.Verdict {
	case harness.Violation:
		for _, f := range c.Findings {
			line := fmt.Sprintf("not answered: %s itself broke a guarantee, before any switch, which says nothing about the upgrade: %s", f.first, f.Says)
			switch {
			case f.After != "":
				line = fmt.Sprintf("do not upgrade: a guarantee broke after the step %s: %s", f.After, f.Says)
			case f.While != "":
				line = fmt.Sprintf("do not upgrade: a guarantee broke while %s ran, not at a switch: %s", f.While, f.Says)
			}
			if !slices.Contains(out, line) {
				out = append(out, line)
			}
		}
		return out
	case harness.Pass:
		for _, path := range paths {
			out = append(out, fmt.Sprintf("may upgrade %s: no acknowledged write was lost, doubled or seen out of order in %s; %s", path, c.countText(path), c.backText(path)))
		}
		if c.Plans.Excludes == 0 {
			out = append(out, fmt.Sprintf("too few plans to exclude a rate of failures: %d passed, %d are needed", c.Plans.Verdicts[harness.Pass], harness.Judgeable))
		}
		for _, k := range c.Known {
			out = append(out, "left out: plans that showed a known finding of these versions, "+k.Link)
		}
		return out
	case harness.Interrupted:
		return []string{fmt.Sprintf("not answered yet: interrupted after %s of %s, and nothing broke in %s", spanOf(c.Seconds), spanOf(c.Of), switchesText(c.Switches))}
	case harness.Vacuous:
		return []string{fmt.Sprintf("not answered: nothing broke in %s, which prove too little", switchesText(c.Switches))}
	case harness.Undecided:
		return []string{fmt.Sprintf("not answered: %s without a verdict", plural(c.Plans.Verdicts[harness.Undecided], "plan"))}
	}
	return []string{"not answered: the suite could not do its work, which says nothing about Restate"}
}

// countText is how much was tested on a path.
func (c *Certificate) countText(path upgrade.Path) string {
	if len(c.Paths) == 1 {
		return fmt.Sprintf("%s operations and %s", thousands(c.Operations), switchesText(c.Switches))
	}
	n := 0
	for _, p := range c.Pairs {
		if slices.Contains(path, p.From) && slices.Contains(path, p.To) {
			n += p.Times
		}
	}
	return switchesText(n)
}

// backText says what the way back along a path needs: to each of its versions, if that
// differs.
func (c *Certificate) backText(path upgrade.Path) string {
	var texts, each []string
	for i, to := range slices.Backward(path[:len(path)-1]) {
		text := c.backTo(path, path[i+1:], to)
		texts, each = append(texts, text), append(each, "to "+to+": "+text)
	}
	if len(slices.Compact(slices.Clone(texts))) == 1 {
		return texts[0]
	}
	return strings.Join(each, "; ")
}

// backTo says what the way back to a version of a path needs, from any of the newer ones.
func (c *Certificate) backTo(path upgrade.Path, newer []string, to string) string {
	settings, lacked := map[string]string{}, map[string]string{}
	var refused bool
	var listed, possible []string // which the file of differences says that it does not serve, with such settings and with others
	for _, from := range newer {
		for _, p := range c.Pairs {
			refused = refused || p.From == from && p.To == to && p.Refused > 0
		}
		for _, n := range upgrade.NeedsOf(c.reported(upgrade.Pair{From: from, To: to})) {
			if n.Backup {
				possible = append(possible, from)
			}
			if !c.runWith(n.With) {
				continue
			}
			if n.Backup {
				listed = append(listed, from)
			}
			for name, value := range n.Settings {
				if c.hadForWayBack(path, name, value) {
					settings[name] = value
				} else {
					lacked[name] = value
				}
			}
		}
	}
	of := listed
	switch {
	case of == nil && possible != nil:
		of = possible
	case of == nil:
		of = newer[:1]
	}
	unlisted := slices.DeleteFunc(append([]string{to}, newer...), func(name string) bool { return upgrade.IsRelease(c.release(name)) })
	switch {
	case refused:
		return fmt.Sprintf("can't go back without a backup from before the upgrade: %s does not serve the data of %s", to, strings.Join(of, ", "))
	case listed != nil:
		return fmt.Sprintf("went back here, and needs a backup from before the upgrade all the same: %s is listed as not serving the data of %s with such settings",
			to, strings.Join(listed, ", "))
	case len(unlisted) > 0:
		return "went back here; what else that needs is not known of " + strings.Join(unlisted, ", ") + ", which is no release"
	case len(lacked) > 0:
		return "went back here without " + environment(lacked) + ", which a way back is listed to need from the newer server's first start on"
	case len(settings) > 0:
		return "may go back, with " + environment(settings) + " from the newer server's first start on"
	}
	return "may go back, which needs nothing"
}

// hadForWayBack reports whether the servers of a path had a setting that its way back needs.
func (c *Certificate) hadForWayBack(path upgrade.Path, name, value string) bool {
	i := slices.IndexFunc(c.Paths, func(p upgrade.Path) bool { return slices.Equal(p, path) })
	return i >= 0 && i < len(c.WayBack) && c.WayBack[i][name] == value || c.runWith(map[string]string{name: value})
}

// runWith reports whether the servers had settings.
func (c *Certificate) runWith(settings map[string]string) bool {
	for name, value := range settings {
		if !slices.ContainsFunc(c.Settings, func(s model.Setting) bool {
			return strings.EqualFold(s.Name, name) && strings.EqualFold(s.Value, value)
		}) {
			return false
		}
	}
	return true
}

func switchesText(n int) string {
	if n == 1 {
		return "1 switch"
	}
	return thousands(n) + " switches"
}

// environment prints variables as NAME=VALUE.
func environment(of map[string]string) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(of)) {
		out = append(out, model.Variable(name, of[name]).String())
	}
	return strings.Join(out, " ")
}

func spanOf(s float64) string { return span(time.Duration(s * float64(time.Second))) }

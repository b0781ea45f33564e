package campaign

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"retain/generators"
	"retain/harness"
	"retain/harness/session"
	"retain/harness/upgrade"
	"retain/model"
	"retain/runtime"
)

// Upgrade makes a campaign one of upgrades: its plans lead servers along paths of versions.
type Upgrade struct {
	// Versions is what -restate.versions says; Paths are its paths.
	Versions string         `json:"versions"`
	Paths    []upgrade.Path `json:"paths"`
	// Settings are what each path's way back needs: every server of the path has them from
	// its first start on.
	Settings []map[string]string `json:"settings"`
	// Between is how many operations the load of a systematic plan has before each switch, 0
	// for the usual number.
	Between int `json:"between,omitempty"`
}

// SystematicFirst is how many plans of a path are systematic before others are drawn: they
// begin with a stop and with a kill. Then each second one is.
const SystematicFirst = 2

// leastTurn is the shortest session on a path.
const leastTurn = 10 * time.Second

// Systematic reports whether the plan of a turn leads up, down and up again along its path,
// and which of those plans it is.
func Systematic(turn int) (number int, is bool) {
	nth := turn
	if turn >= SystematicFirst {
		if (turn-SystematicFirst)%2 != 0 {
			return 0, false
		}
		nth = SystematicFirst + (turn-SystematicFirst)/2
	}
	return systematic[nth%len(systematic)] + nth/len(systematic)*len(systematic), true
}

// systematic are the numbers of the systematic plans in the order of their turns: each load
// with a stop first, and then with a kill first. Those that suspend nothing come first: where
// versions have known findings of suspended calls, the others still have each step.
var systematic = [...]int{0, 3, 4, 1, 2, 5}

// drawUpgrade draws the plan of a turn of a path.
func (b Start) drawUpgrade(d PlanDrawn) generators.Plan {
	path := b.Upgrade.Paths[d.Path]
	number, systematic := Systematic(d.Turn)
	if !systematic {
		o := b.options(nil)
		o.Versions = path
		return generators.Draw(b.Seed, d.Number, o)
	}
	p := generators.Upgrade(b.Seed+uint64(d.Path), number, generators.UpgradeOptions{Versions: path, Clients: b.Loads.Clients, Between: b.Upgrade.Between, Exclude: b.Exclude.For(b.Rare, d.Number)})
	if b.Server != "" {
		p = p.On(b.Server)
	}
	p.Seed, p.Number, p.RapidSteps = b.Seed, d.Number, b.RapidSteps
	return p
}

// turns are whose turn it is: the paths of a campaign of upgrades share its time.
type turns struct {
	path  int             // the one of the session
	next  []int           // the next turn of each
	spent []time.Duration // on each
}

func newTurns(u *Upgrade) turns {
	if u == nil {
		return turns{}
	}
	return turns{next: make([]int, len(u.Paths)), spent: make([]time.Duration, len(u.Paths))}
}

// recall takes up what a segment drew.
func (t *turns) recall(s Segment) {
	for i := range t.next {
		for _, d := range s.Drawn {
			if d.Path == i {
				t.next[i] = max(t.next[i], d.Turn+1)
			}
		}
	}
	for _, j := range s.Plans {
		if d, known := s.Drawn[j.Number]; known && d.Path < len(t.spent) {
			t.spent[d.Path] += j.Took / time.Duration(max(1, s.Workers))
		}
	}
}

// begin gives the next session to the path that had the least time, and says how long that
// is at most.
func (t *turns) begin(share time.Duration) time.Duration {
	for i := range t.spent {
		if t.spent[i] < t.spent[t.path] {
			t.path = i
		}
	}
	return max(leastTurn, share-t.spent[t.path])
}

// lacksTurns reports whether a path has not had its first systematic plans, where the machine
// is slow: a campaign of upgrades goes on for them for up to twice its time. One that is
// resumed has as long for those that were interrupted.
func (c *campaign) lacksTurns() bool {
	late := time.Since(c.ends)
	return late < c.Start.Duration && (slices.ContainsFunc(c.turns.next, func(n int) bool { return n < SystematicFirst }) ||
		c.Start.Upgrade != nil && slices.ContainsFunc(c.redraw, func(d PlanDrawn) bool { return d.Turn < SystematicFirst }))
}

// Unfinished reports whether the records of an upgrade do not have its end: its last process
// still runs or was killed, or it ended before the time was used and each path had its first
// systematic plans.
func (c *Campaign) Unfinished() bool {
	last := c.Segments[len(c.Segments)-1]
	if last.End == nil {
		return true
	}
	var used time.Duration
	for i := range c.Segments {
		used += c.Segments[i].Took()
	}
	return last.End.Why != timeOver && (used < last.Duration || c.lacksTurns())
}

// lacksTurns reports whether a path's first systematic plans have not all run.
func (c *Campaign) lacksTurns() bool {
	type turn struct{ path, turn int }
	ran := map[turn]bool{}
	for _, s := range c.Segments {
		for _, j := range s.Plans {
			if d, known := s.Drawn[j.Number]; known {
				ran[turn{d.Path, d.Turn}] = true
			}
		}
	}
	for path := range c.Upgrade().Paths {
		for nth := range SystematicFirst {
			if !ran[turn{path, nth}] {
				return true
			}
		}
	}
	return false
}

// sessionOn are the options of a session whose servers begin as the first version of a path.
func (c *campaign) sessionOn(path int) session.Options {
	o := c.Session
	if u := c.Start.Upgrade; u != nil {
		o.Base.Version, o.Base.Env = u.Paths[path][0], maps.Clone(o.Base.Env)
		if o.Base.Env == nil {
			o.Base.Env = map[string]string{}
		}
		maps.Copy(o.Base.Env, u.Settings[path])
		o.Altered = append(slices.Clone(o.Altered), u.altered(path)...)
	}
	return o
}

// altered are the settings of a path beside those of the campaign.
func (u *Upgrade) altered(path int) (out model.Settings) {
	for _, name := range slices.Sorted(maps.Keys(u.Settings[path])) {
		out = append(out, model.Variable(name, u.Settings[path][name]))
	}
	return out
}

// pathOf is the index of the path of a plan.
func (c *campaign) pathOf(number int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.paths[number]
}

// firstVersion is the name of the version that a plan begins with, "" for the server's own.
// The caller holds the lock.
func (c *campaign) firstVersion(number int) string {
	if u := c.Start.Upgrade; u != nil {
		return u.Paths[c.paths[number]][0]
	}
	return ""
}

// Flags are those that a replay of a path's plans needs beside the campaign's. The simulated
// runtime calls each of its starts as the plan does, and has no first version.
func (u *Upgrade) Flags(runtime string, path int) (out []string) {
	if runtime != Simulated {
		out = append(out, "-restate.version="+u.Paths[path][0])
	}
	for _, name := range slices.Sorted(maps.Keys(u.Settings[path])) {
		out = append(out, "-restate.env="+name+"="+u.Settings[path][name])
	}
	return out
}

// replayFlags are those that a replay of a plan needs beside the campaign's.
func (c *campaign) replayFlags(number int) []string {
	if c.Start.Upgrade == nil {
		return nil
	}
	return c.Start.Upgrade.Flags(c.Start.Runtime, c.pathOf(number))
}

// Upgrade is what the campaign upgrades, nil for another campaign.
func (c *Campaign) Upgrade() *Upgrade { return c.Segments[0].Upgrade }

// Servers are what the servers of each name of a version said that they are: "1.7.12
// (577e032)".
func (c *Campaign) Servers() map[string][]string {
	out := map[string][]string{}
	add := func(name, server string) {
		if server != "" && !slices.Contains(out[name], server) {
			out[name] = append(out[name], server)
		}
	}
	for _, s := range c.Segments {
		for _, j := range s.Plans {
			if i, known := runtime.ParseIdentity(j.Identity); known {
				add(s.Upgrade.Paths[s.Drawn[j.Number].Path][0], model.Fault{Reported: i.Version, Build: i.Build}.StartedVersion())
			}
			for _, w := range j.Switches {
				add(w.To, w.Server)
			}
		}
	}
	return out
}

// leadsDown says which paths lead from a newer version to an older one.
func (c *Campaign) leadsDown() (out []string) {
	servers := c.Servers()
	release := func(name string) string { return upgrade.Release(name, servers[name]) }
	says := func(name string) string {
		if release(name) != name {
			return fmt.Sprintf("%s (%s)", name, release(name))
		}
		return name
	}
	for _, path := range c.Upgrade().Paths {
		if newer, older := path.LeadsDown(release); newer != "" {
			out = append(out, fmt.Sprintf("%s is no upgrade: %s is newer than %s: name the versions from the oldest to the newest", path, says(newer), says(older)))
		}
	}
	return out
}

// Judged are the plans of a campaign of upgrades.
func (c *Campaign) Judged() (out []upgrade.Judged) {
	for _, s := range c.Segments {
		for _, j := range s.Plans {
			out = append(out, upgrade.Judged{Number: j.Number, Verdict: j.Verdict, Switches: j.Switches, Broke: j.Broke})
		}
	}
	slices.SortFunc(out, func(a, b upgrade.Judged) int { return cmp.Compare(a.Number, b.Number) })
	return out
}

// brokeAfter says which switch, from 1, was the last before a run broke a guarantee, 0 if
// none was or it did not break any. What was still good after the last switch did not break
// at one: while is the version that ran. A start as the same version is no switch.
func brokeAfter(r harness.Run, switches []harness.Switch) (after int, while string) {
	if r.Verdict != harness.Violation {
		return 0, ""
	}
	came := r.CameAt()
	if came == nil || r.Ledger {
		return len(switches), "" // what the server admits, or its last reads show, came at the end
	}
	for i, s := range switches {
		if s.Seq <= came.FirstBad.Seq {
			after = i + 1
		}
	}
	if after == 0 || came.LastGood == nil {
		return after, ""
	}
	switch last := switches[after-1]; {
	case came.LastGood.Seq < last.Seq:
		return after, ""
	case last.Excused != "": // the server went forward again
		return 0, last.From
	default:
		return 0, last.To
	}
}

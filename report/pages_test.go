package report

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/campaign"
	"retain/checker"
	"retain/generators"
	"retain/harness"
	"retain/harness/triage"
	"retain/model"
	"retain/runtime/serverlog"
)

// crowded is a violation with all that a page may have to show: clients that overlap,
// a stop that drains, a pause, two kills, an operation that was sent again, values as
// long as lines, and a read that no order explains.
func crowded(t *testing.T) harness.Run {
	var s story
	list := model.Object{Kind: model.List}
	appendTo := func(process, value string, call, ret int64) *model.Invoked {
		o := s.op(process, model.ListAppend{Value: value}, call, ret, model.Done{})
		o.Object = list
		return o
	}
	long := strings.Repeat("unbroken", 12)
	appendTo("0", "v1", 12, 15)
	appendTo("1", long, 40, 130)
	appendTo("2", "v3", 100, 900)
	s.fault("stop", 110, 320, 840)
	again := appendTo("3", "v4", 860, 1010)
	again.Outcome, again.Answer, again.Reason = model.Ambiguous, nil, model.Disconnected
	again.Attempts = []model.Attempt{{N: 1, Wrote: true, Start: ms(860)}, {N: 2, Wrote: true, Start: ms(2400)}}
	again.Resolution = &model.Resolution{At: ms(2410), By: model.Resend, Answer: model.Done{}}
	s.Faults = append(s.Faults, model.Fault{Kind: "pause", Begin: ms(950), End: ms(951)}, model.Fault{Kind: "resume", Begin: ms(1199), End: ms(1200)})
	s.fault("kill", 1300, 1302, 1900)
	s.fault("kill", 1950, 1952, 2350)
	read := s.op("look-list-0-0", model.ListGet{}, 2420, 2425, model.Texts{"v1", "v3", "v4"})
	read.Object, read.Phase = list, model.Closing
	for i := range s.Recoveries {
		r := &s.Recoveries[i]
		down, took := r.Down, r.Probe-r.Down
		r.Spawned, r.Port, r.Health = down+took/10, down+took/3, down+took/2
	}
	s.Availability = []model.Span{{To: 320e6, Up: true}, {From: 320e6, To: 840e6}, {From: 840e6, To: 950e6, Up: true}, {From: 950e6, To: 1200e6},
		{From: 1200e6, To: 1300e6, Up: true}, {From: 1300e6, To: 1900e6}, {From: 1900e6, To: 1950e6, Up: true}, {From: 1950e6, To: 2350e6}, {From: 2350e6, To: 2500e6, Up: true}}
	s.Header = lostAdd().Header
	log := strings.Repeat("2026-11-24T02:00:00.000Z INFO restate_bifrost::loglet: a line of the server that is as long as they are, with a path /restate/partition-processor/17\n", 130)
	files := map[string]string{}
	for name, text := range found {
		files[name] = text
	}
	files[triage.LogFile] = log + "2026-11-24T02:00:02Z ERROR trim gap <b>not markup</b>\n"
	r := lost(t, files)
	h := &s.History
	r.Check = checker.Check(h, checker.Options{})
	require.Equal(t, checker.Violation, r.Check.Verdict, r.Check.Reason)
	broken := r.Check.Broken()
	broken.Proof, broken.Contradiction = nil, read.ID
	for _, o := range h.Operations {
		broken.Proof = append(broken.Proof, o.ID)
	}
	r.Outcome.History, r.Sentence = h, r.Check.Reason
	r.Admissions = []serverlog.Admission{{Line: "ERROR restate_worker: trim gap " + long + long, Class: "data loss", Life: 2}}
	r.Plan = generators.StartAndStop(model.Kill)
	return r
}

// stuck is a violation of liveness: a read that waits for ever.
func stuck(t *testing.T) harness.Run {
	r := lost(t, found)
	r.Check, r.Hypotheses, r.Where = checker.Result{}, nil, ""
	o := &r.Outcome.History.Operations[1]
	o.Return, o.Outcome, o.Answer, o.Reason = ms(30_000), model.Ambiguous, nil, model.TimedOut
	r.Outcome.Liveness = &harness.Liveness{Guarantee: model.Guarantee{Code: model.OperationFinishes}, Detail: "operation 2, counter-3 get(), had no answer for 30 s", Operation: 2}
	return r
}

// unavailable is a plan that retain could not execute, undecidedRun one that nobody
// could judge.
func unavailable(t *testing.T) harness.Run {
	r := lost(t, map[string]string{triage.LogFile: "INFO one\n", triage.PlanFile: "{}"})
	return harness.Run{Number: 12, Verdict: harness.Harness, Dir: r.Dir, Sentence: "start the runtime: container did not start, 3 attempts in 41 s: \"port is already allocated\""}
}

func undecidedRun(t *testing.T) harness.Run {
	r := lost(t, found)
	r.Verdict, r.Sentence = harness.Undecided, "map-2: porcupine stopped at 20 s"
	r.Check = checker.Result{Verdict: checker.Undecided, Objects: []checker.ObjectResult{{
		Object: model.Object{Kind: model.Map, N: 2}, Verdict: checker.Undecided, Operations: 41, Open: 9,
		Reason: "porcupine stopped at 20 s; values repeat after clearAll, so the fast check does not apply",
	}}}
	return r
}

// gallery writes a page of each kind and returns their paths by name.
func gallery(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for name, r := range map[string]harness.Run{
		"violation": lost(t, found), "crowded": crowded(t), "stuck": stuck(t), "harness": unavailable(t), "undecided": undecidedRun(t),
	} {
		require.NoError(t, WritePage(r, plainProcess))
		out[name] = filepath.Join(r.Dir, triage.PageFile)
		if name == "crowded" {
			file, err := os.Create(filepath.Join(r.Dir, triage.PictureFile))
			require.NoError(t, err)
			require.NoError(t, checker.WritePicture(file, r.Outcome.History, r.Check))
			require.NoError(t, file.Close())
			out["picture"] = file.Name()
		}
	}
	for name, change := range map[string]func(*campaign.Campaign){"campaign-failing": nil, "campaign-passing": passing} {
		c := readTwo(t, 24)
		if change != nil {
			change(c)
		}
		path, err := WriteCampaignPage(c)
		require.NoError(t, err)
		out[name] = path
	}
	for name, c := range map[string]*campaign.Campaign{"certificate-passing": upgraded(t, 20), "certificate-failing": upgraded(t, 6, 1, 4)} {
		require.NoError(t, CertificateOf(c).Write(c.Dir))
		out[name] = filepath.Join(c.Dir, triage.PageFile)
	}
	return out
}

// passing leaves the plans of a campaign that pass.
func passing(c *campaign.Campaign) {
	for i := range c.Segments {
		s := &c.Segments[i]
		s.Violations, s.Reductions = nil, nil
		for k := range s.Plans {
			s.Plans[k].Verdict, s.Plans[k].Sentence = harness.Pass, ""
		}
	}
}

// layout is what a script measures on a page.
type layout struct {
	// Width is the page's, Window the window's.
	Width, Window int
	// Cut are the elements whose content is wider than they are and can't be scrolled to.
	Cut []string
	// Spilt are the texts of drawings that lie outside of their view box.
	Spilt []string
	// Mute are the drawings without a role and a text alternative, Unreachable the
	// scroll boxes that no key reaches.
	Mute, Unreachable []string
	Headings          []int
	Lang              string
	// Headless are the header cells without a scope.
	Headless []string
	// Pale are the texts whose colour is too near to that behind it.
	Pale []string
}

const measure = `(() => {
	const name = e => e.tagName + (e.id ? "#" + e.id : "") + "." + (e.getAttribute("class") || "") + " " + e.textContent.trim().slice(0, 50);
	const all = q => Array.from(document.querySelectorAll(q)), seen = e => e.getClientRects().length > 0;
	const box = e => e.closest(".scroll, pre");
	const rgb = c => (c.match(/[\d.]+/g) || []).map(Number);
	const lum = c => { const [r, g, b] = c.map(x => { x /= 255; return x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4 }); return 0.2126*r + 0.7152*g + 0.0722*b };
	const behind = e => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c.length === 3 || c[3] === 1) return c.slice(0, 3); } return rgb(getComputedStyle(document.documentElement).backgroundColor).slice(0, 3) };
	const ratio = e => { const a = lum(rgb(getComputedStyle(e).color).slice(0, 3)), b = lum(behind(e)); return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) };
	const texts = all("body *").filter(e => seen(e) && !e.closest("svg") && Array.from(e.childNodes).some(n => n.nodeType === 3 && n.data.trim()));
	return {
		width: document.documentElement.scrollWidth, window: innerWidth,
		cut: all("body *").filter(e => seen(e) && !e.closest("svg, .bar") && !box(e) && e.getBoundingClientRect().right > innerWidth + 0.5).map(name),
		spilt: all("svg[role=img] text").filter(seen).filter(e => { const t = e.getBoundingClientRect(), s = e.ownerSVGElement.getBoundingClientRect();
			return t.left < s.left - 1 || t.right > s.right + 1 || t.top < s.top - 1 || t.bottom > s.bottom + 1 }).map(name),
		mute: all("svg").filter(e => e.getAttribute("aria-hidden") !== "true" && !(e.getAttribute("role") === "img" &&
			((e.getAttribute("aria-label") || "") + (e.getAttribute("aria-labelledby") || "").split(" ").map(i => (document.getElementById(i) || {}).textContent || "").join("")).trim())).map(name),
		unreachable: all(".scroll, pre").filter(seen).filter(e => !(e.tabIndex === 0 && e.getAttribute("role") === "region" && e.getAttribute("aria-label"))).map(name),
		headings: all("h1, h2, h3, h4").map(e => Number(e.tagName[1])), lang: document.documentElement.lang,
		headless: all("th").filter(e => !e.scope).map(name),
		pale: texts.filter(e => ratio(e) < 4.5).map(e => ratio(e).toFixed(1) + " " + name(e)),
	}
})()`

// The pages as a browser shows them; it is started once.
func TestPagesAreReadableInABrowser(t *testing.T) {
	b := openBrowser(t)
	for name, page := range gallery(t) {
		b.show(t, page, views[0])
		for _, v := range views {
			name := name + "-" + v.String()
			b.look(t, v)
			if artifacts() {
				keep(t, name+".png", b.picture(t))
			}
			t.Run(name, func(t *testing.T) { canBeRead(t, b, v, strings.HasPrefix(name, "picture")) })
		}
	}
	t.Run("draws every chart", func(t *testing.T) { drawsEveryChart(t, b) })
	t.Run("sees a blank chart", func(t *testing.T) { seesABlankChart(t, b) })
	t.Run("sees what can't be read", func(t *testing.T) { seesWhatCannotBeRead(t, b) })
}

// artifacts reports whether somebody asked for -artifacts.
func artifacts() bool { return flag.Lookup("test.artifacts").Value.String() == "true" }

// canBeRead shows that a page can be read on a desk and on a phone, by day and by night,
// by who sees no colours and by who sees nothing. Of a foreign page only the size is ours.
func canBeRead(t *testing.T, b *browser, v view, foreign bool) {
	var l layout
	b.evaluate(t, measure, &l)
	assert.Equal(t, v.width, l.Window)
	assert.LessOrEqual(t, l.Width, l.Window, "the page scrolls to the side")
	if foreign {
		return
	}
	assert.Equal(t, "en", l.Lang)
	assert.Empty(t, l.Cut, "cut off")
	assert.Empty(t, l.Spilt, "texts outside of their drawing")
	assert.Empty(t, l.Mute, "drawings without a text alternative")
	assert.Empty(t, l.Unreachable, "scroll boxes that can't be focused")
	assert.Empty(t, l.Headless, "header cells without a scope")
	assert.Empty(t, l.Pale, "contrast below 4.5")
	assert.Equal(t, 1, l.Headings[0])
	for i, level := range l.Headings[1:] {
		assert.LessOrEqual(t, level, l.Headings[i]+1, "a heading's level is left out: %v", l.Headings)
		assert.Greater(t, level, 1)
	}
}

// The measurements would see each of what they look for.
func seesWhatCannotBeRead(t *testing.T, b *browser) {
	page := filepath.Join(t.TempDir(), "bad.html")
	require.NoError(t, os.WriteFile(page, []byte(`<!DOCTYPE html><html><body style="background:#fff"><h1>a</h1><p style="width:900px;color:#999">pale and wide</p>
		<div class="scroll"><svg role="img" width="100" height="20" viewBox="0 0 100 20"><text x="90" y="10">outside</text></svg></div><table><tr><th>x</th></tr></table></body></html>`), 0o644))
	b.show(t, page, view{width: 390})
	var l layout
	b.evaluate(t, measure, &l)
	assert.NotEqual(t, 390, l.Window, "a phone's window grows with what is too wide")
	assert.NotEqual(t, "en", l.Lang)
	for what, seen := range map[string][]string{
		"spilt": l.Spilt, "mute": l.Mute, "unreachable": l.Unreachable, "headless": l.Headless, "pale": l.Pale,
	} {
		assert.Len(t, seen, 1, what)
	}
}

package report

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/checker"
	"retain/harness"
	"retain/model"
)

// textsOf are a scene's texts.
func textsOf(s *scene) (out []string) {
	for _, x := range s.Shapes {
		if x.Kind == "text" {
			out = append(out, x.Text)
		}
	}
	return out
}

func shapesOf(s *scene, class string) (out []shape) {
	for _, x := range s.Shapes {
		if x.Class == class {
			out = append(out, x)
		}
	}
	return out
}

// The drawing has a lane for each column, a bar for each operation, the one that can't be
// explained marked, the fault with its name, and an axis with units.
func TestPageDrawsOperationsToScale(t *testing.T) {
	r := lost(t, found)
	for _, d := range draw(r, "drawing") {
		assert.Subset(t, textsOf(d), []string{"client 0", "client 1", "add(2) -> 0->2", "get() -> 0", "kill · down 30 ms at 30 ms", "50 ms"}[:5], d.Class)
		assert.Contains(t, strings.Join(textsOf(d), "|"), " ms|", "the axis has units")
		assert.Len(t, shapesOf(d, "op"), 1)
		marked := shapesOf(d, "op marked")
		require.Len(t, marked, 1)
		assert.Contains(t, marked[0].Tip, "client 1, operation 2, called at 80 ms: get() -> 0")
		band := shapesOf(d, "band kill")
		require.Len(t, band, 1)
		assert.Greater(t, float64(band[0].W), 100.0)
		assert.Len(t, shapesOf(d, "kill"), 1, "a glyph")
		assert.Contains(t, d.Desc, "kill · down 30 ms at 30 ms")
		assert.Contains(t, d.Desc, "get() -> 0")
	}
	contains(t, pageOf(t, r), `id="drawing" viewBox="0 0 960 `)
	contains(t, pageOf(t, r), `id="drawing-phone" viewBox="0 0 352 `)
}

// What was never answered is open to the end of the run.
func TestOpenOperationIsDrawnToTheEndOfTheRun(t *testing.T) {
	r := stuck(t)
	o := &r.Outcome.History.Operations[1]
	o.Return = model.Forever
	r.Outcome.History.Availability = []model.Span{{To: 31e9, Up: true}}
	for _, d := range draw(r, "drawing") {
		bar := shapesOf(d, "op marked open")
		require.Len(t, bar, 1)
		assert.Greater(t, float64(bar[0].W), d.Width/2)
		assert.Contains(t, strings.Join(textsOf(d), "|"), "20 s")
	}
}

// Whatever happened, the texts of a drawing stay inside of it and don't lie on each
// other, and no text in a bar is longer than its bar.
func TestTextsOfTheDiagramDoNotOverlap(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1))
		var s story
		at, ids := int64(1), []int{}
		for i := range 3 + random.IntN(9) {
			length := 1 + random.Int64N(400)
			o := s.op(fmt.Sprint("client of a long name ", random.IntN(4)), model.ListAppend{Value: strings.Repeat("wide", random.IntN(20))}, at, at+length, model.Texts{strings.Repeat("x", random.IntN(90))})
			ids = append(ids, o.ID)
			switch random.IntN(4) {
			case 0:
				o.Outcome, o.Answer, o.Reason, o.Return = model.Ambiguous, nil, model.TimedOut, model.Forever
			case 1:
				o.Outcome, o.Answer, o.Reason = model.Ambiguous, nil, model.TimedOut
				o.Resolution = &model.Resolution{At: ms(at + length + random.Int64N(500)), By: model.LookUp, Answer: model.Done{}}
			}
			if at += random.Int64N(300); i%2 == 0 {
				s.fault([]model.FaultKind{"kill", "stop", "pause"}[random.IntN(3)], at, at+1, at+random.Int64N(2)*(2+random.Int64N(300)))
			}
			at++
		}
		r := harness.Run{Outcome: &harness.Outcome{History: &s.History}, Check: checker.Result{Verdict: checker.Violation, Objects: []checker.ObjectResult{
			{Verdict: checker.Violation, Proof: ids, Contradiction: ids[len(ids)-1]},
		}}}
		for _, d := range draw(r, "drawing") {
			assertRoom(t, d, fmt.Sprint("seed ", seed))
		}
		for _, d := range append(bandOf(&s.History), timelines(&s.History)...) {
			assertRoom(t, d, fmt.Sprint("seed ", seed))
		}
	}
}

func assertRoom(t *testing.T, d *scene, about string) {
	t.Helper()
	var texts []shape
	for _, x := range d.Shapes {
		if x.Kind == "text" {
			texts = append(texts, x)
		}
		if x.Kind == "rect" || x.Kind == "text" {
			assert.GreaterOrEqual(t, float64(x.X), -2.0, "%s %s: %v", about, d.Class, x)
			assert.LessOrEqual(t, float64(x.X+x.W), d.Width+4, "%s %s: %v", about, d.Class, x)
		}
	}
	for i, a := range texts {
		for _, b := range texts[:i] {
			beside := a.X+a.W <= b.X+1 || b.X+b.W <= a.X+1
			below := a.Y-b.Y >= 11 || b.Y-a.Y >= 11
			assert.True(t, beside || below, "%s %s: %q lies on %q", about, d.Class, a.Text, b.Text)
		}
	}
}

// Files are links where they are named, and only they.
func TestFileNamesAreLinks(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "findings", "7f2c")
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "reduced"), 0o755))
	for _, name := range []string{"plan.json", "reduced.json", "a:b.log", "log"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o644))
	}
	l := linksIn(dir, "shard-0/")
	for text, want := range map[string][]link{
		"go test -run Replay -plan " + dir + "/plan.json -x": {{"", "go test -run Replay -plan "}, {"shard-0/plan.json", dir + "/plan.json"}, {"", " -x"}},
		dir + "/  plan.json  reduced/":                       {{"shard-0/./", dir + "/"}, {"", "  "}, {"shard-0/plan.json", "plan.json"}, {"", "  "}, {"shard-0/reduced", "reduced/"}},
		"see reduced.json.":                                  {{"", "see "}, {"shard-0/reduced.json", "reduced.json"}, {"", "."}},
		"a:b.log":                                            {{"shard-0/./a:b.log", "a:b.log"}},
		"logs, xlog, my-log and other/log, not plan.json5":   {{"", "logs, xlog, my-log and other/log, not plan.json5"}},
		"": nil,
	} {
		assert.Equal(t, want, l.parts(text), text)
	}
	assert.Equal(t, []link{{"", "plan.json"}}, linker{}.parts("plan.json"), "without a folder there are none")
}

// A pass opens with what it excludes and covers, a violation with its findings, anything
// else with the plans that have no verdict.
func TestCampaignPageOrdersSectionsByVerdict(t *testing.T) {
	c := readTwo(t, 24)
	order := func(page string, ids ...string) {
		t.Helper()
		at := 0
		for _, id := range ids {
			i := strings.Index(page, `<h2 id="`+id+`"`)
			require.Positive(t, i, id)
			assert.Greater(t, i, at, id)
			at = i
		}
	}
	order(writtenCampaign(t, c), "findings", "verdicts", "coverage", "excludes", "time")
	passing(c)
	page := writtenCampaign(t, c)
	order(page, "excludes", "coverage", "verdicts", "findings", "time")
	lead, _, _ := strings.Cut(page, "<nav")
	contains(t, lead, `<p class="lead">excludes: failures in more than`)
	contains(t, lead, `<p class="lead">situations: `)
	c.Segments[0].Plans[3].Verdict = harness.Undecided
	order(writtenCampaign(t, c), "unjudged", "verdicts", "findings")
}

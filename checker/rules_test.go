package checker

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var rulesFlag = flag.Bool("rules", false, "disable each rule of the checker in turn and show that the self-test fails (minutes)")

// rules are what the checker's verdicts rest on: a piece of its source, and what
// disables it.
var rules = []struct{ name, file, old, new string }{
	{"an add's answer adds up", "answers.go", "ok && c.New != c.Old+op.Delta", "ok && c.New != c.Old+op.Delta && false"},
	{"other errors than addThenFail's", "answers.go", "a != (model.Failure{Code: 500})", "a != (model.Failure{Code: 500}) && false"},
	{"answers of the wrong kind", "answers.go", "if !fits {", "if !fits && false {"},

	{"pre-pass: observed writes stay", "prepass.go", "seen.by[i] < 0 && r.optional()", "r.optional()"},
	{"pre-pass: answered writes stay", "prepass.go", "seen.by[i] < 0 && r.optional()", "seen.by[i] < 0"},
	{"pre-pass: wanted writes stay", "prepass.go", "&& !seen.wanted[i]", ""},
	{"pre-pass: the earliest observer", "prepass.go", "seen.by[w] >= 0 && seen.end[w] <= seen.end[observer]", "false"},
	{"pre-pass: chains of compare-and-sets", "prepass.go", "again = append(again, w)", ""},
	{"pre-pass: read before written", "prepass.go", "r.ret < r.call", "false"},
	{"pre-pass: several writers", "values.go", "out[e] = several", ""},
	{"a compare-and-set that did not match wrote nothing", "values.go", "swapped && op.Expect != op.Value", "swapped || true"},

	{"zones: two forward zones overlap", "zones.go", "b.f < a.s {", "false {"},
	{"zones: a backward zone within a forward one", "zones.go", "at != nil && l.hi < at.s", "false"},
	{"zones: ends move out of a fixed block", "zones.go", "l.hi = end.f", ""},
	{"chains: order within a block", "cells.go", "if z.f < b.after {", "if false {"},
	{"chains: circles", "cells.go", "if c.left > 0 {", "if false {"},
	{"chains: the first value needs the object unset", "cells.go", "b.needsUnset = v.saw == unset", ""},
	{"chains: a clearAll ends a chain", "cells.go", "b.leavesUnset = v.clears", "b.leavesUnset = false"},
	{"chains: observed ambiguous compare-and-sets", "cells.go", "c.optional = append(c.optional, at)", ""},
	{"cells: observed writes happened", "cells.go", "v.observed || v.must", "v.must"},
	{"cells: values nobody wrote", "cells.go", "c.contradict(c.records[^v.writer].id)", ""},
	{"cells: several writers", "cells.go", "c.values[at].shared = true", ""},
	{"cells: repeated values are not decided", "cells.go", "if c.repeated {", "if false {"},

	{"periods: items that need it unset are waited for", "zones.go", "last = max(last, l.hi)", "last = max(last, l.lo)"},
	{"periods: blocks that need it unset are waited for", "zones.go", "last = max(last, z.f)", ""},
	{"periods: what sees it unset waits", "periods.go", "p.pending[sees] = p.pending[sees][:0]", ""},
	{"periods: sets are free while it is set", "periods.go", "	} else {\n		p.pending[sets] = p.pending[sets][:0]", "	} else {"},
	{"periods: the item that ends first", "periods.go", "p.pending[i][0].hi < p.pending[r][0].hi", "false"},
	{"periods: a period ends with one that needs it", "periods.go", "p.pending[takes].pop()", ""},
	{"periods: a clear that has to go ends a period", "periods.go", "if p.unset {\n		p.finish()\n	}", ""},
	{"periods: sets go before a clear", "periods.go", "	p.pending[sets] = p.pending[sets][:0]\n	l :=", "	l :="},
	{"periods: sets go before a fixed block", "periods.go", "	default:\n		p.pending[sets] = p.pending[sets][:0]", "	default:"},
	{"periods: a fixed block needs a clear", "periods.go", "if !p.unset && !p.clear() {\n			return false\n		}", ""},
	{"periods: a fixed block may leave it unset", "periods.go", "p.become(z.leavesUnset, z.fBy, z.sBy)", "p.become(false, z.fBy, z.sBy)"},
	{"periods: clears are used up", "periods.go", "l := p.pending[unsets].pop()", "l := p.pending[unsets][0]"},
	{"periods: the heap's order", "periods.go", "if s[up].hi <= s[i].hi {", "if s[up].hi >= s[i].hi {"},

	{"lists: answers are prefixes", "lists.go", "!slices.Equal(answer[:common], e.longest[:common])", "!slices.Equal(answer[:common], e.longest[:common]) && false"},
	{"lists: one clear for a life", "lists.go", "case e.cleared != nil:", "case false:"},
	{"lists: a clear shows everything", "lists.go", "len(e.cleared.answer.(model.Texts)) < len(e.longest)", "false"},
	{"lists: an element once", "lists.go", "l.contradict(e.by.id)\n		return\n	}\n	l.elements[at].shown", "return\n	}\n	l.elements[at].shown"},
	{"lists: appends that nobody saw", "lists.go", "case e.append != none:", "case false:"},
	{"lists: repeated elements are not decided", "lists.go", "l.repeated = l.repeated || e.shared", ""},
	{"lists: a clear ends a life", "lists.go", "b.needsUnset, b.leavesUnset = true, e.cleared != nil", "b.needsUnset, b.leavesUnset = true, true"},

	{"levels: one add for each step", "levels.go", "if k.old < level {", "if false {"},
	{"levels: a gap is a number of additions", "levels.go", "gap%l.unit != 0 || ", ""},
	{"levels: different additions are not decided", "levels.go", "case l.mixed:\n		return fast{}", "case false:"},
	{"levels: every place is filled", "levels.go", "if ids := l.matchPlaces(); ids != nil {", "if false {\n		var ids []int32"},
	{"levels: every mandatory addition has a place", "levels.go", "return l.matchMandatory()", "return nil"},
	{"levels: not behind what returned before", "levels.go", "len(open) > 0 && open[0].hi < s.lo", "false"},
	{"levels: not before what is called later", "levels.go", "len(rest) > 0 && rest[0].call <= s.hi", "len(rest) > 0"},
	{"levels: mandatory ones, not before", "levels.go", "len(must) > 0 && must[0].call <= s.hi", "len(must) > 0"},
	{"levels: mandatory ones, not behind", "levels.go", "f := open.pop(); f.hi < s.lo", "f := open.pop(); false && f.hi < s.lo"},
	{"levels: the end of an epoch is free", "levels.go", "f.must && f.ret < l.epochs[f.epoch].ending", "f.must"},
	{"levels: resets that overlap are not decided", "levels.go", "reset && r.call <= latest", "reset && r.call <= latest && false"},
	{"levels: operations that overlap a reset", "levels.go", "r.answer != nil && r.call <= closed", "r.answer != nil && r.call <= closed && false"},

	{"window: fewer ambiguous ones used", "window.go", "w.use(a, class) > w.use(b, class)", "w.use(a, class) > w.use(b, class) && false"},
	{"window: the state is part of a configuration", "window.go", "o.state == c.state && o.done == c.done", "o.done == c.done"},
	{"window: what has happened is, too", "window.go", "o.state == c.state && o.done == c.done", "o.state == c.state"},
	{"window: ambiguous ones that were called", "window.go", "w.use(c, class) >= w.called[class] ||", ""},
	{"window: only what changes nothing is free", "window.go", "	return r.op.ReadOnly()\n", "	_, done := r.answer.(model.Done)\n	return done || r.op.ReadOnly()\n"},
	{"window: what is covered up is free", "waiting.go", "			done |= o.bit", ""},
	{"window: an ambiguous clearAll covers", "waiting.go", "all := !sets && w.records[by].answer == nil", "all := false"},
	{"window: only sets that nobody saw are hidden", "waiting.go", "case seen.by[i] >= 0:", "case seen.by[i] >= len(records):"},
	{"window: sets that were seen come with their readers", "window.go", "if b := w.bitOf[set]; b != 0 && c.done&b == 0 {", "if b := w.bitOf[set]; false {"},
	{"window: only what nobody saw is alike", "waiting.go", "if kind == hiddenSet {", "if kind != anySet && w.records[i].answer != nil {"},
	{"window: what returns doesn't wait", "window.go", "o.bit != bit && (w.waits(c, k) || w.canWait(o))", "(w.waits(c, k) || o.bit != bit && w.canWait(o))"},
	{"window: what was left out proves nothing", "window.go", "if verdict != Violation || !w.dropped {", "if true {"},
	{"window: additions up to what is open", "waiting.go", "!reset && known && value >= c.state+delta", "!reset && known && value > c.state+delta"},
	{"window: resets for smaller values", "waiting.go", "reset && (!known || value < c.state || !w.units)", "reset && (!known || !w.units)"},
	{"window: resets before additions without a value", "waiting.go", "reset && (!known || value < c.state || !w.units)", "reset && known && (value < c.state || !w.units)"},
	{"window: resets before larger additions", "waiting.go", "|| !w.units", ""},
	{"window: resets to come", "waiting.go", "if first > w.clock {", "if false {"},
	{"window: open resets", "waiting.go", "		if isReset(r) {\n			return false\n		}\n", ""},
	{"window: ambiguous resets that are left", "waiting.go", "isReset(&w.records[sample]) && w.use(c, class) < w.called[class]", "isReset(&w.records[sample]) && w.use(c, class) > w.called[class]"},
	{"window: alike is alike with the answer", "window.go", "return r.op.String() + \" -> \" + r.answer.String()", "return r.op.String()"},

	{"parts: clearAll joins the entries", "part.go", "	default:\n		out = append(out, part{kind: kind, records: records})\n", ""},
	{"parts: a single entry that clearAll saw", "part.go", "&& showOnly(clears, entries[0].name)", ""},
	{"parts: not where get is shared", "part.go", "case sharedGet:", "case false:"},
	{"parts: what clearAll answered", "part.go", "if e.Key == key {", "if true {"},
	{"search: ambiguous operations may answer anything", "search.go", "o.answer != nil && !o.answer.Equal(answer)", "o.answer == nil || !o.answer.Equal(answer)"},
	{"search: a spent budget proves nothing", "search.go", "if !spent {", "if true {"},
	{"records: failed operations have no effect", "record.go", "case o.Outcome == model.Ambiguous && !o.Op.ReadOnly():", "case !o.Op.ReadOnly():"},
	{"check: the raw view is judged too", "check.go", "if b.differs {", "if false {"},
	{"check: what a re-send acknowledged can be lost", "check.go", "r.Class = c.promise(b.Kind, b.records)", "r.Class = OneEffect"},
	{"check: a look-up executes nothing", "../model/history.go", " && o.Resolution.By != LookUp", ""},
	{"check: a read has no effect to have twice", "../model/history.go", "!o.Op.ReadOnly() && (resent", "(resent"},
	{"check: disagreements are said", "decide.go", "	f.Verdict = IllFormed\n}", "}"},
	{"picture: only of violations", "picture.go", "return ErrNothingToDraw\n	}", "broken = &r.Objects[0]\n	}"},
}

// The self-test fails if any one of the rules is disabled.
func TestEachRuleIsNeeded(t *testing.T) {
	for _, r := range rules {
		source, err := os.ReadFile(r.file)
		require.NoError(t, err)
		require.Equal(t, 1, strings.Count(string(source), r.old), "%s: %q stands not once in %s", r.name, r.old, r.file)
	}
	if !*rulesFlag {
		t.Skip("minutes: ask for it with -rules")
	}
	out, err := exec.Command("go", "test", "-short", "-count=1", "-skip=TestEachRuleIsNeeded", ".").CombinedOutput()
	require.NoError(t, err, "with all rules: %s", out)
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			overlay := "-overlay=" + disabled(t, r.file, r.old, r.new)
			selftest := []string{"test", "-count=1", "-timeout=20m", "-skip=TestEachRuleIsNeeded", overlay, "."}
			out, err := exec.Command("go", append(selftest, "-short")...).CombinedOutput()
			if err == nil {
				out, err = exec.Command("go", selftest...).CombinedOutput()
			}
			assert.Error(t, err, "the self-test passes without it")
			assert.Contains(t, string(out), "--- FAIL", "a test fails, which no time-out and no failed build is")
			assert.NotContains(t, string(out), "panic: test timed out")
		})
	}
}

// disabled writes the source without a rule, and says so to the go command.
func disabled(t *testing.T, file, old, replacement string) string {
	source, err := os.ReadFile(file)
	require.NoError(t, err)
	changed := filepath.Join(t.TempDir(), filepath.Base(file))
	require.NoError(t, os.WriteFile(changed, []byte(strings.Replace(string(source), old, replacement, 1)), 0o600))
	here, err := filepath.Abs(file)
	require.NoError(t, err)
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {here: changed}})
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "overlay.json")
	require.NoError(t, os.WriteFile(path, overlay, 0o600))
	return path
}

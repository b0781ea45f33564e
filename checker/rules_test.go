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

	"retain/internal/selftest"
)

var rulesFlag = flag.Bool("rules", false, "disable each rule of the checker in turn and show that the self-test fails (minutes)")

// rules are the rules that the checker's verdicts depend on: a piece of its source, and
// the replacement that disables it.
var rules = []struct{ name, file, old, new string }{
	{"an add's answer adds up", "kind_counter.go", "ok && c.New != c.Old+op.Delta", "ok && c.New != c.Old+op.Delta && false"},
	{"other errors than addThenFail's", "kind_counter.go", "a != (model.Failure{Code: 500})", "a != (model.Failure{Code: 500}) && false"},
	{"answers of the wrong kind", "kind.go", "if fits {\n		return \"\"", "if fits || true {\n		return \"\""},

	{"keys: one answer", "keys.go", "case !e.answered.answer.Equal(r.answer):", "case false:"},
	{"keys: no answer before the execution", "keys.go", "r.call = max(r.call, e.without.call)", ""},
	{"keys: the first that found it", "keys.go", "r.ret < e.found.ret", "false"},
	{"keys: the interval", "keys.go", "r.call > r.ret {", "false {"},
	{"keys: an answer of nobody's call", "keys.go", "case e.called == nil && e.found != nil:", "case false:"},
	{"keys: an execution without a number has a place", "keys.go", "r.op, r.answer = model.CounterAddThenFail{Delta: 1}, model.Failure{Code: 500}", ""},
	{"keys: fails or not", "kind_answer.go", "fails != failed {", "fails != failed && false {"},
	{"keys: no answer while the server starts proves nothing", "kind_answer.go", "early && !before && !hasReceipt(r) {", "early && !before && !hasReceipt(r) && false {"},
	{"keys: no answer after an answer proves it", "kind_answer.go", "known && ret < r.call;", "known && ret < r.call && false;"},
	{"keys: an SDK without metadata", "kind_answer.go", "is && !metadata[value] {", "is && !metadata[value] && false {"},
	{"keys: the answer of another", "kind_answer.go", "if value != \"\" && a.Value != value {", "if false {"},

	{"invocations: what was ended need not have had its effect", "managed.go", "r.answer, r.ret = nil, open", ""},
	{"invocations: what was sent and ended need not either", "managed.go", "deferred := m.ended[o.ID]", "deferred := false"},
	{"invocations: only what somebody ended is answered so", "managed.go", "(ended || m.ended[o.ID])", "(true || ended)"},
	{"invocations: a key that may be forgotten says nothing when it is asked for", "managed.go", "if again && model.AskingOf", "if false && model.AskingOf"},
	{"invocations: a key that may be forgotten may run again", "managed.go", "if again {\n\t\tr.op", "if false {\n\t\tr.op"},
	{"invocations: one execution is one, however often it is answered", "keys.go", "first, known := answered[r.answer]", "first, known := 0, false"},
	{"invocations: an answer may be of an earlier call's execution", "keys.go", "r.call = called[k.key]", ""},
	{"invocations: what failed was never sent", "../model/manage.go", "!manages || by.Outcome == Failed", "!manages"},
	{"invocations: what was ended enters no handler after a start", "managed.go", "case e.Entry > last && (known", "case false && (known"},
	{"invocations: a cancel that was accepted ended nothing yet", "managed.go", "return a.Status == 200", "return true"},
	{"invocations: another invocation may", "managed.go", "case known != \"\" && e.Invocation != known:", "case false:"},
	{"invocations: before the start it may", "managed.go", "case e.At.Seq < started:", "case false:"},

	{"awakeables: one answer", "kind_awakeable.go", "case !a.shown.answer.Equal(r.answer):", "case false:"},
	{"awakeables: no answer after an answer", "kind_awakeable.go", "a.without != nil && a.without.call > a.shown.ret", "false"},
	{"awakeables: the first to be answered", "kind_awakeable.go", "case r.ret < a.shown.ret:", "case false:"},
	{"awakeables: completed with what somebody sent", "kind_awakeable.go", "return illegal(a.shown.id)\n	case winner.call", "return fast{applies: true, legal: true}\n	case winner.call"},
	{"awakeables: not before it was sent", "kind_awakeable.go", "case winner.call > a.shown.ret:", "case false:"},
	{"awakeables: the first completion wins", "kind_awakeable.go", "loser != nil && loser.ret < winner.call", "false"},
	{"awakeables: what found nothing completes nothing", "kind_awakeable.go", "completes && (r.answer == nil || done)", "completes && (r.answer == nil || done || true)"},
	{"awakeables: no answer before an answer proves nothing", "kind_awakeable.go", "unfinished && (!known || r.call <= ret)", "unfinished && (!known || r.call <= ret) && false"},
	{"awakeables: what a handler completes comes later", "kind_awakeable.go", "r.answer, r.ret = nil, open", ""},
	{"awakeables: unknown is not unfinished", "kind_awakeable.go", "r.op = model.AwakeableID{Value: value}", ""},

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
	{"zones: ends move out of a forward zone", "zones.go", "l.hi = end.f", ""},
	{"chains: order within a cluster", "register.go", "if z.f < b.after {", "if false {"},
	{"chains: circles", "register.go", "if c.left > 0 {", "if false {"},
	{"chains: the first value needs the object unset", "register.go", "b.needsUnset = v.saw == unset", ""},
	{"chains: a clearAll ends a chain", "register.go", "b.leavesUnset = v.clears", "b.leavesUnset = false"},
	{"chains: observed ambiguous compare-and-sets", "register.go", "c.optional = append(c.optional, at)", ""},
	{"registers: observed writes happened", "register.go", "v.observed || v.must", "v.must"},
	{"registers: values nobody wrote", "register.go", "c.first.contradict(c.records[^v.writer].id)", ""},
	{"registers: several writers", "register.go", "c.values[at].shared = true", ""},
	{"registers: repeated values are not decided", "register.go", "if c.repeated {", "if false {"},

	{"schedule: zones that need it unset are waited for", "zones.go", "last = max(last, l.hi)", "last = max(last, l.lo)"},
	{"schedule: clusters that need it unset are waited for", "zones.go", "last = max(last, z.f)", ""},
	{"schedule: what sees it unset waits", "zones_schedule.go", "s.pending[sees] = s.pending[sees][:0]", ""},
	{"schedule: sets are free while it is set", "zones_schedule.go", "	} else {\n		s.pending[sets] = s.pending[sets][:0]", "	} else {"},
	{"schedule: the zone that ends first", "zones_schedule.go", "s.pending[i][0].hi < s.pending[r][0].hi", "false"},
	{"schedule: a period ends with one that needs it", "zones_schedule.go", "s.pending[takes].pop()", ""},
	{"schedule: a clear that has to go ends a period", "zones_schedule.go", "if s.unset {\n		s.finish()\n	}", ""},
	{"schedule: sets go before a clear", "zones_schedule.go", "	s.pending[sets] = s.pending[sets][:0]\n	l :=", "	l :="},
	{"schedule: sets go before a forward zone", "zones_schedule.go", "	default:\n		s.pending[sets] = s.pending[sets][:0]", "	default:"},
	{"schedule: a forward zone needs a clear", "zones_schedule.go", "if !s.unset && !s.clear() {\n			return false\n		}", ""},
	{"schedule: a forward zone may leave it unset", "zones_schedule.go", "s.become(z.leavesUnset, z.fBy, z.sBy)", "s.become(false, z.fBy, z.sBy)"},
	{"schedule: clears are used up", "zones_schedule.go", "l := s.pending[unsets].pop()", "l := s.pending[unsets][0]"},
	{"schedule: the heap's order", "zones_schedule.go", "if s[up].hi <= s[i].hi {", "if s[up].hi >= s[i].hi {"},

	{"lists: answers are prefixes", "list.go", "!slices.Equal(answer[:common], e.longest[:common])", "!slices.Equal(answer[:common], e.longest[:common]) && false"},
	{"lists: one clear for an epoch", "list.go", "case e.cleared != nil:", "case false:"},
	{"lists: a clear shows everything", "list.go", "len(e.cleared.answer.(model.Texts)) < len(e.longest)", "false"},
	{"lists: an element once", "list.go", "l.first.contradict(e.by.id)\n		return\n	}\n	l.elements[at].observed", "return\n	}\n	l.elements[at].observed"},
	{"lists: appends that nobody saw", "list.go", "case e.append != none:", "case false:"},
	{"lists: repeated elements are not decided", "list.go", "l.repeated = l.repeated || e.shared", ""},
	{"lists: a clear ends an epoch", "list.go", "b.needsUnset, b.leavesUnset = true, e.cleared != nil", "b.needsUnset, b.leavesUnset = true, true"},

	{"counter: one add for each step", "counter.go", "if k.old < value {", "if false {"},
	{"counter: a gap is a number of additions", "counter.go", "gap%l.unit != 0 || ", ""},
	{"counter: different additions are not decided", "counter.go", "case l.mixed:\n		return fast{}", "case false:"},
	{"counter: every position is filled", "counter.go", "if ids := l.matchPositions(); ids != nil {", "if false {\n		var ids []int32"},
	{"counter: every mandatory addition has a position", "counter.go", "return l.matchMandatory()", "return nil"},
	{"counter: not behind what returned before", "counter.go", "len(open) > 0 && open[0].hi < s.lo", "false"},
	{"counter: not before what is called later", "counter.go", "len(rest) > 0 && rest[0].call <= s.hi", "len(rest) > 0"},
	{"counter: mandatory ones, not before", "counter.go", "len(must) > 0 && must[0].call <= s.hi", "len(must) > 0"},
	{"counter: mandatory ones, not behind", "counter.go", "f := open.pop(); f.hi < s.lo", "f := open.pop(); false && f.hi < s.lo"},
	{"counter: the end of an epoch is free", "counter.go", "f.must && f.ret < l.epochs[f.epoch].ending", "f.must"},
	{"counter: resets that overlap are not decided", "counter.go", "reset && r.call <= latest", "reset && r.call <= latest && false"},
	{"counter: operations that overlap a reset", "counter.go", "r.answer != nil && r.call <= closed", "r.answer != nil && r.call <= closed && false"},

	{"jit: fewer ambiguous ones used", "jit.go", "w.use(a, class) > w.use(b, class)", "w.use(a, class) > w.use(b, class) && false"},
	{"jit: the state is part of a configuration", "jit.go", "o.state == c.state && o.linearized == c.linearized", "o.linearized == c.linearized"},
	{"jit: what has happened is, too", "jit.go", "o.state == c.state && o.linearized == c.linearized", "o.state == c.state"},
	{"jit: ambiguous ones that were called", "jit.go", "w.use(c, class) >= w.called[class] ||", ""},
	{"jit: only what changes nothing is free", "jit.go", "	return r.op.ReadOnly()\n", "	_, done := r.answer.(model.Done)\n	return done || r.op.ReadOnly()\n"},
	{"jit: what is covered up is free", "jit_prune.go", "			linearized |= o.bit", ""},
	{"jit: an ambiguous clearAll covers", "jit_prune.go", "all := !sets && w.records[by].answer == nil", "all := false"},
	{"jit: only sets that nobody saw are hidden", "jit_prune.go", "case seen.by[i] >= 0:", "case seen.by[i] >= len(records):"},
	{"jit: sets that were seen come with their readers", "jit.go", "if b := w.bitOf[set]; b != 0 && c.linearized&b == 0 {", "if b := w.bitOf[set]; false {"},
	{"jit: only what nobody saw is alike", "jit_prune.go", "if kind == hiddenSet {", "if kind != anySet && w.records[i].answer != nil {"},
	{"jit: what returns doesn't wait", "jit.go", "o.bit != bit && (w.waits(c, k) || w.canWait(o))", "(w.waits(c, k) || o.bit != bit && w.canWait(o))"},
	{"jit: what was left out proves nothing", "jit.go", "if verdict != Violation || !w.dropped {", "if true {"},
	{"jit: additions up to what is open", "jit_prune.go", "!reset && known && value >= c.state+delta", "!reset && known && value > c.state+delta"},
	{"jit: resets for smaller values", "jit_prune.go", "reset && (!known || value < c.state || !w.units)", "reset && (!known || !w.units)"},
	{"jit: resets before additions without a value", "jit_prune.go", "reset && (!known || value < c.state || !w.units)", "reset && known && (value < c.state || !w.units)"},
	{"jit: resets before larger additions", "jit_prune.go", "|| !w.units", ""},
	{"jit: resets to come", "jit_prune.go", "if first > w.clock {", "if false {"},
	{"jit: open resets", "jit_prune.go", "		if isReset(r) {\n			return false\n		}\n", ""},
	{"jit: ambiguous resets that are left", "jit_prune.go", "isReset(&w.records[sample]) && w.use(c, class) < w.called[class]", "isReset(&w.records[sample]) && w.use(c, class) > w.called[class]"},
	{"jit: alike is alike with the answer", "jit.go", "	default:\n		s.answer = a\n", "	default:\n"},
	{"jit: a value that nobody needs is not written", "jit_prune.go", "if c.linearized&o.bit == 0 && w.register.needs(o.record, value) {", "if c.linearized&o.bit == 0 && w.register.needs(o.record, value) && false {"},
	{"jit: nor one that a compare-and-set needs", "jit_prune.go", "w.use(c, class) < w.called[class] && w.register.needs(sample, value)", "w.use(c, class) < w.called[class] && w.register.needs(sample, value) && false"},
	{"jit: lists that may become an answer", "machine_list.go", "some && !w.wipes(c) &&", "some &&"},
	{"jit: lists that a later clear may wipe", "machine_list.go", " && !w.lists.wiped(w.clock, soonest)", ""},
	{"jit: later answers that may come first", "machine_list.go", "if l.call > soonest {", "if true {"},
	{"depth first: ambiguous ones are not called yet", "jit_depth_first.go", "d.called[d.classes[d.effects[i]]]--", ""},

	{"parts: clearAll joins the entries", "map_parts.go", "	default:\n		out = append(out, part{kind: model.Map, records: records})\n", ""},
	{"parts: a single entry that clearAll saw", "map_parts.go", "&& showOnly(clears, entries[0].name)", ""},
	{"parts: not where get is shared", "map_parts.go", "case sharedGet:", "case false:"},
	{"parts: what clearAll answered", "map_parts.go", "if e.Key == key {", "if true {"},
	{"search: ambiguous operations may answer anything", "search.go", "o.answer != nil && !o.answer.Equal(answer)", "o.answer == nil || !o.answer.Equal(answer)"},
	{"search: a spent budget proves nothing", "search.go", "if !spent {", "if true {"},
	{"records: failed operations have no effect", "record.go", "case o.Outcome == model.Ambiguous && !o.Op.ReadOnly():", "case !o.Op.ReadOnly():"},
	{"check: the raw view is judged too", "check.go", "if b.differs {", "if false {"},
	{"check: what a re-send acknowledged can be lost", "violation_class.go", "if twice == Violation {", "if false {"},
	{"class: a loss explains it as well", "violation_class.go", "case loss == Violation:", "case true:"},
	{"class: the raw view is legal", "violation_class.go", "if raw != Pass {", "if false {"},
	{"class: each operation for itself", "violation_class.go", "if verdict == Violation || next < 0 {", "if true {"},
	{"class: answered by the second effect", "violation_class.go", "for _, way := range []way{answeredFirst, answeredSecond} {", "for _, way := range []way{answeredFirst} {"},
	{"class: the second effect comes after the second attempt", "violation_class.go", "second.call = d.again", ""},
	{"class: nothing is answered before it is sent", "violation_class.go", "if d.again >= r.ret {", "if false {"},
	{"sentences: what was lost explains it", "guarantee.go", "case n.explains(m):", "case true:"},
	{"sentences: an answer of an earlier time", "guarantee.go", "if n.old() {", "if true {"},
	{"sentences: who wrote it once", "guarantee.go", "return e.value != \"\" && writers[e] != several", "return e.value != \"\" && (writers[e] != several || true)"},
	{"sentences: more than all that was added", "guarantee.go", "return counted(last) > sum", "return len(n.proof.needed) == 1"},
	{"sentences: each entry by itself", "decide.go", "p.name == \"\" && before == Pass", "(p.name == \"\" && before == Pass || true)"},
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
			arguments := []string{"test", "-count=1", "-timeout=20m", "-skip=TestEachRuleIsNeeded", overlay, "."}
			out, err := exec.Command("go", append(arguments, "-short")...).CombinedOutput()
			if err == nil {
				full := exec.Command("go", arguments...)
				full.Env = append(os.Environ(), selftest.EnvSeeds+"=10")
				out, err = full.CombinedOutput()
			}
			assert.Error(t, err, "the self-test passes without it")
			assert.Contains(t, string(out), "--- FAIL", "a test fails, which no time-out and no failed build is")
			assert.NotContains(t, string(out), "panic: test timed out")
		})
	}
}

// disabled writes the source without a rule, and an overlay for the go command.
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

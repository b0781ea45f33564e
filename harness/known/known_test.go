package known_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/checker"
	"retain/generators"
	"retain/harness"
	"retain/harness/known"
	"retain/harness/signature"
	"retain/model"
	"retain/runtime"
	"retain/runtime/serverlog"
)

var testdata = filepath.Join("..", "..", "testdata")

// least are the fields that each entry needs.
const least = `"guarantee":"read-went-back","versions":["1.6.1"],"link":"https://example.com/1"`

func list(entries ...string) string {
	return `{"version":1,"known":[{` + strings.Join(entries, `},{`) + `}]}`
}

// refused are lists that are refused, with the reason.
var refused = map[string]string{
	list(`"versions":["1.6.1"],"link":"https://example.com/1"`):                              `"guarantee"`,
	list(`"guarantee":"read-went-back","link":"https://example.com/1"`):                      `"versions"`,
	list(`"guarantee":"read-went-back","versions":["1.6.1"]`):                                `"link"`,
	list(`"guarantee":"lost","versions":["1.6.1"],"link":"https://example.com/1"`):           `guarantee "lost": no guarantee has this code`,
	list(`"guarantee":"read-went-back","versions":[],"link":"https://example.com/1"`):        "versions: want at least one",
	list(`"guarantee":"read-went-back","versions":["1.*.2"],"link":"https://example.com/1"`): `versions: "1.*.2"`,
	list(`"guarantee":"read-went-back","versions":["*"],"link":"https://example.com/1"`):     `versions: "*"`,
	list(`"guarantee":"read-went-back","versions":["1.6.1"],"link":"restatedev/restate#1"`):  "want the address of a public report",
	list(least + `,"object":"queue"`):                                                        `object "queue"`,
	list(least + `,"operation":"delete"`):                                                    `operation "delete"`,
	list(least + `,"object":"list","operation":"clearAll"`):                                  `operation "clearAll"`,
	list(least + `,"fault":"pause"`):                                                         `fault "pause": want stop or kill`,
	list(least + `,"configuration":{"state":"none"}`):                                        `configuration.state "none"`,
	list(least + `,"configuration":{"partitions":4}`):                                        "partitions",
	list(least + `,"witness":"123"`):                                                         `witness "123"`,
	list(least + `,"witness":"0123456789ab","failure":{"code":"RT0016"}`):                    "give one of them",
	list(least + `,"expires":"2027-02-30"`):                                                  `expires "2027-02-30": want a date`,
	list(least + `,"comment":"x"`):                                                           "comment",
	list(least + `,"link":"https://example.com/2"`):                                          "link",
	`{"version":2,"known":[]}`:                                                               "use a newer one",
	`{"version":0,"known":[]}`:                                                               "want 1 to 1",
	`{"known":[]}`:                                                                           `"version"`,
	`[]`:                                                                                     "not a list of known findings",
	``:                                                                                       "not a list of known findings",
	"\xef\xbb\xbf" + list(least):                                                             "byte order mark",
	list(least, `"guarantee":"read-went-back"`, least+`,"fault":"pause"`):                    "entry 2",
}

func TestBadListsAreRefusedWithALineForEachBadEntry(t *testing.T) {
	for text, want := range refused {
		_, err := known.Decode("my.json", []byte(text))
		if assert.ErrorContains(t, err, want, text) {
			for line := range strings.SplitSeq(err.Error(), "\n") {
				assert.True(t, strings.HasPrefix(line, "my.json: "), line)
				assert.LessOrEqual(t, len(line), 250)
			}
		}
	}
	_, err := known.Decode("my.json", []byte(list(least, `"guarantee":"read-went-back"`, least+`,"fault":"pause"`)))
	assert.Len(t, strings.Split(err.Error(), "\n"), 2, "of three entries two are bad")
	_, err = known.Load("-known ", filepath.Join(t.TempDir(), "none.json"))
	assert.ErrorContains(t, err, "-known ")
}

// What decodes fits the schema, and what fits the schema decodes, except for what a schema
// can't say: that a date is one, and which kind has which operation.
func TestSchemaSaysWhatDecodes(t *testing.T) {
	s, err := jsonschema.NewCompiler().Compile(filepath.Join(testdata, "known.schema.json"))
	require.NoError(t, err)
	fits := func(text string) bool {
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader([]byte(text)))
		return err == nil && s.Validate(value) == nil
	}
	beyond := []string{"2027-02-30", `"object":"list","operation":"clearAll"`, `/2"`, "\xef\xbb\xbf"}
	for text := range refused {
		if !slices.ContainsFunc(beyond, func(part string) bool { return strings.Contains(text, part) }) {
			assert.False(t, fits(text), text)
		}
	}
	var accepted []string
	for _, code := range model.GuaranteeCodes() {
		accepted = append(accepted, list(fmt.Sprintf(`"guarantee":%q,"versions":["1.6.*"],"link":"http://example.com"`, code)))
	}
	for _, kind := range model.Kinds() {
		accepted = append(accepted, list(least+fmt.Sprintf(`,"object":%q`, kind)))
		for _, h := range kind.Spec().Handlers {
			accepted = append(accepted, list(least+fmt.Sprintf(`,"object":%q,"operation":%q`, kind, h.Name)))
		}
	}
	for _, more := range []string{
		`"operation":"compare-and-set","fault":"stop"`, `"witness":"0123456789ab","expires":"2027-06-30","why":"x"`,
		`"failure":{"code":"RT0016","status":"[570]","text":" a"},"fault":"kill"`, `"configuration":{"state":"eager","suspending":true,"vqueues":false}`,
	} {
		accepted = append(accepted, list(least+","+more))
	}
	for _, text := range accepted {
		_, err := known.Decode("known.json", []byte(text))
		assert.NoError(t, err, text)
		assert.True(t, fits(text), text)
	}
}

func TestShippedListIsReadAndFitsItsSchema(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(testdata, "known.json"))
	require.NoError(t, err)
	s, err := jsonschema.NewCompiler().Compile(filepath.Join(testdata, "known.schema.json"))
	require.NoError(t, err)
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	assert.NoError(t, s.Validate(value))
	l, err := known.Decode("known.json", text)
	require.NoError(t, err)
	for _, e := range l {
		assert.NotEmpty(t, e.Expires, "someone looks at it again")
		assert.NotEmpty(t, e.Why)
	}
	again, err := json.Marshal(l)
	require.NoError(t, err)
	var back known.List
	require.NoError(t, json.Unmarshal(again, &back))
	assert.Equal(t, l, back, "records of campaigns keep it")
}

// shipped is the list that retain ships.
func shipped(t *testing.T) known.List {
	l, err := known.Load("", filepath.Join(testdata, "known.json"))
	require.NoError(t, err)
	return l
}

// stuckRun is a run on a server of a version whose object is held by a call of this
// handler that fails so.
func stuckRun(version, handler, code, failure string, state generators.StateMode) harness.Run {
	h := &model.History{Operations: []model.Invoked{{ID: 1, Object: model.Object{Kind: model.Map}, Op: model.MapGet{Key: "a"}}}}
	l := &harness.Liveness{Guarantee: model.Guarantee{Code: model.OperationFinishes}, Operation: 1, Waited: 1, Held: &harness.Holding{
		State: harness.Held, Kind: model.Map, Object: "map-0",
		Holder: &harness.Caller{Op: handler + "()", Handler: handler, LastFailure: failure, LastFailureCode: code},
	}}
	return harness.Run{
		Verdict: harness.Violation, Plan: generators.Plan{Config: generators.Config{Start: generators.StartConfig{State: state}}},
		Outcome: &harness.Outcome{Server: runtime.Identity{Version: version}, History: h, Liveness: l},
	}
}

// The shipped entry has the class of restatedev/restate#4396, whoever waits and whatever the
// values, and nothing beside it.
func TestShippedEntryIsOfTheKnownBugAndNoOther(t *testing.T) {
	const mismatch = "[570 Journal mismatch] Found a mismatch between the code paths\n - 'get state' (index '1')"
	now := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		version, handler, code, failure string
		state                           generators.StateMode
		known                           bool
	}{
		{"1.5.3", "clearAll", "RT0016", mismatch, generators.LazyState, true},
		{"1.6.1", "clearAll", "RT0016", mismatch, generators.LazyState, true},
		{"1.6.1", "clearAll", "RT0016", "[570 Journal mismatch] other words", generators.LazyState, true},
		{"1.6.2", "clearAll", "RT0016", mismatch, generators.LazyState, false},
		{"1.6.10", "clearAll", "RT0016", mismatch, generators.LazyState, false},
		{"1.7.12", "clearAll", "RT0016", mismatch, generators.LazyState, false},
		{"1.6.1", "clearAll", "RT0016", mismatch, generators.EagerState, false},
		{"1.6.1", "set", "RT0016", mismatch, generators.LazyState, false},
		{"1.6.1", "clearAll", "RT0007", mismatch, generators.LazyState, false},
		{"1.6.1", "clearAll", "RT0016", "[500] other", generators.LazyState, false},
		{"1.6.1", "clearAll", "", "", generators.LazyState, false},
	} {
		r := stuckRun(c.version, c.handler, c.code, c.failure, c.state)
		shipped(t).Judge(&r, checker.Options{}, now)
		assert.Equal(t, c.known, r.Verdict == harness.Known, "%+v", c)
	}
	r := stuckRun("1.6.1", "clearAll", "RT0016", mismatch, generators.LazyState)
	shipped(t).Judge(&r, checker.Options{}, now.AddDate(2, 0, 0))
	assert.Equal(t, harness.Violation, r.Verdict, "it has expired")
}

// A free key, or a holder that can't be told, is not the known call.
func TestUnknownHolderIsNews(t *testing.T) {
	for _, held := range []*harness.Holding{nil, {State: harness.Unknown, Kind: model.Map}, {State: harness.Nobody, Kind: model.Map}} {
		r := stuckRun("1.6.1", "clearAll", "", "", generators.LazyState)
		r.Outcome.Liveness.Held = held
		shipped(t).Judge(&r, checker.Options{}, time.Time{})
		assert.Equal(t, harness.Violation, r.Verdict)
	}
}

// lostWrite is a run in which a write is missing, and the fingerprint of its witness.
func lostWrite(t *testing.T, value string) (harness.Run, string) {
	o := model.Object{Kind: model.Register}
	at := func(n int64) model.Instant { return model.Instant{Seq: n, Ns: n} }
	h := &model.History{Header: model.Header{Version: 1, Run: "r"}, Operations: []model.Invoked{
		{ID: 1, Process: "0", Phase: model.Program, Object: o, Op: model.RegisterWrite{Value: value}, Call: at(1), Return: at(2), Outcome: model.OK, Answer: model.Done{}},
		{ID: 2, Process: "0", Phase: model.Program, Object: o, Op: model.RegisterRead{}, Call: at(3), Return: at(4), Outcome: model.OK, Answer: model.Text("")},
	}}
	r := harness.Run{Outcome: &harness.Outcome{Server: runtime.Identity{Version: "1.6.1"}, History: h}}
	r.Judge(nil, checker.Options{})
	require.Equal(t, harness.Violation, r.Verdict, r.Sentence)
	return r, signature.Of(r, checker.Options{}).Fingerprint()
}

// An entry with the fingerprint of a witness matches what a campaign takes for the same.
func TestWitnessFingerprintMatchesEqualWitnesses(t *testing.T) {
	r, print := lostWrite(t, "v1")
	entry := func(more string) known.List {
		l, err := known.Decode("known.json", []byte(list(`"guarantee":"acknowledged-missing","versions":["1.6.1"],"link":"https://example.com/1"`+more)))
		require.NoError(t, err)
		return l
	}
	other, _ := lostWrite(t, "v77")
	for _, run := range []harness.Run{r, other} {
		entry(`,"object":"register","operation":"write","witness":"`+print+`"`).Judge(&run, checker.Options{}, time.Time{})
		assert.Equal(t, harness.Known, run.Verdict)
	}
	for _, more := range []string{`,"witness":"0123456789ab"`, `,"operation":"append"`, `,"fault":"kill"`, `,"object":"map"`, `,"failure":{"code":"RT0016"}`} {
		run := r
		entry(more).Judge(&run, checker.Options{}, time.Time{})
		assert.Equal(t, harness.Violation, run.Verdict, more)
	}
	undecided := r
	undecided.Check.Objects = append(slices.Clone(r.Check.Objects), checker.ObjectResult{Object: model.Object{Kind: model.Map}, Verdict: checker.Undecided})
	entry("").Judge(&undecided, checker.Options{}, time.Time{})
	assert.Equal(t, harness.Undecided, undecided.Verdict, "another object was not judged")
}

// moved leads a run through another start: the server stops after one moment and is started
// in a version and a configuration before the next one.
func moved(r *harness.Run, at int64, version string, config generators.StartConfig) {
	begin := model.Instant{Seq: at + 1, Ns: at + 1}
	id := 10 + len(r.Plan.Steps)
	r.Plan.Steps = append(r.Plan.Steps, generators.Inject{ID: id, Fault: model.Start, Version: version, Start: config})
	r.Outcome.History.Faults = append(r.Outcome.History.Faults,
		model.Fault{Step: id - 1, Kind: model.Stop, Begin: model.Instant{Seq: at, Ns: at}, End: begin},
		model.Fault{Step: id, Kind: model.Start, Version: version, Reported: version, Begin: begin, End: model.Instant{Seq: at + 2, Ns: at + 2}})
}

// Of a plan that leads the server through versions and configurations, those count in which
// the call ran that does not finish, from its beginning on.
func TestStuckCallIsKnownInTheVersionsInWhichItRan(t *testing.T) {
	const mismatch = "[570 Journal mismatch] Found a mismatch"
	lazy, eager := generators.StartConfig{State: generators.LazyState}, generators.StartConfig{State: generators.EagerState}
	for what, c := range map[string]struct {
		first  string
		called int64 // the starts are at 10 and 20
		starts []string
		config []generators.StartConfig
		known  bool
	}{
		"called before the way up":       {"1.6.1", 5, []string{"1.6.2", "1.7.12"}, []generators.StartConfig{lazy, lazy}, true},
		"called after the way up":        {"1.6.1", 15, []string{"1.6.2", "1.7.12"}, []generators.StartConfig{lazy, lazy}, false},
		"called on the way":              {"1.6.2", 15, []string{"1.6.1", "1.6.2"}, []generators.StartConfig{lazy, lazy}, true},
		"called before the way back":     {"1.6.2", 5, []string{"1.6.2", "1.6.1"}, []generators.StartConfig{lazy, lazy}, true},
		"lazy before the call alone":     {"1.6.1", 15, []string{"1.6.1", "1.6.1"}, []generators.StartConfig{eager, eager}, false},
		"lazy in another version":        {"1.6.2", 5, []string{"1.6.1", "1.6.2"}, []generators.StartConfig{eager, lazy}, false},
		"lazy in a version that has it":  {"1.6.2", 5, []string{"1.6.1", "1.6.2"}, []generators.StartConfig{lazy, eager}, true},
		"no version has it":              {"1.6.2", 5, []string{"1.7.2", "1.7.12"}, []generators.StartConfig{lazy, lazy}, false},
		"a version that it was not sent": {"1.6.2", 25, []string{"1.6.1", "1.6.2"}, []generators.StartConfig{lazy, lazy}, false},
	} {
		t.Run(what, func(t *testing.T) {
			r := stuckRun(c.first, "clearAll", "RT0016", mismatch, generators.LazyState)
			h := r.Outcome.History
			h.Operations = append(h.Operations, model.Invoked{
				ID: 2, Object: model.Object{Kind: model.Map}, Op: model.MapClearAll{}, Call: model.Instant{Seq: c.called, Ns: c.called}, Return: model.Forever,
			})
			h.Operations[0].Call = model.Instant{Seq: 30, Ns: 30} // the read that waits for it
			r.Outcome.Liveness.Held.Holder.Operation = 2
			for i, version := range c.starts {
				moved(&r, int64(10*(i+1)), version, c.config[i])
			}
			shipped(t).Judge(&r, checker.Options{}, time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC))
			assert.Equal(t, c.known, r.Verdict == harness.Known)
		})
	}
}

// A write counts as lost in the version that read that it is missing: what the one before is
// known for excuses no loss at the start of another.
func TestLostWriteIsKnownInTheVersionThatReadItIsMissing(t *testing.T) {
	l, err := known.Decode("known.json", []byte(list(`"guarantee":"acknowledged-missing","versions":["1.6.1"],"link":"https://example.com/1"`)))
	require.NoError(t, err)
	for what, c := range map[string]struct {
		first string
		at    int64 // of the stop: the write is from 1 to 2, the read from 5 to 6
		next  string
		known bool
	}{
		"written in it":       {"1.6.1", 3, "1.6.2", false},
		"read in it":          {"1.6.2", 3, "1.6.1", true},
		"neither":             {"1.6.2", 3, "1.7.2", false},
		"over before it":      {"1.6.2", 7, "1.6.1", false},
		"written and read in": {"1.6.1", 7, "1.6.2", true},
	} {
		t.Run(what, func(t *testing.T) {
			o := model.Object{Kind: model.Register}
			at := func(n int64) model.Instant { return model.Instant{Seq: n, Ns: n} }
			op := func(id int, op model.Operation, call int64, answer model.Answer) model.Invoked {
				return model.Invoked{ID: id, Process: "0", Phase: model.Program, Object: o, Op: op, Call: at(call), Return: at(call + 1), Outcome: model.OK, Answer: answer}
			}
			h := &model.History{Header: model.Header{Version: 1, Run: "r"}, Operations: []model.Invoked{
				op(1, model.RegisterWrite{Value: "v1"}, 1, model.Done{}), op(2, model.RegisterRead{}, 5, model.Text("")),
				op(3, model.RegisterRead{}, 12, model.Text("")), // no part of the witness
			}}
			r := harness.Run{Outcome: &harness.Outcome{Server: runtime.Identity{Version: c.first}, History: h}}
			moved(&r, c.at, c.next, generators.StartConfig{})
			r.Judge(nil, checker.Options{})
			require.Equal(t, harness.Violation, r.Verdict, r.Sentence)
			l.Judge(&r, checker.Options{}, time.Time{})
			assert.Equal(t, c.known, r.Verdict == harness.Known)
		})
	}
}

// The server is stopped, started as another version, killed and started again, and the write
// is missing then: the first start with the other version lost it, after a stop.
func TestLossAtAStartIsAfterTheFaultBeforeThatStart(t *testing.T) {
	at := func(n int64) model.Instant { return model.Instant{Seq: n, Ns: n} }
	op := func(id int, op model.Operation, call int64, answer model.Answer) model.Invoked {
		return model.Invoked{ID: id, Process: "0", Phase: model.Program, Object: model.Object{Kind: model.Register}, Op: op,
			Call: at(call), Return: at(call + 1), Outcome: model.OK, Answer: answer}
	}
	for fault, is := range map[model.FaultKind]bool{model.Stop: true, model.Kill: false} {
		l, err := known.Decode("known.json", []byte(list(`"guarantee":"acknowledged-missing","fault":"`+string(fault)+`","versions":["1.6.2"],"link":"https://example.com/1"`)))
		require.NoError(t, err)
		r := harness.Run{Outcome: &harness.Outcome{Server: runtime.Identity{Version: "1.6.1"}, History: &model.History{
			Header:     model.Header{Version: 1, Run: "r"},
			Operations: []model.Invoked{op(1, model.RegisterWrite{Value: "v1"}, 1, model.Done{}), op(2, model.RegisterRead{}, 12, model.Text(""))},
		}}}
		moved(&r, 3, "1.6.2", generators.StartConfig{})
		moved(&r, 7, "1.6.2", generators.StartConfig{})
		r.Outcome.History.Faults[2].Kind = model.Kill
		r.Judge(nil, checker.Options{})
		require.Equal(t, harness.Violation, r.Verdict, r.Sentence)
		l.Judge(&r, checker.Options{}, time.Time{})
		assert.Equal(t, is, r.Verdict == harness.Known, fault)
	}
}

// A panic is known by a part of its line.
func TestReportIsKnownByAPartOfItsLine(t *testing.T) {
	l, err := known.Decode("known.json", []byte(list(
		`"guarantee":"reports-panic","versions":["1.6.1"],"report":"epoch 0","link":"https://example.com/1"`)))
	require.NoError(t, err)
	for line, is := range map[string]bool{"PANIC!!! at epoch 0": true, "PANIC!!! elsewhere": false} {
		r := harness.Run{Verdict: harness.Violation, Outcome: &harness.Outcome{Server: runtime.Identity{Version: "1.6.1"}, History: &model.History{}}}
		r.Admissions = []serverlog.Admission{{Code: model.ReportsPanic, Line: line}}
		l.Judge(&r, checker.Options{}, time.Time{})
		assert.Equal(t, is, r.Verdict == harness.Known, line)
	}
	_, err = known.Decode("known.json", []byte(list(`"guarantee":"read-went-back","versions":["1.6.1"],"report":"x","link":"https://example.com/1"`)))
	assert.ErrorContains(t, err, "nothing that the server reports")
}

// What a server reports counts for the version that logged it, and that it does not come
// back for the version that was started last.
func TestReportAndOutageAreKnownInTheVersionThatRan(t *testing.T) {
	l, err := known.Decode("known.json", []byte(list(
		`"guarantee":"runtime-comes-back","versions":["1.6.1"],"link":"https://example.com/1"`, `"guarantee":"reports-panic","versions":["1.6.1"],"link":"https://example.com/2"`)))
	require.NoError(t, err)
	for _, path := range [][]string{{"1.6.1", "1.6.2"}, {"1.6.2", "1.6.1"}} {
		r := harness.Run{Verdict: harness.Violation, Outcome: &harness.Outcome{
			Server: runtime.Identity{Version: path[0]}, History: &model.History{}, Liveness: &harness.Liveness{Guarantee: model.Guarantee{Code: model.RuntimeComesBack}}}}
		moved(&r, 10, path[1], generators.StartConfig{})
		l.Judge(&r, checker.Options{}, time.Time{})
		assert.Equal(t, path[1] == "1.6.1", r.Verdict == harness.Known, "%v: the last one is not back", path)
		r.Verdict, r.Outcome.Liveness = harness.Violation, nil
		for at, logged := range map[int64]string{5: path[0], 40: path[1]} {
			r.Verdict = harness.Violation
			r.Admissions = []serverlog.Admission{{Code: model.ReportsPanic, At: r.Outcome.Began().Add(time.Duration(at))}}
			l.Judge(&r, checker.Options{}, time.Time{})
			assert.Equal(t, logged == "1.6.1", r.Verdict == harness.Known, "%v: %s logged it", path, logged)
		}
	}
}

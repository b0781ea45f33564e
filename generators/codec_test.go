package generators

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"retain/model"
)

func TestPlansRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Plans(Options{}).Draw(t, "plan")
		p.Seed, p.Number, p.RapidSteps = rapid.Uint64().Draw(t, "seed"), rapid.IntRange(0, 1<<40).Draw(t, "number"), rapid.IntRange(0, 99).Draw(t, "rapid steps")
		requireRoundTrip(t, p)
	})
}

// Plans that nobody draws but a person may write.
func TestEveryFieldRoundTrips(t *testing.T) {
	op := func(id int, o model.Object, op model.Operation) Step {
		return Operate{ID: id, Client: id % 3, Object: o, Op: op}
	}
	register, m := model.Object{Kind: model.Register, N: 7}, model.Object{Kind: model.Map}
	p := Plan{
		Seed: 1<<64 - 1, Number: 12, RapidSteps: 30,
		Config: Config{Server: "lazy-state", Partitions: 24, Unkeyed: true, PushOn: true, Retry: true, Resolve: LookUp, NoClosingKill: true,
			Start: StartConfig{State: LazyState, Suspension: SuspendAtOnce, OneTimer: true}, TakeOver: model.Stop},
		Load: Load{Clients: 12, Objects: 3, Seed: 1<<64 - 1, Operations: []string{"map set", "counter add"}, Reads: 20, Between: 300},
		Steps: []Step{
			op(40, register, model.RegisterWrite{Value: "a \"quoted\" <é>\n\u2028 line"}),
			op(3, register, model.RegisterCompareAndSet{Expect: "", Value: "v"}),
			op(7, m, model.MapSet{Key: "a b", Value: ", )"}),
			Inject{ID: 9, Fault: model.Stop, When: AtGate{Step: 40, After: true}, HoldThroughStop: true},
			Inject{ID: 10, Fault: model.Start, When: InPlace{}, Version: "1.7.9"},
			Inject{ID: 11, Fault: model.Kill, When: Starting{Milestone: FirstProbe, OffsetMs: 1000}},
			Inject{ID: 12, Fault: model.Start, Target: "node-3", When: Starting{Milestone: Spawned}},
			Inject{ID: 13, Fault: model.Pause, When: WhileOpen{Step: 7}},
			Inject{ID: 15, Fault: model.Kill, When: InFlight{Operations: 8}},
			Inject{ID: 16, Fault: model.Start, When: InPlace{}, Start: StartConfig{State: EagerState, Suspension: SuspendSoon}},
			Inject{ID: 14, Fault: model.Resume, When: AtGate{Step: 99}}, // gone: allowed
		},
	}
	requireRoundTrip(t, p)
	requireRoundTrip(t, Plan{})
	requireRoundTrip(t, StartAndStop(model.Kill))

	p.Steps = []Step{Inject{ID: 1, Fault: model.Kill}}
	back, err := Decode(Encode(p))
	require.NoError(t, err)
	assert.Equal(t, Inject{ID: 1, Fault: model.Kill, When: InPlace{}}, back.Steps[0], "no trigger is the place in the list")
}

func requireRoundTrip(t require.TestingT, p Plan) {
	text := Encode(p)
	back, err := Decode(text)
	require.NoError(t, err, "%s", text)
	require.Equal(t, p, back)
	require.Equal(t, string(text), string(Encode(back)))
	if n := len(p.Steps); n > 0 {
		require.Equal(t, n+2, strings.Count(string(text), "\n"), "one line per step, one before and one after\n%s", text)
	}
}

// The order of fields and white space are a person's choice.
func TestDecodeReadsWhatAPersonWrote(t *testing.T) {
	p, err := Decode([]byte(`
	{ "steps": [ {"do": "list-0 append( \"x\" )", "client": 2, "id": 5},
	             {"fault":"kill", "step":5, "gate":"before", "id":6, "hold":false} ],
	  "version": 1 }
	`))
	require.NoError(t, err)
	assert.Equal(t, Plan{Steps: []Step{
		Operate{ID: 5, Client: 2, Object: model.Object{Kind: model.List}, Op: model.ListAppend{Value: "x"}},
		Inject{ID: 6, Fault: model.Kill, When: AtGate{Step: 5}},
	}}, p)
}

func TestSyntaxErrorsNameLineAndColumn(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", "the plan is empty"},
		{"white space", " \n ", "the plan is empty"},
		{"cut short", "{\"version\":1,\n\"steps\":[\n{\"id\":1,", `line 3:9: the plan is cut short here`},
		{"cut in a string", "{\"version\":1,\n\"se", `line 2:4: the plan is cut short here`},
		{"missing comma", "{\"version\":1\n \"seed\":\"1\"}", `line 2:2: not JSON: invalid character '"' after object key:value pair`},
		{"columns are characters", "{\"é\":1,é}", `line 1:8: not JSON: invalid character 'Ã' looking for beginning of object key string`},
		{"something after it", "{\"version\":1}\n}", `line 2:1: not JSON: invalid character '}' after top-level value`},
		{"not an object", "[1]", `not a plan: it has no format version (want {"version":1,...})`},
		{"another JSON", `{"e":"header"}`, `not a plan: it has no format version (want {"version":1,...})`},
		{"a later version", `{"version":5,"stages":{}}`, "the plan has format version 5; this retain reads up to 4: use a newer one"},
		{"no such version", `{"version":0}`, "the plan has format version 0; there is none below 1"},
		{"unknown field", "{\"version\":1,\n \"sed\":\"1\"}", `line 2:2: the plan has no field "sed"`},
		{"case counts", `{"version":1,"Seed":"1"}`, `line 1:14: the plan has no field "Seed"`},
		{"field twice", "{\"version\":1,\n\"number\":1,\"number\":2}", `line 2:12: the name "number" comes twice`},
		{"not UTF-8", "{\"version\":1,\n\"steps\":[{\"id\":1,\"client\":0,\"do\":\"list-0 append(\\\"v\xff\\\")\"}]}", "line 2:52: the byte 0xff is not UTF-8"},
		{"a lone surrogate", `{"version":1,"steps":[{"id":1,"client":0,"do":"list-0 append(\"\ud800\")"}]}`, `line 1:64: \ud800 is a surrogate without its other half, which no string holds`},
		{"a lone surrogate in the operation's own text", `{"version":1,"steps":[{"id":1,"client":0,"do":"list-0 append(\"\\ud800\")"}]}`, `step 1 (id 1): operation "append(\"\\ud800\")": its arguments are not JSON values: \ud800 is a surrogate without its other half, which no string holds, at byte 3`},
		{"a byte order mark", "\xef\xbb\xbf{\"version\":1}", "line 1:1: it begins with a byte order mark: save it as UTF-8 without one (sed -i '1s/^\\xef\\xbb\\xbf//' FILE)"},
		{"UTF-16", "{\x00\"\x00", "line 1:1: it is in UTF-16: save it as UTF-8 (iconv -f UTF-16 -t UTF-8 FILE)"},
		{"gzip", "\x1f\x8b\x08", "line 1:1: it is compressed by gzip: unpack it first (gunzip FILE)"},
		{"the version in another case", `{"Version":1,"steps":[]}`, `line 1:2: the plan has no field "Version"`},
		{"unknown field of config", `{"version":1,"config":{"partition":4}}`, `line 1:24: config has no field "partition"`},
		{"unknown field of start", `{"version":2,"config":{"start":{"stat":"lazy"}}}`, `line 1:33: start has no field "stat"`},
		{"unknown field of load", `{"version":2,"load":{"client":3}}`, `line 1:22: load has no field "client"`},
		{"a load's seed as a number", `{"version":2,"load":{"seed":3}}`, `line 1:29: 3 is not a whole number in quotes, such as "8123"`},
		{"config is no object", `{"version":1,"config":4}`, `line 1:23: config is not an object`},
		{"steps are no array", `{"version":1,"steps":{}}`, `line 1:22: steps is not an array`},
		{"a step is no object", "{\"version\":1,\"steps\":[\n null]}", `line 2:2: step 1 is not an object`},
		{"unknown field of a step", "{\"version\":1,\"steps\":[\n {\"id\":1,\"fault\":\"kill\"},\n {\"id\":2, \"foult\":\"start\"}]}", `line 3:11: step 2 has no field "foult"`},
		{"wrong type in a step", "{\"version\":1,\"steps\":[\n {\"id\":\"1\",\"fault\":\"kill\"}]}", `line 2:8: "1" is not a number`},
		{"wrong type in config", `{"version":1,"config":{"push_on":1}}`, `line 1:34: 1 is not true or false`},
		{"a broken number", `{"version":1,"number":1.5}`, `line 1:23: 1.5 is not a number`},
		{"a huge number", `{"version":1,"number":123456789012345678901234567890}`, `line 1:23: 123456789012345678901234567890 is not a number`},
		{"seed as a number", `{"version":1,"seed":8123}`, `line 1:21: 8123 is not a whole number in quotes, such as "8123"`},
		{"seed of nothing", `{"version":1,"seed":"x"}`, `line 1:21: the seed "x" is not a whole number in quotes, such as "8123"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Decode([]byte(c.text))
			assert.EqualError(t, err, c.want)
		})
	}
}

func TestContentErrorsNameTheStep(t *testing.T) {
	for _, c := range []struct{ name, config, steps, want string }{
		{"no id", "", `{"fault":"kill"}`, "step 1: it has no id"},
		{"neither", "", `{"id":1}`, "step 1 (id 1): it has neither do (an operation) nor fault"},
		{"an operation with a target", "", `{"id":1,"client":0,"do":"counter-0 get()","target":"node-0"}`, "step 1 (id 1): an operation has id, client and do, nothing else"},
		{"no such target", "", `{"id":1,"fault":"kill","target":"disk"}`, `step 1 (id 1): target "disk": want node-0 (or another number) or service, or nothing for the server`},
		{"both", "", `{"id":1,"do":"counter-0 get()","fault":"kill"}`, "step 1 (id 1): it has both do and fault: want one of them"},
		{"no client", "", `{"id":1,"do":"counter-0 get()"}`, "step 1 (id 1): it has no client"},
		{"operation with a trigger", "", `{"id":1,"client":0,"do":"counter-0 get()","while":3}`, "step 1 (id 1): an operation has id, client and do, nothing else"},
		{"fault with a client", "", `{"id":1,"client":0,"fault":"kill"}`, "step 1 (id 1): a fault has no client"},
		{"no operation", "", `{"id":1,"client":0,"do":"counter-0"}`, `step 1 (id 1): do "counter-0": want an object and an operation, such as counter-0 add(1)`},
		{"no such object", "", `{"id":1,"client":0,"do":"queue-0 get()"}`, `step 1 (id 1): object "queue-0": want a kind and a number, such as counter-0 (kinds: ` + model.KindNames() + `)`},
		{"no such operation", "", `{"id":1,"client":0,"do":"counter-0 sub(1)"}`, `step 1 (id 1): operation "sub(1)" of a counter: has add, addThenFail, get and reset, not sub`},
		{"empty value", "", `{"id":1,"client":0,"do":"list-0 append(\"\")"}`, `step 1 (id 1): operation "append(\"\")" of a list: argument 1 is an empty string, which some SDKs drop`},
		{"two triggers", "", `{"id":1,"fault":"kill","while":1,"during":"port"}`, "step 1 (id 1): it has more than one trigger: want one of while, gate, during and in_flight, or none"},
		{"triggers of a load and a gate", "", `{"id":1,"fault":"kill","in_flight":1,"during":"port"}`, "step 1 (id 1): it has more than one trigger: want one of while, gate, during and in_flight, or none"},
		{"in flight of none", "", `{"id":1,"fault":"kill","in_flight":0}`, "step 1 (id 1): in_flight 0: want 1 to 256 operations of the load"},
		{"a kill with a configuration", "", `{"id":1,"fault":"kill","start":{"state":"lazy"}}`, "step 1 (id 1): a kill has no configuration: only a start does"},
		{"no such state", "", `{"id":1,"fault":"start","start":{"state":"late"}}`, `step 1 (id 1): start: state "late": want eager or lazy, or nothing for the server's default`},
		{"step without gate", "", `{"id":1,"fault":"kill","step":1}`, "step 1 (id 1): step belongs to a gate: want gate too"},
		{"gate without step", "", `{"id":1,"fault":"kill","gate":"after"}`, "step 1 (id 1): a gate needs step, the id of the operation that stands at it"},
		{"no such gate", "", `{"id":1,"fault":"kill","gate":"behind","step":2}`, `step 1 (id 1): gate "behind": want before or after`},
		{"offset alone", "", `{"id":1,"fault":"kill","offset_ms":5}`, "step 1 (id 1): offset_ms belongs to during: want during too"},
		{"the second one", "", `{"id":12,"fault":"kill"},{"id":3,"client":-1,"do":"counter-0 get()"}`, "step 2 (id 3): client -1: clients count from 0"},
		{"config", `{"partitions":-1}`, "", "config: -1 partitions: want 1 to 1024, or 0 for the server's default"},
		{"resolve", `{"resolve":"maybe"}`, "", `config: resolve "maybe": want lookup or open, or nothing for re-sending`},
		{"suspension", `{"start":{"suspension":"1s"}}`, "", `config: start: suspension "1s": want 50ms, at once or never, or nothing for the server's default`},
		{"take over", `{"take_over":"pause"}`, "", `config: take_over "pause": want a fault that ends the server, stop or kill, or nothing for a kill`},
		{"addition", `{"resolve":"open"}`, `{"id":1,"client":0,"do":"counter-0 add(2)"}`,
			"step 1 (id 1): add(2): where operations may stay open (unkeyed, or resolve is not to re-send), additions are of 1: other sums can't be judged"},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := c.config
			if config == "" {
				config = "{}"
			}
			_, err := Decode([]byte(`{"version":1,"config":` + config + `,"steps":[` + c.steps + `]}`))
			assert.EqualError(t, err, c.want)
		})
	}
}

// A plan cut short anywhere is one line with a place, but for the white space
// after it.
func TestPlanCutShortAnywhereIsRefused(t *testing.T) {
	text := Encode(Draw(8123, 2, Options{}))
	for n := range len(text) - 1 {
		_, err := Decode(text[:n])
		require.Error(t, err, "the first %d bytes", n)
		require.NotContains(t, err.Error(), "\n")
		require.Contains(t, err.Error(), map[bool]string{true: "empty", false: "cut short here"}[n == 0])
	}
}

func FuzzDecodePlan(f *testing.F) {
	f.Add([]byte(`{"version":1}`))
	for n := range 8 {
		f.Add(Encode(Draw(8123, n, Options{})))
	}
	f.Add(Encode(StartAndStop(model.Stop)))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := Decode(text)
		if err != nil {
			require.NotContains(t, err.Error(), "\n")
			require.Empty(t, p)
			return
		}
		back, err := Decode(Encode(p))
		require.NoError(t, err)
		require.Equal(t, p, back)
	})
}

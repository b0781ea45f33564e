package model_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/model"
)

// The histories in testdata are read, or refused with the error of the table; "" is for
// one that is read.
func TestHistoriesOfOtherToolsAreReadOrRefused(t *testing.T) {
	for name, want := range map[string]string{
		"utf8-distinct":                    "history line 2: the byte 0xff is not UTF-8, at byte 104",
		"seq-missing-makes-pass":           `history line 4: event call: the field "seq" is missing`,
		"violation-last-return-no-newline": "",
		"violation-whole":                  "",
		"runtime-escape":                   "",
	} {
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join("testdata", "histories", name+".jsonl"))
			require.NoError(t, err)
			h, err := model.ReadHistory(bytes.NewReader(text))
			if want != "" {
				require.EqualError(t, err, want)
				return
			}
			require.NoError(t, err)
			assert.Empty(t, h.Damage)
			assert.Equal(t, model.Text("b"), h.Operations[1].Answer)
		})
	}
}

// written is a history in the lines of a file: a write and a read of it.
var written = []string{
	`{"e":"header","version":1,"run":"x","runtime":"y","altered":[{"kind":"env","name":"A","value":"b"}]}`,
	`{"e":"call","seq":1,"ns":1,"id":1,"process":"0","phase":"program","object":"register-0","op":"write(\"a\")"}`,
	`{"e":"attempt","seq":2,"ns":2,"id":1,"n":1}`,
	`{"e":"attempted","seq":3,"ns":3,"id":1,"n":1,"wrote":true,"status":200}`,
	`{"e":"return","seq":4,"ns":4,"id":1,"outcome":"ambiguous","reason":"timed-out"}`,
	`{"e":"fault","seq":5,"ns":5,"step":7,"kind":"stop"}`,
	`{"e":"fault-end","seq":6,"ns":6,"step":7,"kind":"stop","as":"kill","detail":"d"}`,
	`{"e":"recovery","step":7,"down":1,"spawned":2,"port":3,"health":4,"canary":5}`,
	`{"e":"evidence","seq":7,"ns":7,"id":1,"invocation":"i","entry":1,"reading":"entered","held":true}`,
	`{"e":"resolved","seq":8,"ns":8,"id":1,"by":"lookup","answer":"ok"}`,
	`{"e":"note","seq":9,"ns":9,"text":"t"}`,
	`{"e":"end","seq":10,"ns":10,"availability":[{"from":1,"to":2,"up":true}]}`,
}

func read(lines ...string) (*model.History, error) {
	return model.ReadHistory(strings.NewReader(strings.Join(lines, "\n") + "\n"))
}

// defaults are the fields that may be missing.
var defaults = []string{"settings", "altered", "shared", "plan", "fragment", "step", "key", "status", "reason", "detail", "as", "invocation", "held", "availability"}

// TestEveryFieldIsRequiredOrHasADefault takes each field out of each event, makes it
// null, another type, writes its name in capitals, twice and with a typing error.
func TestEveryFieldIsRequiredOrHasADefault(t *testing.T) {
	_, err := read(written...)
	require.NoError(t, err)
	for i, line := range written {
		var fields map[string]json.RawMessage
		require.NoError(t, json.Unmarshal([]byte(line), &fields))
		for name, value := range fields {
			with := func(old, replacement string) error {
				require.Contains(t, line, old)
				lines := append([]string{}, written...)
				lines[i] = strings.Replace(line, old, replacement, 1)
				_, err := read(lines...)
				return err
			}
			member := fmt.Sprintf("%q:%s", name, value)
			refused := func(err error, want string) {
				t.Helper()
				require.ErrorContains(t, err, fmt.Sprintf("history line %d: ", i+1), line)
				assert.ErrorContains(t, err, want, line)
			}
			if strings.Contains(line, ","+member) {
				err := with(","+member, "")
				if optional := contains(defaults, name); !optional || name == "step" && strings.Contains(line, `"recovery"`) {
					refused(err, fmt.Sprintf("the field %q is missing", name))
				} else if name != "step" { // a fault-end must fit its fault
					assert.NoError(t, err, member)
				}
			}
			if name != "e" {
				refused(with(member, fmt.Sprintf("%q:null", name)), fmt.Sprintf("the field %q is null", name))
				refused(with(fmt.Sprintf("%q:", name), fmt.Sprintf("%q:", strings.ToUpper(name))), fmt.Sprintf("it is written %q", name))
			}
			if name != "plan" {
				refused(with(member, fmt.Sprintf(`%q:{"x":[]}`, name)), "")
			}
			refused(with(member, member+","+member), fmt.Sprintf("the name %q comes twice", name))
			refused(with(fmt.Sprintf("%q:", name), fmt.Sprintf(`"%s_":`, name)), "")
		}
	}
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

func TestFieldsWithInvalidValuesAreRefused(t *testing.T) {
	for _, c := range []struct{ line, old, replacement, want string }{
		{"call", `"seq":1`, `"seq":0`, "seq 0: want 1 or more"},
		{"call", `"seq":1`, `"seq":-1`, "seq -1: want 1 or more"},
		{"call", `"seq":1`, `"seq":1.0`, `the field "seq" is 1.0: want an integer`},
		{"call", `"seq":1`, `"seq":9223372036854775807`, "want at most 2^53"},
		{"call", `"seq":1`, `"seq":1e400`, `the field "seq" is 1e400: want an integer`},
		{"call", `"seq":1`, `"seq":"1"`, `the field "seq" is "1": want an integer`},
		{"call", `"seq":1`, `"seq":` + strings.Repeat("9", 1000), `the field "seq" is 999999999999999999999999999999999999999…: want an integer`},
		{"call", `"process":"0"`, `"process":0`, `the field "process" is 0: want a string`},
		{"call", `register-0`, strings.Repeat("r", 1<<20), `object "rrr`},
		{"call", `write(\"a\")`, strings.Repeat("x", 1<<20), `operation "xxx`},
		{"call", `write(\"a\")`, strings.Repeat("x", 1<<20) + "(1)", `operation "xxx`},
		{"attempted", `"wrote":true`, `"wrote":1`, `the field "wrote" is 1: want true or false`},
		{"resolved", `"answer":"ok"`, `"answer":"` + strings.Repeat("x", 1<<20) + `"`, `answer "xxx`},
		{"resolved", `"answer":"ok"`, `"answer":"1->` + strings.Repeat("x", 1<<20) + `"`, `answer "1->xxx`},
		{"header", `"version":1`, `"version":0`, "format version 0: want 1 to 5"},
		{"header", `"version":1`, `"version":"1"`, `the field "version" is "1": want an integer`},
		{"end", `"from":1`, `"from":true`, `the field "availability[0].from" is true: want an integer`},
		{"call", `"ns":1`, `"ns":-1`, "ns -1: want 0 or more"},
		{"call", `"ns":1`, `"ns":99`, ""},
		{"call", `"seq":1`, `"seq":9`, "line 3: event attempt: seq 2 comes after the 9 of line 2"},
		{"call", `"process":"0"`, `"process":""`, "process is empty"},
		{"call", `"phase":"program"`, `"phase":"Program"`, `phase "Program": want one of program, load, look`},
		{"call", `register-0`, `register-00`, `"00" is not a number`},
		{"call", `write(\"a\")`, `write(\"\")`, "empty string"},
		{"call", `write(\"a\")`, `write(\"\\ud800\")`, `\ud800 is a surrogate`},
		{"call", `write(\"a\")`, `write(\"\ud800\")`, `\ud800 is a surrogate`},
		{"call", `"process":"0"`, `"process":"\udc00"`, `\udc00 is a surrogate`},
		{"call", `"process":"0"`, `"process":"\ud800\ud800"`, `\ud800 is a surrogate`},
		{"attempt", `"n":1`, `"n":0`, "n 0: want 1 or more"},
		{"attempted", `"timed-out"`, `"timed-out"`, ""},
		{"return", `"outcome":"ambiguous"`, `"outcome":"info"`, `outcome "info": want one of ok, failed, ambiguous`},
		{"return", `"outcome":"ambiguous"`, `"outcome":"ok"`, `the field "answer" is missing`},
		{"return", `"outcome":"ambiguous"`, `"outcome":"ambiguous","answer":"ok"`, "only ok has one"},
		{"return", `"timed-out"`, `"timeout"`, `reason "timeout": want one of`},
		{"return", `"seq":4`, `"seq":3`, ""},
		{"fault", `"kind":"stop"`, `"kind":"Stop"`, `kind "Stop": want one of stop, kill`},
		{"fault-end", `"as":"kill"`, `"as":"killed"`, `as "killed": want one of`},
		{"fault", `"kind":"stop"`, `"kind":"stop","target":"node-01"`, `target "node-01": want node-0 (or another number) or service, or nothing for the server`},
		{"fault-end", `"as":"kill"`, `"target":"disk","as":"kill"`, `target "disk": want node-0`},
		{"evidence", `"entered"`, `"Entered"`, `reading "Entered": want one of`},
		{"resolved", `"by":"lookup"`, `"by":"look-up"`, `by "look-up": want one of resend, lookup`},
		{"resolved", `"answer":"ok"`, `"answer":""`, `answer ""`},
		{"resolved", `"answer":"ok"`, `"answer":"\"\\udfff\""`, `\udfff is a surrogate`},
		{"resolved", `"answer":"ok"`, `"answer":"007"`, `want ok, a number`},
		{"resolved", `"answer":"ok"`, `"answer":"{\"a\":\"1\",\"a\":\"2\"}"`, `the name "a" comes twice`},
		{"resolved", `"answer":"ok"`, `"answer":"garbled(\"\\ud800\")"`, "want garbled"},
		{"resolved", `"seq":8,`, `"seq":4,`, "seq 4 comes after the 7 of line 9"},
		{"recovery", `"down":1`, `"down":-1`, "down -1: want 0 or more"},
		{"end", `"to":2`, `"to":0`, "availability from 1 to 0"},
		{"end", `"to":2,`, ``, `the field "availability[0].to" is missing`},
		{"header", `"kind":"env"`, `"kind":"Env"`, `altered: kind "Env": want one of env, file`},
		{"header", `,"name":"A"`, ``, `the field "altered[0].name" is missing`},
		{"header", `"y"`, `"y","plan":{"a":"\ud800"}`, `\ud800 is a surrogate`},
		{"header", `"y"`, `"y","shared":"Counter/get"`, `the field "shared" is not an array`},
	} {
		lines := append([]string{}, written...)
		for i, line := range lines {
			if strings.HasPrefix(line, fmt.Sprintf(`{"e":%q`, c.line)) {
				lines[i] = strings.Replace(line, c.old, c.replacement, 1)
			}
		}
		_, err := read(lines...)
		if c.want == "" {
			assert.NoError(t, err, c)
			continue
		}
		if assert.Error(t, err, c.want) {
			assert.ErrorContains(t, err, c.want)
			assert.Less(t, len(err.Error()), 600, c.want)
		}
	}
	_, err := read(append(append([]string{}, written...), `{"e":"note","seq":11,"ns":11,"text":"t"}`)...)
	assert.ErrorContains(t, err, "line 13: event note: it follows the end of the history")
	_, err = read(written[0], written[1], strings.Replace(written[4], `"seq":4`, `"seq":1`, 1))
	assert.ErrorContains(t, err, "line 3: event return: seq 1 is that of line 2 too")
}

// TestFilesInWrongFormatsNameTheCauseAndTheRemedy reads history files as people and
// tools alter them.
func TestFilesInWrongFormatsNameTheCauseAndTheRemedy(t *testing.T) {
	whole := strings.Join(written, "\n") + "\n"
	utf16 := func(first, second func(byte) byte) string {
		var b strings.Builder
		for i := range len(whole) {
			b.WriteByte(first(whole[i]))
			b.WriteByte(second(whole[i]))
		}
		return b.String()
	}
	same, zero := func(c byte) byte { return c }, func(byte) byte { return 0 }
	for _, c := range []struct{ name, text, cause, wayOut string }{
		{"empty", "", "the file is empty", ""},
		{"newline", "\n", "line 1: it is blank", "remove it"},
		{"byte order mark", "\xef\xbb\xbf" + whole, "byte order mark", "UTF-8 without one"},
		{"UTF-16 little endian", "\xff\xfe" + utf16(same, zero), "UTF-16", "iconv"},
		{"UTF-16 big endian", "\xfe\xff" + utf16(zero, same), "UTF-16", "iconv"},
		{"UTF-16 without a mark", utf16(same, zero), "UTF-16", "iconv"},
		{"UTF-16 big endian without a mark", utf16(zero, same), "UTF-16", "iconv"},
		{"UTF-32 little endian", "\xff\xfe\x00\x00{\x00\x00\x00", "UTF-32", "iconv"},
		{"UTF-32 big endian", "\x00\x00\xfe\xff\x00\x00\x00{", "UTF-32", "iconv"},
		{"UTF-32 without a mark", "{\x00\x00\x00\"\x00\x00\x00", "UTF-32", "iconv"},
		{"UTF-32 big endian without a mark", "\x00\x00\x00{\x00\x00\x00\"", "UTF-32", "iconv"},
		{"bzip2", "BZh91AY&SY", "bzip2", "bunzip2"},
		{"xz", "\xfd7zXZ\x00\x00\x04", "xz", "unxz"},
		{"zip", "PK\x03\x04\x14\x00", "zip", "unzip"},
		{"carriage returns alone", strings.ReplaceAll(whole, "\n", "\r"), "line 1: its lines end in carriage returns", "tr"},
		{"CRLF", strings.ReplaceAll(whole, "\n", "\r\n"), "line 1: it ends in CRLF", "sed"},
		{"array", "[" + strings.Join(written, ",\n") + "]\n", "line 1: it begins an array", "jq -c"},
		{"array on one line", "[" + strings.Join(written, ",") + "]", "line 1: it begins an array", "jq -c"},
		{"pretty", "{\n  \"e\": \"header\",\n  \"version\": 1\n}\n", "line 1: not a JSON object: it ends within the event", "jq -c"},
		{"blank line within", strings.Replace(whole, "\n", "\n \n", 1), "line 2: it is blank", "remove it"},
		{"blank line at the end", whole + "\n", "line 13: it is blank", "remove it"},
		{"gzip", "\x1f\x8b\x08\x00\x00", "gzip", "gunzip"},
		{"zeros", strings.Repeat("\x00", 100), "no text", ""},
		{"zeros at the end", whole + strings.Repeat("\x00", 100), "line 13: it is zero bytes", "remove the line"},
		{"XML", "<history/>\n", "line 1: not a JSON object: invalid character '<'", ""},
	} {
		_, err := model.ReadHistory(strings.NewReader(c.text))
		if assert.Error(t, err, c.name) {
			assert.ErrorContains(t, err, c.cause, c.name)
			assert.ErrorContains(t, err, c.wayOut, c.name)
			assert.NotContains(t, err.Error(), "\n", c.name)
			assert.Less(t, len(err.Error()), 300, c.name)
		}
	}
}

// endless gives the same bytes for ever, and counts them.
type endless struct {
	head, body string
	read       int
}

func (e *endless) Read(p []byte) (int, error) {
	if e.head != "" {
		n := copy(p, e.head)
		e.head = e.head[n:]
		return n, nil
	}
	for i := range p {
		p[i] = e.body[i%len(e.body)]
	}
	e.read += len(p)
	return len(p), nil
}

func TestEndlessFilesAreRefused(t *testing.T) {
	for _, r := range []*endless{
		{body: "\x00"}, {head: written[0] + "\n", body: "\x00"}, {head: written[0] + "\n{", body: "\x01"},
	} {
		_, err := model.ReadHistory(r)
		assert.Error(t, err)
		assert.Less(t, r.read, 1<<20, "it shows at once")
	}
	text := &endless{head: written[0] + "\n" + `{"e":"note","text":"`, body: "a"}
	_, err := model.ReadHistoryWithin(text, 1<<20)
	assert.EqualError(t, err, "history line 2: it is longer than 1 MiB, and no event is")
	assert.Less(t, text.read, 2<<20)
}

// TestBodiesThatJSONWouldAlterAreRefused reads bodies that encoding/json would read as
// another text. None of them is an answer of the contract.
func TestBodiesThatJSONWouldAlterAreRefused(t *testing.T) {
	for _, c := range []struct {
		op     model.Operation
		bodies []string
	}{
		{model.RegisterRead{}, []string{
			"\"v\xff\"", "\"\xed\xa0\x80\"", `"\ud800"`, `"\udc00\ud800"`, `"\ud83d"`, "\xef\xbb\xbf\"v\"", `"v" "w"`, `"v"x`, `null`, `"v`, ``, "\"a\nb\"", `['v']`, `"\x41"`,
		}},
		{model.MapGet{Key: "k"}, []string{"\"\xc3(\"", `{"value":"v"}`}},
		{model.ListGet{}, []string{"[\"v\xff\"]", `["\ud800"]`, `["a",null]`, `null`, `{}`, `["a",]`, `["a"]]`}},
		{model.MapClearAll{}, []string{
			"[{\"key\":\"\xff\",\"value\":\"v\"}]", `[{"key":"a","value":"1"},{"key":"a","value":"2"}]`, `[{"key":"a","value":"1","value":"2"}]`,
			`[{"Key":"a","value":"1"}]`, `[{"key":"a","VALUE":"1"}]`, `[{"key":"a"}]`, `[{"key":"a","value":null}]`, `[null]`, `null`, `{"a":"1"}`,
		}},
		{model.CounterGet{}, []string{"1.0", "1e0", "1E2", "-0", "01", "+1", "0x1", "1 2", "1x", `"1"`, "null", "", "9223372036854775808", "1e400", "NaN"}},
		{model.CounterAdd{Delta: 1}, []string{
			`{"oldValue":0,"newValue":2,"newValue":1}`, `{"oldValue":0,"NEWVALUE":1}`, `{"oldValue":0,"newValue":1.0}`, `{"oldValue":-0,"newValue":1}`,
			`{"oldValue":0}`, `{"oldValue":null,"newValue":1}`, `{"oldValue":"0","newValue":1}`, `[0,1]`, `{"oldValue":0,"newValue":1}}`,
		}},
		{model.RegisterWrite{Value: "v"}, []string{"null", `""`, " "}},
	} {
		for _, body := range c.bodies {
			got, err := c.op.Decode([]byte(body))
			assert.Error(t, err, "%s of %q is %v", c.op, body, got)
		}
	}
}

func TestExactJSONBodiesKeepTheirValues(t *testing.T) {
	for _, c := range []struct {
		op         model.Operation
		body, want string
	}{
		{model.RegisterRead{}, `"a\u0000b"`, "a\x00b"},
		{model.RegisterRead{}, "\"\ufffd\"", "\ufffd"},
		{model.RegisterRead{}, `"\ufffd"`, "\ufffd"},
		{model.RegisterRead{}, "\"e\u0301\"", "e\u0301"}, // not é
		{model.RegisterRead{}, `"\ud83d\ude42\u2028"`, "\U0001f642\u2028"},
		{model.RegisterRead{}, ` "v" `, "v"},
	} {
		got, err := c.op.Decode([]byte(c.body))
		require.NoError(t, err, c.body)
		assert.Equal(t, model.Text(c.want), got)
		back, err := model.ParseAnswer(got.String())
		require.NoError(t, err)
		assert.Equal(t, got, back)
	}
	n, err := model.CounterGet{}.Decode([]byte("9007199254740993")) // 2^53 + 1
	require.NoError(t, err)
	assert.Equal(t, model.Integer(1<<53+1), n)
}

// TestInvalidUTF8IsWrittenAsItIsInMemory: a recorder writes texts for people as they
// come, and its file and its history in memory must be equal.
func TestInvalidUTF8IsWrittenAsItIsInMemory(t *testing.T) {
	garbled := model.Garbled("\"v\xff\x00\"")
	events := []model.Event{
		model.Header{Version: 1, Run: "r", Runtime: "a\xffb", Shared: []string{"\xfe"}, Altered: model.Settings{{Kind: model.VariableSetting, Name: "A", Value: "\xfd"}}},
		model.Called{Instant: at(1), ID: 1, Process: "0", Phase: model.Program, Object: model.Object{Kind: model.Register}, Op: "read()"},
		model.Attempting{Instant: at(2), ID: 1, N: 1},
		model.Attempted{Instant: at(3), ID: 1, N: 1, Wrote: true, Detail: "\xc3("},
		model.Returned{Instant: at(4), ID: 1, Outcome: model.OK, Answer: garbled.String()},
		model.Noted{Instant: at(5), Text: "\ud7ff\xed\xa0\x80"},
	}
	h, err := collect(events)
	require.NoError(t, err)
	back, err := model.ReadHistory(bytes.NewReader(file(events)))
	require.NoError(t, err)
	assert.Equal(t, h, back)
	assert.Equal(t, `a\xffb`, back.Runtime)
	assert.Equal(t, garbled, back.Operations[0].Answer, "an answer keeps its bytes")

	// An operation with such a value is another's bug, and is not written as a third one.
	_, err = model.ParseOperation(model.Register, model.RegisterWrite{Value: "v\xff"}.String())
	assert.Error(t, err)
	_, err = model.ParseAnswer(model.Texts{"\xff"}.String())
	assert.Error(t, err)
}

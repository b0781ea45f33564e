package model_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"retain/model"
)

func TestOperationsReadBackFromTheirText(t *testing.T) {
	for _, k := range model.Kinds() {
		t.Run(string(k), rapid.MakeCheck(func(t *rapid.T) {
			op := operations(k).Draw(t, "operation")
			back, err := model.ParseOperation(k, op.String())
			if err != nil || back != op {
				t.Fatalf("%v: %#v, %v", op, back, err)
			}
			if op.Kind() != k {
				t.Fatalf("%v is an operation of a %s", op, op.Kind())
			}
			if name, _, _ := strings.Cut(op.String(), "("); name != op.Handler() && !model.DeferralOf(op).Sent && name != "fail" {
				t.Fatalf("%v is handled by %s", op, op.Handler())
			}
			if strings.Contains(op.String(), "\n") {
				t.Fatalf("%v is more than a line", op)
			}
		}))
	}
}

func TestAnswersReadBackFromTheirText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := answers.Draw(t, "answer")
		back, err := model.ParseAnswer(a.String())
		if err != nil || !a.Equal(back) || !back.Equal(a) {
			t.Fatalf("%v: %#v, %v", a, back, err)
		}
		if strings.Contains(a.String(), "\n") {
			t.Fatalf("%v is more than a line", a)
		}
	})
}

func TestAnswersAreEqualOnlyToTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := answers.Draw(t, "a"), answers.Draw(t, "b")
		none := func(a model.Answer) bool {
			return a == model.Answer(model.Unknown{}) || a == model.Answer(model.Unfinished{})
		}
		if want := a.String() == b.String() || none(a) && none(b); a.Equal(b) != want || b.Equal(a) != want {
			t.Fatalf("%#v equals %#v: %v", a, b, a.Equal(b))
		}
	})
	assert.True(t, model.Texts(nil).Equal(model.Texts{}))
	assert.True(t, model.Entries{}.Equal(model.Entries(nil)))
	assert.False(t, model.Texts{}.Equal(model.Entries{}))
	assert.False(t, model.Text("ok").Equal(model.Done{}))
	assert.False(t, model.Integer(0).Equal(nil))
}

func TestOperationsAndAnswersPrintTheirText(t *testing.T) {
	for _, c := range []struct {
		op   model.Operation
		want string
	}{
		{model.CounterAdd{Delta: 2}, "add(2)"},
		{model.CounterAddThenFail{Delta: 1}, "addThenFail(1)"},
		{model.RegisterRead{Exclusive: true}, "readExclusive()"},
		{model.RegisterCompareAndSet{Value: "v3"}, `compareAndSet("","v3")`},
		{model.MapSet{Key: "a", Value: `<"&">`}, `set("a","<\"&\">")`},
		{model.ListAppend{Value: "é"}, `append("é")`},
	} {
		assert.Equal(t, c.want, c.op.String())
	}
	for _, c := range []struct {
		answer model.Answer
		want   string
	}{
		{model.Done{}, "ok"},
		{model.Integer(-3), "-3"},
		{model.Change{Old: 0, New: 2}, "0->2"},
		{model.Text(""), `""`},
		{model.Texts{"a", "b"}, `["a","b"]`},
		{model.Texts(nil), `[]`},
		{entries(map[string]string{"b": "2", "a": "1"}), `{"a":"1","b":"2"}`},
		{model.Failure{Code: 500}, "error(500)"},
		{model.Failure{Code: 500, Message: "a, (b)"}, `error(500,"a, (b)")`},
		{model.Garbled("{\xff"), `garbled("{\xff")`},
	} {
		assert.Equal(t, c.want, c.answer.String())
	}
}

func TestBrokenOperationsAreRefused(t *testing.T) {
	for _, c := range []struct {
		kind       model.Kind
		text, want string
	}{
		{"queue", "get()", `no kind of object is called "queue"`},
		{model.Counter, "", "want name(arguments)"},
		{model.Counter, "add", "want name(arguments)"},
		{model.Counter, "add(1", "want name(arguments)"},
		{model.Counter, "add(1)x", "want name(arguments)"},
		{model.Counter, "add(1,)", "not JSON values"},
		{model.Counter, "add(1],[2)", "not JSON values"},
		{model.Counter, "add()", "takes one number, has 0 arguments"},
		{model.Counter, "add(1,2)", "takes one number, has 2 arguments"},
		{model.Counter, "add(-1)", "not an integer from 0 to 2^53"},
		{model.Counter, "add(9007199254740993)", "not an integer from 0 to 2^53"},
		{model.Counter, "add(1.0)", "not an integer from 0 to 2^53"},
		{model.Counter, `add("1")`, "not an integer from 0 to 2^53"},
		{model.Counter, "addThenFail(null)", "not an integer from 0 to 2^53"},
		{model.Counter, "get(1)", "takes no arguments, has 1"},
		{model.Counter, "read()", "has add, addThenFail, get and reset, not read"},
		{model.Register, "write()", "takes 1 strings, has 0 arguments"},
		{model.Register, "write(1)", "1 is not a string"},
		{model.Register, "write(null)", "null is not a string"},
		{model.Register, `write("")`, "argument 1 is an empty string"},
		{model.Register, `compareAndSet("a","")`, "argument 2 is an empty string"},
		{model.Register, `compareAndSet("a")`, "takes 2 strings, has 1 arguments"},
		{model.Register, "set()", "has read, readExclusive, write, compareAndSet and clear, not set"},
		{model.List, `append("a","b")`, "takes 1 strings, has 2 arguments"},
		{model.List, "add(1)", "has append, get and clear, not add"},
		{model.Map, `set("a")`, "takes 2 strings, has 1 arguments"},
		{model.Map, `set("","a")`, "argument 1 is an empty string"},
		{model.Map, `get("")`, "argument 1 is an empty string"},
		{model.Map, "clear()", "has set, get and clearAll, not clear"},
	} {
		_, err := model.ParseOperation(c.kind, c.text)
		assert.ErrorContains(t, err, c.want, "%s %s", c.kind, c.text)
	}
}

func TestBrokenAnswersAreRefused(t *testing.T) {
	for _, s := range []string{
		"", "OK", "yes", "1.5", "null", "1->", "->1", "1->x", "99999999999999999999",
		`"open`, `"a"b`, "[", "[1]", "[null]", `["a",]`, `{"a":1}`, `{"a":null}`, `{"a"}`, `{"a":"1"`, `{"a":"1"}}`,
		`{"b":"1","a":"2"}`, `{"a":"1","a":"2"}`,
		"error", "error()", "error(x)", "error(500", `error(500,)`, `error(500,"")`, "error(500,null)", "error(500,1)",
		"garbled(", "garbled()", "garbled(x)", "garbled('x')", "garbled(`x`)",
	} {
		a, err := model.ParseAnswer(s)
		assert.Error(t, err, "%s is read as %v", s, a)
	}
}

func TestObjectsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := object.Draw(t, "object")
		back, err := model.ParseObject(o.String())
		require.NoError(t, err)
		require.Equal(t, o, back)

		b, err := o.MarshalText()
		require.NoError(t, err)
		var unmarshalled model.Object
		require.NoError(t, unmarshalled.UnmarshalText(b))
		require.Equal(t, o, unmarshalled)
	})
	assert.Equal(t, "counter-0", model.Object{Kind: model.Counter}.String())
	for _, s := range []string{"", "counter", "counter-", "counter-x", "counter--1", "counter-01", "counter-+1", "Counter-1", "queue-1", "-1", "counter-1 "} {
		_, err := model.ParseObject(s)
		assert.ErrorContains(t, err, "object", s)
	}
}

package model_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"retain/model"
)

// The contract of the official SDKs' test services, and of our register, to the
// letter: service, handler, body that is sent, body that answers.
func TestOperationsFollowTheSDKContract(t *testing.T) {
	for _, c := range []struct {
		op               model.Operation
		service, handler string
		request          string
		response         string
		answer           model.Answer
	}{
		{model.CounterAdd{Delta: 2}, "Counter", "add", "2", `{"oldValue": 1, "newValue": 3}`, model.Change{Old: 1, New: 3}},
		{model.CounterGet{}, "Counter", "get", "", "3\n", model.Integer(3)},
		{model.CounterReset{}, "Counter", "reset", "", "", model.Done{}},
		{model.MapSet{Key: "k", Value: "<v>"}, "MapObject", "set", `{"key":"k","value":"<v>"}`, "", model.Done{}},
		{model.MapGet{Key: "k"}, "MapObject", "get", `"k"`, `"v"`, model.Text("v")},
		{model.MapGet{Key: "k"}, "MapObject", "get", `"k"`, `""`, model.Text("")},
		{model.MapClearAll{}, "MapObject", "clearAll", "", `[{"key":"b","value":"2"},{"value":"1","key":"a"}]`,
			model.Entries{{Key: "a", Value: "1"}, {Key: "b", Value: "2"}}},
		{model.MapClearAll{}, "MapObject", "clearAll", "", "[]", model.Entries{}},
		{model.ListAppend{Value: `a"b`}, "ListObject", "append", `"a\"b"`, "", model.Done{}},
		{model.ListGet{}, "ListObject", "get", "", `["a","b"]`, model.Texts{"a", "b"}},
		{model.ListClear{}, "ListObject", "clear", "", "[]", model.Texts{}},
		{model.RegisterRead{}, "Register", "read", "", `"v"`, model.Text("v")},
		{model.RegisterRead{Exclusive: true}, "Register", "readExclusive", "", `""`, model.Text("")},
		{model.RegisterWrite{Value: "v"}, "Register", "write", `"v"`, "", model.Done{}},
		{model.RegisterCompareAndSet{Expect: "", Value: "v"}, "Register", "compareAndSet", `{"expect":"","value":"v"}`, `"w"`, model.Text("w")},
		{model.RegisterClear{}, "Register", "clear", "", "", model.Done{}},
	} {
		assert.Equal(t, c.service, c.op.Kind().Service(), c.op)
		assert.Equal(t, c.handler, c.op.Handler(), c.op)
		assert.Equal(t, c.request, string(c.op.Request()), c.op)
		answer, err := c.op.Decode([]byte(c.response))
		require.NoError(t, err, c.op)
		assert.True(t, c.answer.Equal(answer), "%s: %v", c.op, answer)
	}
	fails := model.CounterAddThenFail{Delta: 2}
	assert.Equal(t, "addThenFail", fails.Handler())
	assert.Equal(t, "2", string(fails.Request()))
	for _, body := range []string{"", "null", "2", `{"oldValue":0,"newValue":2}`} {
		_, err := fails.Decode([]byte(body))
		assert.ErrorContains(t, err, "addThenFail can't succeed")
	}
}

// What no handler of the contract answers is an error, and never an answer that
// a handler could have given.
func TestAnswersOutsideTheContractAreRefused(t *testing.T) {
	array := []string{"", "null", "3", `"a"`, "{}", "[", `["a"]x`, "[1]", "[null]", `[["a"]]`}
	for _, c := range []struct {
		ops    []model.Operation
		bodies []string
	}{
		{[]model.Operation{model.CounterAdd{Delta: 1}}, []string{
			"", "null", "3", "[]", "{}", `{"oldValue":1}`, `{"newValue":1}`, `{"oldValue":null,"newValue":1}`,
			`{"oldValue":"1","newValue":2}`, `{"oldValue":1.5,"newValue":2}`, `{"oldValue":1,"newValue":2`, `{"oldValue":1,"newValue":2} 3`,
		}},
		{[]model.Operation{model.CounterGet{}}, []string{"", "null", `"3"`, "3.0", "3e0", "[]", "{}", "3 4", "99999999999999999999"}},
		{[]model.Operation{model.MapGet{Key: "k"}, model.RegisterRead{}, model.RegisterRead{Exclusive: true}, model.RegisterCompareAndSet{Value: "v"}},
			[]string{"", "null", "3", "[]", "{}", `["a"]`, `"a`, `"a""b"`, "a"}},
		{[]model.Operation{model.ListGet{}, model.ListClear{}}, append(array, `[{"key":"a","value":"b"}]`)},
		{[]model.Operation{model.MapClearAll{}}, append(array, `[{"key":"a"}]`, `[{"value":"a"}]`, `[{"key":"a","value":null}]`, `[{"key":1,"value":"a"}]`,
			`[{"key":"a","value":"1"},{"key":"a","value":"1"}]`, `[{"key":"a","value":"1"},{"key":"b","value":"1"},{"key":"a","value":"2"}]`)},
		{[]model.Operation{
			model.CounterReset{}, model.MapSet{Key: "k", Value: "v"}, model.ListAppend{Value: "v"}, model.RegisterWrite{Value: "v"}, model.RegisterClear{},
		}, []string{"null", `""`, "{}", " ", "ok"}},
	} {
		for _, op := range c.ops {
			for _, body := range c.bodies {
				a, err := op.Decode([]byte(body))
				assert.Error(t, err, "%s reads %q as %v", op, body, a)
				assert.Nil(t, a, "%s reads %q", op, body)
			}
		}
	}
}

func TestRequestsAreJSON(t *testing.T) {
	for _, k := range model.Kinds() {
		t.Run(string(k), rapid.MakeCheck(func(t *rapid.T) {
			op := operations(k).Draw(t, "operation")
			body := op.Request()
			if body == nil {
				return
			}
			back, err := model.ParseRequest(op.Kind().Service(), op.Handler(), body)
			if d := model.DeferralOf(op); d.Sent {
				op = d.Invokes
			}
			if err != nil || back != op || !json.Valid(body) {
				t.Fatalf("%s sends %s: %v, %v", op, body, back, err)
			}
		}))
	}
}

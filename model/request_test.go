package model_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/model"
)

func TestEveryOperationReadsBackFromItsRequest(t *testing.T) {
	operations := []model.Operation{
		model.CounterAdd{}, model.CounterAdd{Delta: 1 << 53}, model.CounterAddThenFail{Delta: 2}, model.CounterGet{}, model.CounterReset{},
		model.MapSet{Key: "k", Value: `quoted "v" <&>`}, model.MapGet{Key: "k"}, model.MapClearAll{},
		model.ListAppend{Value: "é\n"}, model.ListGet{}, model.ListClear{},
		model.RegisterRead{}, model.RegisterRead{Exclusive: true}, model.RegisterWrite{Value: "v"},
		model.RegisterCompareAndSet{Value: "v"}, model.RegisterCompareAndSet{Expect: "a", Value: "b"}, model.RegisterClear{},
	}
	for _, op := range operations {
		back, err := model.ParseRequest(op.Kind().Service(), op.Handler(), op.Request())
		require.NoError(t, err, op)
		assert.Equal(t, op, back)
	}
}

func TestUnknownRequestsAreRefused(t *testing.T) {
	for _, c := range []struct{ service, handler, body, want string }{
		{"Nothing", "add", "1", `no object is served by "Nothing"`},
		{"Counter", "subtract", "1", "not subtract"},
		{"Counter", "add", "", "takes one number, has 0"},
		{"Counter", "add", "-1", "not an integer"},
		{"Counter", "add", "1.5", "not an integer"},
		{"Counter", "add", "[", "unexpected end"},
		{"Counter", "add", "1 2", "after top-level value"},
		{"Counter", "get", "1", "takes no arguments"},
		{"MapObject", "set", `"a"`, "cannot unmarshal"},
		{"MapObject", "set", `{"key":"a"}`, "not a string"},
		{"MapObject", "set", `{"key":"a","value":null}`, "not a string"},
		{"Register", "write", `""`, "empty string"},
	} {
		_, err := model.ParseRequest(c.service, c.handler, []byte(c.body))
		assert.ErrorContains(t, err, c.want, c)
	}
}

func TestServiceNameGivesItsKind(t *testing.T) {
	for _, k := range model.Kinds() {
		got, known := model.KindOf(k.Service())
		assert.True(t, known)
		assert.Equal(t, k, got)
	}
	_, known := model.KindOf("RetainCanary")
	assert.False(t, known)
}

package deployment_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"retain/service"
	"retain/service/deployment"
)

const jsonType = "application/json"

// Every handler of the contract, through the ingress of a real server, body by
// body.
func TestHandlersFollowTheContract(t *testing.T) {
	d := deploy(t)
	for _, c := range []struct {
		path, in string
		want     reply
	}{
		{"Counter/c/get", "", reply{200, jsonType, "0", nil}},
		{"Counter/c/add", "5", reply{200, jsonType, `{"oldValue":0,"newValue":5}`, nil}},
		{"Counter/c/add", "9007199254740986", reply{200, jsonType, `{"oldValue":5,"newValue":9007199254740991}`, nil}},
		{"Counter/c/get", "", reply{200, jsonType, "9007199254740991", nil}},
		{"Counter/c/reset", "", reply{200, "", "", nil}},
		{"Counter/c/get", "", reply{200, jsonType, "0", nil}},
		{"Counter/other/get", "", reply{200, jsonType, "0", nil}},

		{"MapObject/m/get", `"a"`, reply{200, jsonType, `""`, nil}},
		{"MapObject/m/clearAll", "", reply{200, jsonType, "[]", nil}},
		{"MapObject/m/set", `{"key":"a","value":"1"}`, reply{200, "", "", nil}},
		{"MapObject/m/get", `"a"`, reply{200, jsonType, `"1"`, nil}},
		{"MapObject/m/set", `{"key":"a","value":"2"}`, reply{200, "", "", nil}},
		{"MapObject/m/clearAll", "", reply{200, jsonType, `[{"key":"a","value":"2"}]`, nil}},
		{"MapObject/m/get", `"a"`, reply{200, jsonType, `""`, nil}},

		{"ListObject/l/get", "", reply{200, jsonType, "[]", nil}},
		{"ListObject/l/clear", "", reply{200, jsonType, "[]", nil}},
		{"ListObject/l/append", `"x"`, reply{200, "", "", nil}},
		{"ListObject/l/append", `"y"`, reply{200, "", "", nil}},
		{"ListObject/l/get", "", reply{200, jsonType, `["x","y"]`, nil}},
		{"ListObject/l/clear", "", reply{200, jsonType, `["x","y"]`, nil}},
		{"ListObject/l/get", "", reply{200, jsonType, "[]", nil}},

		{"Register/r/read", "", reply{200, jsonType, `""`, nil}},
		{"Register/r/readExclusive", "", reply{200, jsonType, `""`, nil}},
		{"Register/r/compareAndSet", `{"expect":"x","value":"v"}`, reply{200, jsonType, `""`, nil}},
		{"Register/r/read", "", reply{200, jsonType, `""`, nil}},
		{"Register/r/compareAndSet", `{"expect":"","value":"v"}`, reply{200, jsonType, `""`, nil}},
		{"Register/r/read", "", reply{200, jsonType, `"v"`, nil}},
		{"Register/r/write", `"w"`, reply{200, "", "", nil}},
		{"Register/r/readExclusive", "", reply{200, jsonType, `"w"`, nil}},
		{"Register/r/compareAndSet", `{"expect":"v","value":"u"}`, reply{200, jsonType, `"w"`, nil}},
		{"Register/r/compareAndSet", `{"expect":"w","value":"u"}`, reply{200, jsonType, `"w"`, nil}},
		{"Register/r/read", "", reply{200, jsonType, `"u"`, nil}},
		{"Register/r/clear", "", reply{200, "", "", nil}},
		{"Register/r/read", "", reply{200, jsonType, `""`, nil}},
	} {
		assert.Equal(t, c.want, d.call(c.path, c.in, ""), "%s(%s)", c.path, c.in)
	}
}

// A terminal error has the object's key as its message, and its addition stays.
func TestAddThenFailKeepsItsEffect(t *testing.T) {
	d := deploy(t)
	got := d.call("Counter/a key/addThenFail", "3", "")
	assert.Equal(t, 500, got.status)
	var failure struct {
		Code            int
		Message, Source string
	}
	require.NoError(t, json.Unmarshal([]byte(got.body), &failure))
	assert.Equal(t, 500, failure.Code)
	assert.Equal(t, "a key", failure.Message)
	assert.Equal(t, "3", d.call("Counter/a key/get", "", "").body)
}

// Each entry of a map is a state key of its own, and clearAll returns them all.
func TestMapEntriesAreStoredAndClearedTogether(t *testing.T) {
	d := deploy(t)
	want := map[string]string{"a": "1", "b": "2", "list": "3"}
	for k, v := range want {
		in, err := json.Marshal(map[string]string{"key": k, "value": v})
		require.NoError(t, err)
		require.Equal(t, 200, d.call("MapObject/m/set", string(in), "").status)
	}
	stored := map[string]string{}
	for _, row := range d.query("select key, value_utf8 from state where service_name = 'MapObject'") {
		require.NoError(t, json.Unmarshal([]byte(row["value_utf8"].(string)), new(string)))
		stored[row["key"].(string)] = row["value_utf8"].(string)
	}
	assert.Equal(t, map[string]string{"a": `"1"`, "b": `"2"`, "list": `"3"`}, stored)

	var entries []struct{ Key, Value string }
	require.NoError(t, json.Unmarshal([]byte(d.call("MapObject/m/clearAll", "", "").body), &entries))
	cleared := map[string]string{}
	for _, e := range entries {
		cleared[e.Key] = e.Value
	}
	assert.Equal(t, want, cleared)
	assert.Empty(t, d.query("select key from state where service_name = 'MapObject'"))
}

func TestProbeIsAnsweredWithTheNonce(t *testing.T) {
	d := deploy(t)
	want := reply{200, jsonType, `{"nonce":"` + d.Nonce() + `"}`, nil}
	assert.Equal(t, want, d.call("RetainCanary/any/ping", "", ""))

	another, err := deployment.Listen(deployment.Options{})
	require.NoError(t, err)
	defer another.Close()
	assert.NotEqual(t, d.Nonce(), another.Nonce())
}

// Registration answers what discovery says of each handler.
func TestRegistrationReturnsTheKindOfEachHandler(t *testing.T) {
	d := deploy(t)
	assert.Equal(t, service.Contract{
		"Counter/add": "exclusive", "Counter/addThenFail": "exclusive", "Counter/get": "shared", "Counter/reset": "exclusive",
		"MapObject/set": "exclusive", "MapObject/get": "exclusive", "MapObject/clearAll": "exclusive",
		"ListObject/append": "exclusive", "ListObject/get": "exclusive", "ListObject/clear": "exclusive",
		"Register/read": "shared", "Register/readExclusive": "exclusive", "Register/write": "exclusive",
		"Register/compareAndSet": "exclusive", "Register/clear": "exclusive",
		"RetainCanary/ping": "exclusive",
	}, d.register(d.URL("")))
}

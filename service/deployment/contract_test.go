package deployment_test

import (
	"bytes"
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/internal/selftest"
	"retain/runtime"
	"retain/service"
	"retain/service/deployment"
	"retain/service/reference"
	"retain/service/sdk"
)

const jsonType = "application/json"

// The reference services of all SDKs follow one contract, through the ingress of a real
// server, body by body. The server is told by each which SDK it is on.
func TestServicesOfOtherSDKsFollowTheContract(t *testing.T) {
	selftest.Long(t, "30 s")
	for _, name := range sdk.Names() {
		if name == sdk.Go {
			continue
		}
		t.Run(string(name), func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute) // the first one builds it
			defer cancel()
			nonce := reference.NewNonce()
			started, err := sdk.Start(ctx, name, sdk.Options{Nonce: nonce, Notice: func(line string) { t.Log(line) }})
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, started.Close()) })
			o := deployment.Options{Backend: service.Backend{URL: started.URL("")}, Nonce: nonce}
			d := deployWith(t, func() runtime.Runtime { return newServer(t, nil) }, o, "")
			testHandlers(t, d)
			testAddThenFail(t, d)
			testMapEntries(t, d)
			testKinds(t, d)
			assert.Equal(t, reply{200, jsonType, `{"nonce":"` + nonce + `"}`, nil}, compact(d.call("RetainCanary/any/ping", "", "")))
			for _, at := range []service.Position{service.Before, service.After} {
				testKilledService(t, d, started, at)
			}
			ctx, cancel = context.WithTimeout(t.Context(), patience)
			defer cancel()
			r, err := deployment.Register(ctx, client, d.server.Endpoints().Admin, d.URL(""))
			require.NoError(t, err)
			assert.Regexp(t, "^sdk "+string(name)+` [0-9]+\.[0-9]+`, r.SDK)
		})
	}
}

// testKilledService kills the service while an operation is in flight, and starts it again: the
// operation has its effect once. Held after its effect, it has left the service; held before,
// it needs another attempt.
func testKilledService(t *testing.T, d *deployed, s *sdk.Service, at service.Position) {
	tag, counter := "killed-"+string(at), "Counter/"+string(at)
	gate := d.Control().Arm(tag, at)
	defer gate.Open()
	answer := d.goCall(counter+"/add", "1", tag)
	wait(t, "the operation at its gate", gate.Held())
	s.Kill()
	gate.Open()
	require.NoError(t, s.Restart(t.Context(), false))
	assert.Equal(t, reply{200, jsonType, `{"oldValue":0,"newValue":1}`, nil}, compact(wait(t, "the answer", answer)), "killed %s its effect", at)
	assert.Equal(t, "1", d.call(counter+"/get", "", "").body)
	last := d.next(tag)
	for last.Reading != service.Finished {
		last = d.next(tag)
	}
	if at == service.Before {
		assert.Greater(t, last.Attempt, 1)
	}
}

// compact is an answer without the white space of its JSON, which is each SDK's own.
func compact(r reply) reply {
	var body bytes.Buffer
	if json.Compact(&body, []byte(r.body)) == nil {
		r.body = body.String()
	}
	return r
}

func TestHandlersFollowTheContract(t *testing.T) { testHandlers(t, deploy(t)) }

func testHandlers(t *testing.T, d *deployed) {
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
		assert.Equal(t, c.want, compact(d.call(c.path, c.in, "")), "%s(%s)", c.path, c.in)
	}
}

// A terminal error has the object's key as its message, and its addition stays.
func TestAddThenFailKeepsItsEffect(t *testing.T) { testAddThenFail(t, deploy(t)) }

func testAddThenFail(t *testing.T, d *deployed) {
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
func TestMapEntriesAreStoredAndClearedTogether(t *testing.T) { testMapEntries(t, deploy(t)) }

func testMapEntries(t *testing.T, d *deployed) {
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
func TestRegistrationReturnsTheKindOfEachHandler(t *testing.T) { testKinds(t, deploy(t)) }

func testKinds(t *testing.T, d *deployed) {
	assert.Equal(t, service.Contract{
		"Counter/add": "exclusive", "Counter/addThenFail": "exclusive", "Counter/get": "shared", "Counter/reset": "exclusive",
		"MapObject/set": "exclusive", "MapObject/get": "exclusive", "MapObject/clearAll": "exclusive",
		"ListObject/append": "exclusive", "ListObject/get": "exclusive", "ListObject/clear": "exclusive",
		"Answer/submit": "exclusive", "Answer/get": "exclusive",
		"Awakeable/await": "shared", "Awakeable/publish": "exclusive", "Awakeable/relay": "exclusive", "Awakeable/id": "shared", "Awakeable/get": "exclusive",
		"Mailbox/append": "exclusive", "Mailbox/get": "exclusive", "Mailbox/drain": "exclusive", "Mailbox/relay": "exclusive", "Mailbox/nap": "exclusive",
		"Register/read": "shared", "Register/readExclusive": "exclusive", "Register/write": "exclusive",
		"Register/compareAndSet": "exclusive", "Register/clear": "exclusive",
		"RetainCanary/ping": "exclusive",
	}, d.register(d.URL("")))
}

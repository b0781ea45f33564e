package ingress_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/model"
	"retain/runtime"
	"retain/runtime/ingress"
)

// recorded is one exchange with a real server.
type recorded struct {
	Name, Method, Path string
	Request            struct {
		Headers map[string]string
		Body    string
	}
	Status  int
	Headers http.Header
	Body    string
}

// columns are the versions whose answers were recorded, and the column of [calls] that
// they have: servers of the first one name no source of an error, those of the second do.
var columns = map[string]int{"1.6.2": 0, "1.7.2": 0, "1.7.12": 1}

func recordings(t *testing.T, version string) map[string]recorded {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "testdata", "responses-"+version+".json"))
	require.NoError(t, err)
	var list []recorded
	require.NoError(t, json.Unmarshal(text, &list))
	byName := map[string]recorded{}
	for _, e := range list {
		byName[e.Name] = e
	}
	require.Len(t, byName, len(list), "names are unique")
	return byName
}

// replay is a server of a version that gives one recorded answer.
func replay(t *testing.T, version string, e recorded) *ingress.Client {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for k, v := range e.Headers {
			w.Header()[k] = v
		}
		w.WriteHeader(e.Status)
		_, _ = w.Write([]byte(e.Body)) // the client's error tells if it fails
	}))
	t.Cleanup(s.Close)
	c := ingress.New(runtime.Endpoints{Ingress: s.URL, Version: version})
	t.Cleanup(c.Close)
	return c
}

// classified is what is expected of a recorded answer: the text of an answer, or
// a reason.
type classified struct {
	answer string
	reason model.Reason
}

func is(answer string) classified            { return classified{answer: answer} }
func no(reason model.Reason) classified      { return classified{reason: reason} }
func both(c classified) [2]classified        { return [2]classified{c, c} }
func each(old, now classified) [2]classified { return [2]classified{old, now} }

// calls says what each recorded call proves, before 1.7.4 and from then on.
var calls = map[string][2]classified{
	"success with body":        both(is("0->5")),
	"repeated key":             both(is("0->5")),
	"repeated key, other body": both(is("0->5")),
	"success unkeyed":          both(is("5->6")),
	"shared get":               both(is("6")),
	"shared get by GET":        both(is("6")),
	"get unset":                both(is("0")),
	// 1.6 names no source; the invocation's id and the code in the body do.
	"terminal error":                      both(is("error(500)")),
	"terminal error repeated":             both(is("error(500)")),
	"terminal error unkeyed":              both(is("error(500)")),
	"state of a terminal error":           both(is("10")),
	"success empty":                       both(is("ok")),
	"success empty unkeyed":               both(is("ok")),
	"map get unset":                       both(is(`""`)),
	"map set":                             both(is("ok")),
	"map get":                             both(is(`"v"`)),
	"map clearAll":                        both(is(`{"k":"v"}`)),
	"map clearAll empty":                  both(is("{}")),
	"list get unset":                      both(is("[]")),
	"list append":                         both(is("ok")),
	"list get":                            both(is(`["a"]`)),
	"list clear":                          both(is(`["a"]`)),
	"register read unset":                 both(is(`""`)),
	"register write":                      both(is("ok")),
	"register compareAndSet":              both(is(`"a"`)),
	"register compareAndSet refused":      both(is(`"b"`)),
	"register readExclusive":              both(is(`"b"`)),
	"register write to keep":              both(is("ok")),
	"register clear":                      both(is("ok")),
	"escaped object key":                  both(is("ok")),
	"unregistered service":                both(no(model.Rejected)),
	"unknown service":                     both(no(model.Rejected)),
	"unknown handler":                     both(no(model.Rejected)),
	"bad path, too short":                 both(no(model.Rejected)),
	"bad path, no handler":                both(no(model.Rejected)),
	"bad path, too long":                  both(no(model.Rejected)),
	"bad path, unknown verb":              both(no(model.Rejected)),
	"method not allowed":                  both(no(model.Unexpected)),
	"health by POST":                      both(no(model.Unexpected)),
	"empty body for a handler with input": both(no(model.Rejected)),
	"body for a handler without input":    both(no(model.Rejected)),
	"wrong content type":                  both(no(model.Rejected)),
	"no content type":                     both(no(model.Rejected)),
	"too large":                           each(no(model.Unavailable), no(model.Rejected)), // 1.6: it may have been accepted
	"output ready":                        both(is("0->5")),
	"output ready empty":                  both(is("ok")),
	"output ready, terminal error":        both(is("error(500)")),
	"attach ready":                        both(is("0->5")),
	"output not found":                    both(no(model.Rejected)),
	"attach not found":                    both(is(`error(404,"not found")`)), // the server answers as if the handler had
	"output of an unknown service":        both(no(model.Rejected)),
	"output, unknown verb":                both(no(model.Rejected)),
	"output by POST":                      both(no(model.Unexpected)),
	"output not ready":                    both(no(model.Unexpected)),
	"too many requests":                   both(no(model.Rejected)),
	"bad input":                           both(is(`error(400,"request could not be decoded into handler input type: unexpected end of JSON input")`)),
	"bad input, wrong type":               both(is(`error(400,"request could not be decoded into handler input type: json: cannot unmarshal string into Go value of type int64")`)),
	"health":                              {}, // not calls of an object
	"health without services":             {},
	"canary":                              {},
	"send":                                {},
	"send repeated":                       {},
}

// subject is the call that a recorded request makes, as far as it is one.
func subject(e recorded) ingress.Call {
	call := ingress.Call{ObjectKey: "c", Op: model.CounterAdd{Delta: 1}, IdempotencyKey: "k"}
	parts := strings.Split(strings.TrimPrefix(e.Path, "/"), "/")
	if len(parts) > 2 && parts[0] == "restate" && parts[1] == "invocation" {
		parts = parts[2:]
	}
	if len(parts) < 3 {
		return call
	}
	body := e.Request.Body
	if body == "" && strings.HasPrefix(parts[2], "add") {
		body = "2"
	}
	if op, err := model.ParseRequest(parts[0], parts[2], []byte(body)); err == nil {
		call.Op = op
		call.ObjectKey, _ = url.PathUnescape(parts[1])
	}
	return call
}

// The answers are those recorded from native and container servers.
func TestRecordedAnswersAreClassified(t *testing.T) {
	for version, column := range columns {
		for name, e := range recordings(t, version) {
			if strings.HasPrefix(e.Path, "admin:") {
				continue
			}
			t.Run(version+"/"+name, func(t *testing.T) {
				all, known := calls[name]
				require.True(t, known, "a recording that nobody judged")
				want := all[column]
				if want == (classified{}) {
					return
				}
				call := subject(e)
				var got ingress.Result
				if strings.HasPrefix(e.Path, "/restate/") {
					got = replay(t, version, e).LookUp(bounded(t, 10*time.Second), call)
				} else {
					got = replay(t, version, e).Try(bounded(t, 10*time.Second), call)
				}
				assert.True(t, got.Wrote)
				assert.Equal(t, e.Status, got.Status)
				assert.Equal(t, e.Headers.Get("X-Restate-Id"), got.Invocation)
				if want.answer != "" {
					require.NotNil(t, got.Answer, "%s: %s", got.Reason, got.Detail)
					assert.Equal(t, want.answer, got.Answer.String())
					assert.Empty(t, got.Reason)
					return
				}
				assert.Nil(t, got.Answer)
				assert.Equal(t, want.reason, got.Reason)
				assert.Contains(t, got.Detail, e.Body[:min(len(e.Body), 300)])
			})
		}
	}
}

// The cases leave out parts of an error. An error of 500 or more without a known origin
// is ambiguous, never an answer and never failed.
func TestTerminalErrorsDifferFromErrorsOfTheIngress(t *testing.T) {
	source := func(s string) http.Header { return http.Header{"X-Restate-Error-Source": {s}} }
	id := http.Header{"X-Restate-Id": {"inv_1"}}
	for _, c := range []struct {
		name   string
		header http.Header
		status int
		body   string
		want   classified
	}{
		{"source in the body", nil, 500, `{"code":500,"message":"c","source":"invocation"}`, is("error(500)")},
		{"source in the header", source("invocation"), 500, `{"code":500,"message":"c"}`, is("error(500)")},
		{"source in the header, other body", source("invocation"), 409, `gone`, is("error(409)")},
		{"another message", source("invocation"), 500, `{"code":500,"message":"x"}`, is(`error(500,"x")`)},
		{"1.6: id and code", id, 500, `{"code":500,"message":"c"}`, is("error(500)")},
		{"1.6: id and code of a rejection", id, 404, `{"code":404,"message":"x"}`, is(`error(404,"x")`)},
		{"id alone", id, 500, `{"message":"c"}`, no(model.Unavailable)},
		{"code alone", nil, 500, `{"code":500,"message":"c"}`, no(model.Unavailable)},
		{"the ingress's, with an id", http.Header{"X-Restate-Id": {"inv_1"}, "X-Restate-Error-Source": {"ingress"}}, 500, `{"code":500,"message":"c"}`, no(model.Unavailable)},
		{"the ingress's, in the body", id, 503, `{"code":503,"message":"c","source":"ingress"}`, no(model.Unavailable)},
		{"no JSON", nil, 502, "bad gateway", no(model.Unavailable)},
		{"a redirection", http.Header{"Location": {"/"}}, 307, "", no(model.Unexpected)},
		{"a message that is not UTF-8", source("invocation"), 500, "{\"code\":500,\"message\":\"c\xff\"}", is(`garbled("{\"code\":500,\"message\":\"c\xff\"}")`)},
		{"a message that comes twice", source("invocation"), 500, `{"code":500,"message":"x","message":"c"}`, is(`garbled("{\"code\":500,\"message\":\"x\",\"message\":\"c\"}")`)},
		{"a success that is not UTF-8", nil, 200, "{\"oldValue\":0,\"newValue\":1,\"\xff\":0}", is(`garbled("{\"oldValue\":0,\"newValue\":1,\"\xff\":0}")`)},
		{"a success that says two things", nil, 200, `{"oldValue":0,"newValue":2,"newValue":1}`, is(`garbled("{\"oldValue\":0,\"newValue\":2,\"newValue\":1}")`)},
		{"a success that is none of the contract's", nil, 200, `"0"`, is(`garbled("\"0\"")`)},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := replay(t, "", recorded{Status: c.status, Headers: c.header, Body: c.body}).Try(bounded(t, 10*time.Second), add())
			if c.want.answer == "" {
				assert.Nil(t, got.Answer)
				assert.Equal(t, c.want.reason, got.Reason)
				return
			}
			require.NotNil(t, got.Answer, got.Detail)
			assert.Equal(t, c.want.answer, got.Answer.String())
		})
	}
}

func TestErrorWithoutSourceIsNoAnswerOfServersThatNameIt(t *testing.T) {
	e := recorded{Status: 500, Headers: http.Header{"X-Restate-Id": {"inv_1"}}, Body: `{"code":500,"message":"c"}`}
	for _, version := range []string{"", "1.5.3", "1.6.2", "1.7.2"} {
		got := replay(t, version, e).Try(bounded(t, 10*time.Second), add())
		require.NotNil(t, got.Answer, version)
		assert.Equal(t, "error(500)", got.Answer.String(), version)
	}
	for _, version := range []string{"1.7.4", "1.7.12", "1.8.0-dev", "mine"} {
		got := replay(t, version, e).Try(bounded(t, 10*time.Second), add())
		assert.Nil(t, got.Answer, version)
		assert.Equal(t, model.Unavailable, got.Reason, version)
	}
}

// The test reads the request on the server's side.
func TestRequestsFollowTheIngressContract(t *testing.T) {
	got := make(chan *http.Request, 1)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { got <- r }))
	t.Cleanup(s.Close)
	c := ingress.New(runtime.Endpoints{Ingress: s.URL})
	t.Cleanup(c.Close)
	for _, call := range []struct {
		ingress.Call
		path, content string
	}{
		{add(), "/Counter/c/add", "application/json"},
		{ingress.Call{ObjectKey: "a/b c", Op: model.RegisterRead{}}, "/Register/a%2Fb%20c/read", ""},
	} {
		c.Try(bounded(t, 10*time.Second), call.Call)
		r := <-got
		assert.Equal(t, http.MethodPost, r.Method)
		assert.Equal(t, call.path, r.URL.EscapedPath())
		assert.Equal(t, call.content, r.Header.Get("Content-Type"), "handlers without input take no content type")
		assert.Equal(t, call.IdempotencyKey, r.Header.Get("Idempotency-Key"))
		assert.Equal(t, call.Tag, r.Header.Get("X-Retain-Operation"))
		assert.Equal(t, int64(len(call.Op.Request())), r.ContentLength)
	}
	c.LookUp(bounded(t, 10*time.Second), add())
	r := <-got
	assert.Equal(t, "GET /restate/invocation/Counter/c/add/key-1/output", r.Method+" "+r.URL.EscapedPath())
}

package simulated_test

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/runtime/simulated"
	"retain/service"
)

func itoa(n int) string { return strconv.Itoa(n) }

func TestStateSurvivesStopsAndKills(t *testing.T) {
	bubble(t, simulated.Options{}, func(t *testing.T, r *rig) {
		r.want(`{"oldValue":0,"newValue":1}`, "/Counter/c/add", "1")
		r.want("", "/MapObject/m/set", `{"key":"k","value":"v"}`)
		r.want("", "/ListObject/l/append", `"a"`)
		r.want("", "/Register/r/write", `"x"`)
		for _, end := range []func(){r.kill, r.stop} {
			r.restart(end)
			r.want("1", "/Counter/c/get", "")
			r.want(`"v"`, "/MapObject/m/get", `"k"`)
			r.want(`["a"]`, "/ListObject/l/get", "")
			r.want(`"x"`, "/Register/r/read", "")
			r.want(`"x"`, "/Register/r/readExclusive", "")
			r.want("0", "/Counter/other/get", "")
		}
	})
}

func TestTheFirstAnswerStands(t *testing.T) {
	bubble(t, simulated.Options{}, func(t *testing.T, r *rig) {
		k := sending{key: "k"}
		r.want(`{"oldValue":0,"newValue":1}`, "/Counter/c/add", "1", k)
		failure := r.call("/Counter/c/addThenFail", "1", k)
		assert.Equal(t, 500, failure.status)
		r.want("2", "/Counter/c/get", "", k)
		for _, end := range []func(){r.kill, r.stop} {
			r.restart(end)
			r.want(`{"oldValue":0,"newValue":1}`, "/Counter/c/add", "5", k)
			assert.Equal(t, failure.body, r.call("/Counter/c/addThenFail", "1", k).body)
			r.want("2", "/Counter/c/get", "", k) // frozen, and the addition was made once
		}
		// Another object or handler is another scope.
		r.want(`{"oldValue":0,"newValue":5}`, "/Counter/d/add", "5", k)
		r.want("", "/Counter/c/reset", "", k)
		r.want("0", "/Counter/c/get", "")
		r.want("2", "/Counter/c/get", "", k)
	})
}

func TestADuplicateWaitsWithTheFirst(t *testing.T) {
	bubble(t, simulated.Options{}, func(t *testing.T, r *rig) {
		s := sending{key: "k", tag: "t"}
		g, first := r.held(service.After, "/Counter/c/add", "1", s)
		second := r.background("/Counter/c/add", "7", s)
		synctest.Wait()
		assert.Empty(t, second)
		g.Open()
		a, b := <-first, <-second
		assert.Equal(t, a.body, b.body)
		assert.Equal(t, a.header.Get("X-Restate-Id"), b.header.Get("X-Restate-Id"))
		assert.Empty(t, a.header.Get("Idempotency-Expires"))
		assert.NotEmpty(t, b.header.Get("Idempotency-Expires"))
		r.want("1", "/Counter/c/get", "")
	})
}

func TestExclusiveHandlersQueueAndSharedOnesDoNot(t *testing.T) {
	bubble(t, simulated.Options{}, func(t *testing.T, r *rig) {
		g, first := r.held(service.After, "/Register/r/write", `"a"`, sending{tag: "t"})
		queued := r.background("/Register/r/readExclusive", "")
		r.want(`"a"`, "/Register/r/read", "") // sees the effect of the one that is not finished
		r.want(`""`, "/Register/other/readExclusive", "")
		r.want(`{"nonce":"recorded"}`, "/RetainCanary/r/ping", "")
		time.Sleep(time.Second)
		assert.Empty(t, queued)
		g.Open()
		assert.Equal(t, 200, (<-first).status)
		assert.Equal(t, `"a"`, (<-queued).body)
	})
}

// TestAnInvocationIsDurableFromItsAcceptance ends the server at both gates, in
// both ways; the client hears nothing, and the effect is there once.
func TestAnInvocationIsDurableFromItsAcceptance(t *testing.T) {
	for _, at := range []service.Position{service.Before, service.After} {
		for _, way := range []string{"kill", "stop"} {
			t.Run(string(at)+" "+way, func(t *testing.T) {
				bubble(t, simulated.Options{}, func(t *testing.T, r *rig) {
					end := map[string]func(){"kill": r.kill, "stop": r.stop}[way]
					s := sending{key: "k", tag: "t"}
					_, answer := r.held(at, "/Counter/c/add", "1", s)
					end()
					assert.Error(t, (<-answer).err)
					r.start()
					r.want("1", "/Counter/c/get", "") // nobody asked for it again
					r.want(`{"oldValue":0,"newValue":1}`, "/Counter/c/add", "1", s)
					r.want("1", "/Counter/c/get", "")
				})
			})
		}
	}
}

func TestAQueueIsKeptInItsOrder(t *testing.T) {
	bubble(t, simulated.Options{}, func(t *testing.T, r *rig) {
		_, first := r.held(service.Before, "/ListObject/l/append", `"a"`, sending{tag: "t"})
		var rest []<-chan response
		for _, v := range []string{`"b"`, `"c"`} {
			rest = append(rest, r.background("/ListObject/l/append", v))
			time.Sleep(time.Millisecond) // accepted
		}
		r.kill()
		for _, a := range append(rest, first) {
			assert.Error(t, (<-a).err)
		}
		r.start()
		r.want(`["a","b","c"]`, "/ListObject/l/get", "")
	})
}

func TestARequestThatWasNotAcceptedYetIsLost(t *testing.T) {
	o := simulated.Options{Timings: simulated.Timings{Accept: time.Second}}
	bubble(t, o, func(t *testing.T, r *rig) {
		answer := r.background("/Counter/c/add", "1", sending{key: "k"})
		synctest.Wait() // written, and waiting
		r.kill()
		assert.Error(t, (<-answer).err)
		r.start()
		assert.Equal(t, 404, r.get("/restate/invocation/Counter/c/add/k/output").status)
		r.want("0", "/Counter/c/get", "")
		r.want(`{"oldValue":0,"newValue":1}`, "/Counter/c/add", "1", sending{key: "k"})
	})
}

func TestAClientThatLeavesDoesNotTakeItsCallBack(t *testing.T) {
	bubble(t, simulated.Options{}, func(t *testing.T, r *rig) {
		ctx, leave := context.WithCancel(context.Background())
		gate := r.Arm("t", service.Before)
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.Endpoints().Ingress+"/Counter/c/add", strings.NewReader("1"))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("idempotency-key", "k")
		req.Header.Set(service.TagHeader, "t")
		left := make(chan error, 1)
		go func() { left <- r.do(req).err }()
		<-gate.Held()
		assert.Equal(t, 470, r.get("/restate/invocation/Counter/c/add/k/output").status)
		leave()
		assert.ErrorIs(t, <-left, context.Canceled)
		exit, err := r.Stop(context.Background())
		require.NoError(t, err)
		assert.Zero(t, exit.Took, "nobody waits for an answer")
		r.start()
		assert.Equal(t, `{"oldValue":0,"newValue":1}`, r.get("/restate/invocation/Counter/c/add/k/output").body)
		r.want("1", "/Counter/c/get", "")
	})
}

func TestSendIsNotWaitedFor(t *testing.T) {
	bubble(t, simulated.Options{}, func(t *testing.T, r *rig) {
		g := r.Arm("t", service.Before)
		sent := r.call("/Counter/c/add/send", "1", sending{key: "k", tag: "t"})
		assert.Equal(t, 202, sent.status)
		<-g.Held()
		attached := make(chan response, 1)
		go func() { attached <- r.get("/restate/invocation/Counter/c/add/k/attach") }()
		synctest.Wait()
		assert.Empty(t, attached)
		g.Open()
		assert.Equal(t, `{"oldValue":0,"newValue":1}`, (<-attached).body)
		id := sent.header.Get("X-Restate-Id")
		assert.Equal(t, `{"oldValue":0,"newValue":1}`, r.get("/restate/invocation/"+id+"/output").body)
	})
}

func TestQueriesShowWhatIsOpen(t *testing.T) {
	bubble(t, simulated.Options{}, func(t *testing.T, r *rig) {
		r.want("", "/MapObject/m/set", `{"key":"k","value":"v"}`)
		_, answer := r.held(service.Before, "/Counter/open/add", "1", sending{key: "open-1", tag: "t"})
		for _, e := range recorded(t, "1.7.12") {
			if e.Name != "query, an open invocation" {
				continue
			}
			got := r.exchange(e)
			id := func(body string) string { return body[strings.Index(body, "inv_1"):][:38] }
			assert.JSONEq(t, strings.ReplaceAll(e.Body, id(e.Body), "ID"), strings.ReplaceAll(got.body, id(got.body), "ID"))
		}
		ask := func(sql string) response {
			return r.exchange(exchange{Method: "POST", Path: "admin:/query", Request: sent{Body: `{"query":"` + sql + `"}`}})
		}
		assert.JSONEq(t, `{"rows":[{"key":"k","value_utf8":"\"v\""}]}`, ask("select key, value_utf8 from state").body)
		assert.Equal(t, 500, ask("select count(*) as n, id from sys_invocation group by id").status)
		r.kill()
		<-answer
	})
}

// TestHundredsOfLives keeps restarting under load: nothing is lost or doubled,
// and cycles are cheap.
func TestHundredsOfLives(t *testing.T) {
	ctx := context.Background()
	bubble(t, simulated.Options{}, func(t *testing.T, r *rig) {
		acknowledged := 0
		for life := range 300 {
			key := "k" + itoa(life)
			answer := r.background("/Counter/c/add", "1", sending{key: key})
			time.Sleep(time.Duration(life) * time.Microsecond)
			require.NoError(t, r.Kill(ctx))
			got := <-answer
			r.start()
			if got.err != nil || got.status != 200 {
				got = r.call("/Counter/c/add", "1", sending{key: key})
			}
			require.NoError(t, got.err)
			require.Equal(t, 200, got.status)
			acknowledged++
			require.Equal(t, itoa(acknowledged), r.call("/Counter/c/get", "").body)
		}
	})
}

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

	"retain/runtime/runtimetest"
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

func TestResendGetsTheFirstAnswer(t *testing.T) {
	bubble(t, simulated.Options{}, func(t *testing.T, r *rig) {
		k := sending{Key: "k"}
		r.want(`{"oldValue":0,"newValue":1}`, "/Counter/c/add", "1", k)
		failure := r.call("/Counter/c/addThenFail", "1", k)
		assert.Equal(t, 500, failure.Status)
		r.want("2", "/Counter/c/get", "", k)
		for _, end := range []func(){r.kill, r.stop} {
			r.restart(end)
			r.want(`{"oldValue":0,"newValue":1}`, "/Counter/c/add", "5", k)
			assert.Equal(t, failure.Body, r.call("/Counter/c/addThenFail", "1", k).Body)
			r.want("2", "/Counter/c/get", "", k) // frozen, and the addition was made once
		}
		// Another object or handler is another scope.
		r.want(`{"oldValue":0,"newValue":5}`, "/Counter/d/add", "5", k)
		r.want("", "/Counter/c/reset", "", k)
		r.want("0", "/Counter/c/get", "")
		r.want("2", "/Counter/c/get", "", k)
	})
}

func TestDuplicateWaitsForTheFirstAnswer(t *testing.T) {
	bubble(t, simulated.Options{}, func(t *testing.T, r *rig) {
		s := sending{Key: "k", Tag: "t"}
		g, first := r.held(service.After, "/Counter/c/add", "1", s)
		second := r.background("/Counter/c/add", "7", s)
		synctest.Wait()
		assert.Empty(t, second)
		g.Open()
		a, b := <-first, <-second
		assert.Equal(t, a.Body, b.Body)
		assert.Equal(t, a.Header.Get("X-Restate-Id"), b.Header.Get("X-Restate-Id"))
		assert.Empty(t, a.Header.Get("Idempotency-Expires"))
		assert.NotEmpty(t, b.Header.Get("Idempotency-Expires"))
		r.want("1", "/Counter/c/get", "")
	})
}

func TestExclusiveHandlersQueueAndSharedOnesDoNot(t *testing.T) {
	bubble(t, simulated.Options{}, func(t *testing.T, r *rig) {
		g, first := r.held(service.After, "/Register/r/write", `"a"`, sending{Tag: "t"})
		queued := r.background("/Register/r/readExclusive", "")
		r.want(`"a"`, "/Register/r/read", "") // sees the effect of the one that is not finished
		r.want(`""`, "/Register/other/readExclusive", "")
		r.want(`{"nonce":"recorded"}`, "/RetainCanary/r/ping", "")
		time.Sleep(time.Second)
		assert.Empty(t, queued)
		g.Open()
		assert.Equal(t, 200, (<-first).Status)
		assert.Equal(t, `"a"`, (<-queued).Body)
	})
}

// The server stops or is killed at either gate. The client has no answer, and the effect
// is there once.
func TestAcceptedInvocationSurvivesARestart(t *testing.T) {
	for _, at := range []service.Position{service.Before, service.After} {
		for _, way := range []string{"kill", "stop"} {
			t.Run(string(at)+" "+way, func(t *testing.T) {
				bubble(t, simulated.Options{}, func(t *testing.T, r *rig) {
					end := map[string]func(){"kill": r.kill, "stop": r.stop}[way]
					s := sending{Key: "k", Tag: "t"}
					_, answer := r.held(at, "/Counter/c/add", "1", s)
					end()
					assert.Error(t, (<-answer).Err)
					r.start()
					r.want("1", "/Counter/c/get", "") // nobody asked for it again
					r.want(`{"oldValue":0,"newValue":1}`, "/Counter/c/add", "1", s)
					r.want("1", "/Counter/c/get", "")
				})
			})
		}
	}
}

func TestQueueKeepsItsOrderOverARestart(t *testing.T) {
	bubble(t, simulated.Options{}, func(t *testing.T, r *rig) {
		_, first := r.held(service.Before, "/ListObject/l/append", `"a"`, sending{Tag: "t"})
		var rest []<-chan response
		for _, v := range []string{`"b"`, `"c"`} {
			rest = append(rest, r.background("/ListObject/l/append", v))
			time.Sleep(time.Millisecond) // accepted
		}
		r.kill()
		for _, a := range append(rest, first) {
			assert.Error(t, (<-a).Err)
		}
		r.start()
		r.want(`["a","b","c"]`, "/ListObject/l/get", "")
	})
}

func TestUnacceptedRequestIsLostAtAKill(t *testing.T) {
	o := simulated.Options{Timings: simulated.Timings{Accept: time.Second}}
	bubble(t, o, func(t *testing.T, r *rig) {
		answer := r.background("/Counter/c/add", "1", sending{Key: "k"})
		synctest.Wait() // written, and waiting
		r.kill()
		assert.Error(t, (<-answer).Err)
		r.start()
		assert.Equal(t, 404, r.get("/restate/invocation/Counter/c/add/k/output").Status)
		r.want("0", "/Counter/c/get", "")
		r.want(`{"oldValue":0,"newValue":1}`, "/Counter/c/add", "1", sending{Key: "k"})
	})
}

func TestCallContinuesAfterItsClientDisconnects(t *testing.T) {
	bubble(t, simulated.Options{}, func(t *testing.T, r *rig) {
		ctx, leave := context.WithCancel(context.Background())
		gate := r.Arm("t", service.Before)
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.Endpoints().Ingress+"/Counter/c/add", strings.NewReader("1"))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("idempotency-key", "k")
		req.Header.Set(service.TagHeader, "t")
		left := make(chan error, 1)
		go func() { left <- runtimetest.Exchange(r.http, req).Err }()
		<-gate.Held()
		assert.Equal(t, 470, r.get("/restate/invocation/Counter/c/add/k/output").Status)
		leave()
		assert.ErrorIs(t, <-left, context.Canceled)
		exit, err := r.Stop(context.Background())
		require.NoError(t, err)
		assert.Zero(t, exit.Took, "nobody waits for an answer")
		r.start()
		assert.Equal(t, `{"oldValue":0,"newValue":1}`, r.get("/restate/invocation/Counter/c/add/k/output").Body)
		r.want("1", "/Counter/c/get", "")
	})
}

func TestSendReturnsBeforeTheCallEnds(t *testing.T) {
	bubble(t, simulated.Options{}, func(t *testing.T, r *rig) {
		g := r.Arm("t", service.Before)
		sent := r.call("/Counter/c/add/send", "1", sending{Key: "k", Tag: "t"})
		assert.Equal(t, 202, sent.Status)
		<-g.Held()
		attached := make(chan response, 1)
		go func() { attached <- r.get("/restate/invocation/Counter/c/add/k/attach") }()
		synctest.Wait()
		assert.Empty(t, attached)
		g.Open()
		assert.Equal(t, `{"oldValue":0,"newValue":1}`, (<-attached).Body)
		id := sent.Header.Get("X-Restate-Id")
		assert.Equal(t, `{"oldValue":0,"newValue":1}`, r.get("/restate/invocation/"+id+"/output").Body)
	})
}

func TestQueriesShowOpenInvocations(t *testing.T) {
	bubble(t, simulated.Options{}, func(t *testing.T, r *rig) {
		r.want("", "/MapObject/m/set", `{"key":"k","value":"v"}`)
		_, answer := r.held(service.Before, "/Counter/open/add", "1", sending{Key: "open-1", Tag: "t"})
		for _, e := range recorded(t, "1.7.12") {
			if e.Name != "query, an open invocation" {
				continue
			}
			got := r.exchange(e)
			id := func(body string) string {
				at := strings.Index(body, "inv_1")
				require.GreaterOrEqual(t, at, 0, body)
				return body[at:][:38]
			}
			assert.JSONEq(t, strings.ReplaceAll(e.Body, id(e.Body), "ID"), strings.ReplaceAll(got.Body, id(got.Body), "ID"))
		}
		ask := func(sql string) response {
			return r.exchange(exchange{Method: "POST", Path: "admin:/query", Request: sent{Body: `{"query":"` + sql + `"}`}})
		}
		assert.JSONEq(t, `{"rows":[{"key":"k","value_utf8":"\"v\""}]}`, ask("select key, value_utf8 from state").Body)
		assert.Equal(t, 500, ask("select count(*) as n, id from sys_invocation group by id").Status)
		r.kill()
		<-answer
	})
}

// The restarts happen under load.
func TestNoAdditionIsLostOrDoubledOver300Restarts(t *testing.T) {
	ctx := context.Background()
	bubble(t, simulated.Options{}, func(t *testing.T, r *rig) {
		acknowledged := 0
		for n := range 300 {
			key := "k" + itoa(n)
			answer := r.background("/Counter/c/add", "1", sending{Key: key})
			time.Sleep(time.Duration(n) * time.Microsecond)
			require.NoError(t, r.Kill(ctx))
			got := <-answer
			r.start()
			if got.Err != nil || got.Status != 200 {
				got = r.call("/Counter/c/add", "1", sending{Key: key})
			}
			require.NoError(t, got.Err)
			require.Equal(t, 200, got.Status)
			acknowledged++
			require.Equal(t, itoa(acknowledged), r.call("/Counter/c/get", "").Body)
		}
	})
}

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"
)

func key(k string) sent { return sent{Headers: map[string]string{"idempotency-key": k}} }

func keyed(k, body string) sent {
	s := key(k)
	s.Body = body
	return s
}

// neverID is the id of an invocation that does not exist.
const neverID = "inv_1eQGNqArQ5Hz6wIXx46inGvyE05c9lYXN6"

func query(name, sql string) exchange {
	return exchange{Name: "query, " + name, Method: "POST", Path: "admin:/query",
		Request: sent{Headers: map[string]string{"Accept": "application/json"}, Body: `{"query":"` + sql + `"}`}}
}

// script lists the requests to a working server, in this order. The first
// requests come before the service is registered.
var script = []exchange{
	{Name: "health without services", Method: "GET", Path: "/restate/health"},
	{Name: "unregistered service", Method: "POST", Path: "/Counter/early/add", Request: sent{Body: "1"}},
	{Name: "admin health", Method: "GET", Path: "admin:/health"},
	{Name: "admin version", Method: "GET", Path: "admin:/version"},
	{Name: "register", Method: "POST", Path: "admin:/deployments", Request: sent{Body: `{"uri":"{deployment}"}`}},

	{Name: "health", Method: "GET", Path: "/restate/health"},
	{Name: "canary", Method: "POST", Path: "/RetainCanary/recorded/ping"},
	{Name: "success with body", Method: "POST", Path: "/Counter/c/add", Request: keyed("add-1", "5")},
	{Name: "repeated key", Method: "POST", Path: "/Counter/c/add", Request: keyed("add-1", "5")},
	{Name: "repeated key, other body", Method: "POST", Path: "/Counter/c/add", Request: keyed("add-1", "7")},
	{Name: "success unkeyed", Method: "POST", Path: "/Counter/c/add", Request: sent{Body: "1"}},
	{Name: "shared get", Method: "POST", Path: "/Counter/c/get"},
	{Name: "shared get by GET", Method: "GET", Path: "/Counter/c/get"},
	{Name: "get unset", Method: "POST", Path: "/Counter/unset/get"},
	{Name: "terminal error", Method: "POST", Path: "/Counter/c/addThenFail", Request: keyed("fail-1", "2")},
	{Name: "terminal error repeated", Method: "POST", Path: "/Counter/c/addThenFail", Request: keyed("fail-1", "2")},
	{Name: "terminal error unkeyed", Method: "POST", Path: "/Counter/c/addThenFail", Request: sent{Body: "2"}},
	{Name: "state of a terminal error", Method: "POST", Path: "/Counter/c/get"},
	{Name: "success empty", Method: "POST", Path: "/Counter/c/reset", Request: key("reset-1")},
	{Name: "success empty unkeyed", Method: "POST", Path: "/Counter/c/reset"},

	{Name: "map get unset", Method: "POST", Path: "/MapObject/m/get", Request: sent{Body: `"k"`}},
	{Name: "map set", Method: "POST", Path: "/MapObject/m/set", Request: sent{Body: `{"key":"k","value":"v"}`}},
	{Name: "map get", Method: "POST", Path: "/MapObject/m/get", Request: sent{Body: `"k"`}},
	{Name: "map clearAll", Method: "POST", Path: "/MapObject/m/clearAll"},
	{Name: "map clearAll empty", Method: "POST", Path: "/MapObject/m/clearAll"},
	{Name: "list get unset", Method: "POST", Path: "/ListObject/l/get"},
	{Name: "list append", Method: "POST", Path: "/ListObject/l/append", Request: sent{Body: `"a"`}},
	{Name: "list get", Method: "POST", Path: "/ListObject/l/get"},
	{Name: "list clear", Method: "POST", Path: "/ListObject/l/clear"},
	{Name: "register read unset", Method: "POST", Path: "/Register/r/read"},
	{Name: "register write", Method: "POST", Path: "/Register/r/write", Request: sent{Body: `"a"`}},
	{Name: "register compareAndSet", Method: "POST", Path: "/Register/r/compareAndSet", Request: sent{Body: `{"expect":"a","value":"b"}`}},
	{Name: "register compareAndSet refused", Method: "POST", Path: "/Register/r/compareAndSet", Request: sent{Body: `{"expect":"a","value":"c"}`}},
	{Name: "register readExclusive", Method: "POST", Path: "/Register/r/readExclusive"},
	{Name: "register write to keep", Method: "POST", Path: "/Register/kept/write", Request: sent{Body: `"a"`}},
	{Name: "register clear", Method: "POST", Path: "/Register/r/clear"},
	{Name: "escaped object key", Method: "POST", Path: "/Register/a%2Fb%20c/write", Request: sent{Body: `"a"`}},

	{Name: "unknown service", Method: "POST", Path: "/Nothing/c/add", Request: sent{Body: "1"}},
	{Name: "unknown handler", Method: "POST", Path: "/Counter/c/subtract", Request: sent{Body: "1"}},
	{Name: "bad path, too short", Method: "POST", Path: "/Counter"},
	{Name: "bad path, no handler", Method: "POST", Path: "/Counter/c"},
	{Name: "bad path, too long", Method: "POST", Path: "/Counter/c/add/x", Request: sent{Body: "1"}},
	{Name: "bad path, unknown verb", Method: "GET", Path: "/restate/nothing"},
	{Name: "method not allowed", Method: "PUT", Path: "/Counter/c/add", Request: sent{Body: "1"}},
	{Name: "health by POST", Method: "POST", Path: "/restate/health"},
	{Name: "empty body for a handler with input", Method: "POST", Path: "/Counter/c/add"},
	{Name: "body for a handler without input", Method: "POST", Path: "/Counter/c/get", Request: sent{Body: "1"}},
	{Name: "wrong content type", Method: "POST", Path: "/Counter/c/add", Request: sent{Headers: map[string]string{"Content-Type": "text/plain"}, Body: "1"}},
	{Name: "no content type", Method: "POST", Path: "/Counter/c/add", Request: sent{Headers: map[string]string{"Content-Type": ""}, Body: "1"}},
	{Name: "too large", Method: "POST", Path: "/Register/r/write", Request: sent{Filler: 33 << 20}},
	{Name: "send", Method: "POST", Path: "/Counter/sent/add/send", Request: keyed("send-1", "1")},
	{Name: "send repeated", Method: "POST", Path: "/Counter/sent/add/send", Request: keyed("send-1", "1")},

	{Name: "output ready", Method: "GET", Path: "/restate/invocation/Counter/c/add/add-1/output"},
	{Name: "output ready empty", Method: "GET", Path: "/restate/invocation/Counter/c/reset/reset-1/output"},
	{Name: "output ready, terminal error", Method: "GET", Path: "/restate/invocation/Counter/c/addThenFail/fail-1/output"},
	{Name: "attach ready", Method: "GET", Path: "/restate/invocation/Counter/c/add/add-1/attach"},
	{Name: "output not found", Method: "GET", Path: "/restate/invocation/Counter/c/add/never/output"},
	{Name: "attach not found", Method: "GET", Path: "/restate/invocation/Counter/c/add/never/attach"},
	{Name: "output of an unknown service", Method: "GET", Path: "/restate/invocation/Nothing/c/add/never/output"},
	{Name: "output, unknown verb", Method: "GET", Path: "/restate/invocation/Counter/c/add/add-1/input"},
	{Name: "output by POST", Method: "POST", Path: "/restate/invocation/Counter/c/add/add-1/output"},

	{Name: "bad input", Method: "POST", Path: "/Counter/poison/add", Request: keyed("bad-1", "[")},
	{Name: "bad input, wrong type", Method: "POST", Path: "/Counter/poison-2/add", Request: keyed("bad-2", `"a"`)},
	query("no rows", "SELECT id, target, status FROM sys_invocation WHERE target_service_key = 'none'"),
	query("no journal", "SELECT id, index FROM sys_journal WHERE id = '"+neverID+"'"),
	query("no state", "SELECT key FROM state WHERE service_key = 'none'"),
	query("state", "SELECT service_name, service_key, key, value_utf8 FROM state WHERE service_key = 'kept'"),
	query("unknown table", "SELECT id FROM nothing"),
	query("not SQL", "SELECT"),
}

// recordScript runs the script, and last what needs an operation in flight: the
// service is gone then, so that the operation can't finish.
func recordScript(ctx context.Context, binary string) ([]exchange, error) {
	s, err := start(ctx, binary)
	if err != nil {
		return nil, err
	}
	defer s.close()
	if err := s.await(ctx); err != nil {
		return nil, err
	}
	var out []exchange
	for _, e := range script {
		if e.Name == "health" {
			if err := s.register(ctx); err != nil {
				return nil, err
			}
		}
		call, cancel := context.WithTimeout(ctx, 10*time.Second)
		done, err := s.do(call, e)
		if err != nil && e.Request.Filler > 0 {
			done, err = s.do(call, e) // the refusal and the rest of the body crossed each other
		}
		cancel()
		if err != nil {
			fmt.Fprintln(os.Stderr, "left out:", err)
			continue
		}
		out = append(out, done)
	}
	if err := s.service.Close(); err != nil {
		return nil, err
	}
	stuck(ctx, s, "open-1")
	for _, e := range []exchange{
		{Name: "output not ready", Method: "GET", Path: "/restate/invocation/Counter/open/add/open-1/output"},
		query("an open invocation", "SELECT id, target, target_service_name, target_service_key, target_handler_name, idempotency_key FROM sys_invocation WHERE target_service_key = 'open'"),
	} {
		done, err := s.do(ctx, e)
		if err != nil {
			return nil, err
		}
		out = append(out, done)
	}
	return out, nil
}

// stuck calls add with this key, which can't finish since the service is gone,
// and returns while it is in flight.
func stuck(ctx context.Context, s *server, k string) {
	call, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_, _ = s.do(call, exchange{Name: "stuck", Method: "POST", Path: "/Counter/open/add", Request: keyed(k, "1")}) // times out
}

// recordCrowd records the refusal of a server that takes one request at a time.
func recordCrowd(ctx context.Context, binary string) ([]exchange, error) {
	s, err := start(ctx, binary, "RESTATE_INGRESS__CONCURRENT_API_REQUESTS_LIMIT=1")
	if err != nil {
		return nil, err
	}
	defer s.close()
	if err := s.await(ctx); err != nil {
		return nil, err
	}
	if err := s.register(ctx); err != nil {
		return nil, err
	}
	if err := s.service.Close(); err != nil {
		return nil, err
	}
	for range 10 {
		if e, refused := s.crowd(ctx); refused {
			return []exchange{e}, nil
		}
	}
	return nil, errors.New("the server never refused a second request")
}

// crowd makes two calls at once that can't finish; one of them is refused.
func (s *server) crowd(ctx context.Context) (exchange, bool) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	got := make(chan exchange, 2)
	for range 2 {
		go func() {
			e, _ := s.do(ctx, exchange{Name: "too many requests", Method: "POST", Path: "/Counter/c/add", Request: sent{Body: "1"}})
			got <- e // without a status if it timed out
		}()
	}
	for range 2 {
		if e := <-got; e.Status == http.StatusTooManyRequests {
			return e, true
		}
	}
	return exchange{}, false
}

// recordEarly kills and starts the server and records what an unkeyed call gets
// before the partitions are ready, once per status.
func recordEarly(ctx context.Context, binary string) ([]exchange, error) {
	s, err := start(ctx, binary)
	if err != nil {
		return nil, err
	}
	defer s.close()
	if err := s.await(ctx); err != nil {
		return nil, err
	}
	if err := s.register(ctx); err != nil {
		return nil, err
	}
	seen := map[int]exchange{}
	for range 5 {
		s.kill()
		if err := s.spawn(ctx); err != nil {
			return nil, err
		}
		began := time.Now()
		for n := 0; seen[http.StatusOK].Status == 0 || n == 0; n++ {
			call, cancel := context.WithTimeout(ctx, 2*time.Second)
			e, err := s.do(call, exchange{Name: "early", Method: "POST", Path: "/Counter/c/get"})
			cancel()
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if err == nil && seen[e.Status].Status == 0 {
				fmt.Fprintf(os.Stderr, "early: %d after %s: %s\n", e.Status, time.Since(began), e.Body)
				seen[e.Status] = e
			}
			if err == nil && e.Status == http.StatusOK {
				break
			}
		}
		delete(seen, http.StatusOK)
	}
	var out []exchange
	for status, e := range seen {
		e.Name = fmt.Sprintf("early %d", status)
		out = append(out, e)
	}
	return out, nil
}

// Package introspect reads a Restate server's SQL introspection tables.
package introspect

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"retain/runtime"
	"retain/runtime/ingress"
)

// QueryBound bounds one query: a broken server may not answer it.
const QueryBound = 5 * time.Second

// The server's words for an invocation that is over, for one whose handler runs, for one
// that is not due, and for one that has no attempts until it is resumed.
const (
	Completed = "completed"
	Running   = "running"
	Scheduled = "scheduled"
	Paused    = "paused"
)

// Row is a row of one of the server's tables.
type Row map[string]any

// Text is a column of text, "" if the row does not have it.
func (r Row) Text(column string) string {
	s, _ := r[column].(string)
	return s
}

// Number is a column of a number, 0 if the row does not have it.
func (r Row) Number(column string) int {
	n, _ := r[column].(float64)
	return int(n)
}

// Query runs a SQL query on the server's introspection tables.
func Query(ctx context.Context, ep runtime.Endpoints, sql string) ([]Row, error) {
	body, err := json.Marshal(map[string]string{"query": sql})
	if err != nil {
		return nil, fmt.Errorf("ask the server's tables: %w", err)
	}
	var answer struct {
		Rows []Row `json:"rows"`
	}
	bounded, cancel := context.WithTimeout(ctx, QueryBound)
	defer cancel()
	if err := ingress.Admin(bounded, ep, http.MethodPost, "/query", string(body), &answer); err != nil {
		return nil, err
	}
	return answer.Rows, nil
}

// Queue is the calls on one object at one moment, as the server's tables have them.
type Queue struct {
	// Holder is the id of the invocation that holds the key, "" for none.
	Holder string
	// Calls are the rows of sys_invocation that are not completed, and the holder's in any
	// case.
	Calls []Row
	// Mine is the id of the call that the caller waits for, "" if the server does not have
	// it. [ReadQueue] leaves it empty.
	Mine string
}

// Of is the row of an invocation, nil for none.
func (q Queue) Of(id string) Row {
	for _, c := range q.Calls {
		if id != "" && c.Text("id") == id {
			return c
		}
	}
	return nil
}

// working are the statuses of an invocation that has its object's key, the likeliest
// first.
var working = []string{Running, "backing-off", "suspended", Paused, "ready"}

// ReadQueue reads who holds the key of an object and who waits for it. Columns and tables
// differ between versions: a missing one is left out. exclusive reports which handlers
// need the key.
func ReadQueue(ctx context.Context, ep runtime.Endpoints, service, key string, exclusive func(handler string) bool) (Queue, error) {
	var q Queue
	rows, err := Query(ctx, ep, fmt.Sprintf(
		"SELECT * FROM sys_invocation WHERE target_service_name = '%s' AND target_service_key = '%s'", service, key))
	if err != nil {
		return q, err
	}
	q.Holder = readHolder(ctx, ep, service, key)
	for _, r := range rows {
		if r.Text("id") == q.Holder || r.Text("status") != Completed {
			q.Calls = append(q.Calls, r)
		}
	}
	if q.Holder == "" { // no table names the holder
		q.Holder = likeliest(q.Calls, exclusive)
	}
	return q, nil
}

// holderTables are those that say who has a key: for servers with virtual queues the
// second one, which others do not have.
var holderTables = []struct{ column, query string }{
	{"invocation_id", "SELECT * FROM sys_keyed_service_status WHERE service_name = '%s' AND service_key = '%s'"},
	{"acquired_by", "SELECT * FROM sys_locks WHERE lock_name = '%s/%s'"},
}

// readHolder is the id of the invocation that has the key of an object, "" if no table
// knows one.
func readHolder(ctx context.Context, ep runtime.Endpoints, service, key string) string {
	for _, t := range holderTables {
		rows, err := Query(ctx, ep, fmt.Sprintf(t.query, service, key))
		if err == nil && len(rows) > 0 && rows[0].Text(t.column) != "" {
			return rows[0].Text(t.column)
		}
	}
	return ""
}

// likeliest is the call whose status says that it has the key, "" for none.
func likeliest(calls []Row, exclusive func(handler string) bool) string {
	for _, status := range working {
		for _, c := range calls {
			if c.Text("status") == status && exclusive(c.Text("target_handler_name")) {
				return c.Text("id")
			}
		}
	}
	return ""
}

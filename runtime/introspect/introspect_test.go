package introspect

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"retain/runtime"
)

// tables is an admin API that knows these tables, by name, and no others.
func tables(t *testing.T, known map[string][]Row) runtime.Endpoints {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body struct{ Query string }
		_ = json.NewDecoder(r.Body).Decode(&body)
		for name, rows := range known {
			if strings.Contains(body.Query, "FROM "+name+" ") {
				_ = json.NewEncoder(w).Encode(map[string][]Row{"rows": rows})
				return
			}
		}
		http.Error(w, "table not found", http.StatusInternalServerError)
	}))
	t.Cleanup(server.Close)
	return runtime.Endpoints{Admin: server.URL}
}

// Tables and columns differ between versions.
func TestReadQueueFindsTheHolderInEachVersionsTables(t *testing.T) {
	calls := []Row{
		{"id": "inv_1", "status": "pending", "target_handler_name": "set"}, {"id": "inv_2", "status": "backing-off", "target_handler_name": "clearAll"},
		{"id": "inv_3", "status": "completed", "target_handler_name": "set"}, {"id": "inv_4", "status": "running", "target_handler_name": "shared"},
	}
	status := func(id string) []Row { return []Row{{"invocation_id": id}} }
	for name, c := range map[string]struct {
		known  map[string][]Row
		holder string
		calls  int
	}{
		"the table of holders":            {map[string][]Row{"sys_invocation": calls, "sys_keyed_service_status": status("inv_2")}, "inv_2", 3},
		"virtual queues, both tables":     {map[string][]Row{"sys_invocation": calls, "sys_keyed_service_status": {}, "sys_locks": {{"acquired_by": "inv_2"}}}, "inv_2", 3},
		"virtual queues, the other gone":  {map[string][]Row{"sys_invocation": calls, "sys_locks": {{"acquired_by": "inv_2"}}}, "inv_2", 3},
		"no such table":                   {map[string][]Row{"sys_invocation": calls}, "inv_2", 3},
		"nobody":                          {map[string][]Row{"sys_invocation": calls[:1], "sys_keyed_service_status": {}}, "", 1},
		"one that is over":                {map[string][]Row{"sys_invocation": calls, "sys_keyed_service_status": status("inv_3")}, "inv_3", 4},
		"one that is unknown":             {map[string][]Row{"sys_invocation": calls[:1], "sys_keyed_service_status": status("inv_9")}, "inv_9", 1},
		"a row without columns, no error": {map[string][]Row{"sys_invocation": {{}}, "sys_keyed_service_status": {{}}}, "", 1},
	} {
		t.Run(name, func(t *testing.T) {
			q, err := ReadQueue(t.Context(), tables(t, c.known), "MapObject", "k", func(h string) bool { return h != "shared" })
			require.NoError(t, err)
			assert.Equal(t, c.holder, q.Holder)
			assert.Len(t, q.Calls, c.calls)
		})
	}
	_, err := ReadQueue(t.Context(), tables(t, nil), "MapObject", "k", func(string) bool { return true })
	assert.ErrorContains(t, err, "table not found")
}

// No table names the holder.
func TestLikeliestHolderIsFoundByStatus(t *testing.T) {
	calls := []Row{
		{"id": "p", "status": "pending", "target_handler_name": "add"}, {"id": "s", "status": "running", "target_handler_name": "get"},
		{"id": "b", "status": "backing-off", "target_handler_name": "add"},
	}
	assert.Equal(t, "b", likeliest(calls, func(h string) bool { return h != "get" }))
	assert.Empty(t, likeliest(calls[:2], func(h string) bool { return h != "get" }))
}

package simulated

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"retain/model"
)

// selection is the one form of SQL that is understood: columns of one table,
// and equality with texts.
var selection = regexp.MustCompile(`(?is)^\s*select\s+(.+?)\s+from\s+(\w+)(?:\s+where\s+(.+?))?(?:\s+order\s+by\s+\w+)?\s*;?\s*$`)

var equality = regexp.MustCompile(`(?is)^\s*(\w+)\s*=\s*'([^']*)'\s*$`)

var and = regexp.MustCompile(`(?i)\s+and\s+`)

// query answers SQL over sys_invocation (the open ones), sys_journal (always
// empty) and state.
func (l *life) query(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Query string `json:"query"`
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		answerJSON(w, http.StatusBadRequest, errorBody{Message: `want a JSON object with "query"`})
		return
	}
	rows, err := l.store.query(body.Query)
	if err != nil {
		answerJSON(w, http.StatusInternalServerError, errorBody{Message: "Datafusion error: Error during planning: " + err.Error()})
		return
	}
	answerJSON(w, http.StatusOK, map[string][]map[string]string{"rows": rows})
}

func (s *store) query(sql string) ([]map[string]string, error) {
	m := selection.FindStringSubmatch(sql)
	if m == nil {
		return nil, fmt.Errorf("the simulated runtime understands SELECT columns FROM table WHERE column = 'text' AND ..., not %.80q", sql)
	}
	var all []map[string]string
	switch table := strings.ToLower(m[2]); table {
	case "sys_invocation":
		all = s.invocationRows()
	case "sys_journal":
		return []map[string]string{}, nil
	case "state":
		all = s.stateRows()
	default:
		return nil, fmt.Errorf("table 'restate.public.%s' not found", table)
	}
	rows := []map[string]string{}
	for _, row := range all {
		keep, err := matches(row, m[3])
		if err != nil {
			return nil, err
		}
		if keep {
			rows = append(rows, project(row, m[1]))
		}
	}
	return rows, nil
}

func matches(row map[string]string, where string) (bool, error) {
	if where == "" {
		return true, nil
	}
	for _, condition := range and.Split(where, -1) {
		m := equality.FindStringSubmatch(condition)
		if m == nil {
			return false, fmt.Errorf("the simulated runtime understands WHERE column = 'text' AND ..., not %.80q", where)
		}
		if row[m[1]] != m[2] {
			return false, nil
		}
	}
	return true, nil
}

func project(row map[string]string, columns string) map[string]string {
	if strings.TrimSpace(columns) == "*" {
		return row
	}
	out := map[string]string{}
	for c := range strings.SplitSeq(columns, ",") {
		c = strings.TrimSpace(c)
		if v, known := row[c]; known {
			out[c] = v
		}
	}
	return out
}

func (s *store) invocationRows() []map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var rows []map[string]string
	for _, o := range s.order {
		for _, inv := range o.open {
			row := map[string]string{
				"id": inv.id, "target": o.name + "/" + o.key + "/" + inv.handler.name, "status": "pending",
				"target_service_name": o.name, "target_service_key": o.key, "target_handler_name": inv.handler.name,
			}
			if inv.running {
				row["status"] = "running"
			}
			if inv.key != "" {
				row["idempotency_key"] = inv.key
			}
			rows = append(rows, row)
		}
	}
	return rows
}

// stateRows are the state keys that the reference service would have.
func (s *store) stateRows() []map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var rows []map[string]string
	for _, o := range s.order {
		if o.kind == "" || o.state.Equal(o.kind.Initial()) {
			continue
		}
		for key, value := range stateKeys(o.state) {
			rows = append(rows, map[string]string{"service_name": o.name, "service_key": o.key, "key": key, "value_utf8": value})
		}
	}
	return rows
}

func stateKeys(s model.State) map[string]string {
	switch s := s.(type) {
	case model.CounterState:
		return map[string]string{"counter": s.String()}
	case model.ListState:
		return map[string]string{"list": s.String()}
	case model.RegisterState:
		return map[string]string{"value": s.String()}
	}
	_, entries := model.MapClearAll{}.Apply(s)
	keys := map[string]string{}
	for _, e := range entries.(model.Entries) {
		keys[e.Key] = string(marshal(e.Value))
	}
	return keys
}

package simulated

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"retain/model"
)

// selection is the one form of SQL that is understood: columns of one table,
// and equality with texts.
var selection = regexp.MustCompile(`(?is)^\s*select\s+(.+?)\s+from\s+(\w+)(?:\s+where\s+(.+?))?(?:\s+order\s+by\s+\w+)?\s*;?\s*$`)

var equality = regexp.MustCompile(`(?is)^\s*(\w+)\s*=\s*'([^']*)'\s*$`)

var and = regexp.MustCompile(`(?i)\s+and\s+`)

// query answers SQL over sys_invocation (the open ones), sys_keyed_service_status,
// sys_journal (always empty) and state.
func (i *incarnation) query(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Query string `json:"query"`
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		answerJSON(w, http.StatusBadRequest, errorBody{Message: `want a JSON object with "query"`})
		return
	}
	rows, err := i.store.query(body.Query)
	if err != nil {
		answerJSON(w, http.StatusInternalServerError, errorBody{Message: "Datafusion error: Error during planning: " + err.Error()})
		return
	}
	answerJSON(w, http.StatusOK, map[string][]tableRow{"rows": rows})
}

// tableRow is a row of a table, by column: a text, or a number.
type tableRow map[string]any

func (s *store) query(sql string) ([]tableRow, error) {
	m := selection.FindStringSubmatch(sql)
	if m == nil {
		return nil, fmt.Errorf("the simulated runtime understands SELECT columns FROM table WHERE column = 'text' AND ..., not %.80q", sql)
	}
	var all []tableRow
	switch table := strings.ToLower(m[2]); table {
	case "sys_invocation":
		all = s.invocationRows()
	case "sys_journal":
		return []tableRow{}, nil
	case "sys_keyed_service_status":
		all = s.holderRows()
	case "state":
		all = s.stateRows()
	default:
		return nil, fmt.Errorf("table 'restate.public.%s' not found", table)
	}
	rows := []tableRow{}
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

func matches(row tableRow, where string) (bool, error) {
	if where == "" {
		return true, nil
	}
	for _, condition := range and.Split(where, -1) {
		m := equality.FindStringSubmatch(condition)
		if m == nil {
			return false, fmt.Errorf("the simulated runtime understands WHERE column = 'text' AND ..., not %.80q", where)
		}
		if fmt.Sprint(row[m[1]]) != m[2] {
			return false, nil
		}
	}
	return true, nil
}

func project(row tableRow, columns string) tableRow {
	if strings.TrimSpace(columns) == "*" {
		return row
	}
	out := tableRow{}
	for c := range strings.SplitSeq(columns, ",") {
		c = strings.TrimSpace(c)
		if v, known := row[c]; known {
			out[c] = v
		}
	}
	return out
}

func (s *store) invocationRows() []tableRow {
	s.mu.Lock()
	defer s.mu.Unlock()
	var rows []tableRow
	all := slices.Clone(s.scheduled)
	for _, o := range s.order {
		all = append(all, o.open...)
	}
	for _, inv := range all {
		rows = append(rows, s.invocationRow(inv))
	}
	return rows
}

func (s *store) invocationRow(inv *invocation) tableRow {
	o := inv.object
	row := tableRow{
		"id": inv.id, "target": o.name + "/" + o.key + "/" + inv.handler.name, "status": inv.status(),
		"target_service_name": o.name, "target_service_key": o.key, "target_handler_name": inv.handler.name,
		"created_at": timestamp(inv.accepted), "retry_count": inv.failures,
	}
	if inv.failures > 0 {
		row["last_failure"], row["last_failure_error_code"] = inv.failure.text, inv.failure.code
		if s.failing != nil && inv.fails {
			row["last_failure"] = s.failing(inv.failures)
		}
	}
	if !inv.began.IsZero() {
		row["running_at"] = timestamp(inv.began)
	}
	if inv.key != "" {
		row["idempotency_key"] = inv.key
	}
	return row
}

// breakage is how an attempt failed, as the server tells it.
type breakage struct{ text, code string }

// The failures of [StuckRetry], of an attempt that is cut, and of one whose connection is
// refused.
var (
	alwaysFailure  = breakage{"[590] the planted bug stuck-retry", "RT0016"}
	cutFailure     = breakage{"[500] the stream to the handlers was reset", "RT0010"}
	refusedFailure = breakage{"[500] connection to the handlers refused", "RT0010"}
)

func timestamp(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000Z") }

// status is the invocation's in the server's words; the caller holds the lock.
func (inv *invocation) status() string {
	switch {
	case inv.due.After(time.Now()):
		return "scheduled"
	case inv.resumed != nil:
		return "paused"
	case inv.backsOff:
		return "backing-off"
	case inv.running:
		return "running"
	}
	return "pending"
}

// holderRows are the objects whose keys are held, each with the invocation that has it.
func (s *store) holderRows() []tableRow {
	s.mu.Lock()
	defer s.mu.Unlock()
	var rows []tableRow
	for _, o := range s.order {
		for _, inv := range o.open {
			if inv.running && !inv.handler.shared {
				rows = append(rows, tableRow{"service_name": o.name, "service_key": o.key, "invocation_id": inv.id})
			}
		}
	}
	return rows
}

// stateRows are the state keys that the reference service would have.
func (s *store) stateRows() []tableRow {
	s.mu.Lock()
	defer s.mu.Unlock()
	var rows []tableRow
	for _, o := range s.order {
		if o.kind == "" || o.state.Equal(o.kind.Initial()) {
			continue
		}
		for key, value := range stateKeys(o) {
			rows = append(rows, tableRow{"service_name": o.name, "service_key": o.key, "key": key, "value_utf8": value})
		}
	}
	return rows
}

func stateKeys(o *object) map[string]string {
	switch s := o.state.(type) {
	case model.CounterState:
		return map[string]string{"counter": s.String()}
	case model.ListState:
		return map[string]string{o.kind.Spec().StateKey(nil): s.String()}
	case model.RegisterState:
		return map[string]string{"value": s.String()}
	case model.AnswersState:
		return map[string]string{"calls": fmt.Sprint(s.Calls())}
	case model.AwakeablesState:
		_, published := model.AwakeableGet{}.Apply(s)
		keys := map[string]string{"published": published.String()}
		for _, value := range s.Values() {
			id := model.AwakeableID{Value: value}
			_, of := id.Apply(s)
			keys[id.Kind().Spec().StateKey(id)] = string(marshal(fmt.Sprintf("#%d %s", model.NumberOf(of), awakeableID(o, value, model.NumberOf(of)))))
		}
		return keys
	}
	_, entries := model.MapClearAll{}.Apply(o.state)
	keys := map[string]string{}
	for _, e := range entries.(model.Entries) {
		keys[e.Key] = string(marshal(e.Value))
	}
	return keys
}

package harness

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"retain/model"
	"retain/runtime"
	"retain/runtime/ingress"
)

// whereBound bounds all that a server is asked about a violation.
const whereBound = 10 * time.Second

// where says where the effects of the subjects were lost, as far as the server
// tells: before anything is done to it. "" if there is nothing to ask about.
func (q *inquiry) where(ctx context.Context) string {
	if len(q.subjects) == 0 {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, whereBound)
	defer cancel()
	w := newWitness(q)
	defer w.client.Close()
	state := w.inTheState(ctx)
	var sentences []string
	said := map[string][]string{}
	for i, o := range q.subjects {
		if i == maxTold && len(said) > 1 {
			break
		}
		s := w.tell(ctx, o, state)
		if said[s] == nil {
			sentences = append(sentences, s)
		}
		said[s] = append(said[s], fmt.Sprint(o.ID))
	}
	if len(q.subjects) == 1 {
		return sentences[0]
	}
	for i, s := range sentences {
		sentences[i] = fmt.Sprintf("%s %s: %s", map[bool]string{true: "operation", false: "operations"}[len(said[s]) == 1], strings.Join(said[s], ", "), s)
	}
	return strings.Join(sentences, "; ")
}

// whereStuck says what the server knows of an operation that did not finish: ""
// if the runtime alone was waited for.
func whereStuck(ctx context.Context, r *Run, sys *System) string {
	id := r.Outcome.Liveness.Operation
	if id == 0 {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, whereBound)
	defer cancel()
	w := newWitness(&inquiry{run: r, sys: sys})
	defer w.client.Close()
	o := r.Outcome.History.Operations[id-1]
	return fmt.Sprintf("not answered, handler %s, %s", times(entries(r.Outcome.History, id)), w.ask(ctx, o).unfinished())
}

// witness asks one server about one violation.
type witness struct {
	*inquiry
	ep     runtime.Endpoints
	client *ingress.Client
}

// newWitness has a client, which whoever called closes.
func newWitness(q *inquiry) witness {
	ep := q.sys.Runtime.Endpoints()
	return witness{inquiry: q, ep: ep, client: ingress.New(ep)}
}

// tell is the sentence about one operation.
func (w witness) tell(ctx context.Context, o model.Invoked, state table) string {
	h := w.run.Outcome.History
	return fmt.Sprintf("%s, handler %s, %s", w.answered(o), times(entries(h, o.ID)), w.fate(w.ask(ctx, o), state, o))
}

// answered says whether the operation had been acknowledged by then.
func (w witness) answered(o model.Invoked) string {
	in := o.In(model.Resolved)
	switch {
	case o.ID == w.last.ID:
		return "acknowledged with the answer that nothing explains"
	case in.Outcome == model.OK && in.Return.Seq < w.last.Call.Seq:
		return "acknowledged"
	case o.Outcome == model.OK:
		return "acknowledged meanwhile"
	case o.Resolution != nil:
		return fmt.Sprintf("not acknowledged before its %s", o.Resolution.By)
	}
	return "never acknowledged"
}

// account is what the server knows of one operation.
type account struct {
	err error // it could not be asked
	// known is whether sys_invocation has it; status is its own word.
	known  bool
	status string
	// journal counts the entries there are, of those there must be; complete is
	// whether the output is among them.
	journal, of int
	complete    bool
	// output is whether it is answered by the idempotency key, open whether it is
	// known by it and not over; asked is false for an operation without one.
	asked, output, open bool
}

// ask asks the server about one operation.
func (w witness) ask(ctx context.Context, o model.Invoked) account {
	var a account
	if o.Key != "" {
		result := w.client.LookUp(ctx, ingress.Call{ObjectKey: w.run.objectKey(o.Object), Op: o.Op, IdempotencyKey: o.Key})
		a.asked, a.output, a.open = true, result.Answer != nil, result.Status == statusNotReady
		if !a.output && !a.open && result.Status != http.StatusNotFound {
			a.err = fmt.Errorf("its output could not be asked for: %s", result.Detail)
		}
	}
	id, err := w.invocation(ctx, o)
	if err != nil {
		a.err = err
	}
	if id == "" {
		return a
	}
	rows, err := w.query(ctx, fmt.Sprintf("SELECT * FROM sys_invocation WHERE id = '%s'", id))
	if err != nil {
		a.err = err
		return a
	}
	if a.known = len(rows) > 0; !a.known {
		return a
	}
	a.status = rows[0].text("status")
	a.of = rows[0].number("journal_size")
	entries, err := w.query(ctx, fmt.Sprintf("SELECT * FROM sys_journal WHERE id = '%s'", id))
	if err != nil {
		a.err = err
		return a
	}
	a.journal = len(entries)
	for _, e := range entries {
		// "Command: Output", and "Output" in the protocol before.
		a.complete = a.complete || strings.HasSuffix(e.text("entry_type"), "Output")
	}
	return a
}

// statusNotReady is the ingress's status for the output of an invocation that it
// knows and that is not over.
const statusNotReady = 470

// objectKey is an object's key in the runtime.
func (r *Run) objectKey(o model.Object) string { return (&run{id: r.Outcome.ID}).objectKey(o) }

// seenAs is the server's id of an operation, as the endpoint proxy saw it.
func (w witness) seenAs(o model.Invoked) string {
	for _, e := range w.run.Outcome.History.Evidence {
		if e.ID == o.ID && e.Invocation != "" && !strings.ContainsRune(e.Invocation, '\'') {
			return e.Invocation
		}
	}
	return ""
}

// invocation is the server's id of an operation: as the endpoint proxy saw it or,
// if no handler was reached, by its key. "" is for none.
func (w witness) invocation(ctx context.Context, o model.Invoked) (string, error) {
	if id := w.seenAs(o); id != "" || o.Key == "" {
		return id, nil
	}
	rows, err := w.query(ctx, fmt.Sprintf("SELECT * FROM sys_invocation WHERE idempotency_key = '%s'", o.Key))
	if err != nil || len(rows) == 0 {
		return "", err
	}
	return rows[0].text("id"), nil
}

// fate puts an account into words, the state table's own last.
func (w witness) fate(a account, state table, o model.Invoked) string {
	if a.err != nil && state.err != nil {
		return "and the server can't be asked: " + oneLine(a.err)
	}
	effect := "the state table lacks its effect"
	switch {
	case state.err != nil:
		effect = "the state table can't be asked"
	case state.shows == present && len(w.lost) > 0:
		return a.words() + "and the state table holds its effect now: only the answer missed it"
	case state.shows == displaced:
		effect = "the state table holds its effect now, and not where it belongs"
	case state.shows == present:
		effect = "the state table is as it must be"
	case state.shows == covered:
		effect = "later writes cover its effect in the state table"
	case len(w.lost) == 0:
		effect = "the state table shows it so too"
	}
	switch {
	case !a.known && !a.output && !a.open && a.err == nil && (a.asked || w.seenAs(o) != ""):
		return w.gone(a, o) + effect + ")"
	case a.known && a.of > a.journal:
		return fmt.Sprintf("its journal has %d of %d entries, and %s", a.journal, a.of, effect)
	}
	return a.words() + "and " + effect
}

// gone is for an operation of which the server knows nothing.
func (w witness) gone(a account, o model.Invoked) string {
	what := "gone from the log"
	if entries(w.run.Outcome.History, o.ID) == 0 {
		what = "not in the log"
	}
	if !endedSince(w.run.Outcome.History, o.In(model.Resolved).Return, w.last.Return) && o.ID != w.last.ID {
		what = "and unknown to the server without a restart"
	}
	missing := "no invocation"
	if a.asked {
		missing += ", no output by its key"
	}
	return what + " (" + missing + ", "
}

// unfinished puts the account of an operation that was not answered into words.
func (a account) unfinished() string {
	switch {
	case a.err != nil && !a.known:
		return "and the server can't be asked: " + oneLine(a.err)
	case a.known && !a.complete && a.of > a.journal:
		return fmt.Sprintf("its invocation is %s and its journal has %d of %d entries", a.status, a.journal, a.of)
	case !a.known && !a.output && !a.open && a.asked:
		return "and the server does not know it (no invocation, no output by its key)"
	}
	return strings.TrimSuffix(a.words(), ", ")
}

// oneLine puts an error on one line.
func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

// words say how an operation is known, with a comma behind.
func (a account) words() string {
	switch {
	case a.err != nil:
		return "its invocation can't be asked for, "
	case a.known && a.complete:
		return fmt.Sprintf("its invocation is %s and its journal is complete, ", a.status)
	case a.known:
		return fmt.Sprintf("its invocation is %s and its journal has no output, ", a.status)
	case a.output:
		return "its output is known by its key, "
	case a.open:
		return "its invocation is known by its key and not over, "
	}
	return "its invocation is not known, "
}

// row is a row of one of the server's tables.
type row map[string]any

func (r row) text(column string) string {
	s, _ := r[column].(string)
	return s
}

func (r row) number(column string) int {
	n, _ := r[column].(float64)
	return int(n)
}

func (w witness) query(ctx context.Context, sql string) ([]row, error) {
	body, err := json.Marshal(map[string]string{"query": sql})
	if err != nil {
		return nil, fmt.Errorf("ask the server's tables: %w", err)
	}
	var answer struct {
		Rows []row `json:"rows"`
	}
	bounded, cancel := context.WithTimeout(ctx, dumpBound)
	defer cancel()
	if err := ingress.Admin(bounded, w.ep, http.MethodPost, "/query", string(body), &answer); err != nil {
		return nil, err
	}
	return answer.Rows, nil
}

// table is what the state table says of the object.
type table struct {
	err   error
	shows showing
}

// inTheState reads the object from the state table, as a client would read it
// from its handlers.
func (w witness) inTheState(ctx context.Context) table {
	rows, err := w.query(ctx, fmt.Sprintf("SELECT key, value_utf8 FROM state WHERE service_name = '%s' AND service_key = '%s'",
		w.broken.Object.Kind.Service(), w.run.objectKey(w.broken.Object)))
	if err != nil {
		return table{err: err}
	}
	reads, err := w.fromState(rows)
	if err != nil {
		return table{err: err}
	}
	return table{shows: w.shows(reads)}
}

// stateKeys are the keys of an object's one value in the reference services; a
// map has a state key for each entry.
var stateKeys = map[model.Kind]string{model.Counter: "counter", model.List: "list", model.Register: "value"}

// fromState turns rows of the state table into reads. Other deployments may keep
// their state in another form: that is an error.
func (w witness) fromState(rows []row) ([]model.Invoked, error) {
	kind := w.broken.Object.Kind
	values := map[string][]byte{}
	for _, r := range rows {
		values[r.text("key")] = []byte(r.text("value_utf8"))
	}
	ops := []model.Operation{map[model.Kind]model.Operation{
		model.Counter: model.CounterGet{}, model.List: model.ListGet{}, model.Register: model.RegisterRead{}}[kind]}
	if kind == model.Map {
		ops = w.run.reads(w.broken.Object)
	} else if len(values) > 0 && values[stateKeys[kind]] == nil {
		return nil, fmt.Errorf("the deployment keeps its state in a form of its own")
	}
	var out []model.Invoked
	for _, op := range ops {
		key := stateKeys[kind]
		if get, ok := op.(model.MapGet); ok {
			key = get.Key
		}
		answer := initial[kind]
		if value := values[key]; value != nil {
			var err error
			if answer, err = op.Decode(value); err != nil {
				return nil, fmt.Errorf("read the state table: %w", err)
			}
		}
		out = append(out, model.Invoked{Object: w.broken.Object, Op: op, Outcome: model.OK, Answer: answer})
	}
	return out, nil
}

// initial is what an object answers that has no state.
var initial = map[model.Kind]model.Answer{
	model.Counter: model.Integer(0), model.List: model.Texts{}, model.Register: model.Text(""), model.Map: model.Text(""),
}

// reads are the operations that read an object of the run whole.
func (r *Run) reads(o model.Object) []model.Operation {
	return (&run{plan: r.Plan}).reads(o)
}

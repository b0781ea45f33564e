package triage

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"retain/harness"
	"retain/internal/printable"
	"retain/model"
	"retain/runtime"
	"retain/runtime/ingress"
	"retain/runtime/introspect"
)

// whereBound bounds all queries of a server about one violation.
const whereBound = 10 * time.Second

// where says where the effects of the subjects were lost, as far as the server
// tells: before anything is done to it. "" if there is nothing to ask about.
func (d *diagnosis) where(ctx context.Context) string {
	if len(d.subjects) == 0 {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, whereBound)
	defer cancel()
	w := locator{d, newInspector(d.run, d.sys)}
	defer w.server.client.Close()
	state := w.inTheState(ctx)
	var sentences []string
	said := map[string][]string{}
	for i, o := range d.subjects {
		if i == maxListed && len(said) > 1 {
			break
		}
		s := w.tell(ctx, o, state)
		if said[s] == nil {
			sentences = append(sentences, s)
		}
		said[s] = append(said[s], fmt.Sprint(o.ID))
	}
	if len(d.subjects) == 1 {
		return sentences[0]
	}
	for i, s := range sentences {
		sentences[i] = fmt.Sprintf("%s %s: %s", map[bool]string{true: "operation", false: "operations"}[len(said[s]) == 1], strings.Join(said[s], ", "), s)
	}
	return strings.Join(sentences, "; ")
}

// whereStuck says what the server knows of an operation that did not finish: ""
// if the runtime alone was waited for.
func whereStuck(ctx context.Context, r *harness.Run, sys *harness.System) string {
	id := r.Outcome.Liveness.Operation
	if id == 0 {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, whereBound)
	defer cancel()
	w := newInspector(r, sys)
	defer w.client.Close()
	o := r.Outcome.History.Operations[id-1]
	return fmt.Sprintf("not answered, handler %s, %s", times(entries(r.Outcome.History, id)), w.ask(ctx, o).unfinished())
}

// inspector reads what one server knows of the operations of a run.
type inspector struct {
	run    *harness.Run
	ep     runtime.Endpoints
	client *ingress.Client
}

// newInspector has a client, which the caller closes.
func newInspector(r *harness.Run, sys *harness.System) inspector {
	ep := sys.Runtime.Endpoints()
	return inspector{run: r, ep: ep, client: ingress.New(ep)}
}

// locator says where the effects of a diagnosis were lost.
type locator struct {
	*diagnosis
	server inspector
}

// tell is the sentence about one operation.
func (w locator) tell(ctx context.Context, o model.Invoked, state table) string {
	h := w.run.Outcome.History
	return fmt.Sprintf("%s, handler %s, %s", w.answered(o), times(entries(h, o.ID)), w.fate(w.server.ask(ctx, o), state, o))
}

// answered says whether the operation had been acknowledged by then.
func (w locator) answered(o model.Invoked) string {
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

// account is the server's knowledge of one operation.
type account struct {
	err error // it could not be asked
	// known is whether sys_invocation has it; status is its own word.
	known  bool
	status string
	// journal counts the entries there are, of those there must be; complete is
	// whether the output is among them.
	journal, of int
	complete    bool
	// inert is true of a change whose complete journal changes no state: its handler has it done
	// elsewhere, or not at all.
	inert bool
	// output is whether it is answered by the idempotency key, open whether it is
	// known by it and not over; asked is false for an operation without one.
	asked, output, open bool
}

// ask asks the server about one operation.
func (w inspector) ask(ctx context.Context, o model.Invoked) account {
	var a account
	if o.Key != "" {
		result := w.client.LookUp(ctx, ingress.Call{ObjectKey: harness.ObjectKey(w.run.Outcome.ID, o.Object), Op: o.Op, IdempotencyKey: o.Key})
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
	a.status = rows[0].Text("status")
	a.of = rows[0].Number("journal_size")
	entries, err := w.query(ctx, fmt.Sprintf("SELECT * FROM sys_journal WHERE id = '%s'", id))
	if err != nil {
		a.err = err
		return a
	}
	a.read(entries, !o.Op.ReadOnly())
	return a
}

var changesState = regexp.MustCompile(`(Set|Clear|ClearAll)State$`)

// read takes in the entries of the journal. changes is true of an operation that changes the
// object.
func (a *account) read(entries []introspect.Row, changes bool) {
	a.journal = len(entries)
	stated := false
	for _, e := range entries {
		// "Command: Output", and "Output" in the protocol before.
		name := e.Text("entry_type")
		a.complete = a.complete || strings.HasSuffix(name, "Output")
		stated = stated || changesState.MatchString(name)
	}
	a.inert = changes && a.complete && !stated && a.journal >= a.of
}

// statusNotReady is the ingress's status for the output of an invocation that it
// knows and that is not over.
const statusNotReady = 470

// seenAs is the server's id of an operation, as the endpoint proxy saw it.
func (w inspector) seenAs(o model.Invoked) string {
	for _, e := range w.run.Outcome.History.Evidence {
		if e.ID == o.ID && e.Invocation != "" && !strings.ContainsRune(e.Invocation, '\'') {
			return e.Invocation
		}
	}
	return ""
}

// invocation is the server's id of an operation: as the endpoint proxy saw it or,
// if no handler was reached, by its key. "" is for none.
func (w inspector) invocation(ctx context.Context, o model.Invoked) (string, error) {
	if id := w.seenAs(o); id != "" || o.Key == "" {
		return id, nil
	}
	rows, err := w.query(ctx, fmt.Sprintf("SELECT * FROM sys_invocation WHERE idempotency_key = '%s'", o.Key))
	if err != nil || len(rows) == 0 {
		return "", err
	}
	return rows[0].Text("id"), nil
}

// fate puts an account into words, the state table's own last.
func (w locator) fate(a account, state table, o model.Invoked) string {
	if a.err != nil && state.err != nil {
		return "and the server can't be asked: " + printable.OneLine(a.err)
	}
	effect := "the state table lacks its effect"
	switch {
	case state.err != nil:
		effect = "the state table can't be asked"
	case state.presence == present && len(w.lost) > 0:
		return a.words() + "and the state table holds its effect now: only the answer missed it"
	case state.presence == displaced:
		effect = "the state table holds its effect now, and not where it belongs"
	case state.presence == present:
		effect = "the state table is as it must be"
	case state.presence == covered:
		effect = "later writes cover its effect in the state table"
	case len(w.lost) == 0 && state.empty: // the handlers may keep it elsewhere
		effect = "the state table has nothing of the object"
	case len(w.lost) == 0:
		effect = "the state table agrees"
	}
	switch {
	case !a.known && !a.output && !a.open && a.err == nil && (a.asked || w.server.seenAs(o) != ""):
		return w.gone(a, o) + effect + ")"
	case a.known && a.of > a.journal:
		return fmt.Sprintf("its journal has %d of %d entries, and %s", a.journal, a.of, effect)
	}
	return a.words() + "and " + effect
}

// gone is for an operation of which the server knows nothing.
func (w locator) gone(a account, o model.Invoked) string {
	what := "gone from the log"
	if entries(w.run.Outcome.History, o.ID) == 0 {
		what = "not in the log"
	}
	if !harness.EndedSince(w.run.Outcome.History, o.In(model.Resolved).Return, w.last.Return) && o.ID != w.last.ID {
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
		return "and the server can't be asked: " + printable.OneLine(a.err)
	case a.known && !a.complete && a.of > a.journal:
		return fmt.Sprintf("its invocation is %s and its journal has %d of %d entries", a.status, a.journal, a.of)
	case !a.known && !a.output && !a.open && a.asked:
		return "and the server does not know it (no invocation, no output by its key)"
	}
	return strings.TrimSuffix(a.words(), ", ")
}

// words say how an operation is known, with a comma behind.
func (a account) words() string {
	switch {
	case a.err != nil:
		return "its invocation can't be asked for, "
	case a.known && a.inert:
		return fmt.Sprintf("its invocation is %s and its complete journal changes no state, ", a.status)
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

func (w inspector) query(ctx context.Context, sql string) ([]introspect.Row, error) {
	return introspect.Query(ctx, w.ep, sql)
}

// table is the object's part of the state table.
type table struct {
	err      error
	presence presence
	empty    bool // it has no row of the object
}

// inTheState reads the object from the state table, as a client would read it
// from its handlers.
func (w locator) inTheState(ctx context.Context) table {
	rows, err := w.server.query(ctx, fmt.Sprintf("SELECT key, value_utf8 FROM state WHERE service_name = '%s' AND service_key = '%s'",
		w.broken.Object.Kind.Service(), harness.ObjectKey(w.run.Outcome.ID, w.broken.Object)))
	if err != nil {
		return table{err: err}
	}
	reads, err := w.fromState(rows)
	if err != nil {
		return table{err: err}
	}
	return table{presence: w.presenceIn(reads), empty: len(rows) == 0}
}

// fromState turns rows of the state table into reads. Other deployments may keep
// their state in another form: that is an error.
func (w locator) fromState(rows []introspect.Row) ([]model.Invoked, error) {
	spec := w.broken.Object.Kind.Spec()
	values := map[string][]byte{}
	for _, r := range rows {
		values[r.Text("key")] = []byte(r.Text("value_utf8"))
	}
	ops := slices.CompactFunc(harness.WholeReads(w.run.Plan, w.broken.Object), func(a, b model.Operation) bool { return spec.StateKey(a) == spec.StateKey(b) })
	if len(ops) == 1 && len(values) > 0 && values[spec.StateKey(ops[0])] == nil {
		return nil, fmt.Errorf("the deployment keeps its state in a form of its own")
	}
	var out []model.Invoked
	for _, op := range ops {
		_, answer := op.Apply(spec.Initial)
		if value := values[spec.StateKey(op)]; value != nil {
			var err error
			if answer, err = op.Decode(value); err != nil {
				return nil, fmt.Errorf("read the state table: %w", err)
			}
		}
		out = append(out, model.Invoked{Object: w.broken.Object, Op: op, Outcome: model.OK, Answer: answer})
	}
	return out, nil
}

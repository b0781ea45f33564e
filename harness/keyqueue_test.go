package harness

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"retain/harness/internal/harnesstest"
	"retain/model"
	"retain/runtime"
	"retain/runtime/ingress"
	"retain/runtime/introspect"
)

// Its key was not released.
func TestCompletedOrUnknownHolderIsNamed(t *testing.T) {
	r := &run{id: "run", rec: newTestRecorder(t), sys: &System{}}
	tr := &pending{id: 9}
	tr.call.Op = model.MapGet{Key: "a"}
	holding := func(q introspect.Queue) *Holding {
		progress := &keyProgress{}
		progress.see(time.Now(), q, everyHandler, nil)
		return r.holding(harnesstest.Map, tr, progress, time.Now().Add(30*time.Second))
	}
	over := holding(introspect.Queue{Holder: "inv_3", Calls: []introspect.Row{{"id": "inv_3", "status": introspect.Completed, "target_handler_name": "set"}}})
	assert.Equal(t, Held, over.State)
	assert.Contains(t, over.says()[0], "the key of map-0 was held by set of an unknown client, completed, unchanged for 30")
	assert.Equal(t, []string{"it is completed and did not release the key"}, over.says()[1:])
	unknown := holding(introspect.Queue{Holder: "inv_9"})
	assert.Equal(t, "inv_9", unknown.Holder.Invocation)
	assert.Contains(t, unknown.says()[0], "unknown to the server")
}

// The match is by evidence, by idempotency key, or because only one operation is left.
func TestInvocationIsMatchedToItsOperation(t *testing.T) {
	o := model.Object{Kind: model.Map}
	op := func(id int, key string, op model.Operation) model.Invoked {
		return model.Invoked{ID: id, Object: o, Key: key, Op: op, Outcome: model.Ambiguous}
	}
	r := &run{rec: &recorder{}}
	r.rec.history = model.History{
		Operations: []model.Invoked{op(1, "k1", model.MapClearAll{}), op(2, "", model.MapClearAll{}), op(3, "", model.MapSet{Key: "a"}), op(4, "", model.MapSet{Key: "b"}),
			op(5, "", model.MapGet{Key: "b"}), op(6, "", model.MapGet{Key: "b"})},
		Evidence: []model.Observation{{ID: 4, Invocation: "inv_4"}},
	}
	r.rec.index = indexOf(&r.rec.history)
	for name, c := range map[string]struct {
		row  introspect.Row
		want int
	}{
		"evidence":          {introspect.Row{"id": "inv_4", "target_handler_name": "set"}, 4},
		"its key":           {introspect.Row{"id": "inv_1", "idempotency_key": "k1", "target_handler_name": "clearAll"}, 1},
		"no other":          {introspect.Row{"id": "inv_2", "target_handler_name": "clearAll"}, 2},
		"the others known":  {introspect.Row{"id": "inv_3", "target_handler_name": "set"}, 3},
		"two of one kind":   {introspect.Row{"id": "inv_3", "target_handler_name": "get"}, 0},
		"a key of nobody's": {introspect.Row{"id": "inv_5", "idempotency_key": "other", "target_handler_name": "clearAll"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			got := 0
			if found := r.operationOf(o, c.row); found != nil {
				got = found.ID
			}
			assert.Equal(t, c.want, got, fmt.Sprint(c.row))
		})
	}
}

// The server of a version that gives calls without a key one shows it as theirs.
func TestInvocationWithAKeyOfTheServerIsMatchedToItsOperation(t *testing.T) {
	o := model.Object{Kind: model.Map}
	r := &run{rec: &recorder{}}
	r.rec.history = model.History{Operations: []model.Invoked{
		{ID: 1, Object: o, Op: model.MapClearAll{}, Outcome: model.Ambiguous},
		{ID: 2, Object: model.Object{Kind: model.Map, N: 1}, Key: "k2", Op: model.MapClearAll{}, Outcome: model.Ambiguous},
	}}
	r.rec.index = indexOf(&r.rec.history)
	for version, want := range map[string]bool{"1.6.2": false, "1.7.0": true, "1.7.12": true} {
		r.ingress = ingress.New(runtime.Endpoints{Version: version})
		found := r.operationOf(o, introspect.Row{"id": "inv_1", "idempotency_key": "01M8M1", "target_handler_name": "clearAll"})
		assert.Equal(t, want, found != nil && found.ID == 1, version)
		other := r.operationOf(o, introspect.Row{"id": "inv_1", "idempotency_key": "k2", "target_handler_name": "clearAll"})
		assert.Nil(t, other, "the key of an operation on another object: %s", version)
	}
}

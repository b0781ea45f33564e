package cli

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"retain/generators"
	"retain/harness"
	"retain/harness/regress"
	"retain/harness/session"
	"retain/model"
	"retain/runtime"
)

// Otherwise the case would match any operation that does not finish.
func TestUnreducedStuckPlanNamesItsHolder(t *testing.T) {
	held := &harness.Holding{State: harness.Held, Object: "map-0", Kind: model.Map, Holder: &harness.Caller{Op: "clearAll()", Handler: "clearAll", LastFailure: "[570 Journal mismatch] index 1"}}
	failed := harness.Run{Verdict: harness.Violation, Outcome: &harness.Outcome{Liveness: &harness.Liveness{Guarantee: model.Guarantee{Code: model.OperationFinishes}, Held: held}}}
	plan := generators.StartAndStop(model.Kill)
	session := &session.Result{Verdict: harness.Violation, Failures: []harness.Run{failed}, Counts: map[harness.Verdict]int{harness.Violation: 1}}
	kept, _ := unreduced(plan, session, nil)
	assert.Equal(t, held.Culprit().Key(), regress.CaseOf(model.Guarantee{Code: model.OperationFinishes}, kept, regress.Subject{}, runtime.Identity{}, "").Culprit)
}
